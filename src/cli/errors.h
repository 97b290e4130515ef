/**
 * @file errors.h
 * Errors of the command: one line on stderr, "convoy: <what was wrong>; <what would be right>", and
 * the exit code that belongs to it. A function that reports returns the code, so that callers
 * write `return report_usage(...)`.
 */
#ifndef CONVOY_CLI_ERRORS_H
#define CONVOY_CLI_ERRORS_H

#include "convoy/status.h"

/** Bad usage or bad input. @return EXIT_BAD_INPUT */
__attribute__((format(printf, 1, 2))) int report_usage(const char *format, ...);

/** Something that is worth knowing, and no error. */
__attribute__((format(printf, 1, 2))) void report_warning(const char *format, ...);

/** Memory, disk. @return EXIT_SYSTEM_FAILED */
__attribute__((format(printf, 1, 2))) int report_system(const char *format, ...);

/** A call of the library failed: its detail, behind "context: " unless context is NULL.
 *  @return EXIT_SYSTEM_FAILED for want of memory, else EXIT_BAD_INPUT */
int report_status(convoy_status status, const char *context);

/** The same for a file that could not be written, where CONVOY_ERROR_IO is the system's failure. */
int report_write_status(convoy_status status);

/** The exit code and the sentence of report_status. */
int exit_code_of(convoy_status status);
const char *status_sentence(convoy_status status);

/** An allocation of the command itself failed. @return EXIT_SYSTEM_FAILED */
int report_no_memory(void);

#endif
