/**
 * @file progress.h
 * What is done and how long the rest takes, on stderr, for anything over two seconds: one line
 * rewritten on a terminal, a line every ten seconds elsewhere.
 */
#ifndef CONVOY_CLI_PROGRESS_H
#define CONVOY_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

struct progress {
    bool quiet, terminal;
    bool shown; /* a line stands on the terminal, not ended */
    double started, last_line;
    double work_total, work_done; /* in any unit, e.g. multiply-adds */
    size_t steps, steps_done;
};

void progress_begin(struct progress *progress, size_t steps, double work, bool quiet);
/** A step begins: show it, if a line is due. */
void progress_step(struct progress *progress, const char *name);
/** It is over. */
void progress_done(struct progress *progress, double work);
/** Clear the terminal's line, so that other text can be printed. */
void progress_hide(struct progress *progress);

#endif
