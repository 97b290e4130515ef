/**
 * @file explain.c
 * `convoy explain`: every algorithm on one layer as the planner sees it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/activation.h"
#include "cli/command.h"
#include "cli/errors.h"
#include "cli/layers.h"
#include "cli/plan_choice.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/text.h"
#include "convoy/convoy.h"

#define LINE_WIDTH 96

struct explain_options {
    struct globals globals;
    const char *layout, *algorithm, *activation;
    struct plan_choice choice;
    bool residual, measure;
    struct number time_limit;
};

/* What is explained. */
struct subject {
    convoy_layer layer;
    convoy_options options;
    convoy_counts counts;
    convoy_description *descriptions; /* owned, `count` of them */
    size_t count;
    double least_seconds;
    bool measured; /* some were */
};

static const char *origin_text(convoy_origin origin)
{
    static const char *const texts[] = {[CONVOY_ESTIMATED] = "estimated",
                                        [CONVOY_NAMED] = "named",
                                        [CONVOY_MEASURED] = "measured",
                                        [CONVOY_KNOWN] = "known"};
    return texts[origin];
}

static void print_json_prediction(struct json *json, const convoy_prediction *predicted)
{
    json_object(json, "predicted");
    json_number(json, "seconds", predicted->seconds);
    json_number(json, "multiply_seconds", predicted->multiply_seconds);
    json_number(json, "transform_seconds", predicted->transform_seconds);
    json_number(json, "traffic_seconds", predicted->traffic_seconds);
    json_number(json, "overhead_seconds", predicted->overhead_seconds);
    json_number(json, "creation_seconds", predicted->creation_seconds);
    json_end(json);
}

static void print_json_row(struct json *json, const convoy_description *description)
{
    json_object(json, NULL);
    json_string(json, "algorithm", description->algorithm);
    json_string(json, "summary", description->summary);
    json_boolean(json, "applies", !description->reason);
    json_string(json, "reason", description->reason);
    json_boolean(json, "eligible", description->eligible);
    json_boolean(json, "chosen", description->chosen);
    json_string(json, "why", description->why);
    json_string(json, "origin", origin_text(description->origin));
    if (!description->reason) {
        json_string(json, "isa", convoy_isa_name(description->isa));
        json_integer(json, "threads", description->threads);
        json_integer(json, "workspace_bytes", (int64_t)description->workspace_bytes);
        json_integer(json, "packed_bytes", (int64_t)description->packed_bytes);
        json_integer(json, "executed_flops", description->executed_flops);
        print_json_prediction(json, &description->predicted);
        if (description->measured_seconds > 0) {
            json_number(json, "measured_seconds", description->measured_seconds);
        }
        json_number(json, "error_bound", description->error_bound);
        json_number(json, "error_typical", description->error_typical);
        json_string(json, "blocking", description->blocking);
    }
    json_end(json);
}

static int print_json(const struct subject *subject)
{
    struct json json;
    char problem[CONVOY_PROBLEM_SIZE];
    convoy_layer_print(&subject->layer, problem, sizeof problem);
    json_begin(&json);
    json_string(&json, "problem", problem);
    json_string(&json, "layout", convoy_layout_name(subject->layer.layout));
    json_integer(&json, "flops", subject->counts.flops);
    json_integer(&json, "flops_valid", subject->counts.flops_valid);
    json_array(&json, "algorithms");
    for (size_t i = 0; i < subject->count; i++) {
        print_json_row(&json, &subject->descriptions[i]);
    }
    return json_print(&json);
}

static void add_row(struct table *table, const struct subject *subject,
                    const convoy_description *description)
{
    char bytes[TEXT_SIZE];
    table_cell(table, "%s %s", description->chosen ? "*" : " ", description->algorithm);
    table_cell(table, "%s", text_bytes(description->workspace_bytes, bytes));
    table_cell(table, "%s", text_bytes(description->packed_bytes, bytes));
    table_cell(table, "%.2g", description->error_typical);
    table_cell(table, "%.2g", description->error_bound);
    table_number(table, description->executed_flops);
    table_cell(table, "%.3f", (double)description->executed_flops / (double)subject->counts.flops);
    table_cell(table, "%.2f", description->predicted.seconds / subject->least_seconds);
    if (subject->measured) {
        table_cell(table, "%s",
                   description->measured_seconds > 0
                       ? text_duration(description->measured_seconds, bytes)
                       : "");
    }
}

/* Where its time is predicted to go. */
static void print_prediction(const convoy_description *description)
{
    const convoy_prediction *p = &description->predicted;
    char seconds[TEXT_SIZE], creation[TEXT_SIZE];
    printf("    predicted %s on %d thread%s: multiply %.0f %%, transform %.0f %%, traffic %.0f %%, "
           "overhead %.0f %%; made in %s\n",
           text_duration(p->seconds, seconds), description->threads,
           description->threads == 1 ? "" : "s", 100 * p->multiply_seconds / p->seconds,
           100 * p->transform_seconds / p->seconds, 100 * p->traffic_seconds / p->seconds,
           100 * p->overhead_seconds / p->seconds, text_duration(p->creation_seconds, creation));
}

/* Why each was chosen or not, below the table because the sentences are long. */
static void print_reasons(const struct subject *subject, bool quiet)
{
    for (size_t i = 0; i < subject->count; i++) {
        const convoy_description *description = &subject->descriptions[i];
        if (description->reason) {
            continue;
        }
        printf("\n%s%s %s%s: %s\n", colour_text(description->chosen ? COLOUR_GOOD : COLOUR_NONE),
               description->chosen ? "*" : " ", description->algorithm, colour_text(COLOUR_NONE),
               description->summary);
        printf("    %s: %s\n", description->chosen ? "chosen" : "not chosen", description->why);
        print_prediction(description);
        if (*description->blocking && !quiet) {
            printf("    %s\n", description->blocking);
        }
    }
}

/* The algorithms that do not apply for the same reason as number `first`, as one paragraph. */
static void print_refused(const struct subject *subject, size_t first)
{
    const char *reason = subject->descriptions[first].reason;
    int column = LINE_WIDTH;
    printf("\ndo not apply, %s:", reason);
    for (size_t i = first; i < subject->count; i++) {
        const convoy_description *description = &subject->descriptions[i];
        if (description->reason && strcmp(description->reason, reason) == 0) {
            int length = 1 + (int)strlen(description->algorithm);
            column += length;
            if (column > LINE_WIDTH) {
                fputs("\n   ", stdout);
                column = 3 + length;
            }
            printf(" %s", description->algorithm);
        }
    }
    putchar('\n');
}

static void print_all_refused(const struct subject *subject)
{
    for (size_t i = 0; i < subject->count; i++) {
        const char *reason = subject->descriptions[i].reason;
        bool told = !reason;
        for (size_t before = 0; before < i && !told; before++) {
            const char *other = subject->descriptions[before].reason;
            told = other && strcmp(other, reason) == 0;
        }
        if (!told) {
            print_refused(subject, i);
        }
    }
}

/* The layer, and what it would run on: as the chosen algorithm does. */
static void print_head(const struct subject *subject)
{
    char problem[CONVOY_PROBLEM_SIZE], flops[TEXT_SIZE];
    const convoy_description *chosen = subject->descriptions;
    for (size_t i = 0; i < subject->count; i++) {
        chosen = subject->descriptions[i].chosen ? &subject->descriptions[i] : chosen;
    }
    convoy_layer_print(&subject->layer, problem, sizeof problem);
    printf("%s %s, %s, %d thread%s: %s FLOPs\n", problem, convoy_layout_name(subject->layer.layout),
           convoy_isa_name(chosen->isa), chosen->threads, chosen->threads == 1 ? "" : "s",
           text_grouped(subject->counts.flops, flops));
}

static int print_table(const struct subject *subject, bool quiet)
{
    static const char *const heads[] = {"  algorithm",    "workspace",   "packed weights",
                                        "typical error",  "error bound", "executed FLOPs",
                                        "of the layer's", "predicted",   "measured"};
    size_t columns = subject->measured ? 9 : 8;
    struct table table;
    print_head(subject);
    table_begin(&table, subject->measured ? "lrrrrrrrr" : "lrrrrrrr");
    for (size_t i = 0; i < columns; i++) {
        table_cell(&table, "%s", heads[i]);
    }
    for (size_t i = 0; i < subject->count; i++) {
        if (!subject->descriptions[i].reason) {
            add_row(&table, subject, &subject->descriptions[i]);
        }
    }
    int code = table_print(&table);
    if (!code) {
        print_reasons(subject, quiet);
        print_all_refused(subject);
    }
    return code;
}

/* Before each sample of --measure. */
static void show_turn(void *data, const char *algorithm, double elapsed_s, double limit_s)
{
    (void)elapsed_s;
    (void)limit_s;
    progress_step(data, algorithm);
}

static int explain(struct subject *subject, bool quiet)
{
    struct progress progress;
    convoy_status status = convoy_layer_count(&subject->layer, NULL, &subject->counts);
    subject->count = convoy_algorithm_count();
    subject->descriptions = calloc(subject->count, sizeof *subject->descriptions);
    if (!subject->descriptions) {
        return report_no_memory();
    }
    progress_begin(&progress, 1, 1, quiet);
    subject->options.progress = show_turn;
    subject->options.progress_data = &progress;
    if (!status) {
        status = convoy_layer_explain(&subject->layer, &subject->options, subject->descriptions);
    }
    progress_hide(&progress);
    for (size_t i = 0; i < subject->count && !status; i++) {
        const convoy_description *description = &subject->descriptions[i];
        subject->measured = subject->measured || description->measured_seconds > 0;
        if (!description->reason && (subject->least_seconds == 0 ||
                                     description->predicted.seconds < subject->least_seconds)) {
            subject->least_seconds = description->predicted.seconds;
        }
    }
    return status ? report_status(status, NULL) : EXIT_GOOD;
}

static int check_time_limit(const struct explain_options *given)
{
    if (given->time_limit.given && (!given->measure || given->time_limit.value <= 0)) {
        return report_usage("--time-limit %g cannot be used; it is of --measure, and above 0 "
                            "seconds",
                            given->time_limit.value);
    }
    return EXIT_GOOD;
}

static int run(const struct arguments *arguments, const void *options)
{
    const struct explain_options *given = options;
    struct subject subject = {
        .options = {.algorithm = given->algorithm,
                    .isa = given->globals.isa,
                    .threads = (int)given->globals.threads,
                    .effort = given->measure ? CONVOY_MEASURE : CONVOY_ESTIMATE,
                    .time_limit_s = given->time_limit.value}};
    int code = layer_of_command(&command_explain, arguments, &subject.layer);
    code = code ? code : layout_of_option(given->layout, &subject.layer.layout);
    code = code ? code : activation_read(given->activation, &subject.layer.epilogue);
    subject.layer.epilogue.residual = given->residual;
    code = code ? code : check_time_limit(given);
    code = code ? code : plan_choice_open(&given->choice, &subject.options);
    code = code ? code : explain(&subject, given->globals.quiet);
    if (!code) {
        code = given->globals.json ? print_json(&subject)
                                   : print_table(&subject, given->globals.quiet);
    }
    free(subject.descriptions);
    plan_choice_close(&subject.options);
    return code;
}

#define FIELD(name) offsetof(struct explain_options, name)

static const struct option_row rows[] = {
    {"layout", OPTION_TEXT, FIELD(layout), "nchw|nhwc", "of x and y (nchw)", 0, 0},
    {"algorithm", OPTION_TEXT, FIELD(algorithm), "A", "as if this one were asked for (auto)", 0, 0},
    PLAN_CHOICE_ROWS(struct explain_options),
    {"activation", OPTION_TEXT, FIELD(activation), "A",
     "relu, relu6, leaky_relu[:SLOPE], clip:LOW:HIGH", 0, 0},
    {"residual", OPTION_FLAG, FIELD(residual), NULL, "a tensor is added before the activation", 0,
     0},
    {"measure", OPTION_FLAG, FIELD(measure), NULL, "time the promising algorithms, choose by that",
     0, 0},
    {"time-limit", OPTION_NUMBER, FIELD(time_limit), "S", "seconds of --measure (1)", 0, 0},
    {NULL, OPTION_FLAG, 0, NULL, NULL, 0, 0},
};

const struct command command_explain = {
    .name = "explain",
    .summary = "Which algorithms apply to a layer, what each costs, which is chosen and why",
    .usage = "PROBLEM [options]",
    .details =
        "The error bound is proven: |y - exact| <= bound * (max|x| * sum|w| + |bias| + "
        "max|residual|).\nThe typical error is the largest |y - exact| / rms(y) to be expected of "
        "random data.\nExecuted FLOPs are what an algorithm really does, tile waste "
        "included.\nPredicted is the time relative to the best; measured that of one execution at "
        "least.",
    .examples = "  convoy explain n1c128h100w100_k256r5s5_pd2\n"
                "  convoy explain n1c128h100w100_k256r5s5_pd2 --measure --threads 1\n"
                "  convoy explain n1c32h56w56_k32r3s3_same_g32 --layout nhwc --json\n"
                "  convoy explain n1c64h56w56_k64r3s3_pd1 --tolerance strict\n",
    .rows = rows,
    .ignores = "seed",
    .options_bytes = sizeof(struct explain_options),
    .run = run,
};
