/**
 * @file random_layer.c
 * Random layers: small, and odd in every way that a layer can be; and smaller ones that are nearly
 * all edge.
 */
#include "verify/verify.h"

#include "convoy/count.h"

/* Of the smaller ones, at most. */
#define SMALL_OUTPUTS 3000

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next(uint64_t *state)
{
    uint64_t bits = *state += 0x9e3779b97f4a7c15u;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
    return bits ^ (bits >> 31);
}

static int64_t between(uint64_t *state, int64_t low, int64_t high)
{
    return low + (int64_t)(next(state) % (uint64_t)(high - low + 1));
}

static bool one_in(uint64_t *state, uint64_t many)
{
    return next(state) % many == 0;
}

/* Mostly small, sometimes beside a multiple of a vector's 4, 8 or 16 floats. */
static int64_t channels(uint64_t *state, int64_t most)
{
    static const int64_t multiples[] = {4, 8, 16, 32, 48, 64};
    int64_t near = multiples[next(state) % 6] + between(state, -1, 1);
    return one_in(state, 2) && near <= most ? near : between(state, 1, most < 20 ? most : 20);
}

static void choose_groups(uint64_t *state, convoy_layer *layer)
{
    switch (between(state, 0, 5)) {
    case 0: /* depthwise, with multiplier or without */
        layer->groups = channels(state, 40);
        layer->C = layer->groups;
        layer->K = layer->groups * (one_in(state, 2) ? 1 : between(state, 2, 5));
        break;
    case 1: /* grouped */
        layer->groups = between(state, 2, 6);
        layer->C = layer->groups * channels(state, 18);
        layer->K = layer->groups * channels(state, 18);
        break;
    default:
        layer->groups = 1;
        layer->C = channels(state, 70);
        layer->K = channels(state, 70);
    }
}

/* One axis: extent, filter, stride, dilation and padding on both sides. */
static void choose_axis(uint64_t *state, int64_t *extent, int64_t *filter, int64_t *stride,
                        int64_t *dilation, int64_t *pad_before, int64_t *pad_after)
{
    static const int64_t filters[] = {1, 1, 2, 3, 3, 3, 4, 5, 5, 6, 7, 11};
    *extent = one_in(state, 4) ? between(state, 1, 5) : between(state, 1, 24);
    *filter = filters[next(state) % 12];
    *stride = one_in(state, 3) ? between(state, 2, 4) : 1;
    *dilation = one_in(state, 4) ? between(state, 2, 3) : 1;
    switch (between(state, 0, 4)) {
    case 0:
        *pad_before = *pad_after = 0;
        break;
    case 1: /* at least as wide as the filter */
        *pad_before = *filter + between(state, 0, 2);
        *pad_after = between(state, 0, *filter + 2);
        break;
    case 2:
        *pad_before = between(state, 0, *filter);
        *pad_after = between(state, 0, *filter);
        break;
    default: /* as "same" has it for odd filters and stride 1 */
        *pad_before = *pad_after = *dilation * (*filter - 1) / 2;
    }
}

/* One axis of which little lies inside: extents beside a vector's width or next to none, strides
   past the filter, taps past the input, padding that whole outputs lie in. */
static void choose_edge_axis(uint64_t *state, int64_t *extent, int64_t *filter, int64_t *stride,
                             int64_t *dilation, int64_t *pad_before, int64_t *pad_after)
{
    static const int64_t filters[] = {1, 2, 3, 3, 3, 4, 5, 5, 6, 7, 8, 9, 11, 13};
    *extent = one_in(state, 2) ? between(state, 1, 3) : channels(state, 33);
    *filter = filters[next(state) % 14];
    *stride = one_in(state, 3) ? between(state, 2, *filter + 3) : 1;
    *dilation = one_in(state, 3) ? between(state, 2, *extent + 2) : 1;
    int64_t reach = *dilation * (*filter - 1) + 1;
    *pad_before = one_in(state, 3) ? between(state, 0, reach + 1) : between(state, 0, *filter / 2);
    *pad_after = one_in(state, 3) ? between(state, 0, reach + 1) : *pad_before;
    if (*extent + *pad_before + *pad_after < reach) { /* no output: pad by as much as it takes */
        *pad_after = reach - *extent - *pad_before + between(state, 0, 2);
    }
}

static void choose_epilogue(uint64_t *state, convoy_epilogue *epilogue)
{
    *epilogue = (convoy_epilogue){.residual = one_in(state, 3)};
    epilogue->activation = (convoy_activation)between(state, CONVOY_IDENTITY, CONVOY_CLIP);
    if (epilogue->activation == CONVOY_LEAKY_RELU) {
        epilogue->slope = (float)between(state, -8, 12) / 8;
    }
    if (epilogue->activation == CONVOY_CLIP) {
        epilogue->low = (float)between(state, -40, 0) / 2;
        epilogue->high = epilogue->low + (float)between(state, 0, 60) / 2;
    }
}

void random_layer(uint64_t *state, int64_t most_macs, convoy_layer *layer)
{
    convoy_counts counts;
    convoy_layer l;
    do {
        l = (convoy_layer){.N = one_in(state, 3) ? between(state, 2, 3) : 1};
        choose_groups(state, &l);
        choose_axis(state, &l.H, &l.R, &l.stride_h, &l.dilation_h, &l.pad_top, &l.pad_bottom);
        choose_axis(state, &l.W, &l.S, &l.stride_w, &l.dilation_w, &l.pad_left, &l.pad_right);
        if (one_in(state, 3)) { /* square filters are the common ones */
            l.S = l.R;
        }
        choose_epilogue(state, &l.epilogue);
        l.layout = one_in(state, 2) ? CONVOY_NHWC : CONVOY_NCHW;
    } while (convoy_layer_count(&l, NULL, &counts) != CONVOY_OK || counts.macs > most_macs);
    *layer = l;
}

void random_small_layer(uint64_t *state, int64_t most_macs, convoy_layer *layer)
{
    convoy_counts counts;
    convoy_layer l;
    int64_t P = 0, Q = 0;
    do {
        l = (convoy_layer){.N = one_in(state, 3) ? between(state, 2, 5) : 1};
        choose_groups(state, &l);
        choose_edge_axis(state, &l.H, &l.R, &l.stride_h, &l.dilation_h, &l.pad_top, &l.pad_bottom);
        choose_edge_axis(state, &l.W, &l.S, &l.stride_w, &l.dilation_w, &l.pad_left, &l.pad_right);
        choose_epilogue(state, &l.epilogue);
        l.layout = one_in(state, 2) ? CONVOY_NHWC : CONVOY_NCHW;
    } while (convoy_layer_output(&l, &P, &Q) != CONVOY_OK || l.N * l.K * P * Q > SMALL_OUTPUTS ||
             convoy_layer_count(&l, NULL, &counts) != CONVOY_OK || counts.macs > most_macs);
    *layer = l;
}
