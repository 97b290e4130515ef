/**
 * @file nearest.h
 * The name that a mistyped one may have meant.
 */
#ifndef CONVOY_CLI_NEAREST_H
#define CONVOY_CLI_NEAREST_H

/** The one of the names (NULL at the end) that takes the fewest edits; NULL if none is near. */
const char *nearest_name(const char *wanted, const char *const *names);

#endif
