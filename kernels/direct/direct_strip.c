/**
 * @file direct_strip.c
 * One strip: sort its pixels into groups that see the same taps, and write each group's sum as
 * runs of consecutive floats.
 */
#include "kernels/direct/direct.h"

#include <assert.h>

#include "core/arithmetic.h"
#include "core/layer_checked.h"
#include "kernels/carve.h"
#include "kernels/depthwise/depthwise.h"

/* Taps first <= t < last of output o meet real input: 0 <= o*stride - pad + t*dilation < extent. */
static void taps_inside(int64_t o, int64_t stride, int64_t pad, int64_t dilation, int64_t taps,
                        int64_t extent, int64_t *first, int64_t *last)
{
    int64_t origin = o * stride - pad;
    *first = origin >= 0 ? 0 : min64(taps, divide_up(-origin, dilation));
    *last = origin >= extent ? 0 : min64(taps, (extent - 1 - origin) / dilation + 1);
    if (*last < *first) {
        *last = *first;
    }
}

int direct_spans(int64_t out0, int64_t out1, int64_t stride, int64_t pad, int64_t dilation,
                 int64_t taps, int64_t extent, bool pads, struct direct_span *spans, int room)
{
    int count = 0;
    for (int64_t o = out0; o < out1;) {
        struct direct_span span = {o, out1, 0, taps};
        if (!pads) {
            taps_inside(o, stride, pad, dilation, taps, extent, &span.tap_begin, &span.tap_end);
            int64_t low = o + 1, high = out1; /* find the first output with other taps */
            while (low < high) {
                int64_t middle = low + (high - low) / 2, first, last;
                taps_inside(middle, stride, pad, dilation, taps, extent, &first, &last);
                if (first == span.tap_begin && last == span.tap_end) {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            span.end = low;
        }
        if (count < room) {
            spans[count] = span;
        }
        count++;
        if (count > DIRECT_SPANS_MAX && count > room) {
            break; /* more than any caller wants */
        }
        o = span.end;
    }
    return count;
}

struct direct_window direct_window(const struct convoy_plan *plan, const struct direct_box *box)
{
    const convoy_layer *l = &plan->layer;
    struct direct_window window = {
        box->p0 * l->stride_h - l->pad_top,
        (box->p1 - 1) * l->stride_h - l->pad_top + l->dilation_h * (l->R - 1) + 1,
        box->q0 * l->stride_w - l->pad_left,
        (box->q1 - 1) * l->stride_w - l->pad_left + l->dilation_w * (l->S - 1) + 1,
    };
    if (!plan->blocking.pads) {
        window.h0 = min64(max64(window.h0, 0), l->H);
        window.h1 = max64(min64(window.h1, l->H), window.h0);
        window.w0 = min64(max64(window.w0, 0), l->W);
        window.w1 = max64(min64(window.w1, l->W), window.w0);
    }
    return window;
}

/* The largest window a strip can have, in floats of one copy: some of which no machine has room, if
   their bytes are more than a number can be. */
static int64_t copy_floats(const struct convoy_plan *plan)
{
    const int64_t most = INT64_MAX / 64;
    const struct blocking *b = &plan->blocking;
    const convoy_layer *l = &plan->layer;
    int64_t h = (b->strip_rows - 1) * l->stride_h + l->dilation_h * (l->R - 1) + 1;
    int64_t w = (b->strip_columns - 1) * l->stride_w + l->dilation_w * (l->S - 1) + 1;
    if (!b->pads) {
        h = min64(h, l->H);
        w = min64(w, l->W);
    }
    int64_t floats = b->strip_images;
    bool fits = multiply_checked(&floats, h) && multiply_checked(&floats, w) &&
                multiply_checked(&floats, b->copy_channels);
    return fits && floats < most ? floats : most;
}

/* Channels that a row of taps is summed for before those that follow: all, in the order r, s, c, or
   one, in the order r, c, s. The bits of a layer must not depend on its layout, so the groups that
   kernels/depthwise works in NHWC are summed in its order here too: they are in lanes. (Panels,
   which are not, sum in the order r, s, c.) */
static int64_t channels_at_once(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    bool like_depthwise =
        depthwise_groups_fit(l, plan->kernels->vector_floats) && direct_chunks(plan) == 1;
    return like_depthwise ? 1 : layer_Cg(l);
}

int64_t direct_strip_carve(const struct convoy_plan *plan, char *workspace,
                           struct direct_strip *strip)
{
    const struct blocking *b = &plan->blocking;
    int64_t pixels = b->strip_images * b->strip_rows * b->strip_columns;
    int64_t chunks = direct_chunks(plan);
    int64_t groups = b->pads ? 1 : DIRECT_SPANS_MAX * DIRECT_SPANS_MAX;
    if (!layer_is_padded(&plan->layer)) {
        groups = 1;
    }
    bool last_block_packs = b->packs || direct_block_packs(plan, b->k_blocks - 1);
    bool sums = chunks > 1 || plan->layer.layout == CONVOY_NCHW;
    const int64_t k_floats = direct_sums_floats(plan);
    int64_t used = 0;
    struct direct_strip s = {0};
    s.x = carve(workspace, &used, pixels * (int64_t)sizeof *s.x);
    s.y = carve(workspace, &used, (pixels + DIRECT_AHEAD) * (int64_t)sizeof *s.y);
    s.residual = carve(workspace, &used, pixels * (int64_t)sizeof *s.residual);
    s.sums = carve(workspace, &used, pixels * (int64_t)sizeof *s.sums);
    s.groups = carve(workspace, &used, groups * (int64_t)sizeof *s.groups);
    s.chunk_runs = carve(workspace, &used, groups * (chunks + 1) * (int64_t)sizeof *s.chunk_runs);
    int64_t taps =
        plan->layer.R * plan->layer.S * (layer_Cg(&plan->layer) / channels_at_once(plan));
    s.runs = carve(workspace, &used, groups * (taps + chunks) * (int64_t)sizeof *s.runs);
    int64_t blocks = b->depth_first ? divide_up(b->k_blocks, b->k_parts) : 1;
    s.partial = sums ? carve(workspace, &used, blocks * pixels * k_floats * 4) : NULL;
    int64_t copy = last_block_packs ? copy_floats(plan) : 0;
    s.copy = carve(workspace, &used, copy * 4);
    int64_t offsets = b->lanes && last_block_packs ? b->copy_channels : 0;
    s.offsets = carve(workspace, &used, offsets * (int64_t)sizeof *s.offsets);
    if (strip) {
        *strip = s;
    }
    return used;
}

/* Append the run of depth positions d0 <= d < d1 (of the layer's R S C/groups) at x_offset, cut
   where chunks end. The list of chunk starts grows with it. */
struct run_writer {
    struct tile_run *runs;
    int64_t count;
    int64_t *chunk_starts;
    int64_t chunk;
    int64_t depth_block;
};

static void write_run(struct run_writer *writer, ptrdiff_t x_offset, ptrdiff_t x_scale, int64_t d0,
                      int64_t d1)
{
    while (d0 < d1) {
        int64_t chunk = d0 / writer->depth_block;
        while (writer->chunk < chunk) {
            writer->chunk_starts[++writer->chunk] = writer->count;
        }
        int64_t end = min64(d1, (chunk + 1) * writer->depth_block);
        writer->runs[writer->count++] = (struct tile_run){
            .x_offset = x_offset,
            .w_index = d0,
            .depth = end - d0,
        };
        x_offset += (end - d0) * x_scale;
        d0 = end;
    }
}

/* Taps s0 <= s < s1 of row r, channels c0 <= c < c1. */
static void write_row(const struct convoy_plan *plan, const struct direct_source *source, int64_t r,
                      int64_t s0, int64_t s1, int64_t c0, int64_t c1, struct run_writer *writer)
{
    const convoy_layer *l = &plan->layer;
    int64_t Cg = layer_Cg(l);
    /* In lanes copies a depth position is a vector of floats. */
    int64_t scale = plan->blocking.lanes ? plan->kernels->vector_floats : 1;
    bool row_is_one_run = l->dilation_w == 1 && source->stride_w == Cg * scale && c1 - c0 == Cg;
    for (int64_t s = s0; s < s1; s++) {
        ptrdiff_t offset = r * l->dilation_h * source->stride_h +
                           s * l->dilation_w * source->stride_w + c0 * scale;
        int64_t d0 = (r * l->S + s) * Cg + c0;
        if (row_is_one_run) {
            write_run(writer, offset, scale, d0, d0 + (s1 - s0) * Cg);
            break;
        }
        write_run(writer, offset, scale, d0, d0 + c1 - c0);
    }
}

/* The sum over the taps of two spans as runs. x_offset counts from the pixel's tap (0, 0), which
   may lie outside x; it is only added to for taps inside. */
static int64_t write_group_runs(const struct convoy_plan *plan, const struct direct_source *source,
                                const struct direct_span *rows, const struct direct_span *columns,
                                struct run_writer *writer)
{
    int64_t Cg = layer_Cg(&plan->layer), step = channels_at_once(plan);
    for (int64_t r = rows->tap_begin; r < rows->tap_end; r++) {
        for (int64_t c = 0; c < Cg; c += step) {
            write_row(plan, source, r, columns->tap_begin, columns->tap_end, c, c + step, writer);
        }
    }
    int64_t chunks = direct_chunks(plan);
    while (writer->chunk < chunks) {
        writer->chunk_starts[++writer->chunk] = writer->count;
    }
    return writer->count;
}

/* Pointers to `count` pixels that are `step` floats apart, four at a time: of a layer of 16 -> 24
   channels one at a time was a tenth. */
static void fill_pointers(float **to, float *first, ptrdiff_t step, int64_t count)
{
    for (; count >= 4; count -= 4, to += 4, first += 4 * step) {
        to[0] = first;
        to[1] = first + step;
        to[2] = first + 2 * step;
        to[3] = first + 3 * step;
    }
    for (int64_t i = 0; i < count; i++) {
        to[i] = first + i * step;
    }
}

/* Pointers to rows of pixels, row after row; those that follow each other in memory are one. */
static void fill_rows(float **to, float *first, int64_t rows, ptrdiff_t row_step, int64_t columns,
                      ptrdiff_t step)
{
    if (row_step == columns * step) {
        columns *= rows;
        rows = 1;
    }
    for (int64_t row = 0; row < rows; row++) {
        fill_pointers(to + row * columns, first + row * row_step, step, columns);
    }
}

static float *at_pixel(const convoy_tensor *tensor, int64_t n, int64_t h, int64_t w)
{
    return (float *)tensor->data + n * tensor->stride_n + h * tensor->stride_h +
           w * tensor->stride_w;
}

/* Pixels of the box in one pair of spans, appended to the strip's arrays. */
static int64_t fill_pixels(const struct convoy_plan *plan, const struct operands *operands,
                           struct direct_strip *strip, const struct direct_span *rows,
                           const struct direct_span *columns, int64_t at)
{
    const convoy_layer *l = &plan->layer;
    const struct direct_box *box = &strip->box;
    const struct direct_source *source = &strip->source;
    const convoy_tensor *y = operands->y, *residual = operands->residual;
    const bool nhwc = y->layout == CONVOY_NHWC;
    const int64_t width = box->q1 - box->q0, height = box->p1 - box->p0;
    const int64_t k_floats = direct_sums_floats(plan);
    const int64_t p = rows->begin, across = columns->end - columns->begin;
    const int64_t q = columns->begin, down = rows->end - rows->begin;
    const int64_t h = p * l->stride_h - l->pad_top - source->h0;
    const int64_t w = q * l->stride_w - l->pad_left - source->w0;
    for (int64_t n = box->n0; n < box->n1; n++, at += down * across) {
        fill_rows((float **)strip->x + at,
                  (float *)source->data + (n - source->n0) * source->stride_n +
                      h * source->stride_h + w * source->stride_w,
                  down, l->stride_h * source->stride_h, across, l->stride_w * source->stride_w);
        if (strip->partial) {
            const int64_t slot = ((n - box->n0) * height + (p - box->p0)) * width + (q - box->q0);
            fill_rows(strip->sums + at, strip->partial + slot * k_floats, down, width * k_floats,
                      across, k_floats);
        }
        if (nhwc) {
            fill_rows(strip->y + at, at_pixel(y, n, p, q), down, y->stride_h, across, y->stride_w);
        }
        if (nhwc && residual) {
            fill_rows((float **)strip->residual + at, at_pixel(residual, n, p, q), down,
                      residual->stride_h, across, residual->stride_w);
        }
    }
    return at;
}

/* What tiles ask for when no pixel of the strip is left: what follows the last in y. */
static void fill_ahead(const struct convoy_plan *plan, const convoy_tensor *y, float **to)
{
    const float *last = at_pixel(y, plan->layer.N - 1, plan->P - 1, plan->Q - 1);
    for (int i = 0; i < DIRECT_AHEAD; i++) {
        const ptrdiff_t on = (i + 1) * y->stride_w;
        to[i] = to[-1] + (on <= last - to[-1] ? on : 0);
    }
}

void direct_strip_fill(const struct convoy_plan *plan, const struct operands *operands,
                       struct direct_strip *strip)
{
    const convoy_layer *l = &plan->layer;
    const struct direct_box *box = &strip->box;
    struct direct_span rows[DIRECT_SPANS_MAX], columns[DIRECT_SPANS_MAX];
    bool pads = plan->blocking.pads;
    int row_count = direct_spans(box->p0, box->p1, l->stride_h, l->pad_top, l->dilation_h, l->R,
                                 l->H, pads, rows, DIRECT_SPANS_MAX);
    int column_count = direct_spans(box->q0, box->q1, l->stride_w, l->pad_left, l->dilation_w, l->S,
                                    l->W, pads, columns, DIRECT_SPANS_MAX);
    assert(row_count <= DIRECT_SPANS_MAX && column_count <= DIRECT_SPANS_MAX);
    int64_t chunks = direct_chunks(plan), pixel = 0, run_count = 0;
    strip->group_count = 0;
    for (int i = 0; i < row_count; i++) {
        for (int j = 0; j < column_count; j++) {
            struct direct_group *group = &strip->groups[strip->group_count];
            group->first = pixel;
            pixel = fill_pixels(plan, operands, strip, &rows[i], &columns[j], pixel);
            group->count = pixel - group->first;
            group->chunk_runs = strip->group_count * (chunks + 1);
            struct run_writer writer = {
                .runs = strip->runs,
                .count = run_count,
                .chunk_starts = strip->chunk_runs + group->chunk_runs,
                .depth_block = plan->blocking.depth_block,
            };
            writer.chunk_starts[0] = run_count;
            run_count = write_group_runs(plan, &strip->source, &rows[i], &columns[j], &writer);
            strip->group_count++;
        }
    }
    if (plan->blocking.y_far && operands->y->layout == CONVOY_NHWC) {
        fill_ahead(plan, operands->y, strip->y + pixel);
    }
}
