/**
 * @file names.h
 * Comma lists of names on the command line.
 */
#ifndef CONVOY_BENCH_NAMES_H
#define CONVOY_BENCH_NAMES_H

#include <stddef.h>

#include "convoy/status.h"

#define NAMES_MAX 64

struct name_list {
    char text[1024]; /* holds the names of names_split */
    const char *names[NAMES_MAX];
    size_t count;
};

/** Split "a,b,c"; what stands there twice comes once. @retval CONVOY_ERROR_ARGUMENT  an empty name,
 * or too many */
convoy_status names_split(const char *option, const char *list, struct name_list *names);

/** Algorithms by name; "auto" stays, "all" is every one of the table. The names are static.
 *  @retval CONVOY_ERROR_ARGUMENT  unknown: the detail has the nearest */
convoy_status names_algorithms(const char *list, struct name_list *names);

#endif
