/**
 * @file direct_describe.c
 * How a layer is cut, in words.
 */
#include <stdio.h>

#include "kernels/direct/direct.h"

void direct_describe(const struct convoy_plan *plan, char *text, size_t size)
{
    const struct blocking *b = &plan->blocking;
    if (b->planes) {
        snprintf(text, size,
                 "depthwise in place, columns in vectors of %d, of %d channels side by side; "
                 "strips of %lld rows",
                 plan->kernels->vector_floats, b->plane_together, (long long)b->strip_rows);
        return;
    }
    if (b->depthwise && b->packs) {
        snprintf(text, size, "depthwise, %s in blocks of %lld rows x %d channel vectors of %d",
                 plan->layer.layout == CONVOY_NCHW ? "transposed" : "copied",
                 (long long)b->strip_rows, b->tile_vectors, plan->kernels->vector_floats);
        return;
    }
    if (b->depthwise) {
        snprintf(text, size,
                 "depthwise in place; strips of %lld rows; %lld channel vectors of %d in %lld "
                 "part%s",
                 (long long)b->strip_rows, (long long)b->k_blocks, plan->kernels->vector_floats,
                 (long long)b->k_parts, b->k_parts == 1 ? "" : "s");
        return;
    }
    if (b->panels) {
        snprintf(text, size,
                 "dense tile %d channels x %d vectors of %d pixels; strips of %lld pixels, %s; "
                 "sums of %lld; %lld channel blocks in %lld part%s",
                 b->tile_pixels, b->tile_vectors, plan->kernels->vector_floats,
                 (long long)b->strip_columns,
                 b->panel_first ? "panel by panel" : "copied into panels",
                 (long long)b->depth_block, (long long)b->k_blocks, (long long)b->k_parts,
                 b->k_parts == 1 ? "" : "s");
        return;
    }
    snprintf(text, size,
             "%s tile %d pixels x %d %s of %d; strips of %lld x %lld x %lld pixels%s%s; "
             "sums of %lld%s; %lld channel blocks in %lld part%s",
             b->dots    ? "dots"
             : b->lanes ? "lanes"
                        : "dense",
             b->tile_pixels, b->tile_vectors, b->dots ? "channels, terms in vectors" : "vectors",
             plan->kernels->vector_floats, (long long)b->strip_images, (long long)b->strip_rows,
             (long long)b->strip_columns,
             b->pads    ? " copied with zeros"
             : b->packs ? " copied"
                        : " in place",
             b->packs && !b->lanes && b->run_channels < plan->layer.C ? ", group by group" : "",
             (long long)b->depth_block, b->depth_first ? ", one after the other" : "",
             (long long)b->k_blocks, (long long)b->k_parts, b->k_parts == 1 ? "" : "s");
}
