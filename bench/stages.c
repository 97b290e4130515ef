/**
 * @file stages.c
 * A plan of the Winograd family, run through a table of kernels that tell where its time goes.
 */
#include "bench/stages.h"

#include <math.h>
#include <string.h>

#include "core/clock.h"
#include "kernels/algorithm.h"
#include "kernels/kernel.h"

#define RUNS_LEAST  3
#define RUNS_MOST   200
#define RUN_SECONDS 0.05 /* of all runs, unless RUNS_LEAST take longer */

/* The kernels that the functions below call, and the stage that the run is in. */
static const struct isa_kernels *kernels;
static enum stage stage;
static double since, spent[STAGES];

static void enter(enum stage next)
{
    if (next != stage) {
        double now = clock_seconds();
        spent[stage] += now - since;
        since = now;
        stage = next;
    }
}

/* For each kernel of a table, a function of the same type that enters its stage first; NULL entries
   get one too, which no driver calls. */
#define MULTIPLY(vectors, pixels)                                                                  \
    static void multiply_##vectors##_##pixels(const struct tile_sums_operands *operands)           \
    {                                                                                              \
        enter(STAGE_MULTIPLY);                                                                     \
        kernels->tile_sums->sums[vectors][pixels](operands);                                       \
    }
#define INPUT(h, w)                                                                                \
    static void input_##h##_##w(const struct winograd_patch *patch)                                \
    {                                                                                              \
        enter(STAGE_INPUT);                                                                        \
        kernels->winograd_inputs->of_alpha[h][w](patch);                                           \
    }
#define OUTPUT(mh, mw, rh, rw)                                                                     \
    static void output_##mh##x##mw##_##rh##x##rw(const struct winograd_result *result)             \
    {                                                                                              \
        enter(STAGE_OUTPUT);                                                                       \
        kernels->winograd_outputs->of_variant[WINOGRAD_F##mh##x##mw##_##rh##x##rw](result);        \
    }
#define MULTIPLY_NAME(vectors, pixels) multiply_##vectors##_##pixels,
#define INPUT_NAME(h, w)               input_##h##_##w,
#define OUTPUT_NAME(mh, mw, rh, rw)    output_##mh##x##mw##_##rh##x##rw,

/* clang-format off */
#define COLUMNS_4(X, row)  X(row, 0) X(row, 1) X(row, 2) X(row, 3)
#define COLUMNS_12(X, row) COLUMNS_4(X, row) X(row, 4) X(row, 5) X(row, 6) X(row, 7) X(row, 8) \
                           X(row, 9) X(row, 10) X(row, 11)

COLUMNS_12(MULTIPLY, 0) COLUMNS_12(MULTIPLY, 1) COLUMNS_12(MULTIPLY, 2) COLUMNS_12(MULTIPLY, 3)
COLUMNS_12(MULTIPLY, 4) COLUMNS_12(MULTIPLY, 5) COLUMNS_12(MULTIPLY, 6) COLUMNS_12(MULTIPLY, 7)
COLUMNS_4(INPUT, 0) COLUMNS_4(INPUT, 1) COLUMNS_4(INPUT, 2) COLUMNS_4(INPUT, 3)
WINOGRAD_VARIANTS(OUTPUT)

static const struct winograd_inputs inputs = {{
    {COLUMNS_4(INPUT_NAME, 0)},
    {COLUMNS_4(INPUT_NAME, 1)},
    {COLUMNS_4(INPUT_NAME, 2)},
    {COLUMNS_4(INPUT_NAME, 3)},
}};
static const struct winograd_outputs outputs = {{WINOGRAD_VARIANTS(OUTPUT_NAME)}};
static struct tile_sums multiplies = {.sums = {
    {COLUMNS_12(MULTIPLY_NAME, 0)},
    {COLUMNS_12(MULTIPLY_NAME, 1)},
    {COLUMNS_12(MULTIPLY_NAME, 2)},
    {COLUMNS_12(MULTIPLY_NAME, 3)},
    {COLUMNS_12(MULTIPLY_NAME, 4)},
    {COLUMNS_12(MULTIPLY_NAME, 5)},
    {COLUMNS_12(MULTIPLY_NAME, 6)},
    {COLUMNS_12(MULTIPLY_NAME, 7)},
}};
/* clang-format on */
_Static_assert(TILE_VECTORS_MAX == 8 && TILE_PIXELS_MAX == 12 && WINOGRAD_ALPHAS == 4,
               "the tables above have a function for each kernel");

static void transpose(const float *from, ptrdiff_t from_stride, float *to, ptrdiff_t to_stride,
                      int64_t channels, int64_t columns)
{
    enter(STAGE_INPUT);
    kernels->transpose(from, from_stride, to, to_stride, channels, columns);
}

static void store_transposed(const struct transposed_store *store)
{
    enter(STAGE_OUTPUT);
    kernels->store_transposed(store);
}

bool stages_apply(const convoy_plan *plan)
{
    return plan->algorithm->transforms;
}

/* One run. @return its seconds */
static double run_once(const convoy_plan *plan, const convoy_tensor *x, const convoy_tensor *y,
                       void *workspace, convoy_status *status)
{
    memset(spent, 0, sizeof spent);
    stage = STAGE_INPUT;
    double start = since = clock_seconds();
    *status = convoy_plan_execute(plan, x, y, workspace);
    double end = clock_seconds();
    spent[stage] += end - since;
    return end - start;
}

convoy_status stages_measure(const convoy_plan *plan, const convoy_tensor *x,
                             const convoy_tensor *y, void *workspace, double shares[STAGES])
{
    kernels = plan->kernels;
    struct isa_kernels told = *kernels;
    multiplies.ahead_floats = kernels->tile_sums->ahead_floats;
    multiplies.ahead_most = kernels->tile_sums->ahead_most;
    told.tile_sums = &multiplies;
    told.winograd_inputs = &inputs;
    told.winograd_outputs = &outputs;
    told.transpose = transpose;
    told.store_transposed = store_transposed;
    struct convoy_plan alone = *plan;
    alone.kernels = &told;
    alone.threads = 1;

    double least = INFINITY, total = 0;
    for (int i = 0; i < RUNS_LEAST || (i < RUNS_MOST && total < RUN_SECONDS); i++) {
        convoy_status status;
        double seconds = run_once(&alone, x, y, workspace, &status);
        if (status) {
            return status;
        }
        total += seconds;
        if (seconds < least) {
            least = seconds;
            for (int s = 0; s < STAGES; s++) {
                shares[s] = spent[s] / seconds;
            }
        }
    }
    return CONVOY_OK;
}
