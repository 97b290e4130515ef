/**
 * @file execute.c
 * The border of execution: tensors and workspace are checked here, then the algorithm runs.
 */
#include "plan/execute.h"

#include <inttypes.h>
#include <stdlib.h>

#include "core/arithmetic.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/tensor_checked.h"
#include "plan/forked.h"
#include "plan/verbose.h"

static convoy_status check_shape(const convoy_tensor *tensor, const char *what, int64_t N,
                                 int64_t C, int64_t H, int64_t W)
{
    if (tensor->N != N || tensor->C != C || tensor->H != H || tensor->W != W) {
        return fail(CONVOY_ERROR_SHAPE,
                    "%s has N C H W of %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
                    "; the layer needs %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64,
                    what, tensor->N, tensor->C, tensor->H, tensor->W, N, C, H, W);
    }
    return CONVOY_OK;
}

static convoy_status check_layout(const convoy_tensor *tensor, const char *what,
                                  convoy_layout layout)
{
    int64_t inner = layout == CONVOY_NHWC ? tensor->stride_c : tensor->stride_w;
    if (tensor->layout != layout) {
        return fail(CONVOY_ERROR_LAYOUT, "%s is %s; the plan's layer is %s", what,
                    convoy_layout_name(tensor->layout), convoy_layout_name(layout));
    }
    if (inner != 1) {
        return fail(CONVOY_ERROR_LAYOUT, "%s has a %s of %" PRId64 "; in %s it must be 1", what,
                    layout == CONVOY_NHWC ? "stride_c" : "stride_w", inner,
                    convoy_layout_name(layout));
    }
    return CONVOY_OK;
}

struct axis {
    int64_t stride, extent;
};

static int by_stride(const void *a, const void *b)
{
    int64_t s = ((const struct axis *)a)->stride, t = ((const struct axis *)b)->stride;
    return (s > t) - (s < t);
}

/* Threads write the elements of y in any order: no two may be one place in memory. That is so when
   each stride steps over all that lies below it. */
static convoy_status check_nested(const convoy_tensor *y)
{
    struct axis axes[] = {
        {y->stride_n, y->N}, {y->stride_c, y->C}, {y->stride_h, y->H}, {y->stride_w, y->W}};
    int64_t reach = 0;

    qsort(axes, 4, sizeof axes[0], by_stride);
    for (int i = 0; i < 4; i++) {
        if (axes[i].extent == 1) {
            continue;
        }
        if (axes[i].stride <= reach) {
            return fail(CONVOY_ERROR_LAYOUT,
                        "the output y overlaps itself: a stride of %" PRId64
                        " does not step over the %" PRId64 " elements below it",
                        axes[i].stride, reach + 1);
        }
        reach += (axes[i].extent - 1) * axes[i].stride;
    }
    return CONVOY_OK;
}

convoy_status plan_check_x(const struct convoy_plan *plan, const convoy_tensor *x)
{
    const convoy_layer *layer = &plan->layer;
    convoy_status status = tensor_check(x, "the input x");
    status =
        status ? status : check_shape(x, "the input x", layer->N, layer->C, layer->H, layer->W);
    status = status ? status : check_layout(x, "the input x", layer->layout);
    if (!status && x->type != CONVOY_FLOAT32) {
        return fail(CONVOY_ERROR_TYPE, "the input x is %s; it must be f32",
                    convoy_type_name(x->type));
    }
    return status;
}

convoy_status plan_check_y(const struct convoy_plan *plan, const convoy_tensor *y)
{
    const convoy_layer *layer = &plan->layer;
    convoy_status status = tensor_check_writable(y, "the output y");
    status = status ? status : check_shape(y, "the output y", layer->N, layer->K, plan->P, plan->Q);
    status = status ? status : check_layout(y, "the output y", layer->layout);
    if (!status && y->type != CONVOY_FLOAT32 && plan->algorithm != &algorithm_reference) {
        return fail(CONVOY_ERROR_TYPE,
                    "the output y is %s; it must be f32 with the algorithm %s, and may be f64 with "
                    "reference only",
                    convoy_type_name(y->type), plan->algorithm->name);
    }
    return status ? status : check_nested(y);
}

/* The same elements at the same places: each is read before it is written. */
static bool same_view(const convoy_tensor *a, const convoy_tensor *b)
{
    return a->data == b->data && a->type == b->type && a->stride_n == b->stride_n &&
           a->stride_c == b->stride_c && a->stride_h == b->stride_h && a->stride_w == b->stride_w;
}

static convoy_status check_residual(const struct convoy_plan *plan, const convoy_tensor *residual,
                                    const convoy_tensor *y)
{
    const convoy_layer *layer = &plan->layer;
    convoy_status status = tensor_check(residual, "the residual");
    status = status ? status
                    : check_shape(residual, "the residual", layer->N, layer->K, plan->P, plan->Q);
    status = status ? status : check_layout(residual, "the residual", layer->layout);
    if (!status && residual->type != CONVOY_FLOAT32) {
        return fail(CONVOY_ERROR_TYPE, "the residual is %s; it must be f32",
                    convoy_type_name(residual->type));
    }
    if (!status && !same_view(residual, y) && tensors_overlap(residual, y)) {
        return fail(CONVOY_ERROR_OVERLAP,
                    "the residual shares memory with the output y; it must lie apart from it or "
                    "be the very same view");
    }
    return status;
}

bool tensor_meets(const convoy_tensor *t, const void *begin, size_t bytes)
{
    int64_t last = (t->N - 1) * t->stride_n + (t->C - 1) * t->stride_c + (t->H - 1) * t->stride_h +
                   (t->W - 1) * t->stride_w;
    uintptr_t data = (uintptr_t)t->data, start = (uintptr_t)begin;
    return data < start + bytes && start < data + (size_t)(last + 1) * type_bytes(t->type);
}

static convoy_status check_workspace(const struct convoy_plan *plan,
                                     const struct operands *operands)
{
    const void *begin = operands->workspace;
    size_t bytes = plan->workspace_bytes;
    if (bytes == 0) {
        return CONVOY_OK;
    }
    if (begin == NULL) {
        return fail(CONVOY_ERROR_NULL, "the workspace is NULL; the plan needs %zu bytes", bytes);
    }
    if ((uintptr_t)begin % CONVOY_ALIGNMENT != 0) {
        return fail(CONVOY_ERROR_ALIGNMENT,
                    "the workspace at %p is not aligned to %d bytes; one of "
                    "convoy_workspace_create is",
                    begin, CONVOY_ALIGNMENT);
    }
    if (tensor_meets(operands->x, begin, bytes) || tensor_meets(operands->y, begin, bytes) ||
        (operands->residual && tensor_meets(operands->residual, begin, bytes))) {
        return fail(CONVOY_ERROR_OVERLAP,
                    "the workspace lies among the elements of a tensor; it must lie apart");
    }
    return CONVOY_OK;
}

/* Along an extent of 1 no step is taken, so that any number may be its stride: algorithms get none
   that their arithmetic could overflow with. */
static int64_t tame(int64_t extent, int64_t stride)
{
    return extent == 1 ? min64(stride, (int64_t)1 << 31) : stride;
}

static convoy_tensor tame_strides(const convoy_tensor *tensor)
{
    convoy_tensor tamed = *tensor;
    tamed.stride_n = tame(tensor->N, tensor->stride_n);
    tamed.stride_c = tame(tensor->C, tensor->stride_c);
    tamed.stride_h = tame(tensor->H, tensor->stride_h);
    tamed.stride_w = tame(tensor->W, tensor->stride_w);
    return tamed;
}

static void run(const convoy_plan *plan, const struct operands *operands)
{
    const convoy_tensor x = tame_strides(operands->x), y = tame_strides(operands->y);
    const convoy_tensor residual = tame_strides(operands->residual ? operands->residual : &y);
    const struct operands tamed = {.x = &x,
                                   .residual = operands->residual ? &residual : NULL,
                                   .y = &y,
                                   .workspace = operands->workspace};
    double started = verbose() ? clock_seconds() : 0;
    int entered = forked_enter(plan->threads);
    plan->algorithm->execute(plan, &tamed);
    forked_leave(entered);
    if (verbose()) {
        verbose_report("execute", plan, clock_seconds() - started);
    }
}

static convoy_status execute(const convoy_plan *plan, const struct operands *operands)
{
    convoy_status status = plan_check_x(plan, operands->x);
    if (status || (status = plan_check_y(plan, operands->y))) {
        return status;
    }
    if (plan->layer.epilogue.residual &&
        (status = check_residual(plan, operands->residual, operands->y))) {
        return status;
    }
    if (tensors_overlap(operands->x, operands->y)) {
        return fail(CONVOY_ERROR_OVERLAP,
                    "the output y shares memory with the input x; it must lie apart from it");
    }
    status = check_workspace(plan, operands);
    if (!status) {
        run(plan, operands);
    }
    return status;
}

convoy_status convoy_plan_execute(const convoy_plan *plan, const convoy_tensor *x,
                                  const convoy_tensor *y, void *workspace)
{
    if (plan == NULL) {
        return fail(CONVOY_ERROR_NULL, "the plan is NULL");
    }
    if (plan->layer.epilogue.residual) {
        return fail(CONVOY_ERROR_ARGUMENT,
                    "the plan's layer has a residual: use convoy_plan_execute_residual");
    }
    return execute(plan, &(struct operands){.x = x, .y = y, .workspace = workspace});
}

convoy_status convoy_plan_execute_residual(const convoy_plan *plan, const convoy_tensor *x,
                                           const convoy_tensor *residual, const convoy_tensor *y,
                                           void *workspace)
{
    if (plan == NULL) {
        return fail(CONVOY_ERROR_NULL, "the plan is NULL");
    }
    if (!plan->layer.epilogue.residual) {
        return fail(CONVOY_ERROR_ARGUMENT,
                    "the plan's layer has no residual: use convoy_plan_execute");
    }
    return execute(
        plan, &(struct operands){.x = x, .residual = residual, .y = y, .workspace = workspace});
}
