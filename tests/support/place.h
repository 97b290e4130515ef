/**
 * @file place.h
 * An empty directory for a test program to work in, and what lies in it.
 */
#ifndef CONVOY_TESTS_PLACE_H
#define CONVOY_TESTS_PLACE_H

#include <stddef.h>

/** cmocka fixtures: make the directory and go there; remove it. Its parent belongs to the test too,
 *  for what should not show among the files. */
int place_setup(void **state);
int place_teardown(void **state);

void place_write(const char *path, const void *bytes, size_t size);
/** All bytes of a file, followed by a zero byte; to be freed. */
char *place_read(const char *path, size_t *size);

/** Names of the files in the directory, sorted and joined by spaces; to be freed. */
char *place_files(void);
/** The names are these. */
void place_expect(const char *names);

#endif
