/**
 * @file algorithm.h
 * What an algorithm is to the planner: a row of functions; and the plan they fill and read.
 *
 * A row works in three steps. `prepare` looks at the layer and writes the plan's numbers (blocking,
 * bytes, counts, error bound); it allocates nothing and is all that `explain` needs. `pack` writes
 * the weights into the memory that the planner has allocated. `execute` runs, const on the plan,
 * from any number of threads at a time. Arguments are checked before: these functions assert.
 */
#ifndef CONVOY_KERNELS_ALGORITHM_H
#define CONVOY_KERNELS_ALGORITHM_H

#include <stddef.h>
#include <stdint.h>

#include "convoy/calibration.h"

struct isa_kernels;
struct algorithm;
struct weights_memory; /* src/plan/weights.h */

/* How the work is cut, frozen in the plan; each algorithm documents which fields it uses. */
struct blocking {
    int tile_pixels;       /* pixels of a register tile, at most */
    int tile_vectors;      /* vectors of output channels of a register tile, at most */
    int64_t strip_images;  /* a strip: pixels of y that are worked on together; several images, */
    int64_t strip_rows;    /* or some rows of one, */
    int64_t strip_columns; /* or some columns of those */
    int64_t k_blocks;      /* blocks of output channels, of one register tile's width each */
    int64_t k_together;    /* ... multiplied before their products are transformed */
    int64_t k_parts;       /* shares of the blocks that threads may take apart */
    int64_t plane_rows;    /* of a block of rows of y, of one channel or several */
    int64_t plane_channels;
    int plane_together;      /* channels that a kernel takes side by side */
    int64_t depth_block;     /* terms of the sum between two partial sums */
    int64_t thread_bytes;    /* of workspace, for each thread */
    int64_t groups_together; /* groups of which x is copied together, */
    int64_t copy_channels;   /* floats of such a copy for each pixel, */
    int64_t run_channels;    /* and those that lie together */
    bool dots;               /* few output channels: terms of the depth in the lanes */
    bool lanes;              /* grouped: output channels of several groups side by side */
    bool depthwise;          /* ... by kernels/depthwise */
    bool planes;             /* ... output columns in the lanes */
    bool panels;             /* NCHW: pixels in the lanes, x copied into panels */
    bool panel_first;        /* ... one after the other, each for all output channels */
    int block_vectors;       /* direct: vectors that a long row of channels is cut into */
    bool packs;              /* strips of x are copied before use */
    bool pads;               /* ... with zeros on the padding; else those taps are left out */
    bool depth_first;  /* all channel blocks of a share for one piece of the depth, then the next */
    bool y_far;        /* x and y do not stay in the caches: y is asked for before it is stored,
                          by depthwise the next rows of both */
    bool streams;      /* packed w does not stay near: it is asked for ahead of its use */
    bool in_pages;     /* ... and comes from memory: in two pages at a time */
    bool asks_for_x;   /* x (Winograd: and y) are asked for by the multiply */
    bool row_by_row;   /* depthwise: tiles of one row of outputs */
    bool whole_pixels; /* ... that go through all channels, not those whose w stays in L1 */
};

/* What an execution does, for the prediction of its time (src/plan/cost.c). Work is counted in
   vector multiply-adds of the plan's ISA: it takes as long as so many, on one thread, with all data
   in the nearest caches. */
struct work {
    double multiply;  /* the sums */
    double blas;      /* sums that the BLAS does, in multiply-adds of one float */
    double calls;     /* of the BLAS */
    double transform; /* Winograd's transforms of x and y, and what its loops begin with */
    double copy;      /* transposing, copying, lowering x; transposing y */
    double w_passes;  /* how often packed w is read from end to end: for each block of pixels */
    double run_bytes; /* of x that lie together and are read together; 0: rows and more */
    double pack;      /* making packed w; in creation, not in an execution */
    double filled;    /* part of the multiply-adds whose results are kept: 1 without tile waste */
    int64_t units;    /* of about equal size, which threads take one by one */
};

struct convoy_plan {
    convoy_layer layer; /* passed convoy_layer_check */
    int64_t P, Q;
    const struct algorithm *algorithm;
    const struct isa_kernels *kernels;
    int threads;          /* at least 1 */
    bool flush_denormals; /* each thread of an execution: see core/denormals.h */
    struct blocking blocking;

    size_t workspace_bytes;
    int64_t executed_flops;
    struct work work;
    convoy_prediction predicted; /* set by the planner, of the work */
    double cost;                 /* ... what it compares: seconds of an execution, and its share of
                                    the creation */
    double error_bound;          /* as convoy_description.error_bound; the planner multiplies what
                                    prepare sets by the slope of a leaky ReLU above 1 */
    double error_typical;  /* as convoy_description.error_typical; prepare sets it for one output,
                              the planner multiplies by expected_largest of all */
    size_t packed_w_bytes; /* room that pack needs */
    void *packed_w;        /* aligned to CONVOY_ALIGNMENT */
    float *bias;           /* K values, then zeros: a whole vector can be read from any of
                              the K on; NULL: no bias */
    size_t bias_bytes;
    struct weights_memory *weights; /* what packed_w and bias lie in; plans may share it */

    int references;                     /* plans live as long as someone holds them */
    char why[320];                      /* why this algorithm was chosen */
    convoy_origin origin;               /* of the choice */
    struct terms {                      /* what was asked for, to choose anew for another N, H, W */
        convoy_options options;         /* without pointers to what is the caller's */
        const struct algorithm *forced; /* NULL: the planner chose */
        convoy_rates rates, portable_rates;
        bool weights_not_finite;
    } terms;
};

/** What one execution works on; tensors are checked against the layer. */
struct operands {
    const convoy_tensor *x;
    const convoy_tensor *residual; /* NULL if the layer has none */
    const convoy_tensor *y;
    char *workspace;
};

struct algorithm {
    const char *name;
    const char *summary;
    /* NULL when the algorithm can run the layer, else the reason in words (a static string) */
    const char *(*refuse)(const struct algorithm *algorithm, const convoy_layer *layer);
    /* layer, P, Q, kernels, threads are set; fill blocking, workspace_bytes, packed_w_bytes,
       executed_flops, work, error_bound, error_typical */
    void (*prepare)(struct convoy_plan *plan);
    /* filter[K][C/groups][R][S] -> plan->packed_w */
    void (*pack)(struct convoy_plan *plan, const float *filter);
    void (*execute)(const struct convoy_plan *plan, const struct operands *operands);
    /* a few words on plan->blocking for a person */
    void (*describe)(const struct convoy_plan *plan, char *text, size_t size);
    bool skips_padding; /* taps on padding are never multiplied: safe for non-finite weights */
    bool portable;      /* runs no kernels of an ISA: the same code whichever is asked for */
    bool transforms;    /* multiplies linear combinations of x and w (Winograd): excluded by
                           CONVOY_TOLERANCE_STRICT */
};

/**
 * Error bound of a sum of products in float32 in which no term passes through more than `longest`
 * roundings, relative to the sum of absolute products: gamma(longest) = longest*u /
 * (1 - longest*u), u = 2^-24 (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed.,
 * section 3.1); infinity when longest*u >= 1. Callers add the epilogue's roundings.
 */
double sum_error_bound(int64_t longest);

/**
 * Standard deviation of the error of such a sum, relative to the sum's own, when its terms are
 * independent, normal, and added in order as `sums` partial sums of `longest` terms. An addition
 * whose result has the variance i (a term's being 1) errs by a variance of 0.18 u^2 i: u^2/3 where
 * the result is a power of two, less above. Over both levels this comes to terms * 0.09 u^2
 * (longest + sums).
 */
double sum_error_deviation(int64_t longest, int64_t sums);

/**
 * The same for the largest errors of many sums, which lie where partial sums are large too: 1.6
 * times as much (measured). To be multiplied by expected_largest.
 */
double sum_error_typical(int64_t longest, int64_t sums);

/** The largest of `count` standard normal deviates, about. */
double expected_largest(int64_t count);

extern const struct algorithm algorithm_reference, algorithm_naive, algorithm_reordered,
    algorithm_im2col, algorithm_direct;

#endif
