/**
 * @file wisdom_option.h
 * The file of --wisdom.
 */
#ifndef CONVOY_CLI_WISDOM_OPTION_H
#define CONVOY_CLI_WISDOM_OPTION_H

#include <stdbool.h>

#include "convoy/wisdom.h"

/**
 * Read the file; lines that are not understood are told on stderr.
 * @param path    NULL: *wisdom becomes NULL
 * @param wisdom  owned by the caller, also on an error
 * @return EXIT_GOOD, or the exit code of the error that was reported
 */
int wisdom_open(const char *path, convoy_wisdom **wisdom);

/** Tell of lines that were not understood. */
void wisdom_warn(const char *path, const convoy_wisdom_report *report);

#endif
