/**
 * @file tile_finish.h
 * How every register tile ends: partial sums, or epilogue and store. Included by tile kernels only.
 */
#ifndef CONVOY_KERNELS_TILE_FINISH_H
#define CONVOY_KERNELS_TILE_FINISH_H

#include "kernels/simd_lanes.h"
#include "kernels/tile/tile.h"

ALWAYS_INLINE vf tile_activate(vf v, const struct tile_epilogue *epilogue)
{
    if (epilogue->clamps) {
        v = vf_clamp(v, vf_broadcast(epilogue->limits[0]), vf_broadcast(epilogue->limits[1]));
    }
    if (epilogue->leaks) {
        /* By the sign bit: a comparison of floats would want one more register than a tile has. */
        v = vf_select((vi)v < (vi){0}, v * epilogue->slope, v);
    }
    return v;
}

/* One vector of one pixel: bias, residual, activation, store; `lanes` of it exist. */
ALWAYS_INLINE void tile_store_vector(vf v, const struct tile_epilogue *epilogue, int k,
                                     const float *residual, float *y, int lanes)
{
    if (epilogue->bias) {
        v += vf_load(epilogue->bias + k);
    }
    if (residual) {
        v += lanes >= VF ? vf_load(residual + k) : vf_load_part(residual + k, lanes);
    }
    v = tile_activate(v, epilogue);
    if (lanes >= VF) {
        vf_store(y + k, v);
    } else {
        vf_store_part(y + k, v, lanes);
    }
}

/* Stages of tile_finish. Each goes over all accumulators, so that a tile asks only once what a
   stage is to do: after a short sum, asking for each vector takes longer than to store it. */

ALWAYS_INLINE void tile_add_sums(vf acc[TILE_PIXELS_MAX][TILE_VECTORS_MAX], const int pixels,
                                 const int vectors, const struct tile_operands *o)
{
    UNROLL for (int i = 0; i < pixels; i++)
    {
        const float *sums = o->sums[i] + o->sums_shift;
        UNROLL for (int v = 0; v < vectors; v++)
        {
            acc[i][v] += vf_load(sums + v * VF);
        }
    }
}

ALWAYS_INLINE void tile_set_sums(vf acc[TILE_PIXELS_MAX][TILE_VECTORS_MAX], const int pixels,
                                 const int vectors, const struct tile_operands *o)
{
    UNROLL for (int i = 0; i < pixels; i++)
    {
        float *sums = o->sums[i] + o->sums_shift;
        UNROLL for (int v = 0; v < vectors; v++)
        {
            vf_store(sums + v * VF, acc[i][v]);
        }
    }
}

ALWAYS_INLINE void tile_add_bias(vf acc[TILE_PIXELS_MAX][TILE_VECTORS_MAX], const int pixels,
                                 const int vectors, const struct tile_operands *o)
{
    const float *bias = o->epilogue->bias;
    UNROLL for (int v = 0; v < vectors; v++)
    {
        UNROLL for (int i = 0; i < pixels; i++)
        {
            acc[i][v] += o->swapped ? vf_broadcast(bias[i]) : vf_load(bias + v * VF);
        }
    }
}

ALWAYS_INLINE void tile_add_residual(vf acc[TILE_PIXELS_MAX][TILE_VECTORS_MAX], const int pixels,
                                     const int vectors, const struct tile_operands *o)
{
    const int before = (vectors - 1) * VF;
    UNROLL for (int i = 0; i < pixels; i++)
    {
        const float *residual = o->residual[i] + o->y_shift;
        UNROLL for (int v = 0; v < vectors - 1; v++)
        {
            acc[i][v] += vf_load(residual + v * VF);
        }
        acc[i][vectors - 1] += vf_load_part(residual + before, o->channels - before);
    }
}

/* To y, `channels` of each pixel: no vector is empty, and all full if there are `width`. */
ALWAYS_INLINE void tile_store(vf acc[TILE_PIXELS_MAX][TILE_VECTORS_MAX], const int pixels,
                              const int vectors, const int width, const struct tile_operands *o)
{
    const int before = (vectors - 1) * VF, channels = o->channels;
    float *const *y = o->y;
    const ptrdiff_t shift = o->y_shift;
    UNROLL for (int i = 0; i < pixels; i++)
    {
        float *row = y[i] + shift;
        UNROLL for (int v = 0; v < vectors - 1; v++)
        {
            vf_store(row + v * VF, acc[i][v]);
        }
        if (channels < width) {
            vf_store_part(row + before, acc[i][vectors - 1], channels - before);
        } else if (width < vectors * VF) {
            vh_store(row + before, vf_first_half(acc[i][vectors - 1]));
        } else {
            vf_store(row + before, acc[i][vectors - 1]);
        }
    }
}

/* `width`: floats of each pixel; the last vector may have a half of it only. */
ALWAYS_INLINE void tile_finish(vf acc[TILE_PIXELS_MAX][TILE_VECTORS_MAX], const int pixels,
                               const int vectors, const int width, const struct tile_operands *o)
{
    if (o->ending == TILE_ADD || o->ending == TILE_ADD_STORE) {
        tile_add_sums(acc, pixels, vectors, o);
    }
    if (o->ending == TILE_SET || o->ending == TILE_ADD) {
        tile_set_sums(acc, pixels, vectors, o);
        return;
    }
    if (o->epilogue->bias) {
        tile_add_bias(acc, pixels, vectors, o);
    }
    if (o->residual) {
        tile_add_residual(acc, pixels, vectors, o);
    }
    if (o->epilogue->clamps || o->epilogue->leaks) {
        UNROLL for (int i = 0; i < pixels; i++)
        {
            UNROLL for (int v = 0; v < vectors; v++)
            {
                acc[i][v] = tile_activate(acc[i][v], o->epilogue);
            }
        }
    }
    tile_store(acc, pixels, vectors, width, o);
}

/* How most tiles end, each known when it is compiled: with all that tile_finish may do before them
   as well, gcc moves accumulators about and into memory, which takes as long as ten steps of the
   depth. The last two are for pixels in the lanes. */
enum tile_end {
    TILE_END_STORE, /* to = acc + bias */
    TILE_END_CLAMP, /* the same, clamped */
    TILE_END_ADD,   /* to += acc */
    TILE_END_STORE_SWAPPED,
    TILE_END_CLAMP_SWAPPED,
    TILE_END_ANY, /* as tile_finish does */
};

struct tile_simple_end {
    float *const *to; /* of each pixel */
    ptrdiff_t shift, ahead;
    const float *bias;   /* of vectors; swapped, of pixels */
    const float *limits; /* of clamping: low, high */
};

ALWAYS_INLINE enum tile_end tile_end_of(const struct tile_operands *o, const int width,
                                        struct tile_simple_end *end)
{
    /* which, added to any sum, leave it as it is, even where it is -0 */
    static const vf none[TILE_VECTORS_MAX] = {{VF_ALL(-0.0f)}, {VF_ALL(-0.0f)}, {VF_ALL(-0.0f)},
                                              {VF_ALL(-0.0f)}, {VF_ALL(-0.0f)}, {VF_ALL(-0.0f)},
                                              {VF_ALL(-0.0f)}, {VF_ALL(-0.0f)}};
    _Static_assert(TILE_VECTORS_MAX == 8, "there are zeros for so many");
    const float *const no_bias = (const float *)none;
    _Static_assert(TILE_PIXELS_MAX <= TILE_VECTORS_MAX * VF, "a pixel would have no bias");
    if (o->ending == TILE_SET || o->ending == TILE_ADD) {
        *end = (struct tile_simple_end){.to = o->sums, .shift = o->sums_shift, .bias = no_bias};
        return o->ending == TILE_SET ? TILE_END_STORE : TILE_END_ADD;
    }
    const struct tile_epilogue *e = o->epilogue;
    if (o->ending != TILE_STORE || o->residual || e->leaks || o->channels < width) {
        return TILE_END_ANY;
    }
    *end = (struct tile_simple_end){
        .to = o->y,
        .shift = o->y_shift,
        .ahead = o->y_ahead,
        .bias = e->bias ? e->bias : no_bias,
        .limits = e->limits,
    };
    if (o->swapped) {
        return e->clamps ? TILE_END_CLAMP_SWAPPED : TILE_END_STORE_SWAPPED;
    }
    return e->clamps ? TILE_END_CLAMP : TILE_END_STORE;
}

ALWAYS_INLINE void tile_finish_simply(vf acc[TILE_PIXELS_MAX][TILE_VECTORS_MAX], const int pixels,
                                      const int vectors, const enum tile_end kind,
                                      const struct tile_simple_end *end)
{
    const bool swapped = kind == TILE_END_STORE_SWAPPED || kind == TILE_END_CLAMP_SWAPPED;
    const float *limits = end->limits, *biases = end->bias;
    FORGET(limits); /* else they are kept in registers that the sums want */
    if (swapped) {
        FORGET(biases);
    } else if (kind != TILE_END_ADD) {
        UNROLL for (int v = 0; v < vectors; v++)
        {
            const vf bias = vf_load(biases + v * VF);
            UNROLL for (int i = 0; i < pixels; i++)
            {
                acc[i][v] += bias;
            }
        }
    }
    UNROLL for (int i = 0; i < pixels; i++)
    {
        float *row = end->to[i] + end->shift;
        UNROLL for (int v = 0; v < vectors; v++)
        {
            vf sum = acc[i][v];
            if (swapped) {
                sum += vf_broadcast(biases[i]);
            }
            if (kind == TILE_END_CLAMP || kind == TILE_END_CLAMP_SWAPPED) {
                sum = vf_clamp(sum, vf_broadcast(limits[0]), vf_broadcast(limits[1]));
            } else if (kind == TILE_END_ADD) {
                sum += vf_load(row + v * VF);
            }
            vf_store(row + v * VF, sum);
        }
    }
}

/* On to the next of several tiles. */
ALWAYS_INLINE void tile_next(struct tile_operands *o)
{
    o->x += o->pointers_step;
    o->sums += o->pointers_step;
    o->y += o->pointers_step;
    if (o->residual) {
        o->residual += o->pointers_step;
    }
    o->w += o->w_step;
    o->y_shift += o->y_step;
}

#endif
