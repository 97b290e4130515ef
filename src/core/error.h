/**
 * @file error.h
 * How a function inside the library reports an error: return fail(CONVOY_ERROR_X, "sentence", ...).
 */
#ifndef CONVOY_CORE_ERROR_H
#define CONVOY_CORE_ERROR_H

#include "convoy/status.h"

/** Store the sentence for convoy_error_detail on this thread and return the status. */
__attribute__((format(printf, 2, 3))) convoy_status fail(convoy_status status, const char *format,
                                                         ...);

/** The detail of this thread: for a function that succeeds although something in it failed, because
 *  successful calls leave the detail alone. */
struct error_detail {
    char text[512];
};
void error_keep(struct error_detail *detail);
void error_restore(const struct error_detail *detail);

#endif
