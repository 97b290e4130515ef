/**
 * @file direct_panels.c
 * NCHW with pixels in the lanes: the register tiles with their roles swapped. Rows of the filter
 * are broadcast, and x is copied into panels, whose vectors are pixels; so y is stored as it lies,
 * K needs no rounding, and no float of x or y is transposed.
 *
 *   for each strip of y, for each share of the output channels       <- threads
 *       copy the strip's x into panels, once a thread                <- in L2
 *       for each few output channels                                 <- their w in L1
 *           for each panel
 *               for each chunk of the depth: a register tile         <- registers
 *
 * The pixels of an image are counted as one row, p * Q + q, which is how they lie in y. A panel
 * holds, for each group and term d of the depth, in the order r, s, c, the x under that tap of some
 * pixels side by side, zero on padding: [groups][depth][width]. Packed w is [K][R][S][C/groups].
 */
#include "kernels/direct/direct_panels.h"

#include <string.h>

#include "core/arithmetic.h"
#include "core/cpu.h"
#include "core/layer_checked.h"
#include "kernels/carve.h"
#include "kernels/share.h"
#include "kernels/tile/tile_epilogue.h"

static int64_t floats_of(const struct convoy_plan *plan)
{
    return plan->kernels->vector_floats;
}

static int64_t strips_of_image(const struct convoy_plan *plan)
{
    return divide_up(plan->P * plan->Q, plan->blocking.strip_columns);
}

struct panel panels_panel(const struct convoy_plan *plan, const struct panels_strip *strip,
                          int64_t index)
{
    int64_t floats = floats_of(plan);
    int64_t first = (strip->vectors * index + min64(index, strip->wider)) * floats;
    int64_t vectors = strip->vectors + (index < strip->wider);
    int64_t pixels = min64(vectors * floats, strip->pixels - first);
    return (struct panel){
        .data = strip->panels + first * panels_terms(plan) + index * PANEL_GAP,
        .first = first,
        .pixels = pixels,
        .width = (int)round_up(pixels, plan->kernels->tile->granule),
    };
}

/* How many panels from `panel` on are as wide, and full; at least that one. */
static int64_t count_alike(const struct panels_strip *strip, const struct panel *panel)
{
    int64_t pixels = strip->pixels - panel->first;
    int64_t wider = strip->wider * panel->width - panel->first;
    return max64((wider > 0 ? min64(pixels, wider) : pixels) / panel->width, 1);
}

static void find_alike(const struct convoy_plan *plan, struct panels_strip *strip)
{
    const struct tile_shapes *shapes = plan->kernels->tile;
    const int floats = plan->kernels->vector_floats;
    strip->widths = 0;
    for (int64_t i = 0; i < strip->count;) {
        struct panels_alike *alike = &strip->alike[strip->widths++];
        alike->panel = panels_panel(plan, strip, i);
        alike->count = count_alike(strip, &alike->panel);
        const int width = alike->panel.width, vectors = (width + floats - 1) / floats;
        alike->multiply = width % floats == 0 ? shapes->multiply[vectors - 1]
                                              : shapes->multiply_half[vectors - 1];
        i += alike->count;
    }
}

/* Strip `index` of y, in panels of even widths. Strips have as many panels as can be alike, else a
   thread may have most of them. */
static void place_strip(const struct convoy_plan *plan, int64_t index, struct panels_strip *strip)
{
    const struct blocking *b = &plan->blocking;
    int64_t of_image = strips_of_image(plan), i = index % of_image, pixels = plan->P * plan->Q;
    int64_t of_panel = b->tile_vectors * floats_of(plan), panels = divide_up(pixels, of_panel);
    strip->n = index / of_image;
    strip->pixel = panels * i / of_image * of_panel;
    strip->pixels = min64(pixels, panels * (i + 1) / of_image * of_panel) - strip->pixel;
    int64_t vectors = divide_up(strip->pixels, floats_of(plan));
    strip->count = divide_up(vectors, b->tile_vectors);
    strip->vectors = vectors / strip->count;
    strip->wider = vectors % strip->count;
    find_alike(plan, strip);
}

int64_t direct_panels_strips(const struct convoy_plan *plan)
{
    return plan->layer.N * strips_of_image(plan);
}

int64_t direct_panels_flops(const struct convoy_plan *plan)
{
    int64_t flops = 2 * layer_depth(&plan->layer);
    bool fits =
        multiply_checked(&flops, round_up(plan->P * plan->Q, plan->kernels->tile->granule)) &&
        multiply_checked(&flops, plan->layer.K) && multiply_checked(&flops, plan->layer.N);
    return fits ? flops : INT64_MAX;
}

double direct_panels_copies(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    int64_t vectors = divide_up(plan->P * plan->Q, floats_of(plan));
    double pieces = (double)(vectors + (l->R * l->S > 1 || l->stride_w > 1 ? plan->P : 0));
    return pieces * (double)(l->N * panels_terms(plan));
}

/* Part of the rows of register tiles with so many vectors that the output channels fill. */
static double rows_filled(const struct convoy_plan *plan, int vectors)
{
    int64_t rows = plan->kernels->tile->pixels_max[vectors - 1];
    int64_t Kg = layer_Kg(&plan->layer);
    return (double)Kg / (double)round_up(Kg, rows);
}

/* Vectors of a panel. Of short sums as many as can be, if they are copied in pieces, which takes
   shorter for wide ones; else fewer rows, and more calls, must be worth it. */
static int panel_vectors(const struct convoy_plan *plan)
{
    const struct tile_shapes *shapes = plan->kernels->tile;
    const convoy_layer *l = &plan->layer;
    const double worth = 1.02;
    bool pieces = l->R * l->S > 1;
    bool wide = direct_sums_are_short(plan) &&
                (pieces || rows_filled(plan, shapes->vectors_max) >
                               worth * rows_filled(plan, shapes->vectors_best));
    return wide ? shapes->vectors_max : shapes->vectors_best;
}

bool direct_panels_fit(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    int64_t bytes = 4 * floats_of(plan) * panel_vectors(plan);
    return l->layout == CONVOY_NCHW && !plan->blocking.lanes &&
           multiply_checked(&bytes, layer_depth(l)) && multiply_checked(&bytes, l->groups) &&
           bytes <= (int64_t)cpu_l2_bytes() / 2;
}

void direct_panels_prepare(struct convoy_plan *plan)
{
    struct blocking *b = &plan->blocking;
    const struct tile_shapes *shapes = plan->kernels->tile;
    const int panel = panel_vectors(plan);
    int64_t floats = floats_of(plan), depth = panels_terms(plan);
    int64_t vectors = divide_up(plan->P * plan->Q, floats);
    int64_t most = (int64_t)cpu_l2_bytes() / 3 / (4 * floats * depth);
    /* whole panels: one of fewer vectors takes about as long */
    most = round_up(max64(1, min64(most, STRIP_PIXELS_MAX / floats)), panel);
    most = round_up(divide_up(vectors, divide_up(vectors, most)), panel);
    b->strip_images = b->strip_rows = 1;
    b->strip_columns = most * floats;
    b->tile_vectors = (int)divide_up(most, divide_up(most, panel));
    b->tile_pixels = shapes->pixels_max[b->tile_vectors - 1];
    b->k_blocks = plan->layer.groups * divide_up(layer_Kg(&plan->layer), b->tile_pixels);
    int threads = direct_threads(plan);
    int64_t wanted = threads > 1 ? 4 * (int64_t)threads : 1;
    b->k_parts = min64(b->k_blocks, divide_up(wanted, direct_panels_strips(plan)));
}

static int64_t carve_strip(const struct convoy_plan *plan, char *workspace,
                           struct panels_strip *strip)
{
    const struct blocking *b = &plan->blocking;
    int64_t tile = b->tile_pixels * b->tile_vectors * floats_of(plan), used = 0;
    const int64_t gaps = b->strip_columns / floats_of(plan) * PANEL_GAP;
    strip->panels = carve(workspace, &used, 4 * (b->strip_columns * panels_terms(plan) + gaps));
    strip->row = carve(workspace, &used, 4 * panels_row_floats(plan));
    strip->sums = carve(workspace, &used, 4 * tile);
    strip->y = carve(workspace, &used, 4 * tile);
    strip->residual = carve(workspace, &used, 4 * tile);
    return used;
}

int64_t direct_panels_bytes(const struct convoy_plan *plan)
{
    struct panels_strip strip = {0};
    return carve_strip(plan, NULL, &strip);
}

/* `pixels` pixels of a tensor from number `first` of its image on, copied to or from a row. */
static void copy_pixels(const convoy_tensor *tensor, float *plane, int64_t first, int64_t pixels,
                        float *row, bool to_row)
{
    for (int64_t i = 0; i < pixels;) {
        int64_t h = (first + i) / tensor->W, w = (first + i) % tensor->W;
        int64_t count = min64(tensor->W - w, pixels - i);
        float *at = plane + h * tensor->stride_h + w;
        memcpy(to_row ? row + i : at, to_row ? at : row + i, (size_t)count * sizeof *row);
        i += count;
    }
}

static float *plane_of(const convoy_tensor *tensor, int64_t n, int64_t k)
{
    return (float *)tensor->data + n * tensor->stride_n + k * tensor->stride_c;
}

/* Output channels k ... k + rows - 1 of a strip: rows of w, y and residual. Where rows of y or the
   residual do not follow each other, tiles have y and residual in rows of the strip's. */
struct block {
    int64_t k;
    int rows;
    bool joined;
    const float *w[TILE_PIXELS_MAX], *residual[TILE_PIXELS_MAX];
    float *y[TILE_PIXELS_MAX], *sums[TILE_PIXELS_MAX];
};

static void fill_block(const struct convoy_plan *plan, const struct operands *operands,
                       const struct panels_strip *strip, struct block *block)
{
    const convoy_tensor *y = operands->y, *residual = operands->residual;
    const int64_t depth = layer_depth(&plan->layer);
    const int64_t pitch = plan->blocking.tile_vectors * floats_of(plan);
    block->joined = y->stride_h == plan->Q && (!residual || residual->stride_h == plan->Q);
    for (int i = 0; i < block->rows; i++) {
        int64_t k = block->k + i;
        block->w[i] = (const float *)plan->packed_w + k * depth;
        block->sums[i] = strip->sums + i * pitch;
        block->y[i] = block->joined ? plane_of(y, strip->n, k) : strip->y + i * pitch;
        block->residual[i] = residual && block->joined ? plane_of(residual, strip->n, k)
                                                       : strip->residual + i * pitch;
    }
}

/* Some panels that are alike; more than one only where rows of y are joined and the depth is not
   cut. */
static void multiply_panels(const struct convoy_plan *plan, const struct operands *operands,
                            const struct panels_strip *strip, const struct panels_alike *alike,
                            const struct block *block, const struct tile_epilogue *epilogue)
{
    const convoy_tensor *y = operands->y, *residual = operands->residual;
    const struct panel *panel = &alike->panel;
    const int64_t depth = layer_depth(&plan->layer), pixel = strip->pixel + panel->first;
    const int64_t group = block->k / layer_Kg(&plan->layer);
    const int64_t pitch = plan->blocking.tile_vectors * floats_of(plan);
    for (int i = 0; i < block->rows && residual && !block->joined; i++) {
        copy_pixels(residual, plane_of(residual, strip->n, block->k + i), pixel, panel->pixels,
                    strip->residual + i * pitch, true);
    }
    struct tile_run run;
    struct tile_operands tile = {
        .tiles = (int)alike->count,
        .w_step = panels_terms(plan) * panel->width + PANEL_GAP,
        .y_step = panel->width,
        .x = block->w,
        .w = panel->data + group * depth * panel->width,
        .runs = &run,
        .run_count = 1,
        .sums = block->sums,
        .y = block->y,
        .residual = residual ? block->residual : NULL,
        .y_shift = block->joined ? pixel : 0,
        .epilogue = epilogue,
        .swapped = true,
        .channels = (int)panel->pixels,
    };
    for (int64_t d = 0; d < depth; d += run.depth) {
        bool first = d == 0, last = d + plan->blocking.depth_block >= depth;
        run = (struct tile_run){d, d, min64(plan->blocking.depth_block, depth - d)};
        tile.ending = last ? (first ? TILE_STORE : TILE_ADD_STORE) : (first ? TILE_SET : TILE_ADD);
        alike->multiply[block->rows - 1](&tile);
    }
    for (int i = 0; i < block->rows && !block->joined; i++) {
        copy_pixels(y, plane_of(y, strip->n, block->k + i), pixel, panel->pixels, block->y[i],
                    false);
    }
}

/* All panels of one width. */
static void multiply_alike(const struct convoy_plan *plan, const struct operands *operands,
                           const struct panels_strip *strip, const struct panels_alike *alike,
                           const struct block *block, const struct tile_epilogue *epilogue)
{
    const int64_t depth = layer_depth(&plan->layer);
    if (depth <= plan->blocking.depth_block && block->joined) {
        multiply_panels(plan, operands, strip, alike, block, epilogue);
        return;
    }
    struct panels_alike one = *alike;
    one.count = 1;
    for (int64_t i = 0; i < alike->count; i++) {
        multiply_panels(plan, operands, strip, &one, block, epilogue);
        one.panel.data += panels_terms(plan) * one.panel.width + PANEL_GAP;
        one.panel.first += one.panel.width;
    }
}

/* One share of the output channels of one strip. */
static void work_unit(const struct convoy_plan *plan, const struct operands *operands,
                      const struct panels_strip *strip, int64_t part, struct tile_epilogue epilogue)
{
    const struct blocking *b = &plan->blocking;
    const int64_t Kg = layer_Kg(&plan->layer), of_group = b->k_blocks / plan->layer.groups;
    const int64_t rows = Kg / of_group, larger = Kg % of_group;
    const int64_t end = b->k_blocks * (part + 1) / b->k_parts;
    for (int64_t index = b->k_blocks * part / b->k_parts; index < end; index++) {
        struct block block;
        const int64_t in_group = index % of_group;
        block.k = index / of_group * Kg + rows * in_group + min64(in_group, larger);
        block.rows = (int)rows + (in_group < larger);
        fill_block(plan, operands, strip, &block);
        epilogue.bias = plan->bias ? plan->bias + block.k : NULL;
        for (int i = 0; i < strip->widths; i++) {
            multiply_alike(plan, operands, strip, &strip->alike[i], &block, &epilogue);
        }
    }
}

/* The x of those groups that a part of the blocks reads, and that no part before it read. */
static void pack_part(const struct convoy_plan *plan, const convoy_tensor *x,
                      const struct panels_strip *strip, int64_t part, int64_t *packed)
{
    const struct blocking *b = &plan->blocking;
    const int64_t of_group = b->k_blocks / plan->layer.groups;
    const int64_t first = b->k_blocks * part / b->k_parts / of_group;
    const int64_t end = divide_up(b->k_blocks * (part + 1) / b->k_parts, of_group);
    if (end > *packed) {
        panels_pack(plan, x, strip, max64(first, *packed), end);
        *packed = end;
    }
}

static void work_strips(const struct convoy_plan *plan, const struct operands *operands,
                        char *workspace, struct share *share)
{
    const int64_t parts = plan->blocking.k_parts;
    const struct tile_epilogue epilogue = tile_epilogue_of(&plan->layer.epilogue);
    struct panels_strip strip = {0};
    carve_strip(plan, workspace, &strip);
    int64_t current = -1, packed = 0; /* groups of the strip whose x is in panels */
    for (int64_t unit; (unit = share_next(share)) >= 0;) {
        int64_t index = unit / parts;
        if (index != current) {
            place_strip(plan, index, &strip);
            current = index;
            packed = 0;
        }
        pack_part(plan, operands->x, &strip, unit % parts, &packed);
        work_unit(plan, operands, &strip, unit % parts, epilogue);
    }
}

void direct_panels_execute(const struct convoy_plan *plan, const struct operands *operands)
{
    share_units(plan, operands, direct_threads(plan),
                direct_panels_strips(plan) * plan->blocking.k_parts, SHARE_EVENLY, work_strips);
}
