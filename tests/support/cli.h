/**
 * @file cli.h
 * Running the real `convoy` in the directory of place.h, and looking at what it did.
 */
#ifndef CONVOY_TESTS_CLI_H
#define CONVOY_TESTS_CLI_H

#include <stddef.h>
#include <stdint.h>

/** What a run left: exit code (128 + signal if it was killed) and texts. */
struct outcome {
    int code;
    char *out, *err; /* owned */
};

/** Run "convoy <arguments>" by way of the shell, so arguments may be quoted and redirected. */
struct outcome cli_run(const char *arguments);
void outcome_destroy(struct outcome *outcome);

/** The code; one line on stderr with `words` for an error, none else; without JSON if an error. */
void cli_expect(const char *arguments, int code, const char *words);

/** A good run, whose stdout is valid JSON and holds every one of the words (NULL at the end), with
 *  all blanks taken out. */
void cli_expect_json(const char *arguments, const char *const *words);

/** Write a .npy of float32 whose element i is start + step * i. */
void cli_write_npy(const char *path, int rank, const int64_t *extents, float start, float step);

#endif
