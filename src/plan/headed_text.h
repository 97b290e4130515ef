/**
 * @file headed_text.h
 * What wisdom and calibrations have in common as text: three lines of head that say of what kind,
 * version and machine it is, lines read as if a stranger had written them, and files of them.
 */
#ifndef CONVOY_PLAN_HEADED_TEXT_H
#define CONVOY_PLAN_HEADED_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "convoy/status.h"

#define HEADED_LINE_SIZE    1024
#define HEADED_MACHINE_SIZE 256

struct headed_kind {
    const char *name;       /* "wisdom" */
    const char *first_line; /* "convoy-wisdom 1" */
    const char *command;    /* that makes it anew: "convoy tune" */
    size_t bytes_max;
};

/** Where the reader is; starts with `at` and `end` set and all else zero. */
struct headed_reader {
    const char *at, *end;
    size_t line;
    char text[HEADED_LINE_SIZE]; /* the line, without its end */
    bool sound;                  /* it is no longer than that, and has no zero byte */
};

/** The next line that is not empty and no comment; false after the last. */
bool headed_next_line(struct headed_reader *reader);

/**
 * Begin to read a text, with its head.
 * @retval CONVOY_ERROR_FORMAT       too long, or another kind
 * @retval CONVOY_ERROR_UNSUPPORTED  another machine or version
 */
convoy_status headed_begin(struct headed_reader *reader, const struct headed_kind *kind,
                           const char *text, size_t size);

/** A number above 0 with a point in any locale, up to 11 digits before it: "812.431". */
bool headed_read_number(const char *word, double *number);

/** The head. */
void headed_print_head(const struct headed_kind *kind, FILE *stream);
/** Three digits behind the point, in any locale; at least 0.001. */
void headed_print_number(double number, FILE *stream);

/**
 * End a text that was written into a stream of open_memstream.
 * @param stream   NULL: there was no memory for it
 * @param written  where the stream puts its text
 * @param text     receives it, to be freed with free()
 * @retval CONVOY_ERROR_MEMORY
 */
convoy_status headed_close(FILE *stream, char **written, char **text);

/** "AMD EPYC, portable+avx2+avx512, L1d 32768, L2 1048576" */
void headed_machine(char machine[HEADED_MACHINE_SIZE]);

/** All bytes of a file, to be freed with memory_free, or one more than the kind may have. */
convoy_status headed_load(const char *path, const struct headed_kind *kind, char **text,
                          size_t *size);

/** The error detail with the file in front. @return status */
convoy_status headed_fail_in(const char *path, convoy_status status);

#endif
