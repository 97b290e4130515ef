/**
 * @file direct.h
 * The parts of the direct algorithm, and what they share.
 *
 *   direct_blocking.c  how a layer is cut (prepare)
 *   direct_work.c      what it does, to predict its time
 *   direct_describe.c  the cut in words (describe)
 *   direct_weights.c   filter -> packed w (pack)
 *   direct_strip.c     one strip: which pixels, which taps, where they lie
 *   direct_pack.c      copying a strip of x into NHWC order
 *   direct_ahead.c     what tiles ask for ahead of its use
 *   direct_dots.c      few output channels: terms of the depth in the lanes
 *   direct_panels.c    NCHW with pixels in the lanes: cut, and run
 *   direct_panels_pack.c   x into panels
 *   direct_panels_multiply.c   their register tiles; what the three share: direct_panels.h
 *   direct.c           the loops over strips, blocks of channels, depth and tiles (execute)
 *
 * A strip is a box of output pixels. Its pixels are sorted into groups that see the same taps:
 * inside, all of them; along an edge with padding, those that meet real input. Within a group the
 * sum is a list of runs (see kernels/tile/tile.h). So padding costs nothing: neither a copy of x
 * with a border of zeros, nor multiplications with zero. Only when the groups would become too
 * small to fill register tiles is the strip copied with its zeros (blocking.pads); and where the
 * lanes of dots would depend on what is left out.
 */
#ifndef CONVOY_KERNELS_DIRECT_H
#define CONVOY_KERNELS_DIRECT_H

#include "core/layer_checked.h"
#include "kernels/algorithm.h"
#include "kernels/kernel.h"

/* Intervals of output rows (or columns) that see the same taps, at most, for each axis. */
#define DIRECT_SPANS_MAX 9

/* Pixels of a strip, unless panels go one by one: enough to pay for reading w again, few enough for
   L2 and for balance. */
#define STRIP_PIXELS_MAX 512

/* Pixels of y that are asked for before they are stored: four register tiles of a short sum take as
   long as memory. */
#define DIRECT_AHEAD 24

/* Outputs begin <= p < end see the taps tap_begin <= r < tap_end on real input. */
struct direct_span {
    int64_t begin, end;
    int64_t tap_begin, tap_end;
};

/* The pixels first ... first + count - 1 of the strip's arrays see the same taps. */
struct direct_group {
    int64_t first, count;
    int64_t chunk_runs; /* index in strip.chunk_runs of its first chunk's runs */
};

/* Output pixels n0 <= n < n1, p0 <= p < p1, q0 <= q < q1. */
struct direct_box {
    int64_t n0, n1, p0, p1, q0, q1;
};

/* Where the x of a strip lies: the tensor itself, or the copy. Element (n, h, w, channel of a
   group) is at data[(n - n0)*stride_n + (h - h0)*stride_h + (w - w0)*stride_w + channel], and
   (group - group0)*stride_group on. A copy in lanes holds one block of output channels instead. */
struct direct_source {
    const float *data;
    ptrdiff_t stride_n, stride_h, stride_w, stride_group;
    int64_t n0, h0, w0, group0, groups;
};

/* The input that a box needs: h0 <= h < h1, w0 <= w < w1; clipped to x unless blocking.pads. */
struct direct_window {
    int64_t h0, h1, w0, w1;
};

/* One thread's workspace, cut up. */
struct direct_strip {
    struct direct_box box;
    struct direct_source source;
    const float **x; /* of each pixel, in the order of the groups */
    float **y;       /* and DIRECT_AHEAD more */
    const float **residual;
    float **sums;
    struct direct_group *groups;
    int64_t group_count;
    int64_t *chunk_runs; /* for each group, chunks + 1 indices into runs */
    struct tile_run *runs;
    float *partial; /* sums of the strip: [pixels in n p q order][k block], depth first as many as a
                       share has k blocks; NULL: none */
    float *copy;    /* packed x */
    ptrdiff_t *offsets;  /* in lanes: of what is copied */
    const float *next_x; /* of the next strip, in place, if it is asked for; else NULL */
    int64_t next_x_floats;
};

/* Is the sum so short that w of a register tile stays in L1, however wide it is? Then the widest
   tiles are best, since they load least: with AVX2 7 vectors for 12 multiply-adds, not 8. */
static inline bool direct_sums_are_short(const struct convoy_plan *plan)
{
    return layer_depth(&plan->layer) <= 128;
}

/* The register tiles of the layer; output channels that one of their vectors holds; and floats that
   the sums of a pixel take in a block of output channels. */
const struct tile_shapes *direct_shapes(const struct convoy_plan *plan);
int64_t direct_tile_floats(const struct convoy_plan *plan);
int64_t direct_sums_floats(const struct convoy_plan *plan);

/* Chunks of the depth: terms between two partial sums. */
static inline int64_t direct_chunks(const struct convoy_plan *plan)
{
    int64_t depth = layer_depth(&plan->layer);
    return (depth + plan->blocking.depth_block - 1) / plan->blocking.depth_block;
}

/* A block of output channels: one register tile wide. */
struct direct_k_block {
    int64_t group;    /* first group of channels in it */
    int64_t k;        /* first output channel */
    int channels;     /* output channels in it */
    int width;        /* floats of a row of packed w: channels, rounded up to the ISA's granule */
    int64_t w_offset; /* floats from plan->packed_w */
};
struct direct_k_block direct_k_block(const struct convoy_plan *plan, int64_t index);

/* A chunk of the depth of a block of output channels: what a strip multiplies at a time. */
struct direct_piece {
    int64_t index; /* of the block; -1: none */
    int64_t chunk;
};

/* Is packed w asked for, or x? After all else of the blocking. */
void direct_ahead_prepare(struct convoy_plan *plan);

/* What the tiles of a strip ask for while they multiply a piece: the packed w of the next, or the x
   of the next strip. */
struct tile_ahead direct_ahead(const struct convoy_plan *plan, const struct direct_strip *strip,
                               struct direct_piece now, struct direct_piece next);

/* What is multiplied after a share of the blocks from `begin` on: the same of the next strip, if
   threads do not share the blocks. */
struct direct_piece direct_piece_after(const struct convoy_plan *plan, int64_t begin);

/* The strip's next_x: that of this box, unless x has gaps. */
void direct_ahead_x(const convoy_tensor *x, const struct direct_box *next,
                    struct direct_strip *strip);

/* Does block `index` read a copy of the strip? (lanes: only where it must) */
bool direct_block_packs(const struct convoy_plan *plan, int64_t index);

/* Threads that the layer's work is shared among: one where it takes some 20 microseconds. Needs
   plan->work. */
int direct_threads(const struct convoy_plan *plan);

/* Vectors of the output channels of a group (lanes: of all groups; dots: channels); and output
   channels of all groups, rounded up to what is worked out. */
int64_t direct_vectors(const struct convoy_plan *plan);
int64_t direct_lanes(const struct convoy_plan *plan);

/* What an execution does; and if x went into panels. */
struct work direct_work(const struct convoy_plan *plan);
struct work direct_panels_work(const struct convoy_plan *plan);

void direct_prepare(struct convoy_plan *plan);
void direct_describe(const struct convoy_plan *plan, char *text, size_t size);
void direct_pack_weights(struct convoy_plan *plan, const float *filter);

/* Spans of outputs out0 <= o < out1 of one axis; one span with all taps when `pads`. At most
   `room` are written; the number there are is returned. */
int direct_spans(int64_t out0, int64_t out1, int64_t stride, int64_t pad, int64_t dilation,
                 int64_t taps, int64_t extent, bool pads, struct direct_span *spans, int room);

struct direct_window direct_window(const struct convoy_plan *plan, const struct direct_box *box);

/* Strips of y: what threads share, times blocking.k_parts. */
int64_t direct_strips(const struct convoy_plan *plan);

/* Bytes of a thread's workspace, and its parts when workspace is not NULL. */
int64_t direct_strip_carve(const struct convoy_plan *plan, char *workspace,
                           struct direct_strip *strip);

/* Set up groups, pixels and runs for strip->box; strip->source is set. */
void direct_strip_fill(const struct convoy_plan *plan, const struct operands *operands,
                       struct direct_strip *strip);

/* Copy the strip's window of x for block `index` and point the source at it. A dense copy is one
   for all blocks of blocking.groups_together groups. */
void direct_pack_strip(const struct convoy_plan *plan, const struct operands *operands,
                       int64_t index, struct direct_strip *strip);

/* Few output channels, terms of the depth in the lanes: can it be, and is it worth it;
   multiply-adds of vectors for each pixel, with what its end takes; terms between two partial sums;
   roundings of the longest of those; and what is multiplied for so many terms. Do runs make vectors
   of several taps? Then x must be copied, with its padding. */
bool direct_dots_fit(const struct convoy_plan *plan);
double direct_dots_multiplies(const struct convoy_plan *plan);
int64_t direct_dots_depth_block(const struct convoy_plan *plan);
int64_t direct_dots_chain(const struct convoy_plan *plan);
int64_t direct_dots_terms(const struct convoy_plan *plan, int64_t terms);
bool direct_dots_join(const struct convoy_plan *plan);

/* NCHW with pixels in the lanes: can it be; what it multiplies; vectors that it copies; cut the
   layer; its strips; bytes of a thread's workspace; run. */
bool direct_panels_fit(const struct convoy_plan *plan);
int64_t direct_panels_flops(const struct convoy_plan *plan);
double direct_panels_copies(const struct convoy_plan *plan);
void direct_panels_prepare(struct convoy_plan *plan);
int64_t direct_panels_strips(const struct convoy_plan *plan);
int64_t direct_panels_bytes(const struct convoy_plan *plan);
void direct_panels_execute(const struct convoy_plan *plan, const struct operands *operands);

#endif
