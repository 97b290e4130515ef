/**
 * @file error.c
 * Names and messages of the statuses, and the sentence of the last error of each thread.
 */
#include "core/error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

struct status_text {
    const char *name, *message;
};

static const struct status_text texts[] = {
    [CONVOY_OK] = {"CONVOY_OK", "no error"},
    [CONVOY_ERROR_NULL] = {"CONVOY_ERROR_NULL", "a pointer that must not be NULL is NULL"},
    [CONVOY_ERROR_ARGUMENT] = {"CONVOY_ERROR_ARGUMENT",
                               "an option or parameter is outside its range"},
    [CONVOY_ERROR_SYNTAX] = {"CONVOY_ERROR_SYNTAX",
                             "a problem string or layer file cannot be parsed"},
    [CONVOY_ERROR_EXTENT] = {"CONVOY_ERROR_EXTENT",
                             "an extent, stride or dilation is zero, negative or above 2^31-1"},
    [CONVOY_ERROR_OVERFLOW] = {"CONVOY_ERROR_OVERFLOW", "a size or a count does not fit 64 bits"},
    [CONVOY_ERROR_GROUPS] = {"CONVOY_ERROR_GROUPS", "the groups do not divide C or K"},
    [CONVOY_ERROR_EMPTY_OUTPUT] = {"CONVOY_ERROR_EMPTY_OUTPUT",
                                   "the dilated filter is larger than the padded input"},
    [CONVOY_ERROR_SHAPE] = {"CONVOY_ERROR_SHAPE",
                            "a tensor's extents are not the ones the layer needs"},
    [CONVOY_ERROR_LAYOUT] = {"CONVOY_ERROR_LAYOUT",
                             "a tensor's layout or strides are not usable here"},
    [CONVOY_ERROR_TYPE] = {"CONVOY_ERROR_TYPE", "a tensor's element type is not usable here"},
    [CONVOY_ERROR_ALIGNMENT] = {"CONVOY_ERROR_ALIGNMENT",
                                "a pointer is not aligned as its parameter asks"},
    [CONVOY_ERROR_OVERLAP] = {"CONVOY_ERROR_OVERLAP", "an output shares memory with an input"},
    [CONVOY_ERROR_ALGORITHM] = {"CONVOY_ERROR_ALGORITHM",
                                "no algorithm of that name, or it does not apply to the layer"},
    [CONVOY_ERROR_ISA] = {"CONVOY_ERROR_ISA",
                          "that ISA is not compiled in or not usable on this machine"},
    [CONVOY_ERROR_TOLERANCE] = {"CONVOY_ERROR_TOLERANCE", "no algorithm is as accurate as asked"},
    [CONVOY_ERROR_LIMIT] = {"CONVOY_ERROR_LIMIT", "no algorithm keeps the limits"},
    [CONVOY_ERROR_TOO_LARGE] = {"CONVOY_ERROR_TOO_LARGE",
                                "more memory than the machine has; nothing was allocated"},
    [CONVOY_ERROR_MEMORY] = {"CONVOY_ERROR_MEMORY", "an allocation failed"},
    [CONVOY_ERROR_FORMAT] = {"CONVOY_ERROR_FORMAT", "a file is not what its format demands"},
    [CONVOY_ERROR_UNSUPPORTED] = {"CONVOY_ERROR_UNSUPPORTED",
                                  "a valid file or request that Convoy does not handle"},
    [CONVOY_ERROR_IO] = {"CONVOY_ERROR_IO", "the operating system could not read or write"},
    [CONVOY_ERROR_IN_USE] = {"CONVOY_ERROR_IN_USE",
                             "memory of the library's is held that the call would lose"},
};
_Static_assert(sizeof texts / sizeof texts[0] == CONVOY_STATUS_COUNT,
               "every status has a name and a message");

static _Thread_local struct error_detail last;

const char *convoy_status_name(convoy_status status)
{
    size_t index = (size_t)status;
    return index < CONVOY_STATUS_COUNT ? texts[index].name : "unknown status";
}

const char *convoy_status_message(convoy_status status)
{
    size_t index = (size_t)status;
    return index < CONVOY_STATUS_COUNT ? texts[index].message
                                       : "a number that is not a status of this library";
}

const char *convoy_error_detail(void)
{
    return last.text;
}

convoy_status fail(convoy_status status, const char *format, ...)
{
    /* By way of a second buffer, because the arguments may quote the previous detail. */
    struct error_detail written;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(written.text, sizeof written.text, format, arguments);
    va_end(arguments);
    last = written;
    return status;
}

void error_keep(struct error_detail *detail)
{
    *detail = last;
}

void error_restore(const struct error_detail *detail)
{
    last = *detail;
}
