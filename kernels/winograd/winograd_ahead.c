/**
 * @file winograd_ahead.c
 * Which rows of x and y a block will want next.
 */
#include "kernels/winograd/winograd_ahead.h"

#include "core/arithmetic.h"
#include "core/cpu.h"

static void ahead_add(struct ahead *ahead, const float *from, int64_t floats)
{
    ahead->rows[ahead->count].from = from;
    ahead->rows[ahead->count++].end = from + floats;
}

const float *ahead_next(struct ahead *ahead, int64_t floats)
{
    if (ahead->count == 0) {
        return NULL;
    }
    const float *from = ahead->rows[ahead->count - 1].from;
    ahead->rows[ahead->count - 1].from += floats;
    if (ahead->rows[ahead->count - 1].from >= ahead->rows[ahead->count - 1].end) {
        ahead->count--;
    }
    return from;
}

/* NHWC: x of the block that follows, and y of this one, if together they are small beside L2. */
void ahead_fill(const struct convoy_plan *plan, const struct operands *operands,
                const struct winograd_block *block, int64_t tile, int64_t end, struct ahead *ahead)
{
    const convoy_layer *l = &plan->layer;
    const struct winograd_axis *h = &block->h, *w = &block->w;
    const convoy_tensor *x = operands->x, *y = operands->y;
    struct winograd_grid grid = winograd_grid(plan);
    ahead->count = 0;
    if (l->layout != CONVOY_NHWC || l->dilation_h > 1 || l->dilation_w > 1) {
        return;
    }
    int64_t x_rows = winograd_rows_under(h, 1);
    int64_t x_floats = x_rows * winograd_rows_under(w, end - tile) * l->C;
    int64_t y_floats = h->m * (end - tile) * w->m * l->K;
    if (x_rows + h->m > AHEAD_ROWS_MAX || 4 * (x_floats + y_floats) > (int64_t)cpu_l2_bytes() / 3) {
        return;
    }
    struct tile_row run = winograd_tile_row(&grid, tile, end);
    for (int64_t p = run.row * h->m; p < min64((run.row + 1) * h->m, plan->P); p++) {
        int64_t q = run.column * w->m;
        ahead_add(ahead,
                  (const float *)y->data + run.n * y->stride_n + p * y->stride_h + q * y->stride_w,
                  min64(run.count * w->m, plan->Q - q) * y->stride_w);
    }
    if (end >= grid.tiles) {
        return;
    }
    run = winograd_tile_row(&grid, end, min64(grid.tiles, 2 * end - tile));
    int64_t first = winograd_x_of_tile(h, 0, run.row);
    int64_t left = max64(0, winograd_x_of_tile(w, 0, run.column));
    int64_t columns = min64(winograd_rows_under(w, run.count), l->W - left);
    for (int64_t row = max64(0, first); row < min64(first + x_rows, l->H) && columns > 0; row++) {
        ahead_add(ahead,
                  (const float *)x->data + run.n * x->stride_n + row * x->stride_h +
                      left * x->stride_w,
                  columns * x->stride_w);
    }
}
