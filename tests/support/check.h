/**
 * @file check.h
 * cmocka with its headers, and assertions on what a call of Convoy returns and says.
 */
#ifndef CONVOY_TESTS_CHECK_H
#define CONVOY_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "convoy/status.h"

/* The name `fail` belongs to core/error.h here, so cmocka's macros on it are written anew. */
#undef fail
#undef fail_msg
#define fail_msg(...)                                                                              \
    do {                                                                                           \
        print_error(__VA_ARGS__);                                                                  \
        print_error("\n");                                                                         \
        _fail(__FILE__, __LINE__);                                                                 \
    } while (0)

static inline void check_status(convoy_status actual, convoy_status expected, const char *call,
                                const char *file, int line)
{
    if (actual != expected) {
        print_error("%s\n  returned %s, expected %s; the last detail is: %s\n", call,
                    convoy_status_name(actual), convoy_status_name(expected),
                    convoy_error_detail());
        _fail(file, line);
    }
}

/* The call returns the status. */
#define assert_status(call, expected) check_status((call), (expected), #call, __FILE__, __LINE__)
#define assert_ok(call)               assert_status(call, CONVOY_OK)

static inline void check_text(const char *text, const char *part, const char *file, int line)
{
    if (strstr(text, part) == NULL) {
        print_error("\"%s\"\n  does not contain \"%s\"\n", text, part);
        _fail(file, line);
    }
}

/* The text contains the part. */
#define assert_contains(text, part) check_text((text), (part), __FILE__, __LINE__)

#endif
