/**
 * @file test_memory.c
 * Allocation: alignment, refusal before and failure in the attempt.
 */
#include <sys/resource.h>
#include <unistd.h>

#include "convoy/tensor.h"
#include "core/memory.h"
#include "support/check.h"

#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER 1
#endif
#endif
#ifndef ADDRESS_SANITIZER
#define ADDRESS_SANITIZER 0
#endif

static void memory_is_aligned_and_can_be_written(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes < 300; bytes += 7) {
        void *memory = NULL;
        assert_ok(memory_allocate(bytes, "a test", &memory));
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % CONVOY_ALIGNMENT, 0);
        memset(memory, 0xa5, bytes);
        memory_free(memory);
    }
}

static void no_bytes_are_no_memory(void **state)
{
    (void)state;
    int variable;
    void *memory = &variable;
    assert_ok(memory_allocate(0, "nothing", &memory));
    assert_null(memory);
    memory_free(NULL);
}

static void the_limit_is_at_most_the_physical_memory(void **state)
{
    (void)state;
    uint64_t physical = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    assert_true(memory_physical_bytes() > 1 << 20);
    assert_true(memory_physical_bytes() <= physical);
}

static void more_than_the_machine_has_is_refused(void **state)
{
    (void)state;
    int variable;
    void *memory = &variable;

    assert_status(
        memory_allocate((size_t)memory_physical_bytes() + 1, "the packed weights", &memory),
        CONVOY_ERROR_TOO_LARGE);
    assert_contains(convoy_error_detail(), "the packed weights: ");
    assert_contains(convoy_error_detail(), "the machine has");
    assert_status(memory_allocate(SIZE_MAX, "everything", &memory), CONVOY_ERROR_TOO_LARGE);
    assert_ptr_equal(memory, &variable);
    convoy_tensor tensor = {.N = 7};
    assert_status(
        convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, 1 << 20, 1 << 20, 1 << 10, 1, &tensor),
        CONVOY_ERROR_TOO_LARGE);
    assert_int_equal(tensor.N, 7);
}

static void a_failed_attempt_is_another_status(void **state)
{
    (void)state;
    struct rlimit before, limited;
    int variable;
    void *memory = &variable;

    if (ADDRESS_SANITIZER) {
        print_message("skipped: the address sanitizer needs the address space this limits\n");
        skip();
    }
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    limited = before;
    limited.rlim_cur = 1 << 20;
    assert_int_equal(setrlimit(RLIMIT_AS, &limited), 0);
    convoy_status status = memory_allocate((size_t)64 << 20, "the workspace", &memory);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_int_equal(status, CONVOY_ERROR_MEMORY);
    assert_contains(convoy_error_detail(), "the workspace: the system has no 64.0 MiB");
    assert_ptr_equal(memory, &variable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_aligned_and_can_be_written),
        cmocka_unit_test(no_bytes_are_no_memory),
        cmocka_unit_test(the_limit_is_at_most_the_physical_memory),
        cmocka_unit_test(more_than_the_machine_has_is_refused),
        cmocka_unit_test(a_failed_attempt_is_another_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
