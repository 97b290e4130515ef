/**
 * @file verify.c
 * The loop over fillings, layouts, algorithms, ISAs and thread counts.
 */
#include "verify/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify/filling.h"
#include "verify/guarded.h"
#include "verify/pages.h"
#include "verify/trap.h"

/* The options with nothing left open, and what all cases share. */
struct run {
    struct verify_options options;
    convoy_layer layer;
    int64_t P, Q;
    convoy_isa isas[CONVOY_ISA_COUNT];
    struct filling filling;
    struct guarded x, residual, y, filter, bias;
    uint64_t x_digest;
    struct verify_result *result;
    struct trap trap;
};

int verify_case_print(const struct verify_case *which, char *text, size_t size)
{
    return snprintf(text, size, "%s %s %s %d thread%s", which->algorithm,
                    convoy_isa_name(which->isa), convoy_layout_name(which->layout), which->threads,
                    which->threads == 1 ? "" : "s");
}

/* A case has failed; the first one's sentence is kept. */
__attribute__((format(printf, 3, 4))) static void
report(struct run *run, const struct verify_case *which, const char *format, ...)
{
    struct verify_result *result = run->result;
    va_list arguments;
    result->failed++;
    if (result->first_failed.algorithm) {
        return;
    }
    result->first_failed = *which;
    int length = verify_case_print(which, result->failure, sizeof result->failure);
    length += snprintf(result->failure + length, sizeof result->failure - (size_t)length,
                       ", %s: ", filling_name(run->filling.kind));
    va_start(arguments, format);
    vsnprintf(result->failure + length, sizeof result->failure - (size_t)length, format, arguments);
    va_end(arguments);
}

/* The weights in guards, for as long as the plan is created; after, nobody may need them. */
static convoy_status create_plan(struct run *run, const struct verify_case *which,
                                 convoy_plan **plan)
{
    const struct filling *filling = &run->filling;
    convoy_options options = {
        .algorithm = which->algorithm, .isa = which->isa, .threads = which->threads};
    convoy_weights weights = {run->filter.tensor.data,
                              filling->bias ? run->bias.tensor.data : NULL};
    const convoy_tensor *f = &run->filter.tensor;
    memcpy(f->data, filling->filter, (size_t)(f->N * f->stride_n) * sizeof(float));
    if (filling->bias) {
        memcpy(run->bias.tensor.data, filling->bias, (size_t)run->layer.K * sizeof(float));
    }
    convoy_status status = run->options.create(&run->layer, &weights, &options, plan);
    if (status) {
        return status;
    }
    if (memcmp(f->data, filling->filter, (size_t)(f->N * f->stride_n) * sizeof(float)) != 0) {
        report(run, which, "creating the plan changed the filter");
    }
    if (!guarded_gaps_intact(&run->filter) || !guarded_gaps_intact(&run->bias)) {
        report(run, which, "creating the plan wrote beside the filter or the bias");
    }
    return CONVOY_OK;
}

/* Run the plan once; with in_place, the residual lies in y. */
static convoy_status execute(struct run *run, const struct verify_case *which,
                             const convoy_plan *plan, bool in_place)
{
    size_t bytes = convoy_plan_workspace_bytes(plan);
    void *workspace = bytes ? pages_allocate(bytes, CONVOY_ALIGNMENT) : NULL;
    bool has_residual = run->layer.epilogue.residual;
    const convoy_tensor *residual = in_place ? &run->y.tensor : &run->residual.tensor;
    convoy_status status = CONVOY_OK;
    if (bytes && !workspace) {
        return CONVOY_ERROR_MEMORY;
    }
    guarded_poison(&run->y);
    if (has_residual) {
        status = filling_residual(&run->filling, residual);
    }
    if (!status) {
        const convoy_tensor *x = &run->x.tensor, *y = &run->y.tensor;
        status = has_residual ? convoy_plan_execute_residual(plan, x, residual, y, workspace)
                              : convoy_plan_execute(plan, x, y, workspace);
    }
    if (!status && workspace && !pages_intact(workspace)) {
        report(run, which, "it wrote beside the workspace");
    }
    pages_release(workspace);
    return status;
}

static void compare(struct run *run, const struct verify_case *which, double error_bound,
                    bool equal)
{
    struct verify_result *result = run->result;
    struct agreement a = filling_compare(&run->filling, &run->y.tensor, equal, error_bound);
    if (a.fraction > result->worst_fraction) {
        result->worst_fraction = a.fraction;
        result->worst = *which;
    }
    if (a.bad) {
        report(run, which,
               "y[n=%" PRId64 "][k=%" PRId64 "][p=%" PRId64 "][q=%" PRId64 "] is %.9g, exactly it "
               "is %.9g, allowed are %.3g; %" PRId64 " of %" PRId64 " outputs are wrong",
               a.first[0], a.first[1], a.first[2], a.first[3], a.actual, a.wanted, a.allowed, a.bad,
               run->layer.N * run->layer.K * run->P * run->Q);
    }
}

/* One case: plan, execution, comparison, guards. *digest: of the result with the first number of
   threads. */
static convoy_status run_case(struct run *run, const struct verify_case *which, bool equal,
                              bool first, uint64_t *digest)
{
    convoy_plan *plan = NULL;
    convoy_description description;
    int64_t failed = run->result->failed;
    convoy_status status = create_plan(run, which, &plan);
    status = status ? status : convoy_plan_describe(plan, &description);
    /* Later runs also try the residual in y itself. */
    status = status ? status : execute(run, which, plan, !first);
    if (!status) {
        uint64_t bits = guarded_digest(&run->y);
        compare(run, which, description.error_bound, equal);
        if (first) {
            *digest = bits;
        } else if (bits != *digest) {
            report(run, which, "the bits differ from those with %d thread%s",
                   run->options.threads[0], run->options.threads[0] == 1 ? "" : "s");
        }
        if (!guarded_gaps_intact(&run->y)) {
            report(run, which, "it wrote beside y");
        }
        if (guarded_digest(&run->x) != run->x_digest) {
            report(run, which, "it changed x");
        }
        run->result->cases++;
    }
    pages_spoilt();
    convoy_plan_destroy(plan);
    if (pages_spoilt()) {
        report(run, which, "it wrote beside the packed weights, the bias or the plan");
    }
    /* However much is wrong with it, it is one case. */
    run->result->failed = run->result->failed > failed ? failed + 1 : failed;
    return status;
}

/* All thread counts of one algorithm on one ISA. */
static convoy_status run_algorithm(struct run *run, const char *name, convoy_isa isa,
                                   bool transforms)
{
    const struct verify_options *o = &run->options;
    bool equal = run->filling.exact && !transforms;
    uint64_t digest = 0;
    for (size_t t = 0; t < o->thread_count; t++) {
        struct verify_case which = {name, isa, run->layer.layout, o->threads[t]};
        verify_case_print(&which, run->trap.what, sizeof run->trap.what);
        convoy_status status = run_case(run, &which, equal, t == 0, &digest);
        if (status) {
            return status;
        }
    }
    return CONVOY_OK;
}

/* Does the algorithm transform its operands, so that integers do not stay exact? Those are the
   ones that a strict tolerance excludes. */
static bool transforms(const convoy_layer *layer, const char *name,
                       convoy_description *descriptions)
{
    convoy_options options = {.algorithm = name, .tolerance = CONVOY_TOLERANCE_STRICT};
    return convoy_layer_explain(layer, &options, descriptions) == CONVOY_ERROR_TOLERANCE;
}

static const convoy_description *find(const convoy_description *descriptions, const char *name)
{
    for (size_t i = 0; i < convoy_algorithm_count(); i++) {
        if (strcmp(descriptions[i].algorithm, name) == 0) {
            return &descriptions[i];
        }
    }
    return NULL;
}

/* All algorithms on one ISA; on the first also those that have no kernels for it. */
static convoy_status run_isa(struct run *run, size_t index, convoy_description *descriptions)
{
    const struct verify_options *o = &run->options;
    convoy_isa isa = o->isas[index] == CONVOY_ISA_BEST ? convoy_isa_best() : o->isas[index];
    convoy_options options = {.isa = isa};
    convoy_description *strict = descriptions + convoy_algorithm_count();
    convoy_status status = convoy_layer_explain(&run->layer, &options, descriptions);
    for (size_t i = 0; !status && i < o->algorithm_count; i++) {
        const char *name = o->algorithms[i];
        const convoy_description *found = find(descriptions, name);
        if (found && found->reason) {
            run->result->not_applied += index == 0;
        } else if (!found || found->isa == isa || index == 0) {
            status = run_algorithm(run, name, isa, transforms(&run->layer, name, strict));
        }
    }
    return status;
}

static convoy_status run_algorithms(struct run *run)
{
    convoy_description *descriptions = malloc(2 * convoy_algorithm_count() * sizeof *descriptions);
    convoy_status status = descriptions ? CONVOY_OK : CONVOY_ERROR_MEMORY;
    for (size_t i = 0; !status && i < run->options.isa_count; i++) {
        status = run_isa(run, i, descriptions);
    }
    free(descriptions);
    return status;
}

static void destroy_operands(struct run *run)
{
    guarded_destroy(&run->x);
    guarded_destroy(&run->residual);
    guarded_destroy(&run->y);
    guarded_destroy(&run->filter);
    guarded_destroy(&run->bias);
}

static convoy_status run_layout(struct run *run, convoy_layout layout)
{
    convoy_layer *l = &run->layer;
    bool gaps = !run->options.dense;
    l->layout = layout;
    convoy_status status = guarded_create(layout, l->N, l->C, l->H, l->W, gaps, &run->x);
    status = status ? status : guarded_create(layout, l->N, l->K, run->P, run->Q, gaps, &run->y);
    if (!status && l->epilogue.residual) {
        status = guarded_create(layout, l->N, l->K, run->P, run->Q, gaps, &run->residual);
    }
    if (!status) {
        status =
            guarded_create(CONVOY_NCHW, l->K, l->C / l->groups, l->R, l->S, false, &run->filter);
    }
    status = status ? status : guarded_create(CONVOY_NCHW, l->K, 1, 1, 1, false, &run->bias);
    status = status ? status : filling_input(&run->filling, &run->x.tensor);
    if (!status) {
        run->x_digest = guarded_digest(&run->x);
        status = run_algorithms(run);
    }
    destroy_operands(run);
    return status;
}

/* Fill in what was left open. */
static void complete(struct run *run, const char **names)
{
    static const convoy_layout both[] = {CONVOY_NCHW, CONVOY_NHWC};
    static const int one_and_two[] = {1, 2};
    struct verify_options *o = &run->options;
    o->create = o->create ? o->create : convoy_plan_create;
    if (o->layout_count == 0) {
        o->layouts = both;
        o->layout_count = 2;
    }
    if (o->thread_count == 0) {
        o->threads = one_and_two;
        o->thread_count = 2;
    }
    if (o->isa_count == 0) {
        o->isas = run->isas;
        for (int isa = CONVOY_ISA_PORTABLE; isa < CONVOY_ISA_COUNT; isa++) {
            if (convoy_isa_usable((convoy_isa)isa)) {
                run->isas[o->isa_count++] = (convoy_isa)isa;
            }
        }
    }
    if (o->algorithm_count == 0) {
        o->algorithms = names;
        o->algorithm_count = convoy_algorithm_count();
        for (size_t i = 0; i < o->algorithm_count; i++) {
            names[i] = convoy_algorithm_name(i);
        }
    }
}

convoy_status verify_layer(const convoy_layer *layer, const struct verify_options *options,
                           struct verify_result *result)
{
    struct run run = {.result = result};
    const char **names = malloc(convoy_algorithm_count() * sizeof *names);
    *result = (struct verify_result){0};
    if (!names) {
        return CONVOY_ERROR_MEMORY;
    }
    trap_set(&run.trap, layer, options ? options->seed : 0);
    convoy_status status = convoy_layer_output(layer, &run.P, &run.Q);
    if (!status) {
        run.layer = *layer;
        run.options = options ? *options : (struct verify_options){0};
        complete(&run, names);
    }
    for (int kind = 0; !status && kind < FILLING_COUNT; kind++) {
        pages_place(kind == FILLING_UNIFORM ? PAGES_FIRST_BYTE : PAGES_LAST_BYTE);
        status = filling_create(layer, (enum filling_kind)kind, run.options.seed,
                                !run.options.no_bias, &run.filling);
        for (size_t i = 0; !status && i < run.options.layout_count; i++) {
            status = run_layout(&run, run.options.layouts[i]);
        }
        filling_destroy(&run.filling);
    }
    trap_remove(&run.trap);
    free(names);
    return status;
}
