/**
 * @file soak.c
 * Mixed layers from many threads for a long time: plans made and destroyed, taken from a cache,
 * reshaped, executed. The bits stay the same, no block of the library's is lost, the process does
 * not grow, and the work of a second of processor time at the end is what it was at the start.
 *
 * usage: soak SECONDS [THREADS]
 *   THREADS  8 unless given
 * A run of less than five minutes is not held to size and speed. Exit code 0 good, 1 failed, 2 bad
 * usage.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "convoy/convoy.h"
#include "support/held.h"
#include "verify/verify.h"

#define LAYERS         24
#define LAYER_MACS     3000000
#define THREADS_MAX    64
#define CACHE_PLANS    10 /* fewer than layers: plans are evicted all the time */
#define WARM_SHARE     0.1
#define SPEED_LEAST    0.95
#define LONG_SECONDS   300
#define GROWTH_KIB_MAX 4096

/* A layer and its operands, which all threads read, and the digest of its result. */
struct task {
    convoy_layer layer;
    convoy_tensor x, residual, filter;
    convoy_weights weights;
    int64_t P, Q;
    uint64_t digest;
};

static struct task tasks[LAYERS];
static convoy_cache *cache;
static atomic_bool stop;
static atomic_long executions;
static _Atomic(const char *) wrong;

static void report(const char *what)
{
    const char *none = NULL;
    atomic_compare_exchange_strong(&wrong, &none, what);
}

static uint64_t digest_of(const convoy_tensor *y)
{
    const uint32_t *words = y->data;
    uint64_t digest = 0xcbf29ce484222325u; /* FNV-1a on words */
    for (int64_t i = 0; i < y->N * y->stride_n; i++) {
        digest = (digest ^ words[i]) * 0x100000001b3u;
    }
    return digest;
}

/* Execute and return the digest; 0: it could not be. */
static uint64_t execute(const struct task *task, const convoy_plan *plan)
{
    const convoy_layer *l = &task->layer;
    convoy_tensor y = {0};
    void *workspace = NULL;
    convoy_status status =
        convoy_tensor_create(CONVOY_FLOAT32, l->layout, l->N, l->K, task->P, task->Q, &y);
    status =
        status ? status : convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace);
    if (!status) {
        status = l->epilogue.residual
                     ? convoy_plan_execute_residual(plan, &task->x, &task->residual, &y, workspace)
                     : convoy_plan_execute(plan, &task->x, &y, workspace);
    }
    uint64_t digest = status ? 0 : digest_of(&y);
    convoy_workspace_destroy(workspace);
    convoy_tensor_destroy(&y);
    return digest;
}

/* How a plan comes about: made, from the cache, or reshaped there and back. */
enum way { MADE, CACHED, RESHAPED, WAYS };

static convoy_status get_plan(const struct task *task, enum way way, convoy_plan **plan)
{
    /* By name: what `auto` chooses for a reshaped layer could differ, and so could the bits. */
    const convoy_options options = {.algorithm = "direct", .threads = 2};
    const convoy_layer *l = &task->layer;
    convoy_plan *first, *second;
    if (way == CACHED) {
        return convoy_cache_get(cache, l, &task->weights, &options, plan);
    }
    convoy_status status = convoy_plan_create(l, &task->weights, &options, &first);
    if (status || way == MADE) {
        *plan = first;
        return status;
    }
    status = convoy_plan_reshape(first, l->N + 1, l->H, l->W + 1, &task->weights, &second);
    convoy_plan_destroy(first);
    if (!status) {
        status = convoy_plan_reshape(second, l->N, l->H, l->W, &task->weights, plan);
        convoy_plan_destroy(second);
    }
    return status;
}

static void *work(void *argument)
{
    size_t round = *(const size_t *)argument;
    for (; !stop && !wrong; round++) {
        const struct task *task = &tasks[round % LAYERS];
        convoy_plan *plan;
        if (get_plan(task, (enum way)(round / LAYERS % WAYS), &plan)) {
            report("a plan could not be made");
            break;
        }
        if (execute(task, plan) != task->digest) {
            report("other bits than at the start");
        }
        convoy_plan_destroy(plan);
        executions++;
    }
    return NULL;
}

static convoy_status make_task(uint64_t *random, struct task *task)
{
    convoy_layer *l = &task->layer;
    convoy_plan *plan;
    random_layer(random, LAYER_MACS, l);
    convoy_status status = convoy_layer_output(l, &task->P, &task->Q);
    status =
        status ? status
               : convoy_tensor_create(CONVOY_FLOAT32, l->layout, l->N, l->C, l->H, l->W, &task->x);
    status = status ? status
                    : convoy_tensor_create(CONVOY_FLOAT32, l->layout, l->N, l->K, task->P, task->Q,
                                           &task->residual);
    status = status ? status
                    : convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, l->K, l->C / l->groups,
                                           l->R, l->S, &task->filter);
    status = status ? status : convoy_tensor_fill_uniform(&task->x, 1, -1, 1);
    status = status ? status : convoy_tensor_fill_uniform(&task->residual, 2, -1, 1);
    status = status ? status : convoy_tensor_fill_uniform(&task->filter, 3, -1, 1);
    task->weights = (convoy_weights){.filter = task->filter.data};
    status = status ? status : get_plan(task, MADE, &plan);
    if (!status) {
        task->digest = execute(task, plan);
        convoy_plan_destroy(plan);
    }
    return status;
}

static void destroy_tasks(void)
{
    for (int i = 0; i < LAYERS; i++) {
        convoy_tensor_destroy(&tasks[i].x);
        convoy_tensor_destroy(&tasks[i].residual);
        convoy_tensor_destroy(&tasks[i].filter);
    }
}

/* What the process holds of the machine's memory. */
static long resident_kib(void)
{
    long pages = 0, resident = 0;
    FILE *stream = fopen("/proc/self/statm", "r");
    if (!stream || fscanf(stream, "%ld %ld", &pages, &resident) != 2) {
        resident = 0;
    }
    if (stream) {
        fclose(stream);
    }
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static double processor_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* Let the threads work for so long. @return executions for a second of processor time */
static double pass(double seconds)
{
    struct timespec time = {(time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds))};
    long before = executions;
    double used = processor_seconds();
    nanosleep(&time, NULL);
    used = processor_seconds() - used;
    return used > 0 ? (double)(executions - before) / used : 0;
}

/* Warm up, then first and last tenth of what is left. @return whether it stayed as it was */
static bool watch(double seconds)
{
    double rest = seconds * (1 - WARM_SHARE);
    pass(seconds * WARM_SHARE);
    long kib = resident_kib(), kib_end;
    double first = pass(rest / 10), last;
    pass(rest * 8 / 10);
    last = pass(rest / 10);
    kib_end = resident_kib();
    printf("%ld executions; %.1f a processor second in the first tenth, %.1f in the last: "
           "%.1f %%\nresident %ld KiB after warming up, %ld KiB at the end\n",
           atomic_load(&executions), first, last, 100 * last / first, kib, kib_end);
    if (seconds >= LONG_SECONDS && kib_end - kib > GROWTH_KIB_MAX) {
        report("the process grew");
    }
    if (seconds >= LONG_SECONDS && last < SPEED_LEAST * first) {
        report("it became slower");
    }
    return !wrong;
}

static bool soak(double seconds, size_t count)
{
    pthread_t threads[THREADS_MAX];
    size_t starts[THREADS_MAX];
    size_t started = 0;
    for (; started < count; started++) {
        starts[started] = started * LAYERS / count;
        if (pthread_create(&threads[started], NULL, work, &starts[started]) != 0) {
            report("a thread could not be started");
            break;
        }
    }
    bool good = watch(seconds);
    stop = true;
    for (size_t i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    return good && !wrong;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 0;
    int threads = argc > 2 ? atoi(argv[2]) : 8;
    uint64_t random = 7;
    if (!(seconds > 0) || threads < 1 || threads > THREADS_MAX || argc > 3) {
        fprintf(stderr, "usage: soak SECONDS [THREADS]\n");
        return 2;
    }
    convoy_status status = convoy_set_allocator(&held_allocator);
    status = status ? status : convoy_cache_create(CACHE_PLANS, &cache);
    for (int i = 0; i < LAYERS && !status; i++) {
        status = make_task(&random, &tasks[i]);
    }
    if (status) {
        fprintf(stderr, "soak: %s\n", convoy_error_detail());
        return 1;
    }
    bool good = soak(seconds, (size_t)threads);
    convoy_cache_destroy(cache);
    destroy_tasks();
    printf("%ld blocks of the library's memory held after all was destroyed\n", atomic_load(&held));
    if (!good || held != 0) {
        fprintf(stderr, "soak: %s\n", wrong ? wrong : "memory was lost");
        return 1;
    }
    return 0;
}
