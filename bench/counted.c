/**
 * @file counted.c
 * The counted kernels are built for this program only (see meson.build) and are in no ISA's name.
 */
#include "bench/counted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/layer_checked.h"
#include "kernels/kernel.h"
#include "plan/algorithms.h"
#include "plan/plan.h"

/* What vf_multiply_add of kernels/simd.h adds to in this build. */
extern _Thread_local int64_t counted_multiply_adds;
_Thread_local int64_t counted_multiply_adds;

extern const struct isa_kernels isa_kernels_counted;

/* The same layer is asked for once for each ISA, layout and number of threads of a run. */
struct memory {
    char key[CONVOY_PROBLEM_SIZE + 64];
    int64_t planned, counted;
};
static struct memory *memories;
static size_t memory_count;

bool counted_sees(const char *name)
{
    const struct algorithm *algorithm;
    return !algorithm_find(name, &algorithm) && !algorithm->portable;
}

static convoy_status run(const convoy_layer *layer, const char *algorithm, const float *filter,
                         const convoy_tensor *x, const convoy_tensor *y, struct memory *memory)
{
    convoy_options options = {.algorithm = algorithm, .threads = 1};
    convoy_plan *plan = NULL;
    convoy_description description;
    void *workspace = NULL;
    convoy_status status = plan_create_on(layer, &(convoy_weights){filter, NULL}, &options,
                                          &isa_kernels_counted, &plan);
    if (status || (status = convoy_plan_describe(plan, &description)) ||
        (status = convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace))) {
        convoy_plan_destroy(plan);
        return status;
    }
    counted_multiply_adds = 0;
    status = convoy_plan_execute(plan, x, y, workspace);
    memory->planned = description.executed_flops;
    memory->counted = 2 * counted_multiply_adds;
    convoy_workspace_destroy(workspace);
    convoy_plan_destroy(plan);
    return status;
}

static convoy_status run_layer(const convoy_layer *layer, const char *algorithm,
                               struct memory *memory)
{
    convoy_tensor filter = {0}, x = {0}, y = {0};
    convoy_status status;
    if ((status = convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, layer->K, layer_Cg(layer),
                                       layer->R, layer->S, &filter)) ||
        (status = convoy_tensor_create(CONVOY_FLOAT32, layer->layout, layer->N, layer->C, layer->H,
                                       layer->W, &x)) ||
        (status = convoy_tensor_create(CONVOY_FLOAT32, layer->layout, layer->N, layer->K,
                                       layer_P(layer), layer_Q(layer), &y))) {
        goto end;
    }
    status = run(layer, algorithm, filter.data, &x, &y, memory);
end:
    convoy_tensor_destroy(&filter);
    convoy_tensor_destroy(&x);
    convoy_tensor_destroy(&y);
    return status;
}

convoy_status counted_run(const convoy_layer *layer, const char *algorithm, int64_t *planned,
                          int64_t *counted)
{
    struct memory made;
    char problem[CONVOY_PROBLEM_SIZE];
    convoy_layer_print(layer, problem, sizeof problem);
    snprintf(made.key, sizeof made.key, "%s %s %s", problem, convoy_layout_name(layer->layout),
             algorithm);
    const struct memory *found = NULL;
    for (size_t i = 0; i < memory_count && !found; i++) {
        found = strcmp(memories[i].key, made.key) == 0 ? &memories[i] : NULL;
    }
    if (!found) {
        convoy_status status = run_layer(layer, algorithm, &made);
        if (status) {
            return status;
        }
        struct memory *grown = realloc(memories, (memory_count + 1) * sizeof *memories);
        if (grown) {
            memories = grown;
            memories[memory_count++] = made;
        }
        found = &made;
    }
    *planned = found->planned;
    *counted = found->counted;
    return CONVOY_OK;
}
