/**
 * @file plan_files.c
 * A file of another machine is an error, a line of wisdom that is not understood only a warning.
 */
#include "cli/plan_files.h"

#include "cli/command.h"
#include "cli/errors.h"

static int open_wisdom(const char *path, convoy_wisdom **wisdom)
{
    convoy_wisdom_report report;
    convoy_status status = convoy_wisdom_create(wisdom);
    status = status ? status : convoy_wisdom_import(*wisdom, path, &report);
    if (status) {
        return report_status(status, NULL);
    }
    if (report.skipped > 0) {
        report_warning("%s: %zu line%s skipped, the first is line %zu: %s", path, report.skipped,
                       report.skipped == 1 ? "" : "s", report.first_skipped_line,
                       report.first_reason);
    }
    return EXIT_GOOD;
}

int plan_files_open(const char *wisdom, const char *calibration, convoy_options *options)
{
    int code = wisdom ? open_wisdom(wisdom, &options->wisdom) : EXIT_GOOD;
    if (!code && calibration) {
        convoy_calibration *read = NULL;
        convoy_status status = convoy_calibration_import(calibration, &read);
        options->calibration = read;
        code = status ? report_status(status, NULL) : EXIT_GOOD;
    }
    return code;
}

void plan_files_close(convoy_options *options)
{
    convoy_wisdom_destroy(options->wisdom);
    convoy_calibration_destroy((convoy_calibration *)options->calibration);
    options->wisdom = NULL;
    options->calibration = NULL;
}
