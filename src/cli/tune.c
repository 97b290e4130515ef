/**
 * @file tune.c
 * `convoy tune`: the promising algorithms of each layer timed, and the fastest kept in a file of
 * wisdom.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/errors.h"
#include "cli/layers.h"
#include "cli/plan_choice.h"
#include "cli/progress.h"
#include "cli/run_job.h"
#include "cli/table.h"
#include "cli/text.h"

/* What was measured so long ago is written, so that an interrupt does not lose it. */
#define SAVE_SECONDS 10.0

struct tune_options {
    struct globals globals;
    const char *wisdom, *layout;
    struct plan_choice choice; /* tolerance and calibration */
    struct number time_limit;
    bool again;
};

/* A layer in a layout. */
struct tuned {
    const struct named_layer *named;
    convoy_layer layer;
    convoy_origin origin;
    const char *algorithm;
    double seconds;
    const char *estimate;    /* what would have been chosen without measuring */
    double estimate_seconds; /* 0: not measured */
};

struct tuning {
    const struct tune_options *given;
    convoy_options options;
    struct layers layers; /* owned */
    struct tuned *items;  /* owned */
    size_t count;
    convoy_description *descriptions; /* room for all algorithms; owned */
    double started, saved;
    struct progress progress;
    char problem[CONVOY_PROBLEM_SIZE]; /* being tuned */
};

/* Before each sample of a layer, which may take long. */
static void show_turn(void *data, const char *algorithm, double elapsed_s, double limit_s)
{
    struct tuning *tuning = data;
    char turn[CONVOY_PROBLEM_SIZE + 40];
    (void)elapsed_s;
    (void)limit_s;
    snprintf(turn, sizeof turn, "%s %.30s", tuning->problem, algorithm);
    progress_step(&tuning->progress, turn);
}

/* Every layer in every layout asked for. */
static int list_items(struct tuning *tuning)
{
    const char *layout = tuning->given->layout;
    bool both = layout && strcasecmp(layout, "both") == 0;
    convoy_layout only = CONVOY_NCHW;
    int code = both ? EXIT_GOOD : layout_of_option(layout, &only);
    if (code) {
        return code;
    }
    tuning->items = calloc(2 * tuning->layers.count, sizeof *tuning->items);
    tuning->descriptions = calloc(convoy_algorithm_count(), sizeof *tuning->descriptions);
    if (!tuning->items || !tuning->descriptions) {
        return report_no_memory();
    }
    for (size_t i = 0; i < tuning->layers.count; i++) {
        for (int l = CONVOY_NCHW; l <= CONVOY_NHWC; l++) {
            if (both || l == (int)only) {
                struct tuned *item = &tuning->items[tuning->count++];
                item->named = &tuning->layers.items[i];
                item->layer = item->named->layer;
                item->layer.layout = (convoy_layout)l;
            }
        }
    }
    return EXIT_GOOD;
}

/* The file must be one that can be added to: said before anything is measured. */
static int open_wisdom(struct tuning *tuning)
{
    const char *path = tuning->given->wisdom;
    if (!path) {
        return report_usage("--wisdom is missing; it names the file for what is measured; usage: "
                            "convoy tune %s",
                            command_tune.usage);
    }
    int code = output_check_directory(path);
    if (!code && access(path, F_OK) == 0) {
        code = wisdom_open(path, &tuning->options.wisdom);
    }
    if (!code && (!tuning->options.wisdom || tuning->given->again)) {
        /* What this wisdom does not know is measured; what the file knows stays in it. */
        convoy_wisdom_destroy(tuning->options.wisdom);
        tuning->options.wisdom = NULL;
        convoy_status status = convoy_wisdom_create(&tuning->options.wisdom);
        code = status ? report_status(status, NULL) : EXIT_GOOD;
    }
    return code;
}

static int save(struct tuning *tuning)
{
    convoy_status status =
        convoy_wisdom_export(tuning->options.wisdom, tuning->given->wisdom, NULL);
    tuning->saved = seconds_now();
    return status ? report_write_status(status) : EXIT_GOOD;
}

static void read_descriptions(const struct tuning *tuning, struct tuned *item)
{
    const convoy_description *estimate = NULL;
    for (size_t i = 0; i < convoy_algorithm_count(); i++) {
        const convoy_description *description = &tuning->descriptions[i];
        if (description->chosen) {
            item->algorithm = description->algorithm;
            item->seconds = description->measured_seconds;
            item->origin = description->origin;
        }
        if (description->measured_seconds > 0 &&
            (!estimate || description->predicted.seconds < estimate->predicted.seconds)) {
            estimate = description;
        }
    }
    item->estimate = estimate && item->origin == CONVOY_MEASURED ? estimate->algorithm : NULL;
    item->estimate_seconds = item->estimate ? estimate->measured_seconds : 0;
}

static int tune_one(struct tuning *tuning, struct tuned *item)
{
    convoy_status status =
        convoy_layer_explain(&item->layer, &tuning->options, tuning->descriptions);
    if (status) {
        return report_layer_status(status, &item->layer);
    }
    read_descriptions(tuning, item);
    return seconds_now() - tuning->saved > SAVE_SECONDS ? save(tuning) : EXIT_GOOD;
}

static int tune_all(struct tuning *tuning)
{
    struct progress *progress = &tuning->progress;
    size_t before = convoy_wisdom_count(tuning->options.wisdom);
    int code = EXIT_GOOD;
    progress_begin(progress, tuning->count, (double)tuning->count, tuning->given->globals.quiet);
    tuning->options.progress = show_turn;
    tuning->options.progress_data = tuning;
    for (size_t i = 0; i < tuning->count && !code; i++) {
        convoy_layer_print(&tuning->items[i].layer, tuning->problem, sizeof tuning->problem);
        progress_step(progress, tuning->problem);
        code = tune_one(tuning, &tuning->items[i]);
        progress_done(progress, 1);
    }
    progress_hide(progress);
    /* what was measured before an error is kept; nothing is written if nothing was */
    if (code && convoy_wisdom_count(tuning->options.wisdom) == before) {
        return code;
    }
    int saved = save(tuning);
    return code ? code : saved;
}

static int print_json(const struct tuning *tuning, double seconds)
{
    struct json json;
    json_begin(&json);
    json_string(&json, "wisdom", tuning->given->wisdom);
    json_number(&json, "seconds", seconds);
    json_array(&json, "layers");
    for (size_t i = 0; i < tuning->count; i++) {
        const struct tuned *item = &tuning->items[i];
        json_object(&json, NULL);
        json_layer(&json, item->named);
        json_string(&json, "layout", convoy_layout_name(item->layer.layout));
        json_boolean(&json, "known", item->origin == CONVOY_KNOWN);
        json_boolean(&json, "measured", item->origin == CONVOY_MEASURED);
        json_string(&json, "algorithm", item->algorithm);
        json_number(&json, "seconds", item->seconds);
        if (item->estimate) {
            json_string(&json, "estimate", item->estimate);
            json_number(&json, "estimate_seconds", item->estimate_seconds);
        }
        json_end(&json);
    }
    json_end(&json);
    return json_print(&json);
}

static void add_row(struct table *table, const struct tuned *item)
{
    char problem[CONVOY_PROBLEM_SIZE], duration[TEXT_SIZE];
    convoy_layer_print(&item->layer, problem, sizeof problem);
    table_cell(table, "%s", problem);
    table_cell(table, "%s", convoy_layout_name(item->layer.layout));
    table_cell(table, "%s", item->algorithm);
    table_cell(table, "%s", text_duration(item->seconds, duration));
    if (item->origin == CONVOY_KNOWN) {
        table_cell(table, "known already");
    } else if (item->origin != CONVOY_MEASURED) {
        table_cell(table, "not kept: the time limit is too short to compare");
    } else if (item->estimate_seconds <= item->seconds) {
        table_cell(table, "the same");
    } else {
        table_cell(table, "%s, %.2f times as long", item->estimate,
                   item->estimate_seconds / item->seconds);
    }
}

static int print_table(const struct tuning *tuning, double seconds)
{
    static const char *const heads[] = {"problem", "layout", "fastest", "time",
                                        "without measuring"};
    struct table table;
    char duration[TEXT_SIZE];
    size_t known = 0, measured = 0;
    table_begin(&table, "lllrl");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        table_cell(&table, "%s", heads[i]);
    }
    for (size_t i = 0; i < tuning->count; i++) {
        add_row(&table, &tuning->items[i]);
        known += tuning->items[i].origin == CONVOY_KNOWN;
        measured += tuning->items[i].origin == CONVOY_MEASURED;
    }
    int code = table_print(&table);
    if (!code) {
        printf("\n%zu measured, %zu known before, in %s; written to %s\n", measured, known,
               text_duration(seconds, duration), tuning->given->wisdom);
    }
    return code;
}

static int print(const struct tuning *tuning)
{
    double seconds = seconds_now() - tuning->started;
    if (tuning->given->globals.json) {
        return print_json(tuning, seconds);
    }
    return tuning->given->globals.quiet ? EXIT_GOOD : print_table(tuning, seconds);
}

static int run(const struct arguments *arguments, const void *options)
{
    const struct tune_options *given = options;
    struct tuning tuning = {.given = given,
                            .options = {.isa = given->globals.isa,
                                        .threads = (int)given->globals.threads,
                                        .effort = CONVOY_MEASURE,
                                        .time_limit_s = given->time_limit.value}};
    if (given->time_limit.given && given->time_limit.value <= 0) {
        return report_usage("--time-limit %g cannot be used; it is above 0 seconds",
                            given->time_limit.value);
    }
    tuning.started = tuning.saved = seconds_now();
    int code = layers_of_command(&command_tune, arguments, &tuning.layers);
    code = code ? code : plan_choice_open(&given->choice, &tuning.options);
    code = code ? code : list_items(&tuning);
    code = code ? code : open_wisdom(&tuning);
    code = code ? code : tune_all(&tuning);
    code = code ? code : print(&tuning);
    layers_destroy(&tuning.layers);
    plan_choice_close(&tuning.options);
    free(tuning.items);
    free(tuning.descriptions);
    return code;
}

#define FIELD(name) offsetof(struct tune_options, name)

static const struct option_row rows[] = {
    {"layers", OPTION_LAYERS, 0, "FILE|LIST", "layers of a file or a list (see 'convoy list')", 0,
     0},
    {"wisdom", OPTION_TEXT, FIELD(wisdom), "FILE", "written; what it knows already stays in it", 0,
     0},
    CALIBRATION_ROW(struct tune_options),
    {"layout", OPTION_TEXT, FIELD(layout), "L", "nchw, nhwc or both (nchw)", 0, 0},
    TOLERANCE_ROW(struct tune_options),
    {"time-limit", OPTION_NUMBER, FIELD(time_limit), "S", "seconds for each layer, at most (1)", 0,
     0},
    {"again", OPTION_FLAG, FIELD(again), NULL, "measure also what the file knows", 0, 0},
    {NULL, OPTION_FLAG, 0, NULL, NULL, 0, 0},
};

const struct command command_tune = {
    .name = "tune",
    .summary = "Time the promising algorithms of layers, keep the fastest in a file of wisdom",
    .usage = "PROBLEM... [--layers FILE|LIST] --wisdom FILE [options]",
    .details = "Wisdom holds for this machine and version, and for the threads, ISA and tolerance "
               "it was made\nwith. 'convoy run' and 'convoy explain' take it with --wisdom. Two "
               "commands may tune into one\nfile at the same time.",
    .examples = "  convoy tune --layers resnet50 --wisdom resnet50.wisdom --threads 1\n"
                "  convoy run n1c64h56w56_k64r3s3_pd1 --threads 1 --wisdom resnet50.wisdom\n",
    .rows = rows,
    .ignores = "seed",
    .options_bytes = sizeof(struct tune_options),
    .run = run,
};
