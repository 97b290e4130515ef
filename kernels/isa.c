/**
 * @file isa.c
 * The kernel table of the ISA this file is compiled for.
 */
#include "kernels/depthwise/depthwise.h"
#include "kernels/kernel.h"
#include "kernels/simd.h"

#define KERNEL_STRING_(name) #name
#define KERNEL_STRING(name)  KERNEL_STRING_(name)

#ifndef ISA_ENUM
#error "the build sets ISA_ENUM to the convoy_isa of this table"
#endif

extern const struct tile_shapes KERNEL(tile_shapes), KERNEL(tile_lanes_shapes),
    KERNEL(tile_dots_shapes);
extern const struct tile_cuts KERNEL(tile_cuts);
extern const struct tile_sums KERNEL(tile_sums);
extern const struct winograd_inputs KERNEL(winograd_inputs);
extern const struct winograd_outputs KERNEL(winograd_outputs);
extern const struct winograd_filters KERNEL(winograd_filters);
void KERNEL(transpose)(const float *, ptrdiff_t, float *, ptrdiff_t, int64_t, int64_t);
void KERNEL(store_transposed)(const struct transposed_store *);
void KERNEL(direct_filter)(const struct direct_filter *);
void KERNEL(direct_panel)(const struct direct_panel *);
void KERNEL(direct_spread)(const struct direct_spread *);
void KERNEL(direct_taps)(const struct direct_taps *);
void KERNEL(depthwise_band)(const struct depthwise_band *);
void KERNEL(depthwise_planes)(const struct depthwise_planes *);
double KERNEL(peak)(int64_t);
float KERNEL(stream_read)(const float *, int64_t);
void KERNEL(stream_copy)(float *, const float *, int64_t);

extern const struct isa_kernels KERNEL(isa_kernels);
const struct isa_kernels KERNEL(isa_kernels) = {
    .isa = ISA_ENUM,
    .name = KERNEL_STRING(ISA),
    .vector_floats = VF,
    .tile = &KERNEL(tile_shapes),
    .lanes = &KERNEL(tile_lanes_shapes),
    .dots = &KERNEL(tile_dots_shapes),
    .tile_cuts = &KERNEL(tile_cuts),
    .tile_sums = &KERNEL(tile_sums),
    .direct_filter = KERNEL(direct_filter),
    .direct_panel = KERNEL(direct_panel),
    .direct_spread = KERNEL(direct_spread),
    .direct_taps = KERNEL(direct_taps),
    .depthwise_band = KERNEL(depthwise_band),
    .depthwise_sweeps = DEPTHWISE_SWEEPS,
    .depthwise_planes = KERNEL(depthwise_planes),
    .depthwise_planes_taps = DEPTHWISE_PLANE_TAPS,
    .depthwise_planes_same_taps = DEPTHWISE_PLANE_SAME ? DEPTHWISE_SAME_TAPS : 0,
    .depthwise_planes_together = DEPTHWISE_TOGETHER,
    .winograd_inputs = &KERNEL(winograd_inputs),
    .winograd_outputs = &KERNEL(winograd_outputs),
    .winograd_filters = &KERNEL(winograd_filters),
    .transpose = KERNEL(transpose),
    .store_transposed = KERNEL(store_transposed),
    .peak = KERNEL(peak),
    .stream_read = KERNEL(stream_read),
    .stream_copy = KERNEL(stream_copy),
};
