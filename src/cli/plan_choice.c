/**
 * @file plan_choice.c
 * A file of another machine is an error, a line of wisdom that is not understood only a warning.
 */
#include "cli/plan_choice.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/errors.h"

int wisdom_open(const char *path, convoy_wisdom **wisdom)
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

static int open_calibration(const char *path, convoy_options *options)
{
    convoy_calibration *read = NULL;
    convoy_status status = convoy_calibration_import(path, &read);
    options->calibration = read;
    return status ? report_status(status, NULL) : EXIT_GOOD;
}

static int read_tolerance(const char *text, convoy_options *options)
{
    static const char *const names[] = {"default", "strict", "fast"};
    char *end;
    if (!text) {
        return EXIT_GOOD;
    }
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            options->tolerance = (convoy_tolerance)i;
            return EXIT_GOOD;
        }
    }
    options->tolerance = CONVOY_TOLERANCE_BOUND;
    options->error_bound = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(options->error_bound) ||
        options->error_bound <= 0) {
        return report_usage("there is no tolerance '%s'; it is strict, default, fast or an error "
                            "bound such as 1e-5",
                            text);
    }
    return EXIT_GOOD;
}

int plan_choice_open(const struct plan_choice *choice, convoy_options *options)
{
    int code = read_tolerance(choice->tolerance, options);
    options->workspace_limit_bytes = (size_t)choice->workspace_limit;
    options->packed_limit_bytes = (size_t)choice->packed_limit;
    options->executions = choice->executions;
    code = !code && choice->wisdom ? wisdom_open(choice->wisdom, &options->wisdom) : code;
    return !code && choice->calibration ? open_calibration(choice->calibration, options) : code;
}

void plan_choice_close(convoy_options *options)
{
    convoy_wisdom_destroy(options->wisdom);
    convoy_calibration_destroy((convoy_calibration *)options->calibration);
    options->wisdom = NULL;
    options->calibration = NULL;
}
