/**
 * @file test_allocator.c
 * convoy_set_allocator: all memory comes from it and goes back; and each allocation of each call
 * fails once, which must give CONVOY_ERROR_MEMORY, leave nothing behind, and let the next call
 * work.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "convoy/convoy.h"
#include "core/memory.h"
#include "support/check.h"
#include "support/layers.h"
#include "support/place.h"
#include "support/wisdom_text.h"

/* Counts, and fails the allocation whose turn it is; 0: none. */
static struct {
    atomic_long calls, held, fail_at;
    int offset; /* from the alignment that was asked for */
} counting;

static void *count_allocate(void *data, size_t bytes, size_t alignment)
{
    void *memory = NULL;
    assert_ptr_equal(data, &counting);
    assert_true(bytes > 0);
    if (++counting.calls == counting.fail_at ||
        posix_memalign(&memory, alignment, bytes + alignment) != 0) {
        return NULL;
    }
    counting.held++;
    memset(memory, 0xa5, bytes + alignment);
    return (char *)memory + counting.offset;
}

static void count_release(void *data, void *memory)
{
    assert_ptr_equal(data, &counting);
    assert_non_null(memory);
    counting.held--;
    free((char *)memory - counting.offset);
}

static const convoy_allocator counting_allocator = {count_allocate, count_release, &counting};

/* What the calls work on; of the C library's memory. */
static convoy_layer layer, wide_layer;
static float filter[64 * 64 * 9], bias[64], wide_x[64 * 12 * 12], wide_y[64 * 12 * 12];
static convoy_weights weights = {filter, bias};
static char *wisdom_text;
static const char *algorithm;

static int setup(void **state)
{
    if (place_setup(state) != 0) {
        return -1;
    }
    layer = parse_layer("n1c5h7w9_k11r3s3_pd1");
    wide_layer = parse_layer("n1c64h12w12_k64r3s3_pd1");
    for (size_t i = 0; i < sizeof filter / sizeof filter[0]; i++) {
        filter[i] = (float)(i % 7) - 3;
    }
    wisdom_text =
        make_wisdom_text("n1c5h7w9_k11r3s3_pd1 nchw portable 1 default none direct 812.431\n");
    return convoy_set_allocator(&counting_allocator) ? -1 : 0;
}

static int teardown(void **state)
{
    free(wisdom_text);
    return convoy_set_allocator(NULL) ? -1 : place_teardown(state);
}

static convoy_status call_tensor(void)
{
    convoy_tensor tensor = {.N = 7};
    convoy_status status = convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, 2, 3, 4, 5, &tensor);
    assert_true(status || tensor.data);
    assert_int_equal(tensor.N, status ? 7 : 2);
    if (!status) {
        convoy_tensor_destroy(&tensor);
    }
    return status;
}

static convoy_status call_workspace(void)
{
    void *workspace = &layer;
    convoy_status status = convoy_workspace_create(1000, &workspace);
    if (status) {
        assert_ptr_equal(workspace, &layer);
        return status;
    }
    convoy_workspace_destroy(workspace);
    return status;
}

static convoy_status create(const convoy_options *options)
{
    convoy_plan *untouched = (convoy_plan *)&layer, *plan = untouched;
    convoy_status status = convoy_plan_create(&layer, &weights, options, &plan);
    if (status) {
        assert_ptr_equal(plan, untouched);
    } else {
        convoy_plan_destroy(plan);
    }
    return status;
}

static convoy_status call_plan(void)
{
    return create(&(convoy_options){.algorithm = algorithm, .threads = 2});
}

static convoy_status call_measure(void)
{
    return create(&(convoy_options){.effort = CONVOY_MEASURE, .time_limit_s = 0.001, .threads = 1});
}

static convoy_status call_learn(void)
{
    convoy_wisdom *wisdom;
    convoy_options options = {.effort = CONVOY_MEASURE, .time_limit_s = 0.001, .threads = 1};
    convoy_status status = convoy_wisdom_create(&wisdom);
    if (status) {
        return status;
    }
    options.wisdom = wisdom;
    status = create(&options);
    assert_true(convoy_wisdom_count(wisdom) <= 1);
    convoy_wisdom_destroy(wisdom);
    return status;
}

static convoy_status call_explain(void)
{
    convoy_description descriptions[64];
    convoy_options options = {.effort = CONVOY_MEASURE, .time_limit_s = 0.001, .threads = 1};
    return convoy_layer_explain(&layer, &options, descriptions);
}

/* Plans with weights of their own, and with shared ones. */
static convoy_status call_reshape(void)
{
    convoy_plan *plan, *other = NULL, *third = NULL;
    convoy_status status = convoy_plan_create(&layer, &weights, NULL, &plan);
    if (status) {
        return status;
    }
    status = convoy_plan_reshape(plan, 2, 9, 9, NULL, &other);
    if (!status) {
        status = convoy_plan_reshape(other, 1, 40, 40, &weights, &third);
    }
    convoy_plan_destroy(plan);
    convoy_plan_destroy(other);
    convoy_plan_destroy(third);
    return status;
}

static convoy_status call_chain(void)
{
    const convoy_layer layers[] = {layer, parse_layer("n1c11h7w9_k5r3s3_pd1"), layer};
    const convoy_weights all[] = {weights, weights, weights};
    convoy_chain *untouched = (convoy_chain *)&layer, *chain = untouched;
    convoy_status status = convoy_chain_create(layers, all, 3, NULL, &chain);
    if (status) {
        assert_ptr_equal(chain, untouched);
    } else {
        convoy_chain_destroy(chain);
    }
    return status;
}

/* More layers than plans, so that one is evicted; what failed is asked for again. */
static convoy_status call_cache(void)
{
    convoy_cache *cache;
    convoy_status status = convoy_cache_create(2, &cache);
    for (int extent = 5; extent < 9 && !status; extent++) {
        convoy_layer asked = layer;
        convoy_plan *plan;
        asked.H = extent % 3 + 5;
        status = convoy_cache_get(cache, &asked, &weights, NULL, &plan);
        if (status) {
            counting.fail_at = 0;
            assert_ok(convoy_cache_get(cache, &asked, &weights, NULL, &plan));
            convoy_plan_destroy(plan);
            convoy_cache_destroy(cache);
            return status;
        }
        convoy_plan_destroy(plan);
    }
    if (!status) {
        convoy_cache_destroy(cache);
    }
    return status;
}

static convoy_status call_wisdom_text(void)
{
    convoy_wisdom *wisdom;
    char *text = NULL;
    convoy_status status = convoy_wisdom_create(&wisdom);
    if (status) {
        return status;
    }
    status = convoy_wisdom_parse(wisdom, wisdom_text, strlen(wisdom_text), NULL);
    status = status ? status : convoy_wisdom_print(wisdom, &text);
    free(text);
    convoy_wisdom_destroy(wisdom);
    return status;
}

/* The file is whole, new or old, and nothing lies beside it. */
static convoy_status call_wisdom_file(void)
{
    convoy_wisdom *wisdom;
    char *files;
    place_write("wisdom", wisdom_text, strlen(wisdom_text));
    convoy_status status = convoy_wisdom_create(&wisdom);
    if (status) {
        return status;
    }
    status = convoy_wisdom_import(wisdom, "wisdom", NULL);
    status = status ? status : convoy_wisdom_export(wisdom, "wisdom", NULL);
    convoy_wisdom_destroy(wisdom);
    size_t size;
    char *text = place_read("wisdom", &size);
    files = place_files();
    assert_string_equal(text, wisdom_text);
    assert_string_equal(files, "wisdom");
    free(text);
    free(files);
    return status;
}

static convoy_status call_execute(void)
{
    convoy_plan *plan;
    convoy_tensor x, y;
    void *workspace = NULL;
    assert_ok(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, 1, 64, 12, 12, wide_x, &x));
    assert_ok(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, 1, 64, 12, 12, wide_y, &y));
    convoy_options options = {.algorithm = algorithm, .threads = 2};
    convoy_status status = convoy_plan_create(&wide_layer, &weights, &options, &plan);
    if (status) {
        return status;
    }
    status = convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace);
    if (!status) {
        long calls = counting.calls;
        assert_ok(convoy_plan_execute(plan, &x, &y, workspace));
        assert_int_equal(counting.calls, calls); /* execute never allocates */
    }
    convoy_workspace_destroy(workspace);
    convoy_plan_destroy(plan);
    return status;
}

/* Allocation 1, 2, ... of the call fails, until the call has no more of them. */
static int fail_each(convoy_status (*call)(void), const char *name, bool spares)
{
    for (int n = 1;; n++) {
        counting.calls = 0;
        counting.fail_at = n;
        convoy_status status = call();
        bool reached = counting.calls >= n;
        counting.fail_at = 0;
        if (!reached) {
            assert_int_equal(status, CONVOY_OK);
            return n - 1;
        }
        if ((status != CONVOY_ERROR_MEMORY && !(spares && status == CONVOY_OK)) ||
            counting.held != 0) {
            fail_msg("%s %s: allocation %d failed: %s, %ld blocks held; %s", name,
                     algorithm ? algorithm : "", n, convoy_status_name(status),
                     atomic_load(&counting.held), convoy_error_detail());
        }
        assert_true(!status || strlen(convoy_error_detail()) > 10);
        assert_ok(call());
        assert_int_equal(counting.held, 0);
    }
}

static void every_allocation_fails_once(void **state)
{
    static const struct {
        const char *name;
        convoy_status (*call)(void);
        int least;   /* allocations that it must have */
        bool spares; /* measuring leaves out an algorithm that finds no room */
    } calls[] = {
        {"tensor", call_tensor, 1, false},      {"workspace", call_workspace, 1, false},
        {"measure", call_measure, 4, true},     {"learn", call_learn, 5, true},
        {"explain", call_explain, 4, true},     {"reshape", call_reshape, 5, false},
        {"chain", call_chain, 13, false},       {"cache", call_cache, 10, false},
        {"wisdom", call_wisdom_text, 2, false}, {"wisdom file", call_wisdom_file, 6, false},
    };
    int points = 0;
    (void)state;
    algorithm = NULL;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        int count = fail_each(calls[i].call, calls[i].name, calls[i].spares);
        if (count < calls[i].least) {
            fail_msg("%s: only %d allocations", calls[i].name, count);
        }
        points += count;
    }
    print_message("%d allocations failed in turn\n", points);
}

static void every_allocation_of_every_algorithm_fails_once(void **state)
{
    int points = 0;
    (void)state;
    for (size_t i = 0; i < convoy_algorithm_count(); i++) {
        algorithm = convoy_algorithm_name(i);
        points += algorithm_applies(&layer, i) ? fail_each(call_plan, "plan", false) : 0;
        points += algorithm_applies(&wide_layer, i) ? fail_each(call_execute, "execute", false) : 0;
    }
    assert_true(points > 50);
    print_message("%d allocations failed in turn\n", points);
    algorithm = NULL;
}

static void all_memory_comes_from_it_and_goes_back(void **state)
{
    (void)state;
    counting.calls = 0;
    assert_ok(call_chain());
    assert_true(counting.calls > 0);
    assert_int_equal(counting.held, 0);
}

static void it_stays_while_memory_is_held(void **state)
{
    convoy_tensor tensor;
    (void)state;
    assert_ok(convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, 1, 1, 1, 1, &tensor));
    assert_status(convoy_set_allocator(NULL), CONVOY_ERROR_IN_USE);
    assert_contains(convoy_error_detail(), "1 block is of the library's memory not yet freed");
    convoy_tensor_destroy(&tensor);
    assert_ok(convoy_set_allocator(NULL));
    counting.calls = 0;
    assert_ok(call_workspace());
    assert_int_equal(counting.calls, 0);
    assert_ok(convoy_set_allocator(&counting_allocator));
}

static void half_an_allocator_is_refused(void **state)
{
    (void)state;
    assert_status(convoy_set_allocator(&(convoy_allocator){.allocate = count_allocate}),
                  CONVOY_ERROR_NULL);
    assert_contains(convoy_error_detail(), "release");
    assert_status(convoy_set_allocator(&(convoy_allocator){.release = count_release}),
                  CONVOY_ERROR_NULL);
    assert_contains(convoy_error_detail(), "allocate");
}

static void misaligned_memory_is_given_back(void **state)
{
    (void)state;
    counting.offset = 16;
    assert_status(call_workspace(), CONVOY_ERROR_ALIGNMENT);
    assert_contains(convoy_error_detail(), "not aligned to 64 bytes");
    assert_int_equal(counting.held, 0);
    counting.offset = 0;
}

static void too_much_is_refused_before_it_is_asked(void **state)
{
    void *workspace;
    (void)state;
    counting.calls = 0;
    assert_status(convoy_workspace_create((size_t)memory_physical_bytes() + 1, &workspace),
                  CONVOY_ERROR_TOO_LARGE);
    assert_int_equal(counting.calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_memory_comes_from_it_and_goes_back),
        cmocka_unit_test(it_stays_while_memory_is_held),
        cmocka_unit_test(half_an_allocator_is_refused),
        cmocka_unit_test(misaligned_memory_is_given_back),
        cmocka_unit_test(too_much_is_refused_before_it_is_asked),
        cmocka_unit_test(every_allocation_fails_once),
        cmocka_unit_test(every_allocation_of_every_algorithm_fails_once),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
