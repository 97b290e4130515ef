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
void ahead_fill(const struct convoy_plan *plan, const struct operands *operands, int64_t tile,
                int64_t end, struct ahead *ahead)
{
    const convoy_layer *l = &plan->layer;
    const struct winograd_algorithm *a = winograd_of(plan);
    const convoy_tensor *x = operands->x, *y = operands->y;
    struct winograd_grid grid = winograd_grid(plan);
    ahead->count = 0;
    if (l->layout != CONVOY_NHWC || l->dilation_h > 1 || l->dilation_w > 1) {
        return;
    }
    int alpha_h = a->m_h + a->R - 1;
    int64_t pixels = (end - tile) * a->m_w;
    if (4 * pixels * (l->C * alpha_h + l->K * a->m_h) > (int64_t)cpu_l2_bytes() / 3) {
        return;
    }
    struct tile_row run = winograd_tile_row(&grid, tile, end);
    for (int i = 0; i < a->m_h && run.row * a->m_h + i < plan->P; i++) {
        int64_t q = run.column * a->m_w;
        ahead_add(ahead,
                  (const float *)y->data + run.n * y->stride_n +
                      (run.row * a->m_h + i) * y->stride_h + q * y->stride_w,
                  min64(run.count * a->m_w, plan->Q - q) * y->stride_w);
    }
    if (end >= grid.tiles) {
        return;
    }
    run = winograd_tile_row(&grid, end, min64(grid.tiles, 2 * end - tile));
    for (int i = 0; i < alpha_h; i++) {
        int64_t h = run.row * a->m_h + i - l->pad_top;
        int64_t w = max64(0, run.column * a->m_w - l->pad_left);
        int64_t columns = min64(run.count * a->m_w + a->S - 1, l->W - w);
        if (h >= 0 && h < l->H && columns > 0) {
            ahead_add(ahead,
                      (const float *)x->data + run.n * x->stride_n + h * x->stride_h +
                          w * x->stride_w,
                      columns * x->stride_w);
        }
    }
}
