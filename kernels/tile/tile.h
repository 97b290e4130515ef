/**
 * @file tile.h
 * The register-tiled multiply that the direct and the Winograd algorithms share.
 *
 * A register tile is `pixels` x `vectors` accumulators: pixels of y by vectors of output channels.
 * Its sum runs over `runs`: pieces of consecutive floats of x that lie at the same offset from the
 * base pointer of every pixel. Because each pixel has a base pointer of its own, a tile may run
 * across row ends and images.
 *
 *   for each run, for each d < depth, for each pixel i and lane k of the vectors:
 *       acc[i][k] += x[i][offset + d] * w[(w_index + d) * vectors * VF + k]
 *
 * Nothing in a tile knows what is a pixel and what a channel. In NCHW the roles are swapped where
 * that is faster: rows of the filter take the place of x, and pixels of x, side by side in panels,
 * that of packed w. The terms of a sum and their order are the same.
 *
 * A sum is cut into partial sums (see tile_ending), for two reasons: the piece of w that all tiles
 * of a strip read stays in the L2 cache, and short partial sums have a smaller rounding error than
 * one long one.
 */
#ifndef CONVOY_KERNELS_TILE_H
#define CONVOY_KERNELS_TILE_H

#include <stdbool.h>
#include <stddef.h>

#define TILE_VECTORS_MAX 8 /* of one pixel; of several 4 or 3 */
#define TILE_PIXELS_MAX  12

/* A piece of the sum, the same for all pixels of a tile. */
struct tile_run {
    ptrdiff_t x_offset; /* floats from a pixel's base pointer */
    ptrdiff_t w_index;  /* its place in the block of packed w, in steps of the depth */
    ptrdiff_t depth;    /* consecutive floats of x; in lanes tiles, vectors of x */
};

/* What happens to the accumulators when the runs are done. */
enum tile_ending {
    TILE_SET,       /* sums = acc */
    TILE_ADD,       /* sums += acc */
    TILE_STORE,     /* y = epilogue(acc) */
    TILE_ADD_STORE, /* y = epilogue(sums + acc) */
};

/* The epilogue of a block of output channels, in the form that vectors want. */
struct tile_epilogue {
    const float *bias; /* of the block, readable for whole vectors; NULL: none. Sums of dense tiles
                          begin with it, at TILE_SET or TILE_STORE; elsewhere it is added last */
    bool clamps;       /* min(limits[1], max(limits[0], v)) */
    bool leaks;        /* v < 0 ? slope * v : v */
    float limits[2], slope;
};

/* A page of memory: in each of a few that are read the machine fetches ahead by itself. On Emerald
   Rapids one core reads 18 to 20 GB/s from behind L2 in one, 24 to 26 in two. */
#define TILE_PAGE_FLOATS 1024

/* Memory that tiles ask for while their sums are formed: a piece of it, then what lies `stride`
   floats on, so many times. */
struct tile_ahead {
    const float *from;
    ptrdiff_t stride, steps;
    bool most;  /* of tile_sums: ahead_most floats each time, not ahead_floats */
    bool pages; /* of tile_sums, vectors of 16: half of each piece lies a page on */
};

/* Floats that a tile which is not swapped asks for in each turn of its depth loop; and pixels of
   the tiles that ask: of more, they have no register for it. */
#define TILE_ASK_FLOATS 32
#define TILE_ASK_PIXELS 8

/* Turns of the depth loop of a tile that asks, so many steps each. */
static inline ptrdiff_t tile_turns(const struct tile_run *runs, int count, int ask_steps)
{
    ptrdiff_t turns = 0;
    for (int i = 0; i < count; i++) {
        turns += runs[i].depth / ask_steps;
    }
    return turns;
}

/* What is left to ask for after so many turns. */
static inline void tile_asked(struct tile_ahead *ahead, ptrdiff_t turns)
{
    if (ahead->steps > 0) {
        ahead->from += turns * ahead->stride;
        ahead->steps -= turns;
    }
}

/* One register tile, or several that follow each other. */
struct tile_operands {
    int tiles;                /* at least 1 */
    int pointers_step;        /* from one's pointers to pixels to the next's */
    ptrdiff_t w_step, y_step; /* floats from one's w, and y and sums, to the next's; 0 unless
                                 swapped */
    const float *const *x;    /* base pointer of each pixel, and what to add to all of them */
    ptrdiff_t x_shift;
    const float *w; /* block of packed w: [depth][vectors][VF]; in dots tiles [channels][depth] */
    ptrdiff_t w_stride; /* dots: the depth */
    const struct tile_run *runs;
    int run_count;
    enum tile_ending ending;
    float *const *sums; /* of each pixel, vectors * VF floats, of dots VF; not used by TILE_STORE */
    ptrdiff_t sums_shift;
    float *const *y;              /* where each pixel's channels go; NULL unless stored */
    const float *const *residual; /* like y; NULL: none */
    ptrdiff_t y_shift;            /* the block's first channel in y and residual */
    ptrdiff_t y_ahead;            /* so many pointers on, dense tiles ask for y; 0: it is near */
    const struct tile_epilogue *epilogue;
    ptrdiff_t bias_shift;    /* swapped: what to add to the epilogue's for the first pixel */
    struct tile_ahead ahead; /* what the tiles ask for in each turn of the depth loop: swapped, if
                                they add nothing, as wide as w; others TILE_ASK_FLOATS. Not if they
                                have more than TILE_ASK_PIXELS, or a last vector that is a half; nor
                                all of those whose last vector is stored in part */
    bool swapped;            /* pixels are in the lanes, so each "pixel" has a bias of its own */
    int channels;            /* of the block that exist in y: the last vector is stored in part */
};

typedef void tile_multiply_function(const struct tile_operands *operands);

/* One tile with pixels in the lanes and one run, whose w is not there yet: that of the first step
   is at `from`, of each further step `step` floats on. It is copied to w, where other tiles find
   it, and what lies `ahead` floats from each is asked for. */
typedef void tile_cut_function(const struct tile_operands *operands, float *w, const float *from,
                               ptrdiff_t step, ptrdiff_t ahead);

/* Partial sums of tiles whose pixels lie evenly, one tile's after another's; they end as sums. */
struct tile_sums_operands {
    int tiles;      /* at least 1 */
    const float *x; /* of the first pixel */
    ptrdiff_t x_stride;
    const float *w; /* read from end to end for each tile: the runs' w_index is not used */
    const struct tile_run *runs;
    int run_count, partial_runs; /* of all partial sums, and of each but the last */
    bool adds;                   /* the first partial sum is added too */
    float *sums;                 /* of the first pixel */
    ptrdiff_t sums_stride;
    const struct tile_ahead *ahead; /* of the first tiles, one each: in two steps of the depth
                                       ahead_floats, or ahead_most, of struct tile_sums */
    int ahead_count;                /* 0 or less: none */
};

typedef void tile_sums_function(const struct tile_sums_operands *operands);

#endif
