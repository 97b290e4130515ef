/**
 * @file progress.c
 * The guess for what is left is corrected by how long the done part took against its own guess.
 */
#include "bench/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "bench/machine_limits.h"
#include "core/clock.h"

void duration_print(double seconds, char *text, size_t size)
{
    long whole = (long)(seconds + 0.5);
    if (seconds < 10) {
        snprintf(text, size, "%.1f s", seconds);
    } else if (whole < 60) {
        snprintf(text, size, "%ld s", whole);
    } else if (whole < 3600) {
        snprintf(text, size, "%ld min %ld s", whole / 60, whole % 60);
    } else {
        snprintf(text, size, "%ld h %ld min", whole / 3600, whole / 60 % 60);
    }
}

void progress_begin(struct progress *progress, size_t steps, double estimate_seconds, bool quiet)
{
    *progress = (struct progress){.quiet = quiet,
                                  .terminal = isatty(STDERR_FILENO),
                                  .started = clock_seconds(),
                                  .last_line = clock_seconds(),
                                  .estimate_total = estimate_seconds,
                                  .steps = steps};
}

static double seconds_left(const struct progress *progress)
{
    double left = progress->estimate_total - progress->estimate_done;
    double elapsed = clock_seconds() - progress->started;
    if (progress->estimate_done > 0 && elapsed > 1) {
        left *= elapsed / progress->estimate_done;
    }
    return left > 0 ? left : 0;
}

void progress_step(struct progress *progress, const char *name)
{
    double now = clock_seconds();
    bool due = now - progress->last_line > (progress->terminal ? 0.1 : 10.0);
    bool is_long = now - progress->started + seconds_left(progress) > 2.0;
    if (progress->quiet || !due || !is_long) {
        return;
    }
    char left[32];
    duration_print(seconds_left(progress), left, sizeof left);
    if (progress->terminal) {
        fprintf(stderr, "\r\033[K[%zu/%zu] %s left  %.80s", progress->done + 1, progress->steps,
                left, name);
        fflush(stderr);
    } else {
        fprintf(stderr, "[%zu/%zu] %s left  %s\n", progress->done + 1, progress->steps, left, name);
    }
    progress->line_shown = progress->terminal;
    progress->last_line = now;
}

void progress_done(struct progress *progress, double estimate_seconds)
{
    progress->done++;
    progress->estimate_done += estimate_seconds;
}

void progress_hide(struct progress *progress)
{
    if (progress->line_shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        progress->line_shown = false;
    }
}
