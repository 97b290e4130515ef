/**
 * @file test_cache.c
 * The plan cache: what is the same and what is not, who is dropped, what is shared, and many
 * threads at a time.
 */
#include <omp.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "convoy/convoy.h"
#include "kernels/algorithm.h"
#include "support/check.h"
#include "support/layers.h"

/* A filter that fits all layers here. */
struct place {
    convoy_cache *cache;
    struct operand_set set;
    convoy_weights weights;
};

static const char *const problem = "n1c8h12w12_k8r3s3_pd1";

static struct place place_create(size_t plans_max)
{
    convoy_layer layer = parse_layer(problem);
    struct place place = {.set = operands_create(&layer, 1)};
    place.weights = operand_weights(&place.set);
    assert_ok(convoy_cache_create(plans_max, &place.cache));
    return place;
}

static void place_destroy(struct place *place)
{
    convoy_cache_destroy(place->cache);
    operands_destroy(&place->set);
}

/* Ask for a plan of a height, and give it back; the address tells plans apart while the cache has
   them. */
static const convoy_plan *ask(struct place *place, int64_t H, const convoy_options *options)
{
    convoy_layer layer = parse_layer(problem);
    convoy_plan *plan = NULL;
    layer.H = H;
    assert_ok(convoy_cache_get(place->cache, &layer, &place->weights, options, &plan));
    assert_int_equal(convoy_plan_layer(plan)->H, H);
    convoy_plan_destroy(plan);
    return plan;
}

static convoy_cache_statistics statistics_of(const struct place *place)
{
    convoy_cache_statistics statistics;
    assert_ok(convoy_cache_describe(place->cache, &statistics));
    return statistics;
}

static void test_the_same_plan(void **state)
{
    struct place place = place_create(8);
    const convoy_plan *plan = ask(&place, 12, NULL);
    (void)state;
    assert_ptr_equal(ask(&place, 12, NULL), plan);
    assert_ptr_equal(ask(&place, 12, &(convoy_options){.algorithm = "auto"}), plan);
    assert_ptr_equal(ask(&place, 12, &(convoy_options){.threads = omp_get_max_threads()}), plan);
    assert_ptr_equal(ask(&place, 12, &(convoy_options){.isa = convoy_isa_best()}), plan);
    convoy_cache_statistics statistics = statistics_of(&place);
    assert_int_equal(statistics.hits, 4);
    assert_int_equal(statistics.misses, 1);
    assert_int_equal(statistics.plans, 1);
    place_destroy(&place);
}

/* Whatever changes the plan is asked for apart. */
static void test_other_plans(void **state)
{
    struct place place = place_create(32);
    convoy_wisdom *wisdom;
    (void)state;
    assert_ok(convoy_wisdom_create(&wisdom));
    char name[] = "direct";
    const convoy_options options[] = {
        {.threads = 7},
        {.tolerance = CONVOY_TOLERANCE_STRICT},
        {.tolerance = CONVOY_TOLERANCE_BOUND, .error_bound = 1e-5},
        {.tolerance = CONVOY_TOLERANCE_BOUND, .error_bound = 2e-5},
        {.workspace_limit_bytes = 1 << 20},
        {.algorithm = name},
        {.algorithm = "naive"},
        {.isa = CONVOY_ISA_PORTABLE},
        {.wisdom = wisdom},
        {.effort = CONVOY_MEASURE, .time_limit_s = 1e-9},
    };
    const size_t count = sizeof options / sizeof options[0];
    for (size_t i = 0; i < count; i++) {
        ask(&place, 12, &options[i]);
        assert_int_equal(statistics_of(&place).plans, i + 1);
    }
    name[0] = 'x';
    for (size_t i = 0; i < count; i++) {
        if (options[i].algorithm != name) {
            ask(&place, 12, &options[i]);
        }
    }
    ask(&place, 12, &(convoy_options){.algorithm = "direct"});
    ask(&place, 12, &(convoy_options){.effort = CONVOY_MEASURE, .time_limit_s = 5});
    assert_int_equal(statistics_of(&place).misses, count);
    assert_int_equal(statistics_of(&place).hits, count + 1);
    place.weights.bias = NULL;
    ask(&place, 12, &options[0]);
    assert_int_equal(statistics_of(&place).misses, count + 1);
    convoy_layer layer = parse_layer(problem);
    layer.epilogue = (convoy_epilogue){.activation = CONVOY_LEAKY_RELU, .slope = 0.25f};
    convoy_plan *plan;
    for (int i = 0; i < 2; i++) {
        layer.epilogue.slope += 0.25f;
        assert_ok(convoy_cache_get(place.cache, &layer, &place.weights, NULL, &plan));
        convoy_plan_destroy(plan);
    }
    assert_int_equal(statistics_of(&place).misses, count + 3);
    convoy_wisdom_destroy(wisdom);
    place_destroy(&place);
}

/* The one that was not asked for the longest goes. */
static void test_the_oldest_goes(void **state)
{
    struct place place = place_create(3);
    (void)state;
    ask(&place, 10, NULL);
    ask(&place, 11, NULL);
    ask(&place, 12, NULL);
    ask(&place, 10, NULL);
    ask(&place, 13, NULL); /* instead of 11 */
    assert_int_equal(statistics_of(&place).evictions, 1);
    ask(&place, 10, NULL);
    ask(&place, 12, NULL);
    ask(&place, 13, NULL);
    assert_int_equal(statistics_of(&place).misses, 4);
    ask(&place, 11, NULL);
    assert_int_equal(statistics_of(&place).misses, 5);
    assert_int_equal(statistics_of(&place).evictions, 2);
    assert_int_equal(statistics_of(&place).plans, 3);
    place_destroy(&place);
}

/* A plan that is held outlives its slot and the cache. */
static void test_held_plans_live(void **state)
{
    struct place place = place_create(1);
    convoy_layer layer = parse_layer(problem);
    convoy_plan *held;
    void *workspace;
    (void)state;
    assert_ok(convoy_cache_get(place.cache, &layer, &place.weights, NULL, &held));
    ask(&place, 13, NULL);
    convoy_cache_destroy(place.cache);
    assert_ok(convoy_workspace_create(convoy_plan_workspace_bytes(held), &workspace));
    assert_ok(convoy_plan_execute(held, &place.set.x, &place.set.y, workspace));
    convoy_workspace_destroy(workspace);
    convoy_plan_destroy(held);
    operands_destroy(&place.set);
}

/* Sizes of one layer by one algorithm: one filter is packed. */
static void test_packed_weights_are_shared(void **state)
{
    struct place place = place_create(8);
    const convoy_options options = {.algorithm = "direct", .threads = 1};
    (void)state;
    ask(&place, 12, &options);
    size_t bytes = statistics_of(&place).packed_bytes;
    ask(&place, 13, &options);
    ask(&place, 14, &options);
    assert_int_equal(statistics_of(&place).shared, 2);
    assert_int_equal(statistics_of(&place).packed_bytes, bytes);
    ask(&place, 14, &(convoy_options){.algorithm = "naive", .threads = 1});
    assert_int_equal(statistics_of(&place).shared, 2);
    assert_true(statistics_of(&place).packed_bytes > bytes);
    convoy_cache_forget(place.cache, place.weights.filter + 1);
    assert_int_equal(statistics_of(&place).plans, 4);
    convoy_cache_forget(place.cache, place.weights.filter);
    assert_int_equal(statistics_of(&place).plans, 0);
    assert_int_equal(statistics_of(&place).packed_bytes, 0);
    place_destroy(&place);
}

static void test_errors(void **state)
{
    struct place place = place_create(1);
    convoy_layer layer = parse_layer(problem);
    convoy_cache_statistics statistics;
    convoy_plan *plan = NULL;
    (void)state;
    assert_status(convoy_cache_create(4, NULL), CONVOY_ERROR_NULL);
    convoy_cache *cache = NULL;
    assert_status(convoy_cache_create(0, &cache), CONVOY_ERROR_ARGUMENT);
    assert_status(convoy_cache_create(65537, &cache), CONVOY_ERROR_ARGUMENT);
    assert_null(cache);
    assert_status(convoy_cache_get(NULL, &layer, &place.weights, NULL, &plan), CONVOY_ERROR_NULL);
    assert_status(convoy_cache_get(place.cache, &layer, NULL, NULL, &plan), CONVOY_ERROR_NULL);
    assert_status(convoy_cache_get(place.cache, NULL, &place.weights, NULL, &plan),
                  CONVOY_ERROR_NULL);
    assert_status(convoy_cache_get(place.cache, &layer, &place.weights, NULL, NULL),
                  CONVOY_ERROR_NULL);
    convoy_options bad = {.algorithm = "winograd-f4x4-5x5"};
    for (int i = 0; i < 2; i++) { /* a failure is not kept */
        assert_status(convoy_cache_get(place.cache, &layer, &place.weights, &bad, &plan),
                      CONVOY_ERROR_ALGORITHM);
    }
    assert_null(plan);
    assert_int_equal(statistics_of(&place).plans, 0);
    assert_int_equal(statistics_of(&place).misses, 2);
    assert_status(convoy_cache_describe(NULL, &statistics), CONVOY_ERROR_NULL);
    convoy_cache_forget(NULL, NULL);
    convoy_cache_destroy(NULL);
    ask(&place, 12, NULL);
    place_destroy(&place);
}

#define THREADS 4
#define ASKS    300

/* One of the threads below: plans of a few sizes, some executed, some that fail. */
static void *use_cache(void *argument)
{
    struct place *place = argument;
    convoy_layer layer = parse_layer(problem);
    struct operand_set set = operands_create(&layer, 2);
    for (int i = 0; i < ASKS; i++) {
        convoy_options options = {.threads = 1, .algorithm = i % 3 ? "direct" : "naive"};
        convoy_plan *plan = NULL;
        void *workspace = NULL;
        layer.H = 10 + i % 7;
        convoy_status status =
            convoy_cache_get(place->cache, &layer, &place->weights, &options, &plan);
        if (!status && layer.H == 12) {
            status = convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace);
            status = status ? status : convoy_plan_execute(plan, &set.x, &set.y, workspace);
        }
        convoy_workspace_destroy(workspace);
        convoy_plan_destroy(plan);
        if (status) {
            return argument;
        }
        if (i % 100 == 99) {
            convoy_cache_forget(place->cache, NULL);
        }
    }
    operands_destroy(&set);
    return NULL;
}

static void test_threads(void **state)
{
    static const size_t rooms[] = {1, 3, 16};
    (void)state;
    for (size_t r = 0; r < sizeof rooms / sizeof rooms[0]; r++) {
        struct place place = place_create(rooms[r]);
        pthread_t threads[THREADS];
        void *failed;
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, use_cache, &place), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], &failed);
            assert_null(failed);
        }
        convoy_cache_statistics statistics = statistics_of(&place);
        assert_int_equal(statistics.hits + statistics.misses, THREADS * ASKS);
        assert_true(statistics.plans <= rooms[r]);
        place_destroy(&place);
    }
}

/* Asked for at once by all, a new plan is made once. */
static void *ask_for_one(void *argument)
{
    struct place *place = argument;
    convoy_layer layer = parse_layer(problem);
    convoy_plan *plan = NULL;
    convoy_status status = convoy_cache_get(place->cache, &layer, &place->weights,
                                            &(convoy_options){.threads = 1}, &plan);
    convoy_plan_destroy(plan);
    return status ? argument : NULL;
}

static void test_one_creates_for_all(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        struct place place = place_create(4);
        pthread_t threads[THREADS];
        void *failed;
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, ask_for_one, &place), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], &failed);
            assert_null(failed);
        }
        assert_int_equal(statistics_of(&place).misses, 1);
        assert_int_equal(statistics_of(&place).hits, THREADS - 1);
        place_destroy(&place);
    }
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Shown, and only held to what no machine misses: a hit is cheaper than a new plan. */
static void test_cost_of_a_hit(void **state)
{
    struct place place = place_create(64);
    const convoy_options options = {.threads = 1};
    (void)state;
    double started = now();
    for (int i = 0; i < 64; i++) {
        ask(&place, 10 + i, &options);
    }
    double created = (now() - started) / 64;
    started = now();
    for (int i = 0; i < 6400; i++) {
        ask(&place, 10 + i % 64, &options);
    }
    double hit = (now() - started) / 6400;
    print_message("a new plan of a filter that is packed: %.2f us; a hit among 64: %.2f us\n",
                  1e6 * created, 1e6 * hit);
    assert_true(hit < created);
    place_destroy(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_plan),
        cmocka_unit_test(test_other_plans),
        cmocka_unit_test(test_the_oldest_goes),
        cmocka_unit_test(test_held_plans_live),
        cmocka_unit_test(test_packed_weights_are_shared),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_one_creates_for_all),
        cmocka_unit_test(test_cost_of_a_hit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
