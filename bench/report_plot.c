/**
 * @file report_plot.c
 * Where the plots' scripts are, and gnuplot run on them.
 */
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/report_parts.h"
#include "core/error.h"

extern char **environ;

const char *const report_plots[REPORT_PLOTS] = {"roofline", "bars", "ladder", "threads",
                                                "batch",    "size", "sweep"};

convoy_status report_scripts(char *path, size_t size)
{
    const char *places[] = {getenv("CONVOY_REPORT"), BENCH_REPORT_SOURCE, BENCH_REPORT_INSTALLED};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char page[600];
        snprintf(page, sizeof page, "%s/page.html", places[i] ? places[i] : "");
        if (places[i] && access(page, R_OK) == 0) {
            snprintf(path, size, "%s", places[i]);
            return CONVOY_OK;
        }
    }
    return fail(CONVOY_ERROR_IO, "the report's page.html is neither in " BENCH_REPORT_SOURCE
                                 " nor in " BENCH_REPORT_INSTALLED
                                 "; the variable CONVOY_REPORT can name its directory");
}

static convoy_status run_gnuplot(char *const *arguments)
{
    pid_t child;
    int state;
    if (posix_spawnp(&child, "gnuplot", NULL, NULL, arguments, environ)) {
        return fail(CONVOY_ERROR_UNSUPPORTED,
                    "gnuplot cannot be started: a report needs it (Debian: gnuplot-nox)");
    }
    if (waitpid(child, &state, 0) != child || !WIFEXITED(state) || WEXITSTATUS(state) != 0) {
        return fail(CONVOY_ERROR_UNSUPPORTED, "gnuplot failed on %s; its words are above",
                    arguments[2]);
    }
    return CONVOY_OK;
}

convoy_status report_draw(const char *plot, const char *data, const char *output,
                          const char *format)
{
    char scripts[512], script[600];
    convoy_status status = report_scripts(scripts, sizeof scripts);
    if (status) {
        return status;
    }
    snprintf(script, sizeof script, "%s/%s.gp", scripts, plot);
    char *arguments[] = {"gnuplot",      "-c",           script, (char *)data,
                         (char *)output, (char *)format, NULL};
    return run_gnuplot(arguments);
}

convoy_status report_plot(const struct report *report)
{
    convoy_status status = CONVOY_OK;
    for (int i = 0; !status && i < REPORT_PLOTS; i++) {
        char output[600];
        snprintf(output, sizeof output, "%s/%s.svg", report->data, report_plots[i]);
        if (strcmp(report_plots[i], "sweep") != 0 || report->swept.count > 0) {
            status = report_draw(report_plots[i], report->data, output, "svg");
        }
    }
    return status;
}
