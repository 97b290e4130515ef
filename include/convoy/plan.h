/**
 * @file plan.h
 * A plan is the frozen choice for one layer, with its packed weights. Create allocates, execute
 * never does.
 */
#ifndef CONVOY_PLAN_H
#define CONVOY_PLAN_H

#include "convoy/layer.h"
#include "convoy/machine.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How far the result may be from the exact one; decides which algorithms may be chosen. An
 *  algorithm that is asked for by name is held to a strict tolerance and to an error bound, not to
 *  the typical errors of the other two. */
typedef enum convoy_tolerance {
    CONVOY_TOLERANCE_DEFAULT = 0, /**< plain sums, and transforms with a typical error up to 5e-5 */
    CONVOY_TOLERANCE_STRICT, /**< plain sums only: NaN and infinity reach only the outputs whose
                                  window holds them */
    CONVOY_TOLERANCE_FAST,   /**< as the default, but up to 1e-3 */
    CONVOY_TOLERANCE_BOUND   /**< no algorithm whose error bound exceeds options.error_bound */
} convoy_tolerance;

/** How the planner finds out which algorithm is the fastest. */
typedef enum convoy_effort {
    CONVOY_ESTIMATE = 0, /**< by prediction, at next to no cost */
    CONVOY_MEASURE       /**< by timing the promising algorithms on the layer itself */
} convoy_effort;

/** What becomes of numbers below 2^-126 in size, which take some processors a hundred times as long
 *  as others. */
typedef enum convoy_denormals {
    CONVOY_KEEP_DENORMALS = 0, /**< they are numbers like others */
    CONVOY_FLUSH_DENORMALS     /**< an execution may take them for 0, where it reads and where it
                                    computes them; `reference` does not. Each of its threads, the
                                    caller's too, has its floating-point state back afterwards,
                                    bit for bit. */
} convoy_denormals;

/**
 * Called by CONVOY_MEASURE before each time it takes, on the thread that creates the plan.
 * @param data                  options.progress_data
 * @param algorithm             the one whose turn it is
 * @param elapsed_s, limit_s    seconds since the first, and options.time_limit_s
 */
typedef void (*convoy_progress)(void *data, const char *algorithm, double elapsed_s,
                                double limit_s);

/** What was measured before: wisdom.h. */
typedef struct convoy_wisdom convoy_wisdom;

/** What the machine takes for the things that algorithms do: calibration.h. */
typedef struct convoy_calibration convoy_calibration;

/** All zero is the default. */
typedef struct convoy_options {
    const char *algorithm; /**< NULL or "auto": the planner chooses; else the name of one */
    convoy_isa isa;        /**< CONVOY_ISA_BEST or one that is usable */
    int threads; /**< at most; 0: what OpenMP would use when the plan is created. As many of
                      them work as pay; all of them where an algorithm is asked for by name. */
    convoy_tolerance tolerance;
    double error_bound;           /**< of CONVOY_TOLERANCE_BOUND */
    size_t workspace_limit_bytes; /**< 0: none */
    size_t packed_limit_bytes;    /**< of packed weights and bias, kept in the plan; 0: none */
    /** How often the plan will be executed: creation counts then too, spread over so many; 0:
     *  often, so it does not count. */
    int64_t executions;
    /** With CONVOY_MEASURE, creation allocates x, y, and packed weights and workspace of each
     *  candidate (those predicted within 3 times the best, 6 at most) while it lasts, and executes
     *  them in turns on `threads` threads until one is clearly the fastest. Numbers of x are
     *  random. With an algorithm that is asked for by name nothing is decided by it. */
    convoy_effort effort;
    double time_limit_s; /**< of CONVOY_MEASURE, for one plan; 0: one second. One execution, which
                              may be longer, takes place in any case. */
    convoy_progress progress; /**< of CONVOY_MEASURE; NULL: none */
    void *progress_data;      /**< given to it */
    /** The caller's; NULL: none. A layer that it knows gets the algorithm that it names, if that
     *  applies and keeps tolerance and limits; nothing is measured then. What CONVOY_MEASURE finds
     *  out without limits is added to it. It is of plans that are executed often, and not asked
     *  where `executions` is set. */
    convoy_wisdom *wisdom;
    const convoy_calibration
        *calibration; /**< the caller's, for predictions; NULL: built-in rates */
    convoy_denormals denormals;
} convoy_options;

/** The parameters of a layer, dense; the caller's, needed only while a plan is created. */
typedef struct convoy_weights {
    const float *filter; /**< filter[K][C/groups][R][S] */
    const float *bias;   /**< bias[K]; NULL: none */
} convoy_weights;

typedef struct convoy_plan convoy_plan;

/**
 * Choose an algorithm and pack the weights for it.
 *
 * A filter with an infinity or a NaN is given to an algorithm that multiplies it with real input
 * only, not with padding (0 * infinity is a NaN) nor after a transform, unless one is forced.
 *
 * @param options  NULL: all defaults
 * @param plan     receives the plan, to be freed with convoy_plan_destroy
 * @retval CONVOY_ERROR_ALGORITHM  unknown, or it does not apply; the detail says why
 * @retval CONVOY_ERROR_ISA, CONVOY_ERROR_TOLERANCE, CONVOY_ERROR_LIMIT, CONVOY_ERROR_TOO_LARGE,
 *         CONVOY_ERROR_MEMORY, CONVOY_ERROR_ARGUMENT (options)
 * @retval CONVOY_ERROR_NULL, CONVOY_ERROR_ALIGNMENT (weights); and all of convoy_layer_count
 */
CONVOY_API convoy_status convoy_plan_create(const convoy_layer *layer,
                                            const convoy_weights *weights,
                                            const convoy_options *options, convoy_plan **plan);

/**
 * A plan for another batch, height and width, with all else as in this one: options, ISA and number
 * of threads. The packed weights are shared, not copied, where the algorithm stays and packs alike;
 * either plan may be destroyed first.
 *
 * @param weights   those of the plan, or NULL. With them the algorithm is chosen anew, by
 *                  prediction (unless it was asked for by name), and packed if need be. Without
 *                  them it stays.
 * @param reshaped  receives the new plan, to be freed with convoy_plan_destroy
 * @retval CONVOY_ERROR_ARGUMENT  weights is NULL, but the algorithm packs them otherwise at this
 *                                size; or it has a bias and the plan has none, or the other way
 * @retval CONVOY_ERROR_ALGORITHM  weights is NULL, but the algorithm does not apply at this size
 * @retval CONVOY_ERROR_NULL; and as convoy_plan_create
 */
CONVOY_API convoy_status convoy_plan_reshape(const convoy_plan *plan, int64_t N, int64_t H,
                                             int64_t W, const convoy_weights *weights,
                                             convoy_plan **reshaped);

/** Hold a plan once more: it is freed when convoy_plan_destroy was called as often as it is held.
 *  Thread safe. @return the plan */
CONVOY_API convoy_plan *convoy_plan_retain(convoy_plan *plan);

/** Free a plan, or give back one of its holders. NULL is fine. */
CONVOY_API void convoy_plan_destroy(convoy_plan *plan);

/** The plan's layer, the plan's own; NULL for NULL. */
CONVOY_API const convoy_layer *convoy_plan_layer(const convoy_plan *plan);

/** Bytes of scratch memory that an execution needs; may be 0, and is for NULL. */
CONVOY_API size_t convoy_plan_workspace_bytes(const convoy_plan *plan);

/**
 * y[N][K][P][Q] = epilogue(conv(x[N][C][H][W], the plan's filter)), in the layer's layout. Thread
 * safe: one plan may run on many threads, each with a workspace of its own. The result has the
 * same bits for any number of threads. The child of a fork executes on one.
 *
 * x and y are float32 with stride_c == 1 (NHWC) or stride_w == 1 (NCHW) and any other strides, so
 * channel slices work. With the algorithm `reference`, y may be float64: the unrounded sums.
 *
 * @param workspace  convoy_plan_workspace_bytes() bytes, aligned to CONVOY_ALIGNMENT; NULL if 0
 * @retval CONVOY_ERROR_NULL, CONVOY_ERROR_SHAPE, CONVOY_ERROR_LAYOUT, CONVOY_ERROR_TYPE
 * @retval CONVOY_ERROR_EXTENT, CONVOY_ERROR_OVERFLOW  a tensor is none (tensor.h)
 * @retval CONVOY_ERROR_ALIGNMENT  a tensor is not aligned to its element, or the workspace to 64
 * @retval CONVOY_ERROR_OVERLAP    y, x and workspace share memory (slices side by side do not)
 * @retval CONVOY_ERROR_ARGUMENT   the layer has a residual: use convoy_plan_execute_residual
 */
CONVOY_API convoy_status convoy_plan_execute(const convoy_plan *plan, const convoy_tensor *x,
                                             const convoy_tensor *y, void *workspace);

/**
 * The same for a layer with a residual, a float32 tensor of y's extents; it may be y itself.
 * @retval CONVOY_ERROR_ARGUMENT  the layer has no residual; and as convoy_plan_execute
 */
CONVOY_API convoy_status convoy_plan_execute_residual(const convoy_plan *plan,
                                                      const convoy_tensor *x,
                                                      const convoy_tensor *residual,
                                                      const convoy_tensor *y, void *workspace);

/** What a choice rests on. */
typedef enum convoy_origin {
    CONVOY_ESTIMATED = 0, /**< predictions; also where the time limit left some unmeasured */
    CONVOY_NAMED,         /**< options.algorithm */
    CONVOY_MEASURED,      /**< times, measured for this plan */
    CONVOY_KNOWN          /**< times, from options.wisdom */
} convoy_origin;

/** Where the time of an execution is predicted to go; seconds. */
typedef struct convoy_prediction {
    double seconds;           /**< of one execution: the four below */
    double multiply_seconds;  /**< multiply-adds of the sums */
    double transform_seconds; /**< Winograd's transforms; x and y lowered, copied, transposed */
    double traffic_seconds;   /**< waiting for what lies behind the L2 cache */
    double overhead_seconds;  /**< calls, waking threads and waiting for the last of them */
    double creation_seconds;  /**< packing the weights, once */
} convoy_prediction;

/** One algorithm on one layer, as the planner sees it. */
typedef struct convoy_description {
    const char *algorithm; /**< its name */
    const char *summary;   /**< what it is, in a few words */
    const char *reason;    /**< why it does not apply; NULL if it does */
    bool eligible;         /**< it applies, and keeps tolerance, limits and memory */
    bool chosen;
    char why[320];        /**< why it was chosen, or why not */
    convoy_origin origin; /**< of the choice: the same for all algorithms of a layer */
    convoy_isa isa;       /**< of its kernels; CONVOY_ISA_PORTABLE if it has none for an ISA */
    int threads;
    size_t workspace_bytes;
    size_t packed_bytes;    /**< of weights and bias kept in the plan; explained without a bias */
    int64_t executed_flops; /**< what it really does, tile waste included */
    /** By CONVOY_MEASURE: of one execution, the least; 0: not measured. */
    double measured_seconds;
    convoy_prediction predicted; /**< on its threads, by the calibration or the built-in rates */
    /** Proven: |y - exact| <= error_bound * (max|x| * sum|w_k| + |bias_k| + max|residual|), where
     *  sum|w_k| is over the filter of output channel k; as long as no product or sum is so large
     *  that it overflows or so small (below 2^-126) that it loses digits. */
    double error_bound;
    /** Expected of random data: the largest |y - exact| over all outputs, relative to the root mean
     *  square of y, when x and w are independent and normal and the epilogue does nothing. The mean
     *  of several draws is tested to lie within a factor of 2 (im2col: 3, as OpenBLAS orders its
     *  sums) on layers of 2,500 outputs and more; single draws reach 2.5. With a hundred outputs it
     *  may be 4 times too large. */
    double error_typical;
    char blocking[160]; /**< tile, blocks and thread split, for a person */
} convoy_description;

/** @retval CONVOY_ERROR_NULL */
CONVOY_API convoy_status convoy_plan_describe(const convoy_plan *plan,
                                              convoy_description *description);

/**
 * Describe every algorithm on a layer and mark the one that convoy_plan_create would choose;
 * allocates nothing, but for CONVOY_MEASURE, whose weights are random here.
 * @param descriptions  room for convoy_algorithm_count()
 * @retval as convoy_plan_create
 */
CONVOY_API convoy_status convoy_layer_explain(const convoy_layer *layer,
                                              const convoy_options *options,
                                              convoy_description *descriptions);

/**
 * Describe the plan that convoy_plan_create would make (of weights without an infinity or a NaN),
 * before it is made: its workspace_bytes and packed_bytes above all. Allocates nothing, but for
 * CONVOY_MEASURE.
 * @retval as convoy_plan_create. The detail of CONVOY_ERROR_LIMIT has the bytes that the algorithm
 *         needs, or that which needs the least if none is asked for by name: the smallest limits
 *         that work. `reference` and `naive` need no workspace.
 */
CONVOY_API convoy_status convoy_layer_estimate(const convoy_layer *layer,
                                               const convoy_options *options,
                                               convoy_description *description);

/** The algorithm table: how many, and the name and summary of each (NULL past the end). */
CONVOY_API size_t convoy_algorithm_count(void);
CONVOY_API const char *convoy_algorithm_name(size_t index);
CONVOY_API const char *convoy_algorithm_summary(size_t index);

/** Allocate and free memory aligned to CONVOY_ALIGNMENT, for workspaces. Zero bytes give NULL and
 *  CONVOY_OK. @retval CONVOY_ERROR_NULL, CONVOY_ERROR_TOO_LARGE, CONVOY_ERROR_MEMORY */
CONVOY_API convoy_status convoy_workspace_create(size_t bytes, void **workspace);
CONVOY_API void convoy_workspace_destroy(void *workspace);

#ifdef __cplusplus
}
#endif
#endif
