/**
 * @file nearest.h
 * The names that a mistyped one may have meant.
 */
#ifndef CONVOY_BENCH_NEAREST_H
#define CONVOY_BENCH_NEAREST_H

#include <stddef.h>

/**
 * Up to three of the names (NULL at the end), nearest by edit distance first, joined by ", ".
 */
void nearest_names(const char *wanted, const char *const *names, char *text, size_t size);

#endif
