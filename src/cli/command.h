/**
 * @file command.h
 * A subcommand of `convoy`, and what the process returns.
 */
#ifndef CONVOY_CLI_COMMAND_H
#define CONVOY_CLI_COMMAND_H

#include <stddef.h>

#include "cli/options.h"

enum exit_code {
    EXIT_GOOD = 0,
    EXIT_CHECK_FAILED = 1, /* everything was done, and a result was not what it has to be */
    EXIT_BAD_INPUT = 2,    /* the command line, or a file that it names */
    EXIT_SYSTEM_FAILED = 3 /* memory or disk */
};

struct command {
    const char *name;
    const char *summary;           /* one line in the list of commands */
    const char *usage;             /* what stands behind the name */
    const char *details;           /* paragraphs of --help; "" for none */
    const char *examples;          /* command lines of --help */
    const struct option_row *rows; /* its own options, ended by a row without a name */
    const char *ignores;  /* of the general ones those that do nothing here, which help does
                             not show: "isa seed"; NULL: none */
    size_t options_bytes; /* of the struct that the rows write to; zeros at first */
    int (*run)(const struct arguments *arguments, const void *options);
};

extern const struct command command_shape, command_count, command_run, command_verify,
    command_explain, command_tune, command_calibrate, command_info, command_list;

#endif
