/**
 * @file direct_panels_pack.c
 * A strip's x into panels: what all taps see of the pixels, side by side.
 */
#include "kernels/direct/direct_panels.h"

#include <assert.h>
#include <string.h>

#include "core/arithmetic.h"

/* Chunks of a row of y, at most: one for each vector of a strip's pixels, whose number is rounded
   up to whole panels. Where panels go one by one nothing is copied here. */
#define CHUNKS_MAX (STRIP_PIXELS_MAX / 4 + TILE_VECTORS_MAX)

/* Groups first <= group < end. */
struct groups {
    int64_t first, end;
};

/* Outputs of a piece of a row of y, at most. */
static int64_t outputs_most(const struct convoy_plan *plan)
{
    return min64(plan->Q, plan->blocking.strip_columns);
}

/* Taps of which each sees other columns, and how many outputs on the taps behind them see theirs.
 */
struct sharing {
    int64_t apart, step;
};

/* Where that is so far on that no output of a row shares a column, all taps are apart. */
static struct sharing sharing_of(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    int64_t divisor = l->stride_w, other = l->dilation_w;
    while (other != 0) {
        int64_t rest = divisor % other;
        divisor = other;
        other = rest;
    }
    struct sharing sharing = {l->stride_w / divisor, l->dilation_w / divisor};
    if (sharing.step >= outputs_most(plan)) {
        sharing.apart = max64(sharing.apart, l->S);
    }
    return sharing;
}

int64_t panels_row_floats(const struct convoy_plan *plan)
{
    const struct sharing sharing = sharing_of(plan);
    const int64_t further = (plan->layer.S - 1) / sharing.apart * sharing.step;
    const int64_t panel = plan->blocking.tile_vectors * plan->kernels->vector_floats;
    return outputs_most(plan) + plan->kernels->vector_floats + further + 2 * panel;
}

/* Where, in the panels of a strip, the next pixels go. */
struct place {
    int64_t index, pixel;
    struct panel panel;
};

/* The chunks of the next `pixels` pixels. */
static int next_chunks(const struct convoy_plan *plan, const struct panels_strip *strip,
                       struct place *place, int64_t pixels, struct direct_chunk *chunks)
{
    int count = 0;
    for (int64_t i = 0, taken; i < pixels; i += taken) {
        const struct panel *panel = &place->panel;
        const int64_t first = place->pixel;
        assert(count < CHUNKS_MAX);
        chunks[count++] = (struct direct_chunk){
            .to = panel->data,
            .pitch = panel->width,
            .from = i - first,
            .skip = (int)first,
        };
        taken = min64(pixels - i, panel->pixels - first);
        place->pixel += taken;
        if (place->pixel == panel->pixels && ++place->index < strip->count) {
            place->panel = panels_panel(plan, strip, place->index);
            place->pixel = 0;
        }
    }
    return count;
}

/* x of some groups under so many outputs from column q of row p on, in all chunks. */
static void pack_piece(const struct convoy_plan *plan, const convoy_tensor *x,
                       const struct panels_strip *strip, struct groups groups, int64_t p, int64_t q,
                       int64_t outputs, struct direct_chunk *chunks, int count)
{
    const convoy_layer *l = &plan->layer;
    const float *image = (const float *)x->data + strip->n * x->stride_n;
    const struct sharing sharing = sharing_of(plan);
    struct direct_taps taps = {
        .x_c = x->stride_c,
        .W = l->W,
        .first = q * l->stride_w - l->pad_left,
        .stride = l->stride_w,
        .dilation = l->dilation_w,
        .S = l->S,
        .channels = layer_Cg(l),
        .apart = sharing.apart,
        .step = sharing.step,
        .outputs = outputs,
        .row = strip->row + plan->blocking.tile_vectors * plan->kernels->vector_floats,
        .chunks = chunks,
        .chunk_count = count,
    };
    for (int i = 0; i < count; i++) {
        chunks[i].to += groups.first * layer_depth(l) * chunks[i].pitch;
    }
    for (int64_t row = groups.first * l->R; row < groups.end * l->R; row++) {
        const int64_t group = row / l->R, r = row % l->R;
        const float *plane = image + group * taps.channels * x->stride_c;
        int64_t h = p * l->stride_h - l->pad_top + r * l->dilation_h;
        taps.x = h >= 0 && h < l->H ? plane + h * x->stride_h : NULL;
        plan->kernels->direct_taps(&taps);
        for (int i = 0; i < count; i++) {
            chunks[i].to += l->S * taps.channels * chunks[i].pitch;
        }
    }
}

/* All panels of a strip, piece by piece of rows of y. */
static void pack_pieces(const struct convoy_plan *plan, const convoy_tensor *x,
                        const struct panels_strip *strip, struct groups groups)
{
    struct direct_chunk chunks[CHUNKS_MAX];
    struct place place = {.panel = panels_panel(plan, strip, 0)};
    int64_t p = strip->pixel / plan->Q, q = strip->pixel % plan->Q;
    for (int64_t i = 0, pixels; i < strip->pixels; i += pixels, p++, q = 0) {
        pixels = min64(plan->Q - q, strip->pixels - i);
        int count = next_chunks(plan, strip, &place, pixels, chunks);
        /* and zeros, or what follows in the row, behind the last */
        const int64_t behind = i + pixels == strip->pixels ? plan->kernels->vector_floats : 0;
        pack_piece(plan, x, strip, groups, p, q, pixels + behind, chunks, count);
    }
}

/* The same where pixels of x lie as those of y. */
static void pack_joined(const struct convoy_plan *plan, const convoy_tensor *x,
                        const struct panels_strip *strip, struct groups groups)
{
    const int64_t Cg = layer_Cg(&plan->layer), c = groups.first * Cg;
    for (int i = 0; i < strip->widths; i++) {
        const struct panel *panel = &strip->alike[i].panel;
        struct direct_panel rows = {
            .from = (const float *)x->data + strip->n * x->stride_n + c * x->stride_c +
                    strip->pixel + panel->first,
            .from_c = x->stride_c,
            .channels = (groups.end - groups.first) * Cg,
            .lanes = (int)min64(panel->pixels, panel->width),
            .to = panel->data + c * panel->width,
            .to_c = panel->width,
            .panels = strip->alike[i].count,
            .to_panel = plan->layer.C * panel->width + PANEL_GAP,
        };
        if (rows.lanes < panel->width) {
            memset(rows.to, 0, (size_t)(rows.channels * panel->width) * sizeof *rows.to);
        }
        plan->kernels->direct_panel(&rows);
    }
}

void panels_pack(const struct convoy_plan *plan, const convoy_tensor *x,
                 const struct panels_strip *strip, int64_t first, int64_t end)
{
    const convoy_layer *l = &plan->layer;
    const struct groups groups = {first, end};
    if (l->R == 1 && l->S == 1 && l->stride_w == 1 && l->stride_h == 1 && !layer_is_padded(l) &&
        x->stride_h == l->W) {
        pack_joined(plan, x, strip, groups);
    } else {
        pack_pieces(plan, x, strip, groups);
    }
}
