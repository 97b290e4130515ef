/**
 * @file progress.c
 * The time left is the time so far times the ratio of work left to work done.
 */
#include "cli/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/text.h"

#define LONG_SECONDS 2.0

void progress_begin(struct progress *progress, size_t steps, double work, bool quiet)
{
    double now = seconds_now();
    *progress = (struct progress){.quiet = quiet,
                                  .terminal = isatty(STDERR_FILENO),
                                  .started = now,
                                  .last_line = now,
                                  .work_total = work,
                                  .steps = steps};
}

void progress_step(struct progress *progress, const char *name)
{
    double now = seconds_now(), elapsed = now - progress->started, left = 0;
    char duration[TEXT_SIZE] = "";
    bool due = now - progress->last_line > (progress->terminal ? 0.1 : 10.0);
    if (progress->work_done > 0) {
        left = elapsed * (progress->work_total - progress->work_done) / progress->work_done;
        text_duration(left > 0 ? left : 0, duration);
    }
    if (progress->quiet || !due || elapsed + left < LONG_SECONDS) {
        return;
    }
    fprintf(stderr, "%s[%zu/%zu] %s%s%.80s%s", progress->terminal ? "\r\033[K" : "",
            progress->steps_done + 1, progress->steps, duration, *duration ? " left  " : "", name,
            progress->terminal ? "" : "\n");
    fflush(stderr);
    progress->shown = progress->terminal;
    progress->last_line = now;
}

void progress_done(struct progress *progress, double work)
{
    progress->steps_done++;
    progress->work_done += work;
}

void progress_hide(struct progress *progress)
{
    if (progress->shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        progress->shown = false;
    }
}
