/**
 * @file winograd_scatter.c
 * From products to y: the output transform of each tile, and which pixels of y it writes.
 *
 * NHWC: straight to y. NCHW: a vector of channels of all tiles of a run at a time, as NHWC to a
 * buffer that stays in L1, and from there to y, rows of which the tiles share.
 */
#include "core/arithmetic.h"
#include "kernels/winograd/winograd.h"

/* Rows of y under a run of tiles, and the columns from one of its tiles on. */
static int rows_under(const struct convoy_plan *plan, const struct winograd_block *block,
                      const struct tile_row *run)
{
    int64_t p = winograd_y_of_tile(&block->h, run->phase_h, run->row);
    int64_t left = p < plan->P ? divide_up(plan->P - p, plan->layer.dilation_h) : 0;
    return (int)min64(block->h.m, left);
}

static int64_t columns_from(const struct convoy_plan *plan, const struct winograd_block *block,
                            const struct tile_row *run, int64_t t)
{
    int64_t q = winograd_y_of_tile(&block->w, run->phase_w, run->column + t);
    return q < plan->Q ? divide_up(plan->Q - q, plan->layer.dilation_w) : 0;
}

/* The first pixel of a run of tiles, and channel k of it, in y or in the residual. */
static float *first_of_run(const struct winograd_block *block, const convoy_tensor *tensor,
                           const struct tile_row *run, int64_t k)
{
    int64_t p = winograd_y_of_tile(&block->h, run->phase_h, run->row);
    int64_t q = winograd_y_of_tile(&block->w, run->phase_w, run->column);
    return (float *)tensor->data + run->n * tensor->stride_n + k * tensor->stride_c +
           p * tensor->stride_h + q * tensor->stride_w;
}

/* From what is written of y to what is asked for meanwhile, if it is. */
static ptrdiff_t next_of(const struct convoy_plan *plan, ptrdiff_t next)
{
    return plan->blocking.asks_for_x ? 0 : next;
}

/* The tiles of a run. `result` is that of the first; the others' y lie m columns apart each. */
static void transform_run(const struct convoy_plan *plan, const struct winograd_block *block,
                          const struct tile_row *run, struct winograd_result result)
{
    winograd_output_function *output =
        plan->kernels->winograd_outputs->of_variant[winograd_of(plan)->index];
    for (int64_t t = 0; t < run->count; t++) {
        result.columns = (int)min64(block->w.m, columns_from(plan, block, run, t));
        result.next = t + 1 < run->count ? result.next : 0;
        output(&result);
        result.products += block->m_row;
        result.y += block->w.m * result.stride_w;
        if (result.residual) {
            result.residual += block->w.m * result.residual_stride_w;
        }
    }
}

static void scatter_nhwc(const struct convoy_plan *plan, const struct operands *operands,
                         const struct winograd_block *block, const struct winograd_k_block *k_block,
                         const struct tile_row *run, const float *products,
                         const struct tile_epilogue *epilogue)
{
    const convoy_layer *l = &plan->layer;
    const convoy_tensor *y = operands->y, *residual = operands->residual;
    struct winograd_result result = {
        .products = products,
        .stream_stride = block->m_stride,
        .y = first_of_run(block, y, run, k_block->k),
        .stride_h = y->stride_h * l->dilation_h,
        .stride_w = y->stride_w * l->dilation_w,
        .next = next_of(plan, block->w.m * y->stride_w * l->dilation_w),
        .rows = rows_under(plan, block, run),
        .channels = k_block->channels,
        .epilogue = epilogue,
    };
    if (residual) {
        result.residual = first_of_run(block, residual, run, k_block->k);
        result.residual_stride_h = residual->stride_h * l->dilation_h;
        result.residual_stride_w = residual->stride_w * l->dilation_w;
    }
    transform_run(plan, block, run, result);
}

/* What lies in block->result, `channels` channels from k on, to y. */
static void store_run(const struct convoy_plan *plan, const struct operands *operands,
                      const struct winograd_block *block, const struct tile_row *run, int64_t k,
                      int channels, const struct tile_epilogue *epilogue)
{
    const convoy_layer *l = &plan->layer;
    const convoy_tensor *y = operands->y, *residual = operands->residual;
    int64_t floats = plan->kernels->vector_floats, width = run->count * block->w.m;
    const int rows = rows_under(plan, block, run);
    const ptrdiff_t y_row = l->dilation_h * y->stride_h;
    const ptrdiff_t residual_row = residual ? l->dilation_h * residual->stride_h : 0;
    struct transposed_store store = {
        .sums = block->result,
        .sums_stride = floats,
        .y = first_of_run(block, y, run, k),
        .y_stride = y->stride_c,
        .residual = residual ? first_of_run(block, residual, run, k) : NULL,
        .residual_stride = residual ? residual->stride_c : 0,
        .column = l->dilation_w,
        .channels = channels,
        .pixels = min64(width, columns_from(plan, block, run, 0)),
        .epilogue = epilogue,
    };
    for (int i = 0; i < rows; i++) {
        store.next = i + 1 < rows ? next_of(plan, y_row) : 0;
        plan->kernels->store_transposed(&store);
        store.sums += width * floats;
        store.y += y_row;
        store.residual = residual ? store.residual + residual_row : NULL;
    }
}

static void scatter_nchw(const struct convoy_plan *plan, const struct operands *operands,
                         const struct winograd_block *block, const struct winograd_k_block *k_block,
                         const struct tile_row *run, const float *products,
                         const struct tile_epilogue *epilogue)
{
    static const struct tile_epilogue none = {0};
    int floats = plan->kernels->vector_floats;
    struct winograd_result result = {
        .stream_stride = block->m_stride,
        .y = block->result,
        .stride_h = run->count * block->w.m * floats,
        .stride_w = floats,
        .rows = rows_under(plan, block, run),
        .epilogue = &none,
    };
    struct tile_epilogue of_vector = *epilogue;
    for (int k = 0; k < k_block->channels; k += floats) {
        result.channels = (int)min64(floats, k_block->channels - k);
        result.products = products + k;
        transform_run(plan, block, run, result);
        of_vector.bias = epilogue->bias ? epilogue->bias + k : NULL;
        store_run(plan, operands, block, run, k_block->k + k, result.channels, &of_vector);
    }
}

void winograd_scatter(const struct convoy_plan *plan, const struct operands *operands,
                      const struct winograd_block *block, const struct winograd_k_block *k_block,
                      int64_t tile, int64_t end, const struct tile_epilogue *epilogue)
{
    struct winograd_grid grid = winograd_grid(plan);
    const float *products = block->products;
    while (tile < end) {
        struct tile_row run = winograd_tile_row(&grid, tile, end);
        if (plan->layer.layout == CONVOY_NHWC) {
            scatter_nhwc(plan, operands, block, k_block, &run, products, epilogue);
        } else {
            scatter_nchw(plan, operands, block, k_block, &run, products, epilogue);
        }
        products += run.count * block->m_row;
        tile += run.count;
    }
}
