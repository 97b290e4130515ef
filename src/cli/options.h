/**
 * @file options.h
 * The command line of a subcommand: a table of options, read with getopt_long and printed as help
 * from the same rows.
 */
#ifndef CONVOY_CLI_OPTIONS_H
#define CONVOY_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convoy/machine.h"

struct command;

enum option_kind {
    OPTION_FLAG,    /* bool */
    OPTION_TEXT,    /* const char * */
    OPTION_INTEGER, /* int64_t, least to most */
    OPTION_NUMBER,  /* struct number */
    OPTION_SEED,    /* uint64_t */
    OPTION_ISA,     /* convoy_isa */
    OPTION_LAYERS,  /* goes to the arguments, in order */
    OPTION_VERSUS   /* likewise */
};

struct number {
    double value; /* finite */
    bool given;
};

struct option_row {
    const char *name; /* without "--" */
    enum option_kind kind;
    size_t offset;     /* in the command's options */
    const char *value; /* how help writes it; NULL for none */
    const char *help;
    int64_t least, most; /* of OPTION_INTEGER */
};

/** Options of every subcommand, also of those that have no use for one of them; the first member of
 *  each command's options. */
struct globals {
    bool json;
    bool quiet;
    bool help;
    int64_t threads; /* 0: not given */
    convoy_isa isa;
    uint64_t seed;
};

enum argument_kind { ARGUMENT_TEXT, ARGUMENT_LAYERS, ARGUMENT_VERSUS };

/** What was given beside options, and --layers and --versus among it, in order. */
struct argument {
    enum argument_kind kind;
    const char *text;
};

struct arguments {
    struct argument *items; /* owned */
    size_t count;
};

/**
 * Read a subcommand's command line; argv[0] is its name.
 * @param options  options_bytes of zeros; receives what was given
 * @return EXIT_GOOD, or the exit code of the error that was reported; the arguments are to be
 *         destroyed in any case
 */
int options_parse(const struct command *command, int argc, char **argv, void *options,
                  struct arguments *arguments);
void arguments_destroy(struct arguments *arguments);

/** The help of a subcommand on stdout. */
void options_print_help(const struct command *command);

#endif
