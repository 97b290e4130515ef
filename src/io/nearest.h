/**
 * @file nearest.h
 * The names that a mistyped one may have meant.
 */
#ifndef CONVOY_IO_NEAREST_H
#define CONVOY_IO_NEAREST_H

#include <stddef.h>

/** The one of the names (NULL at the end) that takes the fewest edits; NULL if none is near. */
const char *nearest_name(const char *wanted, const char *const *names);

/**
 * Up to three of the names (NULL at the end), nearest by edit distance first, joined by ", ".
 */
void nearest_names(const char *wanted, const char *const *names, char *text, size_t size);

#endif
