/**
 * @file direct_panels_multiply.c
 * The register tiles of a strip of panels: which rows of w and y they have, and their order.
 */
#include "kernels/direct/direct_panels.h"

#include <string.h>

#include "core/arithmetic.h"
#include "core/layer_checked.h"

/* Output channels of one group from k on: so many blocks of as many rows. */
struct rows {
    int64_t group, k, count, blocks;
};

/* A piece of a group's depth: terms first ... first + count - 1. */
struct piece {
    int64_t first, count;
};

/* Blocks of a group from `index` on, as many as are as large: they are even, the larger ones first.
 */
static struct rows rows_of(const struct panels_strip *strip, int64_t group, int64_t index)
{
    const bool larger = index < strip->larger;
    return (struct rows){
        .group = group,
        .k = group * strip->Kg + strip->rows * index + min64(index, strip->larger),
        .count = strip->rows + larger,
        .blocks = (larger ? strip->larger : strip->of_group) - index,
    };
}

static int64_t first_row(const struct panels_strip *strip, int64_t block)
{
    return rows_of(strip, block / strip->of_group, block % strip->of_group).k;
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

/* Pointers for some rows. */
static void fill_rows(const struct convoy_plan *plan, const struct operands *operands,
                      struct panels_strip *strip, const struct rows *rows)
{
    const convoy_tensor *y = operands->y, *residual = operands->residual;
    const int64_t depth = layer_depth(&plan->layer);
    const int64_t pitch = plan->blocking.tile_vectors * plan->kernels->vector_floats;
    const int64_t sums = panels_sums_pitch(plan);
    for (int64_t i = 0; i < rows->blocks * rows->count; i++) {
        const int64_t k = rows->k + i, at = k - strip->first_k;
        strip->w_rows[at] = (const float *)plan->packed_w + k * depth;
        strip->sums_rows[at] = strip->sums + at * sums;
        strip->y_rows[at] = strip->joined ? plane_of(y, strip->n, k) : strip->y + at * pitch;
        if (residual) {
            strip->residual_rows[at] =
                strip->joined ? plane_of(residual, strip->n, k) : strip->residual + at * pitch;
        }
    }
}

void panels_choose_part(const struct convoy_plan *plan, const struct operands *operands,
                        struct panels_strip *strip, int64_t part)
{
    const struct blocking *b = &plan->blocking;
    const convoy_tensor *y = operands->y, *residual = operands->residual;
    strip->joined = y->stride_h == plan->Q && (!residual || residual->stride_h == plan->Q);
    strip->Kg = layer_Kg(&plan->layer);
    strip->of_group = b->k_blocks / plan->layer.groups;
    strip->rows = strip->Kg / strip->of_group;
    strip->larger = strip->Kg % strip->of_group;
    strip->first_block = b->k_blocks * part / b->k_parts;
    strip->end_block = b->k_blocks * (part + 1) / b->k_parts;
    strip->first_group = strip->first_block / strip->of_group;
    strip->end_group = divide_up(strip->end_block, strip->of_group);
    strip->first_k = first_row(strip, strip->first_block);
    strip->end_k = first_row(strip, strip->end_block);
    if (b->panel_first) {
        const int64_t count = strip->end_k - strip->first_k;
        fill_rows(plan, operands, strip, &(struct rows){0, strip->first_k, count, 1});
    }
}

/* Of the rows first <= k < end, the residual into the strip's own or the strip's own y to where it
   goes, unless tiles have them where they lie. */
static void copy_rows(const struct panels_strip *strip, const struct panel *panel, int64_t first,
                      int64_t end, const convoy_tensor *tensor, float *const *own, bool to_own)
{
    for (int64_t k = first; k < end && tensor && !strip->joined; k++) {
        copy_pixels(tensor, plane_of(tensor, strip->n, k), strip->pixel + panel->first,
                    panel->pixels, own[k - strip->first_k], to_own);
    }
}

/* What the tiles of a part have in common. */
static struct tile_operands tile_of(const struct operands *operands,
                                    const struct panels_strip *strip,
                                    const struct tile_epilogue *epilogue)
{
    return (struct tile_operands){
        .run_count = 1,
        .epilogue = epilogue,
        .residual = operands->residual ? (const float *const *)strip->residual_rows : NULL,
        .swapped = true,
    };
}

/* Tiles for some rows, and for panels from `panel` on, a piece of the depth. */
static void set_tile(const struct convoy_plan *plan, const struct panels_strip *strip,
                     const struct panel *panel, const struct rows *rows, struct piece piece,
                     struct tile_operands *tile)
{
    const int64_t at = rows->k - strip->first_k;
    const bool first = piece.first == 0;
    const bool last = piece.first + piece.count == layer_depth(&plan->layer);
    tile->x = strip->w_rows + at;
    tile->x_shift = piece.first;
    tile->ending = last ? (first ? TILE_STORE : TILE_ADD_STORE) : (first ? TILE_SET : TILE_ADD);
    tile->sums = strip->sums_rows + at;
    tile->y = strip->y_rows + at;
    tile->residual = tile->residual ? (const float *const *)strip->residual_rows + at : NULL;
    tile->y_shift = strip->joined ? strip->pixel + panel->first : 0;
    tile->bias_shift = rows->k;
    tile->channels = (int)panel->pixels;
}

/* One block of rows for panels that are alike: a tile each, for all of them piece by piece of the
   depth; or panel by panel where rows of y are not joined. */
static void multiply_alike(const struct convoy_plan *plan, const struct operands *operands,
                           const struct panels_strip *strip, const struct panels_alike *alike,
                           const struct rows *rows, struct tile_operands *tile)
{
    const int64_t depth = layer_depth(&plan->layer), end = rows->k + rows->count;
    struct panel panel = alike->panel;
    tile->tiles = (int)(strip->joined ? alike->count : 1);
    tile->w_step = panels_terms(plan) * panel.width + PANEL_GAP;
    tile->y_step = panel.width;
    for (int64_t i = 0; i < alike->count; i += tile->tiles) {
        copy_rows(strip, &panel, rows->k, end, operands->residual, strip->residual_rows, true);
        for (struct piece piece = {0, 0}; piece.first < depth; piece.first += piece.count) {
            piece.count = min64(plan->blocking.depth_block, depth - piece.first);
            set_tile(plan, strip, &panel, rows, piece, tile);
            tile->sums_shift = panel.first;
            tile->w = panel.data + (rows->group * depth + piece.first) * panel.width;
            tile->runs = &(struct tile_run){0, 0, piece.count};
            alike->multiply[rows->count - 1](tile);
        }
        copy_rows(strip, &panel, rows->k, end, operands->y, strip->y_rows, false);
        panel.data += tile->w_step;
        panel.first += panel.width;
    }
}

void panels_multiply_blocks(const struct convoy_plan *plan, const struct operands *operands,
                            struct panels_strip *strip, const struct tile_epilogue *epilogue)
{
    struct tile_operands tile = tile_of(operands, strip, epilogue);
    for (int64_t index = strip->first_block; index < strip->end_block; index++) {
        struct rows rows = rows_of(strip, index / strip->of_group, index % strip->of_group);
        rows.blocks = 1;
        strip->first_k = rows.k;
        fill_rows(plan, operands, strip, &rows);
        for (int i = 0; i < strip->widths; i++) {
            multiply_alike(plan, operands, strip, &strip->alike[i], &rows, &tile);
        }
    }
}

/* What will be copied next: the channels from `next` on, or the part's first of the next panel. */
static struct tile_ahead ahead_of(const struct convoy_plan *plan, const convoy_tensor *x,
                                  const struct panels_strip *strip, const struct panel *panel,
                                  int64_t next, int64_t count)
{
    const int64_t Cg = layer_depth(&plan->layer);
    int64_t pixel = strip->pixel + panel->first;
    if (next == strip->end_group * Cg) {
        next = strip->first_group * Cg;
        pixel += panel->width;
    }
    if (pixel >= plan->P * plan->Q) {
        return (struct tile_ahead){0};
    }
    return (struct tile_ahead){
        .from = plane_of(x, strip->n, next) + pixel,
        .stride = x->stride_c,
        .steps = count,
    };
}

/* The tile that copies what it reads, NULL: it must be copied before. */
static tile_cut_function *cut_of(const struct convoy_plan *plan, const convoy_tensor *x,
                                 const struct panel *panel, int64_t rows)
{
    const int floats = plan->kernels->vector_floats;
    const bool whole = panel->pixels == panel->width && panel->width % floats == 0;
    return whole && x->stride_h == x->W
               ? plan->kernels->tile_cuts->cut[panel->width / floats - 1][rows - 1]
               : NULL;
}

/* So many channels of one panel from `first` on. */
static void pack_piece(const struct convoy_plan *plan, const convoy_tensor *x,
                       const struct panels_strip *strip, const struct panel *panel, int64_t first,
                       int64_t count)
{
    const int64_t pixel = strip->pixel + panel->first;
    if (panel->pixels < panel->width) {
        memset(panel->data, 0, (size_t)(count * panel->width) * sizeof *panel->data);
    }
    if (x->stride_h == x->W) {
        plan->kernels->direct_panel(&(struct direct_panel){
            .from = plane_of(x, strip->n, first) + pixel,
            .from_c = x->stride_c,
            .channels = count,
            .lanes = (int)panel->pixels,
            .to = panel->data,
            .to_c = panel->width,
            .panels = 1,
        });
        return;
    }
    for (int64_t c = 0; c < count; c++) {
        copy_pixels(x, plane_of(x, strip->n, first + c), pixel, panel->pixels,
                    panel->data + c * panel->width, true);
    }
}

/* All blocks of a group's rows in the part, for a piece of one panel. */
static void multiply_piece(const struct convoy_plan *plan, const struct operands *operands,
                           const struct panels_strip *strip, const struct panels_alike *one,
                           int64_t group, struct piece piece, struct tile_operands *tile)
{
    const convoy_tensor *x = operands->x;
    const struct panel *panel = &one->panel;
    const int64_t channel = group * layer_depth(&plan->layer) + piece.first;
    const int64_t begin = max64(0, strip->first_block - group * strip->of_group);
    const int64_t end = min64(strip->of_group, strip->end_block - group * strip->of_group);
    tile_cut_function *cut = cut_of(plan, x, panel, rows_of(strip, group, begin).count);
    if (!cut) {
        pack_piece(plan, x, strip, panel, channel, piece.count);
    }
    tile->w = panel->data;
    tile->runs = &(struct tile_run){0, 0, piece.count};
    tile->ahead = ahead_of(plan, x, strip, panel, channel + piece.count, piece.count);
    for (int64_t index = begin; index < end; index += tile->tiles, cut = NULL) {
        const struct rows rows = rows_of(strip, group, index);
        set_tile(plan, strip, panel, &rows, piece, tile);
        tile->tiles = cut ? 1 : (int)min64(rows.blocks, end - index);
        tile->pointers_step = (int)rows.count;
        if (cut) {
            const float *from = plane_of(x, strip->n, channel) + strip->pixel + panel->first;
            /* where no other tile does: those that add do not */
            const bool asks = tile->ahead.steps > 0 && (piece.first > 0 || end - begin == 1);
            cut(tile, panel->data, from, x->stride_c, asks ? tile->ahead.from - from : 0);
        } else {
            one->multiply[rows.count - 1](tile);
            tile_asked(&tile->ahead,
                       tile->tiles * tile_turns(tile->runs, 1, plan->kernels->tile->ask_steps));
        }
    }
}

void panels_multiply_panels(const struct convoy_plan *plan, const struct operands *operands,
                            const struct panels_strip *strip, const struct tile_epilogue *epilogue)
{
    const int64_t depth = layer_depth(&plan->layer);
    struct tile_operands tile = tile_of(operands, strip, epilogue);
    for (int i = 0; i < strip->widths; i++) {
        struct panels_alike one = strip->alike[i];
        one.panel.data = strip->panels;
        for (int64_t j = 0; j < one.count; j++, one.panel.first += one.panel.width) {
            copy_rows(strip, &one.panel, strip->first_k, strip->end_k, operands->residual,
                      strip->residual_rows, true);
            for (int64_t g = strip->first_group; g < strip->end_group; g++) {
                for (struct piece piece = {0, 0}; piece.first < depth; piece.first += piece.count) {
                    piece.count = min64(plan->blocking.depth_block, depth - piece.first);
                    multiply_piece(plan, operands, strip, &one, g, piece, &tile);
                }
            }
            copy_rows(strip, &one.panel, strip->first_k, strip->end_k, operands->y, strip->y_rows,
                      false);
        }
    }
}
