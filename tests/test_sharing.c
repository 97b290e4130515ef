/**
 * @file test_sharing.c
 * Threads that do everything at once with the same things: execute one plan, hold and let go of it,
 * reshape it, make plans of the same weights, ask one cache, learn into and look up one wisdom,
 * make errors, and allocate through one allocator. For the thread sanitizer above all.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "convoy/convoy.h"
#include "support/check.h"
#include "support/held.h"
#include "support/layers.h"

#define THREADS 6
#define ROUNDS  12

/* What all threads share; read only, but for what the library guards. */
struct shared {
    convoy_layer layer;
    struct operand_set set;
    convoy_weights weights;
    convoy_plan *plan;
    convoy_cache *cache;
    convoy_wisdom *wisdom;
    float *expected;
    size_t bytes;
};

/* First error of a thread; cmocka's assertions are not for threads. */
struct worker {
    struct shared *shared;
    int index;
    const char *wrong;
};

static void expect(struct worker *worker, bool good, const char *what)
{
    if (!good && !worker->wrong) {
        worker->wrong = what;
    }
}

static void execute(struct worker *worker, const convoy_plan *plan, const char *what)
{
    const struct shared *s = worker->shared;
    convoy_tensor y;
    void *workspace = NULL;
    convoy_status status = convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, s->set.y.N, s->set.y.C,
                                                s->set.y.H, s->set.y.W, &y);
    expect(worker, !status, "no tensor");
    if (status) {
        return;
    }
    status = convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace);
    status = status ? status : convoy_plan_execute(plan, &s->set.x, &y, workspace);
    expect(worker, !status && memcmp(y.data, s->expected, s->bytes) == 0, what);
    convoy_workspace_destroy(workspace);
    convoy_tensor_destroy(&y);
}

static void use_plans(struct worker *worker)
{
    struct shared *s = worker->shared;
    convoy_options options = {.algorithm = "direct", .threads = 1};
    convoy_plan *own, *reshaped, *again;
    convoy_plan *plan = convoy_plan_retain(s->plan);
    execute(worker, plan, "the shared plan");
    expect(worker, !convoy_plan_create(&s->layer, &s->weights, &options, &own), "no plan");
    execute(worker, own, "a plan of its own");
    convoy_plan_destroy(own);
    expect(worker, !convoy_plan_reshape(plan, 2, 5, 5, &s->weights, &reshaped), "no reshape");
    convoy_plan_destroy(plan);
    expect(worker,
           !convoy_plan_reshape(reshaped, s->layer.N, s->layer.H, s->layer.W, &s->weights, &again),
           "no reshape back");
    convoy_plan_destroy(reshaped);
    execute(worker, again, "a plan reshaped back");
    convoy_plan_destroy(again);
}

/* More layers than the cache has room for. */
static void use_cache(struct worker *worker, int round)
{
    struct shared *s = worker->shared;
    convoy_options options = {.algorithm = "direct", .threads = 1};
    convoy_layer layer = s->layer;
    convoy_plan *plan;
    expect(worker, !convoy_cache_get(s->cache, &layer, &s->weights, &options, &plan), "no plan");
    execute(worker, plan, "a plan of the cache");
    convoy_plan_destroy(plan);
    layer.H += 1 + (worker->index + round) % 4;
    expect(worker, !convoy_cache_get(s->cache, &layer, &s->weights, &options, &plan), "no plan");
    convoy_plan_destroy(plan);
    if (round % 5 == 0) {
        convoy_cache_forget(s->cache, s->weights.filter);
    }
}

static void use_wisdom(struct worker *worker, int round)
{
    struct shared *s = worker->shared;
    convoy_options options = {.wisdom = s->wisdom, .threads = 1};
    convoy_layer layer = s->layer;
    convoy_plan *plan;
    char *text;
    options.effort = round % 2 ? CONVOY_ESTIMATE : CONVOY_MEASURE;
    options.time_limit_s = 0.0001;
    layer.W = 4 + (worker->index + round) % 3;
    expect(worker, !convoy_plan_create(&layer, &s->weights, &options, &plan), "no wise plan");
    convoy_plan_destroy(plan);
    expect(worker, !convoy_wisdom_print(s->wisdom, &text), "no text");
    expect(worker, !convoy_wisdom_parse(s->wisdom, text, strlen(text), NULL), "no sound text");
    free(text);
}

static void make_errors(struct worker *worker)
{
    convoy_layer layer;
    expect(worker, convoy_layer_parse("n1c", &layer) != CONVOY_OK, "no error");
    expect(worker, strlen(convoy_error_detail()) > 5, "no detail");
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    for (int round = 0; round < ROUNDS; round++) {
        use_plans(worker);
        use_cache(worker, round);
        use_wisdom(worker, round);
        make_errors(worker);
    }
    return NULL;
}

static void everything_at_once(void **state)
{
    struct shared s = {.layer = parse_layer("n1c7h9w8_k11r3s3_pd1")};
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    convoy_options options = {.algorithm = "direct", .threads = 1};
    (void)state;
    assert_ok(convoy_set_allocator(&held_allocator));
    s.set = operands_create(&s.layer, 1);
    s.weights = operand_weights(&s.set);
    run_layer(&s.layer, &s.set, &options);
    s.expected = s.set.y.data;
    s.bytes = (size_t)(s.set.y.N * s.set.y.stride_n) * sizeof(float);
    s.plan = create_plan(&s.layer, &s.set, &options);
    assert_ok(convoy_cache_create(3, &s.cache));
    assert_ok(convoy_wisdom_create(&s.wisdom));
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.shared = &s, .index = i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (workers[i].wrong) {
            fail_msg("thread %d: %s", i, workers[i].wrong);
        }
    }
    convoy_plan_destroy(s.plan);
    convoy_cache_destroy(s.cache);
    convoy_wisdom_destroy(s.wisdom);
    operands_destroy(&s.set);
    assert_int_equal(held, 0);
    assert_ok(convoy_set_allocator(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
