/**
 * @file run.h
 * Running cases: buffers, plans, cold copies, the timed loop, counters.
 */
#ifndef CONVOY_BENCH_RUN_H
#define CONVOY_BENCH_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/gbench.h"
#include "bench/machine_limits.h"
#include "bench/oracle.h"
#include "bench/progress.h"
#include "bench/samples.h"
#include "bench/select.h"
#include "bench/stages.h"

/* What is shared by all cases of a layer and layout; only the last one used is kept. */
struct layer_data {
    convoy_layer layer;
    bool ready;
    float *filter;   /* [K][C/groups][R][S] */
    convoy_tensor x; /* of the layout, random */
    struct oracle oracle;
    double bound_scale;
};

/* A case that is ready to run. */
struct prepared {
    const struct bench_case *of; /* NULL: nothing is prepared */
    convoy_plan **plans;         /* copies with weights of their own; [0] always */
    convoy_tensor *x, *y;        /* copies */
    size_t plan_copies, x_copies;
    void *workspace;
    convoy_description description;
    double create_seconds;
    bool compared;
    struct oracle_error error;
    /* One call of the last timed loop, by clocks inside and outside of it; 0: none yet */
    double inner_seconds, outer_seconds;
    /* One call of the layer, and of it with four times the batch, on one thread; 0: not measured */
    double batch1_seconds, batch4_seconds;
    double shares[STAGES]; /* with --stages, of Winograd; their sum is 1. Else 0 */
};

struct runner {
    const struct limits *limits;
    enum cache_mode cache;
    bool check;  /* measure what --check needs beside the time */
    bool stages; /* measure the shares of the stages */
    struct layer_data data;
    struct prepared prepared;
    struct samples samples;
    struct progress progress;
    const struct bench_case *current; /* what progress was told last */
    struct run_context *contexts;     /* of the registered callbacks; owned */
};

/** Seconds that a case takes with its preparation, as guessed before. */
double case_seconds(const struct bench_case *c, const struct options *options);

void runner_begin(struct runner *runner, const struct limits *limits,
                  const struct options *options);
void runner_end(struct runner *runner);

/** Make the plan, the buffers and the oracle of a case; nothing is done when it is the last one. */
convoy_status runner_prepare(struct runner *runner, const struct bench_case *c);
/** One call on copy number `turn` modulo the copies. */
convoy_status runner_call(const struct prepared *prepared, size_t turn);
/** Compare the outputs of the last call on copy 0, and keep the worst of all comparisons. */
void runner_compare(struct runner *runner);

/** Register all cases with gbench; selection and runner must outlive gbench_run. */
convoy_status runner_register(struct runner *runner, const struct selection *selection);

/** Ctrl-C was pressed: what is measured so far is kept, the rest is skipped. */
bool interrupted(void);
void interrupt_install(void);

/** The reason that gbench_skip has for lines that Ctrl-C prevented. */
#define INTERRUPTED "interrupted"

#endif
