/**
 * @file test_pages.c
 * What check_kernels and verify rely on can see: an access past an end stops the program and names
 * the case, and a write beside a block that no page stops is found when the block is given back.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernels/algorithm.h"
#include "support/check.h"
#include "support/layers.h"
#include "verify/pages.h"
#include "verify/trap.h"
#include "verify/verify.h"

#define BYTES 1000

/* The signal that ends a child which reads the byte; 0: none. */
static int signal_of_reading(const volatile char *byte)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL); /* not cmocka's, nor a sanitizer's */
        (void)*byte;
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void no_byte_past_the_end_can_be_read(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes < 3 * 4096; bytes += 1021) {
        pages_place(PAGES_LAST_BYTE);
        char *memory = pages_allocate(bytes, 1);
        assert_int_equal(signal_of_reading(memory + bytes - 1), 0);
        assert_int_equal(signal_of_reading(memory + bytes), SIGSEGV);
        memset(memory, 0, bytes);
        pages_release(memory);
        assert_int_equal(pages_spoilt(), 0);
        pages_place(PAGES_FIRST_BYTE);
        memory = pages_allocate(bytes, 64);
        assert_int_equal(signal_of_reading(memory), 0);
        assert_int_equal(signal_of_reading(memory - 1), SIGSEGV);
        pages_release(memory);
    }
}

static void what_is_written_beside_is_found(void **state)
{
    (void)state;
    for (int place = PAGES_LAST_BYTE; place <= PAGES_FIRST_BYTE; place++) {
        pages_place((enum pages_end)place);
        char *memory = pages_allocate(BYTES, 64);
        assert_int_equal((uintptr_t)memory % 64, 0);
        assert_true(pages_intact(memory));
        memset(memory, 0, BYTES);
        assert_true(pages_intact(memory));
        memory[BYTES] = 0; /* alignment, or the page, leaves room there */
        assert_false(pages_intact(memory));
        pages_release(memory);
        assert_int_equal(pages_spoilt(), 1);
        assert_int_equal(pages_spoilt(), 0);
    }
}

/* Areas are used again, and are poison again. */
static void every_block_is_poison_at_first(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        uint32_t *words = pages_allocate(BYTES, 64);
        for (size_t j = 0; j < BYTES / sizeof *words; j++) {
            assert_int_equal(words[j], POISON);
            words[j] = 0;
        }
        pages_release(words);
    }
}

/* The trap says layer, seed and case; the program then ends of the signal. */
static void the_trap_names_the_case(void **state)
{
    int pipe_ends[2], status;
    char text[400] = "";
    (void)state;
    assert_int_equal(pipe(pipe_ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        convoy_layer layer = parse_layer("n1c5h6w7_k8r3s3_pd1");
        struct trap trap;
        signal(SIGSEGV, SIG_DFL);
        dup2(pipe_ends[1], STDERR_FILENO);
        trap_set(&trap, &layer, 77);
        snprintf(trap.what, sizeof trap.what, "direct avx2 nhwc 1 thread");
        pages_place(PAGES_LAST_BYTE);
        volatile char *memory = pages_allocate(BYTES, 1);
        memory[BYTES] = 0;
        _exit(0);
    }
    close(pipe_ends[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(read(pipe_ends[0], text, sizeof text - 1) > 0);
    close(pipe_ends[0]);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    assert_contains(text, "n1c5h6w7_k8r3s3_pd1 seed 77 direct avx2 nhwc 1 thread: it touched");
}

/* A plan of another filter, and something written beside it. */
static convoy_status create_wrong(const convoy_layer *layer, const convoy_weights *weights,
                                  const convoy_options *options, convoy_plan **plan)
{
    float filter = -weights->filter[0];
    convoy_weights wrong = {&filter, weights->bias};
    convoy_status status = convoy_plan_create(layer, &wrong, options, plan);
    if (!status) {
        char *memory = (char *)*plan;
        bool first_byte = (uintptr_t)memory % 4096 == 0; /* lies against the page */
        memory[first_byte ? (ptrdiff_t)sizeof(struct convoy_plan) : -1] = 0;
    }
    return status;
}

static void a_case_fails_once_whatever_is_wrong_with_it(void **state)
{
    const char *algorithm = "naive";
    struct verify_options options = {
        .algorithms = &algorithm, .algorithm_count = 1, .create = create_wrong};
    struct verify_result result;
    convoy_layer layer = parse_layer("n1c1h3w3_k1r1s1");
    (void)state;
    assert_ok(convoy_set_allocator(&pages_allocator));
    assert_ok(verify_layer(&layer, &options, &result));
    assert_ok(convoy_set_allocator(NULL));
    assert_true(result.cases > 0);
    assert_int_equal(result.failed, result.cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_byte_past_the_end_can_be_read),
        cmocka_unit_test(what_is_written_beside_is_found),
        cmocka_unit_test(every_block_is_poison_at_first),
        cmocka_unit_test(the_trap_names_the_case),
        cmocka_unit_test(a_case_fails_once_whatever_is_wrong_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
