/**
 * @file winograd_pieces.c
 * Pieces of an axis: see the header.
 */
#include "kernels/winograd/winograd_pieces.h"

#include <assert.h>

#include "core/arithmetic.h"
#include "kernels/winograd/winograd.h"

/* Taps of one phase. */
static int64_t phase_taps(int64_t taps, int64_t stride, int64_t phase)
{
    return divide_up(taps - phase, stride);
}

bool winograd_pieces_fit(int64_t taps, int64_t stride, int r)
{
    int64_t longest = phase_taps(taps, stride, 0), runs = divide_up(longest, r);
    return runs <= WINOGRAD_RUNS_MAX && min64(stride, taps) * runs <= WINOGRAD_PIECES_MAX &&
           divide_up(longest, runs) == r && (r > 1 || longest == 1);
}

/* Adds the pieces of `size` taps. */
static void add_pieces(struct winograd_axis *axis, int size)
{
    for (int64_t phase = 0; phase < min64(axis->stride, axis->taps); phase++) {
        int64_t taps = phase_taps(axis->taps, axis->stride, phase);
        int64_t runs = divide_up(taps, axis->r), first = 0;
        for (int64_t run = 0; run < runs; run++) {
            int64_t length = taps / runs + (run < taps % runs);
            if (length == size) {
                axis->pieces[axis->count++] =
                    (struct winograd_piece){(int)(phase + first * axis->stride), size};
            }
            first += length;
        }
    }
}

void winograd_pieces_cut(struct winograd_axis *axis)
{
    assert(winograd_pieces_fit(axis->taps, axis->stride, axis->r));
    axis->count = 0;
    add_pieces(axis, axis->r);
    axis->full = axis->count;
    add_pieces(axis, axis->r - 1);
    axis->reach = 0;
    for (int i = 0; i < axis->count; i++) {
        axis->reach = max64(axis->reach, axis->pieces[i].first + (axis->r - 1) * axis->stride + 1);
    }
}

bool winograd_pieces_adjacent(const struct winograd_axis *axis)
{
    for (int i = 0; i < axis->count; i++) {
        if (axis->pieces[i].first != i) {
            return false;
        }
    }
    return axis->dilation == 1;
}

void winograd_axes(const struct convoy_plan *plan, struct winograd_axis *h, struct winograd_axis *w)
{
    const convoy_layer *l = &plan->layer;
    const struct winograd_algorithm *a = winograd_of(plan);
    *h = (struct winograd_axis){
        .m = a->m_h,
        .r = a->r_h,
        .alpha = a->m_h + a->r_h - 1,
        .taps = l->R,
        .stride = l->stride_h,
        .dilation = l->dilation_h,
        .pad = l->pad_top,
        .x_extent = l->H,
        .y_extent = plan->P,
    };
    *w = (struct winograd_axis){
        .m = a->m_w,
        .r = a->r_w,
        .alpha = a->m_w + a->r_w - 1,
        .taps = l->S,
        .stride = l->stride_w,
        .dilation = l->dilation_w,
        .pad = l->pad_left,
        .x_extent = l->W,
        .y_extent = plan->Q,
    };
    winograd_pieces_cut(h);
    winograd_pieces_cut(w);
}
