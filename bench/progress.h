/**
 * @file progress.h
 * What is done and how long the rest takes, on stderr, for anything over two seconds.
 */
#ifndef CONVOY_BENCH_PROGRESS_H
#define CONVOY_BENCH_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

struct progress {
    bool quiet;
    bool terminal;   /* one line rewritten; else a line every ten seconds */
    bool line_shown; /* on the terminal, not ended yet */
    double started, last_line;
    double estimate_total, estimate_done; /* seconds as guessed before */
    size_t steps, done;
};

void progress_begin(struct progress *progress, size_t steps, double estimate_seconds, bool quiet);
/** A step begins. */
void progress_step(struct progress *progress, const char *name);
/** It is over; `estimate_seconds` is what had been guessed for it. */
void progress_done(struct progress *progress, double estimate_seconds);
/** Clear the terminal's line, so that other text can be printed. */
void progress_hide(struct progress *progress);

/** "45 s", "3 min 20 s", "1 h 5 min". */
void duration_print(double seconds, char *text, size_t size);

#endif
