/**
 * @file tile_finish.h
 * How every register tile ends: partial sums, or epilogue and store; and the bias it begins with.
 * Included by tile kernels only.
 */
#ifndef CONVOY_KERNELS_TILE_FINISH_H
#define CONVOY_KERNELS_TILE_FINISH_H

#include "kernels/simd_lanes.h"
#include "kernels/tile/tile.h"

/* By the sign bit: a comparison of floats would want one more register than a tile has. */
ALWAYS_INLINE vf tile_leak(vf v, float slope)
{
    return vf_select((vi)v < (vi){0}, v * slope, v);
}

ALWAYS_INLINE vf tile_activate(vf v, const struct tile_epilogue *epilogue)
{
    if (epilogue->clamps) {
        v = vf_clamp(v, vf_broadcast(epilogue->limits[0]), vf_broadcast(epilogue->limits[1]));
    }
    return epilogue->leaks ? tile_leak(v, epilogue->slope) : v;
}

static inline bool tile_has_bias(const struct tile_operands *o)
{
    return (o->ending == TILE_SET || o->ending == TILE_STORE) && o->epilogue->bias;
}

/* What the sums of tiles begin with: of vectors, or of pixels if those are in the lanes. */
ALWAYS_INLINE const float *tile_bias_of(const struct tile_operands *o)
{
    static const vf none[TILE_VECTORS_MAX];
    _Static_assert(TILE_PIXELS_MAX <= TILE_VECTORS_MAX * VF, "a pixel would have no bias");
    return tile_has_bias(o) ? o->epilogue->bias + o->bias_shift : (const float *)none;
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
                                 const int vectors, const float *bias)
{
    UNROLL for (int v = 0; v < vectors; v++)
    {
        UNROLL for (int i = 0; i < pixels; i++)
        {
            acc[i][v] += vf_load(bias + v * VF);
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

/* `width`: floats of each pixel; the last vector may have a half of it only. `bias`: of vectors,
   unless sums began with it. */
ALWAYS_INLINE void tile_finish(vf acc[TILE_PIXELS_MAX][TILE_VECTORS_MAX], const int pixels,
                               const int vectors, const int width, const float *bias,
                               const struct tile_operands *o)
{
    if (o->ending == TILE_ADD || o->ending == TILE_ADD_STORE) {
        tile_add_sums(acc, pixels, vectors, o);
    }
    if (o->ending == TILE_SET || o->ending == TILE_ADD) {
        tile_set_sums(acc, pixels, vectors, o);
        return;
    }
    if (bias) {
        tile_add_bias(acc, pixels, vectors, bias);
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

/* Sums of a tile whose pixels are tile_row floats apart, to their end. */
typedef float tile_row[TILE_VECTORS_MAX * VF];

INSTANCES void tile_finish_rows(const int pixels, const int vectors, tile_row *sums,
                                const struct tile_operands *o)
{
    vf acc[TILE_PIXELS_MAX][TILE_VECTORS_MAX];
    UNROLL for (int i = 0; i < pixels; i++)
    {
        UNROLL for (int v = 0; v < vectors; v++)
        {
            acc[i][v] = vf_load(sums[i] + v * VF);
        }
    }
    tile_finish(acc, pixels, vectors, vectors * VF, NULL, o);
}

/* How most tiles end, each known when it is compiled: with all that tile_finish may do before them
   as well, gcc moves accumulators about and into memory, which takes as long as ten steps of the
   depth. */
enum tile_end {
    TILE_END_STORE,      /* to = acc */
    TILE_END_CLAMP,      /* the same, clamped */
    TILE_END_STORE_PART, /* the last vector in part */
    TILE_END_CLAMP_PART,
    TILE_END_STORE_SWAPPED, /* pixels in the lanes */
    TILE_END_CLAMP_SWAPPED,
    TILE_END_ADD,       /* to += acc */
    TILE_END_ADD_STORE, /* to = sums + acc */
    TILE_END_ADD_CLAMP,
    TILE_END_STORE_ASKING, /* the same, and other memory is asked for */
    TILE_END_CLAMP_ASKING,
    TILE_END_STORE_SWAPPED_ASKING,
    TILE_END_CLAMP_SWAPPED_ASKING,
    TILE_END_ADD_ASKING,
    TILE_END_ADD_STORE_ASKING,
    TILE_END_ADD_CLAMP_ASKING,
    TILE_END_ANY, /* as tile_finish does */
};

static inline bool tile_end_asks(enum tile_end kind)
{
    return kind >= TILE_END_STORE_ASKING && kind < TILE_END_ANY;
}

/* What a kind that asks does besides. */
static inline enum tile_end tile_end_without_asking(enum tile_end kind)
{
    switch (kind) {
    case TILE_END_STORE_ASKING:
        return TILE_END_STORE;
    case TILE_END_CLAMP_ASKING:
        return TILE_END_CLAMP;
    case TILE_END_STORE_SWAPPED_ASKING:
        return TILE_END_STORE_SWAPPED;
    case TILE_END_CLAMP_SWAPPED_ASKING:
        return TILE_END_CLAMP_SWAPPED;
    case TILE_END_ADD_ASKING:
        return TILE_END_ADD;
    case TILE_END_ADD_STORE_ASKING:
        return TILE_END_ADD_STORE;
    case TILE_END_ADD_CLAMP_ASKING:
        return TILE_END_ADD_CLAMP;
    default:
        return kind;
    }
}

static inline bool tile_end_is_swapped(enum tile_end kind)
{
    kind = tile_end_without_asking(kind);
    return kind == TILE_END_STORE_SWAPPED || kind == TILE_END_CLAMP_SWAPPED;
}

static inline bool tile_end_is_part(enum tile_end kind)
{
    return kind == TILE_END_STORE_PART || kind == TILE_END_CLAMP_PART;
}

static inline bool tile_end_clamps(enum tile_end kind)
{
    kind = tile_end_without_asking(kind);
    return kind == TILE_END_CLAMP || kind == TILE_END_CLAMP_PART ||
           kind == TILE_END_CLAMP_SWAPPED || kind == TILE_END_ADD_CLAMP;
}

static inline bool tile_end_adds(enum tile_end kind)
{
    kind = tile_end_without_asking(kind);
    return kind == TILE_END_ADD || kind == TILE_END_ADD_STORE || kind == TILE_END_ADD_CLAMP;
}

struct tile_simple_end {
    float *const *to, *const *sums; /* of each pixel */
    ptrdiff_t shift, sums_shift, ahead;
    const float *limits; /* of clamping: low, high */
    int part;            /* lanes of the last vector that are stored */
};

/* Of a tile that stores whole vectors and adds nothing. */
static inline enum tile_end tile_end_of_store(const struct tile_operands *o, bool clamps)
{
    const bool asks = o->ahead.steps > 0;
    if (o->swapped && asks) {
        return clamps ? TILE_END_CLAMP_SWAPPED_ASKING : TILE_END_STORE_SWAPPED_ASKING;
    }
    if (o->swapped) {
        return clamps ? TILE_END_CLAMP_SWAPPED : TILE_END_STORE_SWAPPED;
    }
    if (asks) {
        return clamps ? TILE_END_CLAMP_ASKING : TILE_END_STORE_ASKING;
    }
    return clamps ? TILE_END_CLAMP : TILE_END_STORE;
}

/* Of a tile that adds, to y if it `stores`. */
static inline enum tile_end tile_end_of_add(const struct tile_operands *o, bool stores, bool clamps)
{
    if (o->ahead.steps > 0 && !o->swapped) {
        return !stores  ? TILE_END_ADD_ASKING
               : clamps ? TILE_END_ADD_CLAMP_ASKING
                        : TILE_END_ADD_STORE_ASKING;
    }
    return !stores ? TILE_END_ADD : clamps ? TILE_END_ADD_CLAMP : TILE_END_ADD_STORE;
}

ALWAYS_INLINE enum tile_end tile_end_of(const struct tile_operands *o, const int vectors,
                                        struct tile_simple_end *end)
{
    if (o->ending == TILE_SET || o->ending == TILE_ADD) {
        *end = (struct tile_simple_end){
            .to = o->sums, .sums = o->sums, .shift = o->sums_shift, .sums_shift = o->sums_shift};
        return o->ending == TILE_ADD ? tile_end_of_add(o, false, false)
                                     : tile_end_of_store(o, false);
    }
    const struct tile_epilogue *e = o->epilogue;
    const bool part = o->channels < vectors * VF;
    const bool adds = o->ending == TILE_ADD_STORE;
    if (o->residual || e->leaks || (part && (adds || o->swapped))) {
        return TILE_END_ANY;
    }
    *end = (struct tile_simple_end){
        .to = o->y,
        .sums = o->sums,
        .shift = o->y_shift,
        .sums_shift = o->sums_shift,
        .ahead = o->y_ahead,
        .limits = e->limits,
        .part = o->channels - (vectors - 1) * VF,
    };
    if (adds) {
        return tile_end_of_add(o, true, e->clamps);
    }
    if (part) {
        return e->clamps ? TILE_END_CLAMP_PART : TILE_END_STORE_PART;
    }
    return tile_end_of_store(o, e->clamps);
}

ALWAYS_INLINE void tile_finish_simply(vf acc[TILE_PIXELS_MAX][TILE_VECTORS_MAX], const int pixels,
                                      const int vectors, const enum tile_end kind,
                                      const struct tile_simple_end *end)
{
    const float *limits = end->limits;
    FORGET(limits); /* else they are kept in registers that the sums want */
    UNROLL for (int i = 0; i < pixels; i++)
    {
        float *row = end->to[i] + end->shift;
        FORGET(row); /* else it is an address of three registers, for each vector others */
        const float *sums = tile_end_adds(kind) ? end->sums[i] + end->sums_shift : NULL;
        if (tile_end_adds(kind)) {
            FORGET(sums);
        }
        UNROLL for (int v = 0; v < vectors; v++)
        {
            vf sum = acc[i][v];
            if (tile_end_adds(kind)) {
                sum += vf_load(sums + v * VF);
            }
            if (tile_end_clamps(kind)) {
                sum = vf_clamp(sum, vf_broadcast(limits[0]), vf_broadcast(limits[1]));
            }
            if (tile_end_is_part(kind) && v == vectors - 1) {
                vf_store_part(row + v * VF, sum, end->part);
            } else {
                vf_store(row + v * VF, sum);
            }
        }
    }
}

/* Ask for the lines of y that a tile, or one that comes later, will store. */
ALWAYS_INLINE void tile_ask_for(float *const *y, const ptrdiff_t shift, const int pixels,
                                const int vectors)
{
    FORGET(y); /* else addresses are kept in registers that the tile wants */
    UNROLL for (int i = 0; i < pixels; i++)
    {
        const float *row = y[i] + shift;
        FORGET(row);
        UNROLL for (int k = 0; k < vectors * VF; k += 16)
        {
            __builtin_prefetch(row + k, 1);
        }
    }
}

/* Ask for what a tile will store if it stores to y. With pixels in the lanes they lie in as many
   pages as there are rows, which no hardware foresees. */
ALWAYS_INLINE void tile_ask_for_y(const struct tile_operands *o, const int pixels,
                                  const int vectors)
{
    if (o->ending != TILE_STORE && o->ending != TILE_ADD_STORE) {
        return;
    }
    if (o->swapped) {
        tile_ask_for(o->y, o->y_shift, pixels, vectors);
    } else if (o->y_ahead > 0) {
        tile_ask_for(o->y + o->y_ahead, o->y_shift, pixels, vectors);
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
    o->sums_shift += o->y_step;
    o->bias_shift += o->swapped ? o->pointers_step : 0;
}

#endif
