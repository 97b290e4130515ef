/**
 * @file direct_dots.c
 * Layers with few output channels: terms of the depth in the lanes (kernels/tile/tile_dots.c).
 *
 * Taps of a row of the filter whose pixels follow each other in x are one run, which fills vectors
 * even where the channels of a pixel do not. Then the lane of a term depends on where its run
 * begins: so x is copied, with its padding, that runs and bits are the same for every layout and
 * every view of x.
 */
#include "core/arithmetic.h"
#include "core/layer_checked.h"
#include "kernels/direct/direct.h"

/* Dots are taken where they are predicted to take so much of the time of dense tiles, at most. */
#define WORTH 0.85
/* Vectors that a lane adds up before a partial sum ends, about. */
#define CHAIN 384

/* Vectors that a row of the filter is, of one output channel. */
static int64_t row_vectors(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    const int64_t floats = plan->kernels->vector_floats, C = l->C;
    return l->dilation_w == 1 ? divide_up(l->S * C, floats) : l->S * divide_up(C, floats);
}

static bool joins(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    return l->S > 1 && l->dilation_w == 1 && l->C % plan->kernels->vector_floats != 0;
}

bool direct_dots_join(const struct convoy_plan *plan)
{
    return plan->blocking.dots && joins(plan);
}

/* Is what a copy with its padding holds beside what tiles read in place little? Rows between taps
   and between outputs, and zeros around them, are copied too. */
static bool copy_is_small(const convoy_layer *l)
{
    const int64_t rows = l->dilation_h * (l->R - 1);
    return rows < 2 * l->R && l->stride_h <= l->R && l->stride_w <= l->S && l->pad_top <= rows &&
           l->pad_bottom <= rows && l->pad_left < l->S && l->pad_right < l->S;
}

bool direct_dots_fit(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    if (l->groups > 1 || l->R * l->S == 1 || l->K > plan->kernels->dots->vectors_max) {
        return false;
    }
    return direct_dots_multiplies(plan) < WORTH * (double)layer_depth(l) &&
           (!joins(plan) || copy_is_small(l));
}

double direct_dots_multiplies(const struct convoy_plan *plan)
{
    const double lanes_added = 6.0, pixel_stored = 8.0;
    const convoy_layer *l = &plan->layer;
    return (double)l->K * ((double)(l->R * row_vectors(plan)) + lanes_added) + pixel_stored;
}

int64_t direct_dots_depth_block(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    const int64_t rows = max64(1, min64(l->R, CHAIN / row_vectors(plan)));
    return divide_up(l->R, divide_up(l->R, rows)) * l->S * l->C;
}

int64_t direct_dots_chain(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    int64_t chain = plan->blocking.depth_block / (l->S * l->C) * row_vectors(plan);
    for (int lanes = plan->kernels->vector_floats; lanes > 1; lanes /= 2) {
        chain++;
    }
    return chain;
}

int64_t direct_dots_terms(const struct convoy_plan *plan, int64_t terms)
{
    const convoy_layer *l = &plan->layer;
    const int64_t floats = plan->kernels->vector_floats;
    return direct_dots_join(plan)
               ? multiply_saturated(terms / (l->S * l->C), row_vectors(plan) * floats)
               : multiply_saturated(terms / l->C, round_up(l->C, floats));
}
