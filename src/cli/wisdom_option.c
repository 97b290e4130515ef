/**
 * @file wisdom_option.c
 * Wisdom of another machine is an error, a line that is not understood only a warning.
 */
#include "cli/wisdom_option.h"

#include "cli/command.h"
#include "cli/errors.h"

void wisdom_warn(const char *path, const convoy_wisdom_report *report)
{
    if (report->skipped > 0) {
        report_warning("%s: %zu line%s skipped, the first is line %zu: %s", path, report->skipped,
                       report->skipped == 1 ? "" : "s", report->first_skipped_line,
                       report->first_reason);
    }
}

int wisdom_open(const char *path, convoy_wisdom **wisdom)
{
    convoy_wisdom_report report;
    *wisdom = NULL;
    if (!path) {
        return EXIT_GOOD;
    }
    convoy_status status = convoy_wisdom_create(wisdom);
    status = status ? status : convoy_wisdom_import(*wisdom, path, &report);
    if (status) {
        return report_status(status, NULL);
    }
    wisdom_warn(path, &report);
    return EXIT_GOOD;
}
