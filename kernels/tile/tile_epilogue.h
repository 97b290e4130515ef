/**
 * @file tile_epilogue.h
 * A layer's epilogue in the form that the tile kernels want.
 */
#ifndef CONVOY_KERNELS_TILE_EPILOGUE_H
#define CONVOY_KERNELS_TILE_EPILOGUE_H

#include <math.h>

#include "convoy/layer.h"
#include "kernels/tile/tile.h"

/* Without a bias: that belongs to a block of channels. */
static inline struct tile_epilogue tile_epilogue_of(const convoy_epilogue *e)
{
    struct tile_epilogue epilogue = {.limits = {-INFINITY, INFINITY}, .slope = 1.0f};
    switch (e->activation) {
    case CONVOY_IDENTITY:
        break;
    case CONVOY_RELU:
        epilogue.clamps = true;
        epilogue.limits[0] = 0.0f;
        break;
    case CONVOY_RELU6:
        epilogue.clamps = true;
        epilogue.limits[0] = 0.0f;
        epilogue.limits[1] = 6.0f;
        break;
    case CONVOY_LEAKY_RELU:
        epilogue.leaks = true;
        epilogue.slope = e->slope;
        break;
    case CONVOY_CLIP:
        epilogue.clamps = true;
        epilogue.limits[0] = e->low;
        epilogue.limits[1] = e->high;
        break;
    }
    return epilogue;
}

#endif
