/**
 * @file tile_finish.h
 * How every register tile ends: partial sums, or epilogue and store. Included by tile kernels only.
 */
#ifndef CONVOY_KERNELS_TILE_FINISH_H
#define CONVOY_KERNELS_TILE_FINISH_H

#include "kernels/simd.h"
#include "kernels/tile/tile.h"

ALWAYS_INLINE vf tile_activate(vf v, const struct tile_epilogue *epilogue)
{
    if (epilogue->clamps) {
        v = vf_clamp(v, vf_broadcast(epilogue->low), vf_broadcast(epilogue->high));
    }
    if (epilogue->leaks) {
        v = vf_select(v < vf_broadcast(0.0f), v * epilogue->slope, v);
    }
    return v;
}

/* One vector of one pixel: residual, activation, store; `lanes` of it exist. */
ALWAYS_INLINE void tile_store_biased(vf v, const struct tile_epilogue *epilogue, int k,
                                     const float *residual, float *y, int lanes)
{
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

/* The same with the bias before. */
ALWAYS_INLINE void tile_store_vector(vf v, const struct tile_epilogue *epilogue, int k,
                                     const float *residual, float *y, int lanes)
{
    if (epilogue->bias) {
        v += vf_load(epilogue->bias + k);
    }
    tile_store_biased(v, epilogue, k, residual, y, lanes);
}

ALWAYS_INLINE void tile_finish(vf acc[TILE_PIXELS_MAX][TILE_VECTORS_MAX], const int pixels,
                               const int vectors, const struct tile_operands *o)
{
    if (o->ending == TILE_ADD || o->ending == TILE_ADD_STORE) {
        UNROLL for (int i = 0; i < pixels; i++)
        {
            UNROLL for (int v = 0; v < vectors; v++)
            {
                acc[i][v] += vf_load(o->sums[i] + o->sums_shift + v * VF);
            }
        }
    }
    if (o->ending == TILE_SET || o->ending == TILE_ADD) {
        UNROLL for (int i = 0; i < pixels; i++)
        {
            UNROLL for (int v = 0; v < vectors; v++)
            {
                vf_store(o->sums[i] + o->sums_shift + v * VF, acc[i][v]);
            }
        }
        return;
    }
    const float *bias = o->epilogue->bias;
    if (bias && o->swapped) {
        UNROLL for (int i = 0; i < pixels; i++)
        {
            UNROLL for (int v = 0; v < vectors; v++)
            {
                acc[i][v] += vf_broadcast(bias[i]);
            }
        }
    } else if (bias) {
        UNROLL for (int i = 0; i < pixels; i++)
        {
            UNROLL for (int v = 0; v < vectors; v++)
            {
                acc[i][v] += vf_load(bias + v * VF);
            }
        }
    }
    UNROLL for (int i = 0; i < pixels; i++)
    {
        const float *residual = o->residual ? o->residual[i] + o->y_shift : NULL;
        float *y = o->y[i] + o->y_shift;
        UNROLL for (int v = 0; v < vectors; v++)
        {
            tile_store_biased(acc[i][v], o->epilogue, v * VF, residual, y, o->channels - v * VF);
        }
    }
}

#endif
