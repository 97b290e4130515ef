/**
 * @file depthwise.c
 * NHWC: the loops around depthwise_band.
 *
 *   for each image, for each strip of output rows, for each share of the channels     <- threads
 *       for each few vectors of channels, whose w stays in L1 and rows of x in L2; or for all
 *           for each band of output rows                                              <- registers
 */
#include "kernels/depthwise/depthwise.h"

#include "core/arithmetic.h"
#include "core/cpu.h"
#include "core/layer_checked.h"
#include "kernels/algorithm.h"
#include "kernels/kernel.h"
#include "kernels/share.h"
#include "kernels/tile/tile_epilogue.h"

bool depthwise_groups_fit(const convoy_layer *l, int64_t floats)
{
    int64_t Cg = layer_Cg(l), Kg = layer_Kg(l);
    /* of groups as wide as a vector dense register tiles make more: 1.3 to 1.8 times as fast */
    return l->groups > 1 && Cg <= Kg && Kg < floats && floats % Kg == 0;
}

bool depthwise_applies(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    return depthwise_groups_fit(l, plan->kernels->vector_floats) &&
           (l->layout == CONVOY_NHWC || depthwise_copied_fits(plan));
}

/* From an output to the next whose taps are the same columns or rows, of a dilated layer. */
static int64_t step_of(int64_t stride, int64_t dilation)
{
    return stride == 1 ? dilation : 1;
}

int64_t depthwise_ratio(int64_t stride, int64_t dilation)
{
    return stride == 1 ? 1 : stride % dilation == 0 ? stride / dilation : 0;
}

bool depthwise_rows_known(const convoy_layer *l)
{
    int64_t ratio = depthwise_ratio(l->stride_w, l->dilation_w);
    return layer_Cg(l) == 1 && layer_Kg(l) == 1 && (l->S == 3 || l->S == 5 || l->S == 7) &&
           (ratio == 1 || ratio == 2);
}

/* Is it one for depthwise_sweep.c, where there is that: small images, whose rows tiles of
   depthwise_rows.c do not divide as well; and channels whose vectors cross lines of the cache,
   because a sweep loads a third as often. (7x7x960 6.8 us instead of 7.8, 75x75x24 29 instead of
   43; but 28x28x192 27.6 instead of 24.5.) */
static bool sweeps(const struct convoy_plan *plan)
{
    const int64_t small = 14;
    const convoy_layer *l = &plan->layer;
    return plan->kernels->depthwise_sweeps && depthwise_rows_known(l) && l->R == 3 && l->S == 3 &&
           depthwise_ratio(l->stride_h, l->dilation_h) == 1 &&
           depthwise_ratio(l->stride_w, l->dilation_w) == 1 &&
           (divide_up(plan->Q, step_of(l->stride_w, l->dilation_w)) <= small ||
            l->K % plan->kernels->vector_floats > 0);
}

/* Rows of the next band, of those that are left: where they are swept as alike as possible, because
   a sweep takes time to begin and to end; else as many as may be, which tiles have two of. */
static int64_t band_rows(int64_t left, bool swept, int64_t most)
{
    return swept ? divide_up(left, divide_up(left, DEPTHWISE_SWEPT_ROWS)) : min64(left, most);
}

void depthwise_work_rows(const struct convoy_plan *plan, struct depthwise_band band, int64_t p0,
                         int64_t p1)
{
    const convoy_layer *l = &plan->layer;
    int64_t step_h = step_of(l->stride_h, l->dilation_h);
    int64_t step_w = step_of(l->stride_w, l->dilation_w);
    const int64_t rows_most = plan->blocking.row_by_row ? 1 : DEPTHWISE_ROWS;
    struct depthwise_band all = band;
    band.stride_h = step_h * l->stride_h;
    band.stride_w = step_w * l->stride_w;
    band.y_row *= step_h;
    band.y_column *= step_w;
    band.residual_row *= step_h;
    band.residual_column *= step_w;
    for (int64_t phase = p0; phase < min64(p0 + step_h, p1); phase++) {
        for (int64_t p = phase; p < p1; p += band.rows * step_h) {
            band.rows = (int)band_rows(divide_up(p1 - p, step_h), band.sweeps, rows_most);
            band.h = p * l->stride_h - l->pad_top;
            for (int64_t q = 0; q < min64(step_w, plan->Q); q++) {
                band.w = q * l->stride_w - l->pad_left;
                band.columns = divide_up(plan->Q - q, step_w);
                band.y = all.y + (p - p0) * all.y_row + q * all.y_column;
                if (all.residual) {
                    band.residual =
                        all.residual + (p - p0) * all.residual_row + q * all.residual_column;
                }
                plan->kernels->depthwise_band(&band);
            }
        }
    }
}

struct depthwise_band depthwise_band_of(const struct convoy_plan *plan, int64_t k, int64_t channels,
                                        const struct tile_epilogue *epilogue)
{
    const convoy_layer *l = &plan->layer;
    return (struct depthwise_band){
        .H = l->H,
        .W = l->W,
        .dilation_h = l->dilation_h,
        .dilation_w = l->dilation_w,
        .R = (int)l->R,
        .S = (int)l->S,
        .Cg = (int)layer_Cg(l),
        .Kg = (int)layer_Kg(l),
        .packed_w = (const float *)plan->packed_w + k * layer_depth(l),
        .channels = (int)channels,
        .epilogue = epilogue,
        .sweeps = sweeps(plan),
        .rows_known = depthwise_rows_known(l),
        .asks_for_x = plan->blocking.asks_for_x,
        .asks_for_rows = plan->blocking.y_far && !plan->blocking.packs,
    };
}

struct tile_epilogue depthwise_epilogue(const struct convoy_plan *plan, int64_t k)
{
    struct tile_epilogue epilogue = tile_epilogue_of(&plan->layer.epilogue);
    epilogue.bias = plan->bias ? plan->bias + k : NULL;
    return epilogue;
}

void depthwise_place_y(const struct operands *operands, int64_t n, int64_t p, int64_t k,
                       struct depthwise_band *band)
{
    const convoy_tensor *y = operands->y, *residual = operands->residual;
    band->y = (float *)y->data + n * y->stride_n + p * y->stride_h + k;
    band->y_row = y->stride_h;
    band->y_column = y->stride_w;
    if (residual) {
        band->residual =
            (const float *)residual->data + n * residual->stride_n + p * residual->stride_h + k;
        band->residual_row = residual->stride_h;
        band->residual_column = residual->stride_w;
    }
}

/* Output rows p0 <= p < p1 of image n, channels of the vectors v0 <= v < v1. */
static void work_channels(const struct convoy_plan *plan, const struct operands *operands,
                          int64_t n, int64_t p0, int64_t p1, int64_t v0, int64_t v1)
{
    const convoy_layer *l = &plan->layer;
    const convoy_tensor *x = operands->x;
    int64_t k = v0 * plan->kernels->vector_floats;
    int64_t k1 = min64(v1 * plan->kernels->vector_floats, l->K);
    const struct tile_epilogue epilogue = depthwise_epilogue(plan, k);
    struct depthwise_band band = depthwise_band_of(plan, k, k1 - k, &epilogue);
    band.x = (const float *)x->data + n * x->stride_n + k / layer_Kg(l) * layer_Cg(l);
    band.x_row = x->stride_h;
    band.x_column = x->stride_w;
    depthwise_place_y(operands, n, p0, k, &band);
    depthwise_work_rows(plan, band, p0, p1);
}

int64_t depthwise_shares(const struct convoy_plan *plan)
{
    const int64_t worth_sharing = 40000; /* vector multiply-adds */
    const convoy_layer *l = &plan->layer;
    int64_t work = multiply_saturated(l->N * plan->P * plan->Q, layer_depth(l));
    work = multiply_saturated(work, plan->blocking.k_blocks);
    return plan->threads > 1 && work > worth_sharing ? 4 * (int64_t)plan->threads : 1;
}

int depthwise_threads(const struct convoy_plan *plan)
{
    return depthwise_shares(plan) > 1 ? plan->threads : 1;
}

static int64_t strip_rows(const struct convoy_plan *plan, int64_t wanted)
{
    int64_t strips = min64(divide_up(plan->P, DEPTHWISE_ROWS), divide_up(wanted, plan->layer.N));
    return round_up(divide_up(plan->P, strips), DEPTHWISE_ROWS);
}

/* The same for as many shares or fewer, whichever leaves the busiest thread the fewest rows; 0 if
   these are more than its part by a sixteenth. */
static int64_t even_strip_rows(const struct convoy_plan *plan, int64_t wanted)
{
    const int64_t part = divide_up(plan->layer.N * plan->P, plan->threads);
    int64_t best = 0, least = part + part / 16 + 1;
    for (; wanted >= plan->threads; wanted /= 2) {
        int64_t rows = strip_rows(plan, wanted);
        int64_t shares = plan->layer.N * divide_up(plan->P, rows);
        int64_t busiest = divide_up(shares, plan->threads) * rows;
        if (busiest < least) {
            least = busiest;
            best = rows;
        }
    }
    return best;
}

/* NHWC: all vectors of channels, or those whose w takes half of L1 and rows of x half of L2. */
static void prepare_nhwc(struct convoy_plan *plan)
{
    struct blocking *b = &plan->blocking;
    const convoy_layer *l = &plan->layer;
    const int64_t floats = plan->kernels->vector_floats;
    int64_t rows = min64(l->H, (DEPTHWISE_ROWS - 1) * l->stride_h + l->R);
    int64_t row_bytes = multiply_saturated(4 * floats * l->W, rows);
    int64_t in_l1 = (int64_t)cpu_l1d_bytes() / 2 / (4 * floats * layer_depth(l));
    int64_t in_l2 = (int64_t)cpu_l2_bytes() / 2 / row_bytes;
    int64_t vectors =
        b->whole_pixels && !sweeps(plan) ? b->k_blocks : max64(min64(in_l1, max64(in_l2, 8)), 1);
    b->tile_vectors = (int)divide_up(b->k_blocks, divide_up(b->k_blocks, vectors));
    int64_t wanted = depthwise_shares(plan);
    b->strip_images = 1;
    b->strip_rows = strip_rows(plan, wanted);
    int64_t shares = l->N * divide_up(plan->P, b->strip_rows);
    b->k_parts = min64(b->k_blocks, divide_up(wanted, shares));
    b->strip_columns = plan->Q;
    /* whole rows follow each other in memory, parts of the channels do not (112x112x32 on two
       threads 60 us instead of 90) */
    int64_t even_rows = wanted > 1 ? even_strip_rows(plan, wanted) : 0;
    if (even_rows > 0) {
        b->strip_rows = even_rows;
        b->k_parts = 1;
    }
}

void depthwise_prepare(struct convoy_plan *plan)
{
    struct blocking *b = &plan->blocking;
    b->planes = depthwise_planes_fit(plan);
    b->packs = !b->planes && plan->layer.layout == CONVOY_NCHW;
    if (plan->layer.layout == CONVOY_NHWC) {
        depthwise_lines_prepare(plan);
    }
    if (b->planes) {
        depthwise_planes_prepare(plan);
    } else if (b->packs) {
        depthwise_copied_prepare(plan);
    } else {
        prepare_nhwc(plan);
    }
}

static void work_strips(const struct convoy_plan *plan, const struct operands *operands,
                        char *workspace, struct share *share)
{
    (void)workspace;
    const struct blocking *b = &plan->blocking;
    const int64_t down = divide_up(plan->P, b->strip_rows);
    for (int64_t unit; (unit = share_next(share)) >= 0;) {
        int64_t part = unit % b->k_parts, strip = unit / b->k_parts;
        int64_t p = strip % down * b->strip_rows;
        int64_t end = b->k_blocks * (part + 1) / b->k_parts;
        for (int64_t v = b->k_blocks * part / b->k_parts; v < end; v += b->tile_vectors) {
            work_channels(plan, operands, strip / down, p, min64(p + b->strip_rows, plan->P), v,
                          min64(v + b->tile_vectors, end));
        }
    }
}

void depthwise_execute(const struct convoy_plan *plan, const struct operands *operands)
{
    const struct blocking *b = &plan->blocking;
    if (b->planes) {
        depthwise_planes_execute(plan, operands);
        return;
    }
    if (b->packs) {
        depthwise_copied_execute(plan, operands);
        return;
    }
    const int64_t units = plan->layer.N * divide_up(plan->P, b->strip_rows) * b->k_parts;
    share_units(plan, operands, depthwise_threads(plan), units, SHARE_EVENLY, work_strips);
}
