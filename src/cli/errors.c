/**
 * @file errors.c
 * Errors are printed in this one place, so that each is one line whatever a file name holds.
 */
#include "cli/errors.h"

#include <stdarg.h>
#include <stdio.h>

#include "cli/command.h"

#define LINE_SIZE 2048

/* Line feeds and other control characters, which come from arguments, would break the line. */
static void print_line(const char *format, va_list arguments)
{
    char line[LINE_SIZE];
    vsnprintf(line, sizeof line, format, arguments);
    for (char *c = line; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == '\177') {
            *c = '?';
        }
    }
    fprintf(stderr, "convoy: %s\n", line);
}

int report_usage(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
    return EXIT_BAD_INPUT;
}

void report_warning(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
}

int report_system(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
    return EXIT_SYSTEM_FAILED;
}

int exit_code_of(convoy_status status)
{
    return status == CONVOY_ERROR_MEMORY || status == CONVOY_ERROR_TOO_LARGE ? EXIT_SYSTEM_FAILED
                                                                             : EXIT_BAD_INPUT;
}

const char *status_sentence(convoy_status status)
{
    const char *detail = convoy_error_detail();
    /* Not all that report want of memory have a detail; another's would mislead. */
    return *detail && status != CONVOY_ERROR_MEMORY ? detail : convoy_status_message(status);
}

int report_status(convoy_status status, const char *context)
{
    report_usage("%s%s%s", context ? context : "", context ? ": " : "", status_sentence(status));
    return exit_code_of(status);
}

int report_write_status(convoy_status status)
{
    report_usage("%s", status_sentence(status));
    return status == CONVOY_ERROR_IO ? EXIT_SYSTEM_FAILED : exit_code_of(status);
}

int report_no_memory(void)
{
    return report_system("the system has no memory to give; end other programs or take fewer "
                         "layers at a time");
}
