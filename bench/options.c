/**
 * @file options.c
 * The command line of convoy-bench: one table of options, read and printed from it.
 */
#include "bench/options.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/gbench.h"
#include "core/error.h"
#include "io/nearest.h"

enum kind { TEXT, FLAG, CACHE, CHECK, COMPARE, NUMBER };

struct row {
    const char *name;
    enum kind kind;
    size_t offset;
    const char *value; /* how help writes it */
    const char *help;
};

#define FIELD(name) offsetof(struct options, name)

static const struct row rows[] = {
    {"layers", TEXT, FIELD(layers), "=FILE|LIST|LIST:NAME|PROBLEM,...", "what to run (core)"},
    {"algorithms", TEXT, FIELD(algorithms), "=auto,direct,...|all",
     "by name; all: each that applies (auto)"},
    {"isas", TEXT, FIELD(isas), "=best|all|avx2,...", "instruction sets (best)"},
    {"threads", TEXT, FIELD(threads), "=1,2", "numbers of threads (1)"},
    {"layouts", TEXT, FIELD(layouts), "=nhwc,nchw", "of x and y (nhwc,nchw)"},
    {"cache", CACHE, FIELD(cache), "=hot|cold-weights|cold",
     "what the caches hold before each call (hot)"},
    {"check", CHECK, FIELD(check), "[=FILE]",
     "verify every line before it is shown; with FILE: check earlier results"},
    {"compare", COMPARE, FIELD(compare), " A B",
     "two algorithms alternating; each algorithm[/isa[/layout]]"},
    {"pairs", NUMBER, FIELD(pairs), "=31", "pairs of a comparison"},
    {"baseline", TEXT, FIELD(baseline), "=FILE.json", "compare with the results of an earlier run"},
    {"ladder", TEXT, FIELD(ladder), " PROBLEM",
     "naive, reordered, im2col, direct, winograd on one layer, rung by rung"},
    {"sweep", TEXT, FIELD(sweep), " PROBLEM",
     "C, K, H, W, R, stride one at a time around a layer; sizes far below others"},
    {"plot", TEXT, FIELD(plot), "=FILE.svg", "with --sweep: its picture, SVG or PNG (gnuplot)"},
    {"regret", FLAG, FIELD(regret), "", "the planner's choices against the best of all, measured"},
    {"stages", FLAG, FIELD(stages), "",
     "of Winograd: shares of the transforms and the multiply; im2col beside it"},
    {"report", TEXT, FIELD(report), " DIR", "write DIR/index.html with plots (needs gnuplot)"},
    {"peers", TEXT, FIELD(peers), "=FILE.json", "results of scripts/peers, shown beside ours"},
    {"full", FLAG, FIELD(full), "",
     "with --report: the whole core list, both layouts, a sweep; with --regret: every time"},
    {"dry-run", FLAG, FIELD(dry_run), "", "list what would run, and for how long"},
    {"quiet", FLAG, FIELD(quiet), "", "no progress on stderr"},
    {"help", FLAG, FIELD(help), "", "this text"},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

const char *cache_mode_name(enum cache_mode mode)
{
    static const char *const names[] = {"hot", "cold-weights", "cold"};
    return names[mode];
}

static convoy_status parse_cache(const char *value, enum cache_mode *mode)
{
    for (int i = CACHE_HOT; i <= CACHE_COLD; i++) {
        if (strcmp(value, cache_mode_name((enum cache_mode)i)) == 0) {
            *mode = (enum cache_mode)i;
            return CONVOY_OK;
        }
    }
    return fail(CONVOY_ERROR_ARGUMENT, "--cache=%s: it is one of hot, cold-weights, cold", value);
}

static const struct row *find_row(const char *argument, size_t length)
{
    for (int i = 0; i < ROWS; i++) {
        if (strlen(rows[i].name) == length && strncmp(rows[i].name, argument, length) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

static convoy_status unknown_option(const char *argument)
{
    const char *names[ROWS + 1] = {NULL};
    for (int i = 0; i < ROWS; i++) {
        names[i] = rows[i].name;
    }
    char near[128];
    nearest_names(argument, names, near, sizeof near);
    return fail(CONVOY_ERROR_ARGUMENT, "unknown option --%s; did you mean --%s? (see --help)",
                argument, near);
}

static convoy_status parse_number(const struct row *row, const char *value, int *number)
{
    char *end;
    long parsed = strtol(value, &end, 10);
    if (end == value || *end != '\0' || parsed < 1 || parsed > 100000) {
        return fail(CONVOY_ERROR_ARGUMENT, "--%s=%s: a number from 1 to 100000 is needed",
                    row->name, value);
    }
    *number = (int)parsed;
    return CONVOY_OK;
}

/* One option at argv[*i]; its value after '=' or in the next argument. */
static convoy_status parse_option(int argc, char **argv, int *i, struct options *options)
{
    const char *argument = argv[*i] + 2;
    size_t length = strcspn(argument, "=");
    const struct row *row = find_row(argument, length);
    if (!row) {
        return unknown_option(argument);
    }
    const char *value = argument[length] == '=' ? argument + length + 1 : NULL;
    void *field = (char *)options + row->offset;
    if (row->kind == FLAG || (row->kind == CHECK && !value)) {
        if (value) {
            return fail(CONVOY_ERROR_ARGUMENT, "--%s takes no value", row->name);
        }
        *(bool *)field = true;
        return CONVOY_OK;
    }
    if (!value && *i + 1 < argc) {
        value = argv[++*i];
    }
    if (!value || *value == '\0') {
        return fail(CONVOY_ERROR_ARGUMENT, "--%s needs a value: --%s%s", row->name, row->name,
                    row->value);
    }
    switch (row->kind) {
    case CACHE:
        return parse_cache(value, field);
    case CHECK:
        options->check_file = value;
        return CONVOY_OK;
    case NUMBER:
        return parse_number(row, value, field);
    case COMPARE:
        if (*i + 1 >= argc) {
            return fail(CONVOY_ERROR_ARGUMENT, "--compare needs two algorithms: --compare A B");
        }
        options->compare[0] = value;
        options->compare[1] = argv[++*i];
        return CONVOY_OK;
    default:
        *(const char **)field = value;
        return CONVOY_OK;
    }
}

convoy_status options_parse(int argc, char **argv, struct options *options)
{
    *options = (struct options){.pairs = 31};
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            return fail(CONVOY_ERROR_ARGUMENT,
                        "unexpected argument '%s'; layers are given as --layers=%s", argv[i],
                        argv[i]);
        }
        convoy_status status = parse_option(argc, argv, &i, options);
        if (status) {
            return status;
        }
    }
    return CONVOY_OK;
}

void options_defaults(struct options *options)
{
    options->layers = options->layers ? options->layers : "core";
    if (!options->algorithms) {
        options->algorithms = options->stages ? "auto,im2col" : "auto";
    }
    options->isas = options->isas ? options->isas : "best";
    options->threads = options->threads ? options->threads : "1";
    options->layouts = options->layouts ? options->layouts : "nhwc,nchw";
}

void options_print_help(void)
{
    puts("usage: convoy-bench [options]\n"
         "Time convolution algorithms beside their operation counts and the machine's measured\n"
         "limits. A line of results is <layer>/<algorithm>/<isa>/<layout>/threads:<t>.\n");
    for (int i = 0; i < ROWS; i++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s", rows[i].name, rows[i].value);
        printf("  %-34s %s\n", left, rows[i].help);
    }
    puts("\nexamples:\n"
         "  convoy-bench --layers=n1c128h100w100_k256r5s5_pd2 --algorithms=all\n"
         "  convoy-bench --layers=core --algorithms=all --threads=1,2 --check\n"
         "  convoy-bench --layers=resnet50 --cache=cold --benchmark_filter='3x3.*/direct'\n"
         "  convoy-bench --layers=core --compare im2col direct\n"
         "  convoy-bench --ladder n1c64h56w56_k64r3s3_pd1\n"
         "  convoy-bench --sweep n1c64h56w56_k64r3s3_pd1 --plot=sweep.svg\n"
         "  convoy-bench --layers=core --benchmark_out=before.json   (then, after a change:)\n"
         "  convoy-bench --layers=core --baseline=before.json\n"
         "  convoy-bench --layers=core --layouts=nhwc --stages\n"
         "  convoy-bench --regret --layers=core,resnet50\n"
         "  convoy-bench --report bench-out\n\n"
         "and all flags of Google Benchmark; --benchmark_min_time is 0.1 s when not given, 0.3 s\n"
         "with --sweep, 0.04 s with --report:\n");
    fflush(stdout);
    gbench_print_flags();
}
