/**
 * @file test_status.c
 * Names, messages, and the detail of the last error on each thread.
 */
#include <pthread.h>
#include <stdio.h>

#include "convoy/convoy.h"
#include "core/error.h"
#include "support/check.h"

static void names_are_the_names_of_the_codes(void **state)
{
    (void)state;
#define CODE(code)                                                                                 \
    {                                                                                              \
        code, #code                                                                                \
    }
    static const struct {
        convoy_status status;
        const char *name;
    } codes[] = {
        CODE(CONVOY_OK),
        CODE(CONVOY_ERROR_NULL),
        CODE(CONVOY_ERROR_ARGUMENT),
        CODE(CONVOY_ERROR_SYNTAX),
        CODE(CONVOY_ERROR_EXTENT),
        CODE(CONVOY_ERROR_OVERFLOW),
        CODE(CONVOY_ERROR_GROUPS),
        CODE(CONVOY_ERROR_EMPTY_OUTPUT),
        CODE(CONVOY_ERROR_SHAPE),
        CODE(CONVOY_ERROR_LAYOUT),
        CODE(CONVOY_ERROR_TYPE),
        CODE(CONVOY_ERROR_ALIGNMENT),
        CODE(CONVOY_ERROR_OVERLAP),
        CODE(CONVOY_ERROR_ALGORITHM),
        CODE(CONVOY_ERROR_ISA),
        CODE(CONVOY_ERROR_TOLERANCE),
        CODE(CONVOY_ERROR_LIMIT),
        CODE(CONVOY_ERROR_TOO_LARGE),
        CODE(CONVOY_ERROR_MEMORY),
        CODE(CONVOY_ERROR_FORMAT),
        CODE(CONVOY_ERROR_UNSUPPORTED),
        CODE(CONVOY_ERROR_IO),
        CODE(CONVOY_ERROR_IN_USE),
    };
#undef CODE
    assert_int_equal(sizeof codes / sizeof codes[0], CONVOY_STATUS_COUNT);
    for (int i = 0; i < CONVOY_STATUS_COUNT; i++) {
        assert_int_equal(codes[i].status, i); /* the numbers are part of the ABI */
        assert_string_equal(convoy_status_name(codes[i].status), codes[i].name);
        assert_true(strlen(convoy_status_message(codes[i].status)) > 5);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(convoy_status_message((convoy_status)i),
                                    convoy_status_message((convoy_status)j));
        }
    }
}

static void unknown_numbers_have_a_text_too(void **state)
{
    (void)state;
    assert_string_equal(convoy_status_name(CONVOY_STATUS_COUNT), "unknown status");
    assert_non_null(convoy_status_message(CONVOY_STATUS_COUNT));
    assert_string_equal(convoy_status_name((convoy_status)-1), "unknown status");
    assert_non_null(convoy_status_message((convoy_status)1000000));
}

static void *ask_on_another_thread(void *before)
{
    strcpy(before, convoy_error_detail());
    fail(CONVOY_ERROR_IO, "of the other thread");
    return NULL;
}

static void the_detail_belongs_to_the_thread(void **state)
{
    (void)state;
    char other[600] = "unset";
    pthread_t thread;

    assert_int_equal(fail(CONVOY_ERROR_IO, "extent %d is %s", 7, "odd"), CONVOY_ERROR_IO);
    assert_string_equal(convoy_error_detail(), "extent 7 is odd");
    assert_int_equal(pthread_create(&thread, NULL, ask_on_another_thread, other), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(other, "");
    assert_string_equal(convoy_error_detail(), "extent 7 is odd");
}

static void success_leaves_the_detail_alone(void **state)
{
    (void)state;
    size_t bytes;

    fail(CONVOY_ERROR_IO, "kept");
    assert_ok(convoy_tensor_bytes(CONVOY_FLOAT32, 1, 2, 3, 4, &bytes));
    assert_string_equal(convoy_error_detail(), "kept");
}

static void a_detail_may_quote_the_one_before(void **state)
{
    (void)state;
    fail(CONVOY_ERROR_IO, "inner");
    fail(CONVOY_ERROR_FORMAT, "outer: %s", convoy_error_detail());
    assert_string_equal(convoy_error_detail(), "outer: inner");
}

static void a_long_detail_is_cut(void **state)
{
    (void)state;
    char text[2000];

    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    fail(CONVOY_ERROR_IO, "%s", text);
    assert_int_equal(strlen(convoy_error_detail()), 511);
}

static void the_library_has_the_version_of_its_headers(void **state)
{
    (void)state;
    char version[32];

    assert_string_equal(convoy_version(), CONVOY_VERSION);
    snprintf(version, sizeof version, "%d.%d.%d", CONVOY_VERSION_MAJOR, CONVOY_VERSION_MINOR,
             CONVOY_VERSION_PATCH);
    assert_string_equal(convoy_version(), version);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_the_names_of_the_codes),
        cmocka_unit_test(unknown_numbers_have_a_text_too),
        cmocka_unit_test(the_detail_belongs_to_the_thread),
        cmocka_unit_test(success_leaves_the_detail_alone),
        cmocka_unit_test(a_detail_may_quote_the_one_before),
        cmocka_unit_test(a_long_detail_is_cut),
        cmocka_unit_test(the_library_has_the_version_of_its_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
