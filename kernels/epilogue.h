/**
 * @file epilogue.h
 * The epilogue on one value, for the algorithms that store scalars; the vector form is in
 * kernels/tile.
 */
#ifndef CONVOY_KERNELS_EPILOGUE_H
#define CONVOY_KERNELS_EPILOGUE_H

#include "convoy/layer.h"

/** The activation; a NaN stays a NaN, so every test is written to be false for it. */
static inline float activation_apply(const convoy_epilogue *epilogue, float v)
{
    switch (epilogue->activation) {
    case CONVOY_IDENTITY:
        return v;
    case CONVOY_RELU:
        return v < 0.0f ? 0.0f : v;
    case CONVOY_RELU6:
        return v < 0.0f ? 0.0f : v > 6.0f ? 6.0f : v;
    case CONVOY_LEAKY_RELU:
        return v < 0.0f ? epilogue->slope * v : v;
    case CONVOY_CLIP:
        return v < epilogue->low ? epilogue->low : v > epilogue->high ? epilogue->high : v;
    }
    return v;
}

#endif
