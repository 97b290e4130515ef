/**
 * @file report.c
 * --report: what runs for it, and the order of its stages.
 */
#include "bench/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/peers_table.h"
#include "bench/report_parts.h"
#include "core/error.h"

/* One of each kind: dense 3x3 from large images to many channels, 5x5, stem, 1x1, strided,
   depthwise, grouped, dilated. */
static const char default_layers[] =
    "core:example_5x5,core:vgg_1_2,core:vgg_3_2,core:vgg_5_x,core:r50_conv1,core:r50_2_3x3,"
    "core:r50_3_3x3s2,core:r50_4_1x1b,core:mbv2_dw56,core:mbv2_pw56,core:resnext_g32,"
    "core:deeplab_d2";

/* All but the reference, which is no rung of speed, and the naive loop, which the ladder shows. */
static const char *default_algorithms(void)
{
    static char names[1024];
    size_t length = 0;
    for (size_t i = 0; i < convoy_algorithm_count() && length < sizeof names; i++) {
        const char *name = convoy_algorithm_name(i);
        if (strcmp(name, "reference") != 0 && strcmp(name, "naive") != 0) {
            length += (size_t)snprintf(names + length, sizeof names - length, "%s%s",
                                       length ? "," : "", name);
        }
    }
    return names;
}

/* 1, 2, 4, ... up to the cores, and the cores. */
static const char *default_threads(void)
{
    static char list[128];
    convoy_machine machine;
    int cores = convoy_machine_describe(&machine) ? 1 : machine.cores;
    size_t length = 0;
    for (int t = 1; t < cores; t *= 2) {
        length += (size_t)snprintf(list + length, sizeof list - length, "%d,", t);
    }
    snprintf(list + length, sizeof list - length, "%d", cores);
    return list;
}

void report_defaults(struct options *options)
{
    if (!options->layers) {
        options->layers = options->full ? "core" : default_layers;
    }
    if (!options->algorithms) {
        options->algorithms = default_algorithms();
    }
    if (!options->threads) {
        options->threads = default_threads();
    }
    if (!options->layouts) {
        options->layouts = options->full ? "nhwc,nchw" : "nhwc";
    }
    options->check = true;
}

static convoy_status make_directory(const char *path)
{
    if (mkdir(path, 0777) && errno != EEXIST) {
        return fail(CONVOY_ERROR_IO, "%s: %s", path, strerror(errno));
    }
    return CONVOY_OK;
}

convoy_status report_write(const struct options *options, const struct results *results,
                           const struct limits *before, const struct limits *after)
{
    static struct report report;
    report =
        (struct report){.options = options, .results = results, .before = before, .after = after};
    snprintf(report.data, sizeof report.data, "%s/data", options->report);
    convoy_status status;
    if (results->count == 0) {
        return fail(CONVOY_ERROR_ARGUMENT, "nothing was measured: there is nothing to report");
    }
    if ((status = make_directory(options->report)) || (status = make_directory(report.data)) ||
        (options->peers && (status = peers_read(options->peers, &report.peers))) ||
        (status = report_measure(&report)) || (status = report_write_data(&report)) ||
        (status = report_plot(&report)) || (status = report_write_page(&report))) {
        json_decref(report.peers);
        results_destroy(&report.swept);
        return status;
    }
    json_decref(report.peers);
    results_destroy(&report.swept);
    printf("report: %s/index.html\n", options->report);
    return CONVOY_OK;
}
