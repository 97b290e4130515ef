/**
 * @file winograd_ahead.c
 * Which rows of x and y a block will want next.
 */
#include "kernels/winograd/winograd_ahead.h"

#include "core/arithmetic.h"
#include "core/cpu.h"

/* The steps of an area in pieces of equal size. */
static void ahead_add(struct ahead *ahead, struct ahead_area area)
{
    if (ahead->count < AHEAD_AREAS_MAX && area.rows > 0 && area.steps > 0 && area.floats > 0) {
        int64_t lines = area.rows * divide_up(area.floats, ahead->floats);
        int64_t pieces = divide_up(area.steps, ahead->steps);
        area.piece = divide_up(area.steps, pieces);
        ahead->areas[ahead->count++] = area;
        ahead->pieces += lines * pieces;
        ahead->bytes += lines * area.steps * ahead->floats * 4;
    }
}

static struct tile_ahead take_piece(struct ahead *ahead)
{
    const struct ahead_area *area = &ahead->areas[ahead->count - 1];
    struct tile_ahead piece = {
        .from = area->from + ahead->row * area->row_stride + ahead->step * area->step_stride +
                ahead->first,
        .stride = area->step_stride,
        .steps = min64(area->piece, area->steps - ahead->step),
        .most = ahead->most,
    };
    ahead->step += area->piece;
    if (ahead->step >= area->steps) {
        ahead->step = 0;
        ahead->first += ahead->floats;
    }
    if (ahead->first >= area->floats) {
        ahead->first = 0;
        ahead->row++;
    }
    if (ahead->row == area->rows) {
        ahead->row = 0;
        ahead->count--;
    }
    return piece;
}

int ahead_next(struct ahead *ahead, int tiles, struct tile_ahead *asks)
{
    int count = 0;
    ahead->due += ahead->pieces * tiles;
    while (ahead->count > 0 && count < tiles && ahead->due >= ahead->calls) {
        asks[count++] = take_piece(ahead);
        ahead->due -= ahead->calls;
    }
    return count;
}

/* y of a block of channels under a run of tiles. */
static void add_y(const struct convoy_plan *plan, const convoy_tensor *y,
                  const struct winograd_block *block, const struct winograd_k_block *k_block,
                  const struct tile_row *run, struct ahead *ahead)
{
    int64_t p = winograd_y_of_tile(&block->h, 0, run->row);
    int64_t q = winograd_y_of_tile(&block->w, 0, run->column);
    int64_t columns = min64(run->count * block->w.m, plan->Q - q);
    struct ahead_area area = {
        .from = (const float *)y->data + run->n * y->stride_n + p * y->stride_h + q * y->stride_w +
                k_block->k * y->stride_c,
        .rows = min64(block->h.m, plan->P - p),
        .row_stride = y->stride_h,
    };
    if (plan->layer.layout == CONVOY_NHWC) {
        area.steps = columns;
        area.step_stride = y->stride_w;
        area.floats = k_block->channels;
    } else {
        area.steps = k_block->channels;
        area.step_stride = y->stride_c;
        area.floats = columns;
    }
    ahead_add(ahead, area);
}

/* x under a run of tiles. */
static void add_x(const struct convoy_plan *plan, const convoy_tensor *x,
                  const struct winograd_block *block, const struct tile_row *run,
                  struct ahead *ahead)
{
    const convoy_layer *l = &plan->layer;
    int64_t h = winograd_x_of_tile(&block->h, 0, run->row);
    int64_t w = winograd_x_of_tile(&block->w, 0, run->column);
    int64_t top = max64(h, 0), left = max64(w, 0);
    int64_t columns = min64(w + winograd_columns_under(&block->w, run->count), l->W) - left;
    struct ahead_area area = {
        .from =
            (const float *)x->data + run->n * x->stride_n + top * x->stride_h + left * x->stride_w,
        .rows = min64(h + winograd_rows_under(&block->h, 1), l->H) - top,
        .row_stride = x->stride_h,
    };
    if (l->layout == CONVOY_NHWC) {
        area.steps = divide_up(columns * x->stride_w, ahead->floats);
        area.step_stride = area.floats = ahead->floats;
    } else {
        area.steps = l->C;
        area.step_stride = x->stride_c;
        area.floats = columns;
    }
    ahead_add(ahead, area);
}

void ahead_fill(const struct convoy_plan *plan, const struct operands *operands,
                const struct winograd_block *block, const struct winograd_k_block *k_block,
                int64_t tile, int64_t end, bool last, int64_t calls, int64_t depth,
                struct ahead *ahead)
{
    struct winograd_grid grid = winograd_grid(plan);
    ahead->count = 0;
    ahead->row = ahead->first = ahead->step = ahead->pieces = ahead->bytes = ahead->due = 0;
    ahead->steps = max64(1, depth / 2);
    const struct tile_sums *sums = plan->kernels->tile_sums;
    ahead->floats = sums->ahead_most;
    ahead->most = ahead->floats > sums->ahead_floats;
    ahead->calls = calls;
    if (!plan->blocking.asks_for_x || plan->layer.dilation_h > 1 || plan->layer.dilation_w > 1) {
        return;
    }
    int64_t x_end = last ? min64(grid.tiles, 2 * end - tile) : end;
    for (int64_t t = end; t < x_end;) {
        struct tile_row run = winograd_tile_row(&grid, t, x_end);
        add_x(plan, operands->x, block, &run, ahead);
        t += run.count;
    }
    for (int64_t t = tile; t < end;) {
        struct tile_row run = winograd_tile_row(&grid, t, end);
        add_y(plan, operands->y, block, k_block, &run, ahead);
        t += run.count;
    }
    if (ahead->bytes > 2 * (int64_t)cpu_l2_bytes()) {
        ahead->count = 0;
    }
}
