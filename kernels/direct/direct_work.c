/**
 * @file direct_work.c
 * What an execution of the direct algorithm does, for the prediction of its time.
 */
#include "core/arithmetic.h"
#include "core/cpu.h"
#include "kernels/depthwise/depthwise.h"
#include "kernels/direct/direct.h"

/* What a multiply-add of a dense register tile takes, and a vector of w that is packed (measured).
 */
#define DENSE_WORK 1.05
#define PACK_WORK  31.0

/* How often a row of x is copied: rows under two strips are copied for each. */
static double rows_again(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    int64_t rows = plan->blocking.strip_rows;
    int64_t window = (rows - 1) * l->stride_h + l->dilation_h * (l->R - 1) + 1;
    bool whole = rows >= plan->P;
    return whole ? 1 : (double)min64(window, l->H) / (double)(rows * l->stride_h);
}

/* Are pixels apart in memory, each with a place in the plane of every channel? Dense tiles run one
   pixel alone, which lies the same in both layouts unless a view has gaps, as in NHWC. */
static bool has_planes(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    const bool alone = l->H == 1 && l->W == 1 && plan->P == 1 && plan->Q == 1;
    return l->layout == CONVOY_NCHW && (plan->blocking.depthwise || !alone);
}

/* Planes of x become pixels: in blocks of vectors x vectors, full or not. A few channels are dealt
   out row by row, two shuffles a channel for each vector of the result (transpose.c; their work is
   by the instructions, not measured apart). */
static double transposed_x(const struct convoy_plan *plan)
{
    const double transpose = 11.0, deal = 4.0;
    const convoy_layer *l = &plan->layer;
    const int64_t floats = plan->kernels->vector_floats;
    const bool dense = !plan->blocking.depthwise && !plan->blocking.lanes && l->groups == 1;
    if (dense && l->C <= 4 && l->W >= floats) {
        return deal * (double)(l->N * l->H * divide_up(l->W, floats) * l->C * l->C);
    }
    return transpose * (double)(l->N * divide_up(l->H * l->W, floats) * round_up(l->C, floats));
}

/* Of x copied, or in NCHW transposed, as y is then: what each vector takes (measured). */
static double copied_work(const struct convoy_plan *plan)
{
    const double copy = 2.0, transpose_back = 7.0, of_depthwise = 0.6;
    const convoy_layer *l = &plan->layer;
    const int64_t floats = plan->kernels->vector_floats;
    if (plan->blocking.planes) {
        return 0;
    }
    if (has_planes(plan)) {
        double groups = plan->blocking.lanes ? 1.0 : (double)l->groups;
        double vectors = (double)divide_up(direct_vectors(plan) * direct_tile_floats(plan), floats);
        double output = (double)(l->N * round_up(plan->P * plan->Q, floats)) * vectors;
        double copies = rows_again(plan) * transposed_x(plan) + transpose_back * groups * output;
        return plan->blocking.depthwise ? of_depthwise * copies : copies;
    }
    return plan->blocking.packs
               ? copy * rows_again(plan) * (double)(l->N * l->C * l->H * l->W) / (double)floats
               : 0;
}

/* How much longer dense tiles take than the lanes that they execute would: half a vector takes as
   long as a whole one on some machines. */
static double of_halves(const struct convoy_plan *plan)
{
    const struct blocking *b = &plan->blocking;
    int64_t whole = direct_vectors(plan) * plan->kernels->vector_floats * plan->layer.groups;
    bool slow = cpu_halves_slow() && !b->depthwise && !b->lanes && !b->dots;
    return slow ? (double)whole / (double)direct_lanes(plan) : 1;
}

/* Multiply-adds at the rate that the tiles reach (measured): dense ones and depthwise tiles of
   rows nearly one for one, lanes bound by their loads, columns in the lanes by theirs. A pass over
   packed w is a strip. */
struct work direct_work(const struct convoy_plan *plan)
{
    const double lanes = 2.5, rows = 1.0, depthwise = 1.3;
    const double plane = plan->layer.stride_w == 1 ? 1.3 : 1.8;
    const struct blocking *b = &plan->blocking;
    double multiplies = (double)plan->executed_flops / (2.0 * (double)plan->kernels->vector_floats);
    const convoy_layer *l = &plan->layer;
    double rate = !b->depthwise             ? (b->lanes ? lanes : DENSE_WORK)
                  : b->planes               ? plane
                  : depthwise_rows_known(l) ? rows
                                            : depthwise;
    if (b->dots) {
        rate = DENSE_WORK;
        multiplies = (double)(l->N * plan->P * plan->Q) * direct_dots_multiplies(plan);
    }
    int64_t strips = b->depthwise ? l->N * divide_up(plan->P, b->strip_rows) : direct_strips(plan);
    return (struct work){
        .multiply = rate * of_halves(plan) * multiplies,
        .copy = copied_work(plan),
        .w_passes = (double)strips,
        .run_bytes = has_planes(plan) ? 4.0 * (double)(b->strip_rows * l->stride_h * l->W) : 0,
        .pack =
            PACK_WORK * (double)plan->packed_w_bytes / (4.0 * (double)plan->kernels->vector_floats),
        .filled = (double)l->K / (double)direct_lanes(plan),
    };
}

/* All taps, and the vectors of x that go into panels (measured); nothing is transposed. A pass over
   packed w is a strip, or a panel, which is asked for before it is read. */
struct work direct_panels_work(const struct convoy_plan *plan)
{
    const double made = 2.7, joined = 4.5, pieces = 8.0, spread = 11.0;
    const convoy_layer *l = &plan->layer;
    const struct blocking *b = &plan->blocking;
    const double apart = l->stride_w > 1 ? spread : pieces;
    const double whole = b->panel_first ? made : joined;
    const double copy = l->stride_w > 1 || l->R * l->S > 1 ? apart : whole;
    const int64_t floats = plan->kernels->vector_floats, pixels = plan->P * plan->Q;
    const int64_t pass = b->panel_first ? b->tile_vectors * floats : b->strip_columns;
    return (struct work){
        .multiply = DENSE_WORK * (double)direct_panels_flops(plan) / (2.0 * (double)floats),
        .copy = copy * direct_panels_copies(plan),
        .w_passes = (double)(l->N * divide_up(pixels, pass)),
        .run_bytes = b->panel_first ? 0 : 4.0 * (double)min64(b->strip_columns, pixels),
        .pack = PACK_WORK * (double)(l->K * layer_depth(l)) / (double)floats,
        .filled = (double)pixels / (double)round_up(pixels, plan->kernels->tile->granule),
    };
}
