/**
 * @file direct_panels.h
 * What the parts of direct_panels.c share: strips of y in NCHW, and their x in panels.
 */
#ifndef CONVOY_KERNELS_DIRECT_PANELS_H
#define CONVOY_KERNELS_DIRECT_PANELS_H

#include "core/layer_checked.h"
#include "kernels/direct/direct.h"

/* Floats between panels: those of many layers would be a multiple of 4 KiB apart, and what is
   copied to all of them would go to one set of L1. */
#define PANEL_GAP 16

/* What the pointers of a row take, in floats. */
#define PANEL_ROW_FLOATS 8

/* Pixels of a strip from `first` on, and floats of a row: pixels, rounded up to the granule. */
struct panel {
    float *data;
    int64_t first, pixels;
    int width;
};

/* Panels of one width, one after the other, and the register tiles for them: [rows - 1]. */
struct panels_alike {
    struct panel panel; /* the first */
    int64_t count;
    tile_multiply_function *const *multiply;
};

/* One thread's workspace, cut up; and what it holds: a strip, and a part of the output channels. */
struct panels_strip {
    float *panels, *row, *sums, *y, *residual;

    int64_t n, pixel, pixels;      /* of image n, from `pixel` on */
    int64_t count, vectors, wider; /* panels, vectors of each, the first with one vector more */
    int widths;
    struct panels_alike alike[3]; /* with one vector more, the others, and one that is not full */

    int64_t first_block, end_block; /* blocks of rows, each row an output channel */
    int64_t first_group, end_group, first_k, end_k;
    int64_t Kg, of_group, rows, larger; /* rows of a group, its blocks, and theirs: some have one
                                           more */
    const float **w_rows; /* [k - first_k]: of the part, or of one block after the other */
    float **sums_rows, **y_rows, **residual_rows;
    bool joined; /* rows of y and the residual follow each other; else tiles have the strip's own */
};

/* Terms of a panel: those of all groups. */
static inline int64_t panels_terms(const struct convoy_plan *plan)
{
    return plan->layer.groups * layer_depth(&plan->layer);
}

/* Floats from one row of partial sums to the next: none where the depth is not cut. */
static inline int64_t panels_sums_pitch(const struct convoy_plan *plan)
{
    const struct blocking *b = &plan->blocking;
    const int64_t panel = b->tile_vectors * plan->kernels->vector_floats;
    return direct_chunks(plan) == 1 ? 0 : b->panel_first ? panel : b->strip_columns;
}

/* Panel `index` of a strip. */
struct panel panels_panel(const struct convoy_plan *plan, const struct panels_strip *strip,
                          int64_t index);

/* Floats of strip->row: room for the columns that some taps see, and for a panel before and
   behind. */
int64_t panels_row_floats(const struct convoy_plan *plan);

/* The strip's x of the groups first <= group < end, into its panels. */
void panels_pack(const struct convoy_plan *plan, const convoy_tensor *x,
                 const struct panels_strip *strip, int64_t first, int64_t end);

/* Which output channels they are; panel by panel, their rows of w, y and the residual. */
void panels_choose_part(const struct convoy_plan *plan, const struct operands *operands,
                        struct panels_strip *strip, int64_t part);

/* The part's register tiles: block after block of rows, for all panels of the strip; or panel after
   panel, which its own first tiles copy. */
void panels_multiply_blocks(const struct convoy_plan *plan, const struct operands *operands,
                            struct panels_strip *strip, const struct tile_epilogue *epilogue);
void panels_multiply_panels(const struct convoy_plan *plan, const struct operands *operands,
                            const struct panels_strip *strip, const struct tile_epilogue *epilogue);

#endif
