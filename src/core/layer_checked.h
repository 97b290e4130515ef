/**
 * @file layer_checked.h
 * Derived numbers of a layer that convoy_layer_check has passed; nothing here can overflow.
 */
#ifndef CONVOY_CORE_LAYER_CHECKED_H
#define CONVOY_CORE_LAYER_CHECKED_H

#include "convoy/layer.h"

static inline int64_t layer_P(const convoy_layer *layer)
{
    int64_t reach = layer->dilation_h * (layer->R - 1) + 1;
    return (layer->H + layer->pad_top + layer->pad_bottom - reach) / layer->stride_h + 1;
}

static inline int64_t layer_Q(const convoy_layer *layer)
{
    int64_t reach = layer->dilation_w * (layer->S - 1) + 1;
    return (layer->W + layer->pad_left + layer->pad_right - reach) / layer->stride_w + 1;
}

/** Channels per group. */
static inline int64_t layer_Cg(const convoy_layer *layer)
{
    return layer->C / layer->groups;
}

static inline int64_t layer_Kg(const convoy_layer *layer)
{
    return layer->K / layer->groups;
}

/** Terms of one output's sum: R S C/groups. */
static inline int64_t layer_depth(const convoy_layer *layer)
{
    return layer->R * layer->S * layer_Cg(layer);
}

/** Bytes of x, and of y, for those who estimate. */
static inline double layer_x_bytes(const convoy_layer *layer)
{
    return 4.0 * (double)(layer->N * layer->C * layer->H) * (double)layer->W;
}

static inline double layer_y_bytes(const convoy_layer *layer)
{
    return 4.0 * (double)(layer->N * layer->K * layer_P(layer)) * (double)layer_Q(layer);
}

static inline bool layer_is_padded(const convoy_layer *layer)
{
    return (layer->pad_top | layer->pad_left | layer->pad_bottom | layer->pad_right) != 0;
}

#endif
