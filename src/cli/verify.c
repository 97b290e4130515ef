/**
 * @file verify.c
 * `convoy verify`: layers against the float64 sums of the reference, in every combination of
 * algorithm, ISA, layout and number of threads.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/activation.h"
#include "cli/command.h"
#include "cli/errors.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "cli/verify_print.h"
#include "convoy/convoy.h"
#include "verify/pages.h"

/* Layers of lists above it are skipped: all combinations of one take minutes. Layers that are
   named one by one are never skipped unless --max-macs says so. */
#define LISTED_MACS_MAX 2000000000
/* Of random layers. */
#define RANDOM_MACS       1000000
#define RANDOM_MACS_SMALL 100000
#define RANDOM_MACS_LEAST 10000 /* below, hardly a random layer could be found */
/* What any layer costs beside its multiply-adds, in multiply-adds; for the time left. */
#define LAYER_OVERHEAD_MACS 100000

struct verify_command_options {
    struct globals globals;
    const char *algorithms, *isas, *layouts, *threads, *activation;
    bool residual, no_bias, small;
    int64_t random, max_macs;
};

/* All that a run of the command needs. */
struct session {
    const struct verify_command_options *given;
    struct selection selection;
    struct verify_options options;
    struct layers layers;
    size_t named; /* the layers before are named on the command line, those behind are random */
    struct verify_totals totals;
    struct progress progress;
    struct json json;
    bool out_of_memory; /* a layer was skipped for want of memory */
};

static int64_t macs_of(const convoy_layer *layer)
{
    convoy_counts counts;
    return convoy_layer_count(layer, NULL, &counts) ? INT64_MAX : counts.macs;
}

static int add_random(struct session *session)
{
    const struct verify_command_options *given = session->given;
    size_t count = (size_t)given->random;
    uint64_t state = given->globals.seed;
    int64_t most = given->max_macs ? given->max_macs
                   : given->small  ? RANDOM_MACS_SMALL
                                   : RANDOM_MACS;
    if (most < RANDOM_MACS_LEAST && count > 0) {
        return report_usage("--max-macs %" PRId64 " is too small for random layers; give at least "
                            "%d",
                            most, RANDOM_MACS_LEAST);
    }
    session->named = session->layers.count;
    size_t bytes = (session->named + count) * sizeof *session->layers.items;
    struct named_layer *items = realloc(session->layers.items, bytes ? bytes : 1);
    if (!items) {
        return report_no_memory();
    }
    session->layers.items = items;
    for (size_t i = 0; i < count; i++) {
        struct named_layer *named = &items[session->layers.count++];
        snprintf(named->name, sizeof named->name, "random-%zu", i + 1);
        if (given->small) {
            random_small_layer(&state, most, &named->layer);
        } else {
            random_layer(&state, most, &named->layer);
        }
    }
    return EXIT_GOOD;
}

/* The epilogue of the command line for the named layers; random layers have their own. */
static int set_epilogues(struct session *session)
{
    convoy_epilogue epilogue = {.residual = session->given->residual};
    int code = activation_read(session->given->activation, &epilogue);
    for (size_t i = 0; i < session->named && !code; i++) {
        session->layers.items[i].layer.epilogue = epilogue;
    }
    return code;
}

static int collect(struct session *session, const struct arguments *arguments)
{
    const struct verify_command_options *given = session->given;
    const struct selection *selection = &session->selection;
    int code = select_combinations(given->algorithms, given->isas, given->layouts, given->threads,
                                   &session->selection);
    if (!code && given->random == 0) {
        code = layers_of_command(&command_verify, arguments, &session->layers);
    } else if (!code) {
        code = layers_collect(arguments, 0, arguments->count, &session->layers);
    }
    code = code ? code : add_random(session);
    code = code ? code : set_epilogues(session);
    session->totals.seed = given->globals.seed;
    session->options = (struct verify_options){.algorithms = selection->algorithms,
                                               .algorithm_count = selection->algorithm_count,
                                               .isas = selection->isas,
                                               .isa_count = selection->isa_count,
                                               .layouts = selection->layouts,
                                               .layout_count = selection->layout_count,
                                               .threads = selection->threads,
                                               .thread_count = selection->thread_count,
                                               .no_bias = given->no_bias};
    return code;
}

/* Why a layer is not even tried, in `reason`; "" when it is. */
static void reason_to_skip(const struct session *session, size_t index, char *reason, size_t size)
{
    const struct named_layer *named = &session->layers.items[index];
    int64_t macs = macs_of(&named->layer), most = session->given->max_macs;
    char text[2][TEXT_SIZE];
    bool listed = index < session->named && *named->name != '\0';
    if (most == 0) {
        most = listed ? LISTED_MACS_MAX : INT64_MAX;
    }
    reason[0] = '\0';
    if (macs > most) {
        snprintf(reason, size, "%s multiply-adds are more than --max-macs, %s",
                 text_grouped(macs, text[0]), text_grouped(most, text[1]));
    }
}

static void add_totals(struct verify_totals *totals, const struct verdict *verdict)
{
    const struct verify_result *result = &verdict->result;
    if (verdict->skipped) {
        totals->skipped_layers++;
        return;
    }
    totals->layers++;
    totals->failed_layers += result->failed > 0;
    totals->cases += result->cases;
    totals->failed += result->failed;
    totals->not_applied += result->not_applied;
    if (result->worst_fraction > totals->worst_fraction) {
        totals->worst_fraction = result->worst_fraction;
    }
}

static void tell(struct session *session, const struct verdict *verdict)
{
    const struct globals *globals = &session->given->globals;
    add_totals(&session->totals, verdict);
    if (globals->json) {
        verdict_json(&session->json, verdict);
        return;
    }
    if (!globals->quiet || verdict->skipped || verdict->result.failed) {
        progress_hide(&session->progress);
        verdict_print(verdict);
        fflush(stdout);
    }
}

static int verify_one(struct session *session, size_t index)
{
    const struct named_layer *named = &session->layers.items[index];
    struct verdict verdict = {.named = named, .options = &session->options};
    char reason[512], step[LAYER_NAME_SIZE + CONVOY_PROBLEM_SIZE];
    double started = seconds_now();
    /* Random layers each have a seed of their own, so that their operands differ too. */
    session->options.seed = session->given->globals.seed;
    session->options.seed += index >= session->named ? index - session->named : 0;
    reason_to_skip(session, index, reason, sizeof reason);
    if (!*reason) {
        int length = snprintf(step, sizeof step, "%s ", named->name);
        convoy_layer_print(&named->layer, step + length, sizeof step - (size_t)length);
        progress_step(&session->progress, step);
        convoy_status status = verify_layer(&named->layer, &session->options, &verdict.result);
        if (exit_code_of(status) == EXIT_SYSTEM_FAILED) {
            session->out_of_memory = true;
            snprintf(reason, sizeof reason, "%s", status_sentence(status));
        } else if (status) {
            progress_hide(&session->progress);
            return report_layer_status(status, &named->layer);
        }
    }
    verdict.skipped = *reason ? reason : NULL;
    verdict.seconds = seconds_now() - started;
    tell(session, &verdict);
    return EXIT_GOOD;
}

static int verify_all(struct session *session)
{
    double work = 0, started = seconds_now();
    int code = EXIT_GOOD;
    for (size_t i = 0; i < session->layers.count; i++) {
        work += (double)macs_of(&session->layers.items[i].layer) + LAYER_OVERHEAD_MACS;
    }
    progress_begin(&session->progress, session->layers.count, work, session->given->globals.quiet);
    for (size_t i = 0; i < session->layers.count && !code; i++) {
        code = verify_one(session, i);
        progress_done(&session->progress,
                      (double)macs_of(&session->layers.items[i].layer) + LAYER_OVERHEAD_MACS);
    }
    progress_hide(&session->progress);
    session->totals.seconds = seconds_now() - started;
    return code;
}

/* A run that has verified nothing must not look like one that has found nothing. */
static int conclude(struct session *session)
{
    const struct verify_totals *totals = &session->totals;
    int code = EXIT_GOOD;
    if (session->given->globals.json) {
        json_end(&session->json);
        totals_json(&session->json, totals, &session->selection);
        code = json_print(&session->json);
    } else {
        totals_print(totals, &session->selection);
    }
    if (!code && totals->cases == 0 && session->out_of_memory) {
        return report_system("nothing was verified, for want of memory; take a smaller layer");
    }
    if (!code && totals->cases == 0) {
        return report_usage("nothing was verified; choose other algorithms or a larger "
                            "--max-macs");
    }
    return code ? code : totals->failed ? EXIT_CHECK_FAILED : EXIT_GOOD;
}

static int run(const struct arguments *arguments, const void *options)
{
    struct session session = {.given = options};
    /* Nothing is allocated yet, so this cannot be refused. */
    convoy_set_allocator(&pages_allocator);
    int code = collect(&session, arguments);
    if (!code) {
        json_begin(&session.json);
        json_array(&session.json, "layers");
        code = verify_all(&session);
        code = code ? code : conclude(&session);
        json_discard(&session.json);
    }
    layers_destroy(&session.layers);
    return code;
}

#define FIELD(name) offsetof(struct verify_command_options, name)

static const struct option_row rows[] = {
    {"layers", OPTION_LAYERS, 0, "FILE|LIST", "layers of a file or a list (see 'convoy list')", 0,
     0},
    {"random", OPTION_INTEGER, FIELD(random), "N", "N random layers, with epilogues", 1, 1000000},
    {"small", OPTION_FLAG, FIELD(small), NULL, "... of at most 3,000 outputs, nearly all edge", 0,
     0},
    {"algorithms", OPTION_TEXT, FIELD(algorithms), "A,B|all", "by name; 'winograd' is all of them",
     0, 0},
    {"isas", OPTION_TEXT, FIELD(isas), "I,J|all", "instruction sets (all that are usable)", 0, 0},
    {"isa", OPTION_TEXT, FIELD(isas), "I", "the same", 0, 0},
    {"layouts", OPTION_TEXT, FIELD(layouts), "nchw,nhwc", "of x and y (both)", 0, 0},
    {"threads", OPTION_TEXT, FIELD(threads), "1,2", "numbers of threads, same bits from all (1,2)",
     0, 0},
    {"activation", OPTION_TEXT, FIELD(activation), "A",
     "relu, relu6, leaky_relu[:SLOPE], clip:LOW:HIGH", 0, 0},
    {"residual", OPTION_FLAG, FIELD(residual), NULL, "a tensor is added before the activation", 0,
     0},
    {"no-bias", OPTION_FLAG, FIELD(no_bias), NULL, "layers without bias", 0, 0},
    {"max-macs", OPTION_INTEGER, FIELD(max_macs), "N",
     "skip layers with more (2,000,000,000 in lists)", 1, INT64_MAX},
    {NULL, OPTION_FLAG, 0, NULL, NULL, 0, 0},
};

const struct command command_verify = {
    .name = "verify",
    .summary = "Results of every algorithm, ISA, layout and thread count against float64 sums",
    .usage = "PROBLEM... | --layers FILE|LIST | --random N [options]",
    .details = "Small integers must come out equal (Winograd: within its bound), random values "
               "within the bound\nthat each plan promises. Exit code 1 when anything fails.",
    .examples = "  convoy verify n1c20h13w13_k33r3s3_pd1\n"
                "  convoy verify --layers tails --algorithms direct,im2col --isas all\n"
                "  convoy verify --random 2000 --quiet --seed 7\n",
    .rows = rows,
    .options_bytes = sizeof(struct verify_command_options),
    .run = run,
};
