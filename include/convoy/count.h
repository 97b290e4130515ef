/**
 * @file count.h
 * The analytic counts of a layer, each by its own name and never mixed.
 */
#ifndef CONVOY_COUNT_H
#define CONVOY_COUNT_H

#include "convoy/layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What the layer has beside its weights. */
typedef struct convoy_count_options {
    bool bias;       /**< one parameter and N*P*Q additions per output channel */
    bool batch_norm; /**< two more parameters (scale, shift) per output channel */
} convoy_count_options;

typedef struct convoy_counts {
    int64_t macs;                  /**< multiply-adds over all taps: N K P Q R S C/groups */
    int64_t macs_valid;            /**< the same over taps that meet real input only, not padding */
    int64_t flops;                 /**< 2 * macs */
    int64_t flops_valid;           /**< 2 * macs_valid */
    int64_t bias_adds;             /**< N K P Q with bias, else 0 */
    int64_t parameters_weights;    /**< K R S C/groups */
    int64_t parameters_bias;       /**< K or 0 */
    int64_t parameters_batch_norm; /**< 2 K or 0 */
    int64_t parameters_total;
    int64_t bytes_input;  /**< float32, 4 N C H W */
    int64_t bytes_filter; /**< 4 (weights + bias) */
    int64_t bytes_output; /**< 4 N K P Q */
    int64_t bytes_least;  /**< least traffic: input and filter read once, output written once */
    double intensity;     /**< flops / bytes_least */
} convoy_counts;

/**
 * Count a layer.
 * @param options  NULL: no bias, no batch normalisation
 * @retval CONVOY_ERROR_OVERFLOW  a count does not fit 63 bits
 * @retval CONVOY_ERROR_NULL; and all of convoy_layer_check
 */
CONVOY_API convoy_status convoy_layer_count(const convoy_layer *layer,
                                            const convoy_count_options *options,
                                            convoy_counts *counts);

/** total += counts, field by field; the intensity anew. @retval CONVOY_ERROR_NULL,
 *  CONVOY_ERROR_OVERFLOW */
CONVOY_API convoy_status convoy_counts_add(convoy_counts *total, const convoy_counts *counts);

#ifdef __cplusplus
}
#endif
#endif
