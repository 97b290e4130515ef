/**
 * @file options.c
 * getopt_long driven by the rows of a command, its own before those of every command.
 */
#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/errors.h"
#include "io/nearest.h"

#define FIELD(name) offsetof(struct globals, name)

static const struct option_row global_rows[] = {
    {"threads", OPTION_INTEGER, FIELD(threads), "T", "at most T threads (all cores)", 1, 1024},
    {"isa", OPTION_ISA, FIELD(isa), "I", "portable, avx2, avx512, neon or best (best)", 0, 0},
    {"seed", OPTION_SEED, FIELD(seed), "N", "of random numbers (1)", 0, 0},
    {"json", OPTION_FLAG, FIELD(json), NULL, "one JSON document on stdout, for programs", 0, 0},
    {"quiet", OPTION_FLAG, FIELD(quiet), NULL, "no progress, and only what was asked for", 0, 0},
    {"help", OPTION_FLAG, FIELD(help), NULL, "this text", 0, 0},
    {NULL, OPTION_FLAG, 0, NULL, NULL, 0, 0},
};

/* getopt_long returns these for rows; below are characters. */
#define FIRST_ROW 256
#define ROWS_MAX  48

struct option_set {
    const struct option_row *rows[ROWS_MAX];
    size_t count;
};

static bool has_row(const struct option_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->rows[i]->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* A command's own row hides the general one of the same name. */
static void add_rows(struct option_set *set, const struct option_row *rows)
{
    for (; rows->name && set->count < ROWS_MAX; rows++) {
        if (!has_row(set, rows->name)) {
            set->rows[set->count++] = rows;
        }
    }
}

static struct option_set collect_rows(const struct command *command)
{
    struct option_set set = {.count = 0};
    add_rows(&set, command->rows);
    add_rows(&set, global_rows);
    return set;
}

static bool takes_value(const struct option_row *row)
{
    return row->kind != OPTION_FLAG && row->kind != OPTION_VERSUS;
}

static int read_integer(const struct option_row *row, const char *text, int64_t *value)
{
    char *end;
    errno = 0;
    long long read = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno || read < row->least || read > row->most) {
        return report_usage("--%s '%s' cannot be used; it is a whole number from %" PRId64
                            " to %" PRId64,
                            row->name, text, row->least, row->most);
    }
    *value = read;
    return EXIT_GOOD;
}

static int read_number(const struct option_row *row, const char *text, struct number *number)
{
    char *end;
    double read = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(read)) {
        return report_usage("--%s '%s' cannot be used; it is a finite number, for example 0.5",
                            row->name, text);
    }
    *number = (struct number){.value = read, .given = true};
    return EXIT_GOOD;
}

static int read_seed(const struct option_row *row, const char *text, uint64_t *seed)
{
    char *end;
    errno = 0;
    unsigned long long read = strtoull(text, &end, 0);
    if (end == text || *end != '\0' || errno || strchr(text, '-')) {
        return report_usage("--%s '%s' cannot be used; it is a whole number from 0 to %" PRIu64,
                            row->name, text, UINT64_MAX);
    }
    *seed = read;
    return EXIT_GOOD;
}

static void push(struct arguments *arguments, enum argument_kind kind, const char *text)
{
    arguments->items[arguments->count++] = (struct argument){kind, text};
}

static int read_value(const struct option_row *row, const char *text, char *options,
                      struct arguments *arguments)
{
    void *field = options + row->offset;
    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)field = true;
        return EXIT_GOOD;
    case OPTION_TEXT:
        *(const char **)field = text;
        return EXIT_GOOD;
    case OPTION_INTEGER:
        return read_integer(row, text, field);
    case OPTION_NUMBER:
        return read_number(row, text, field);
    case OPTION_SEED:
        return read_seed(row, text, field);
    case OPTION_ISA: {
        convoy_status status = convoy_isa_parse(text, field);
        return status ? report_status(status, NULL) : EXIT_GOOD;
    }
    case OPTION_LAYERS:
        push(arguments, ARGUMENT_LAYERS, text);
        return EXIT_GOOD;
    case OPTION_VERSUS:
        push(arguments, ARGUMENT_VERSUS, text);
        return EXIT_GOOD;
    }
    return EXIT_GOOD;
}

static int report_unknown(const struct command *command, const struct option_set *set,
                          const char *given)
{
    char name[64];
    const char *names[ROWS_MAX + 1] = {NULL};
    for (size_t i = 0; i < set->count; i++) {
        names[i] = set->rows[i]->name;
    }
    if (strncmp(given, "--", 2) != 0) {
        return report_usage("unknown option '%s'; see 'convoy %s --help'", given, command->name);
    }
    snprintf(name, sizeof name, "%.*s", (int)strcspn(given + 2, "="), given + 2);
    const char *nearest = nearest_name(name, names);
    if (nearest) {
        return report_usage("unknown option '--%s'; did you mean --%s?", name, nearest);
    }
    return report_usage("unknown option '--%s'; see 'convoy %s --help'", name, command->name);
}

/* What getopt_long has found wrong. */
static int report_refused(const struct command *command, const struct option_set *set, int result,
                          char **argv)
{
    const struct option_row *row = optopt >= FIRST_ROW ? set->rows[optopt - FIRST_ROW] : NULL;
    if (row && result == ':') {
        return report_usage("--%s has no value; it is written --%s %s", row->name, row->name,
                            row->value);
    }
    if (row) {
        return report_usage("--%s takes no value; leave out what follows the '='", row->name);
    }
    if (optopt > 0) {
        char given[3] = {'-', (char)optopt, '\0'};
        return report_unknown(command, set, given);
    }
    return report_unknown(command, set, argv[optind - 1]);
}

/* Rows as getopt_long wants them. */
static void make_long_options(const struct option_set *set, struct option *longs)
{
    for (size_t i = 0; i < set->count; i++) {
        longs[i] =
            (struct option){.name = set->rows[i]->name,
                            .has_arg = takes_value(set->rows[i]) ? required_argument : no_argument,
                            .val = FIRST_ROW + (int)i};
    }
    longs[set->count] = (struct option){.name = NULL};
}

int options_parse(const struct command *command, int argc, char **argv, void *options,
                  struct arguments *arguments)
{
    struct option_set set = collect_rows(command);
    struct option longs[ROWS_MAX + 1];
    struct globals *globals = options;
    int result, code = EXIT_GOOD;

    *arguments = (struct arguments){.items = calloc((size_t)argc + 1, sizeof(struct argument))};
    if (!arguments->items) {
        return report_no_memory();
    }
    globals->seed = 1;
    make_long_options(&set, longs);
    opterr = 0;
    optind = 0;
    /* '-': arguments come in order, as 1; ':': a missing value is told apart. */
    while (!code && (result = getopt_long(argc, argv, "-:hq", longs, NULL)) != -1) {
        if (result == 1) {
            push(arguments, ARGUMENT_TEXT, optarg);
        } else if (result == 'h') {
            globals->help = true;
        } else if (result == 'q') {
            globals->quiet = true;
        } else if (result >= FIRST_ROW) {
            code = read_value(set.rows[result - FIRST_ROW], optarg, options, arguments);
        } else {
            code = report_refused(command, &set, result, argv);
        }
    }
    while (!code && optind < argc) { /* behind "--" */
        push(arguments, ARGUMENT_TEXT, argv[optind++]);
    }
    return code;
}

void arguments_destroy(struct arguments *arguments)
{
    free(arguments->items);
    *arguments = (struct arguments){.items = NULL};
}

/* Is the name one of the words? */
static bool is_word_of(const char *name, const char *words)
{
    size_t length = strlen(name);
    while (words && *words) {
        size_t word = strcspn(words, " ");
        if (word == length && strncmp(words, name, length) == 0) {
            return true;
        }
        words += word + (words[word] == ' ');
    }
    return false;
}

void options_print_help(const struct command *command)
{
    struct option_set set = collect_rows(command);
    printf("usage: convoy %s %s\n%s.\n", command->name, command->usage, command->summary);
    if (*command->details) {
        printf("\n%s\n", command->details);
    }
    puts("\noptions:");
    for (size_t i = 0; i < set.count; i++) {
        char left[80];
        const struct option_row *row = set.rows[i];
        if (is_word_of(row->name, command->ignores)) {
            continue;
        }
        snprintf(left, sizeof left, "--%s%s%s", row->name, row->value ? " " : "",
                 row->value ? row->value : "");
        printf("  %-28s %s\n", left, row->help);
    }
    printf("\nexamples:\n%s", command->examples);
}
