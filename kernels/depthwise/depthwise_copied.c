/**
 * @file depthwise_copied.c
 * For a few vectors of channels and some rows of outputs x is copied and run by the kernels of
 * NHWC. In NCHW it is transposed, and y transposed back, all in cache; in NHWC y is written in
 * place.
 *
 *   for each image, for each few vectors of channels, for each strip of output rows     <- threads
 *       the rows of x that it sees, copied or transposed                                <- in cache
 *       bands of output rows: sums                                                      <- in cache
 *       NCHW: transpose the sums, epilogue
 */

#include "core/arithmetic.h"
#include "core/cpu.h"
#include "core/layer_checked.h"
#include "kernels/algorithm.h"
#include "kernels/depthwise/depthwise.h"
#include "kernels/kernel.h"
#include "kernels/share.h"
#include "kernels/tile/tile_epilogue.h"

/* Rows of x under `rows` rows of outputs, at most. */
static int64_t window_rows(const convoy_layer *l, int64_t rows)
{
    return min64(l->H, (rows - 1) * l->stride_h + (l->R - 1) * l->dilation_h + 1);
}

/* Floats between pixels of the copies: input channels, and output channels, in whole vectors. */
static int64_t x_pitch(const struct convoy_plan *plan, int64_t vectors)
{
    const convoy_layer *l = &plan->layer;
    int64_t floats = plan->kernels->vector_floats;
    return round_up(vectors * floats / layer_Kg(l) * layer_Cg(l), floats);
}

static int64_t y_pitch(const struct convoy_plan *plan, int64_t vectors)
{
    return vectors * plan->kernels->vector_floats;
}

static int64_t x_bytes(const struct convoy_plan *plan, int64_t rows, int64_t vectors)
{
    const convoy_layer *l = &plan->layer;
    return round_up(4 * window_rows(l, rows) * l->W * x_pitch(plan, vectors), CONVOY_ALIGNMENT);
}

static bool transposes(const struct convoy_plan *plan)
{
    return plan->layer.layout == CONVOY_NCHW;
}

static int64_t block_bytes(const struct convoy_plan *plan, int64_t rows, int64_t vectors)
{
    int64_t y = transposes(plan) ? 4 * rows * plan->Q * y_pitch(plan, vectors) : 0;
    return x_bytes(plan, rows, vectors) + round_up(y, 64);
}

/* Vectors of channels that are copied together at least: in NHWC two lines of the cache. */
static int64_t vectors_least(const struct convoy_plan *plan)
{
    const int64_t piece = 32;
    return transposes(plan) ? 1 : max64(1, piece / plan->kernels->vector_floats);
}

/* Of a block: what docs/guarantees.md promises of a thread's workspace. */
#define BLOCK_BYTES_MAX (1024 * 1024)

bool depthwise_copied_fits(const struct convoy_plan *plan)
{
    const int64_t most = BLOCK_BYTES_MAX, vectors = vectors_least(plan);
    const convoy_layer *l = &plan->layer;
    int64_t bytes = 4 * vectors * plan->kernels->vector_floats;
    int64_t rows = min64(plan->P, DEPTHWISE_ROWS);
    int64_t extents = max64(window_rows(l, rows), rows);
    return multiply_checked(&bytes, extents) && multiply_checked(&bytes, max64(l->W, plan->Q)) &&
           bytes <= most / 2 && block_bytes(plan, rows, vectors) <= most;
}

/* Vectors of channels that a register tile's place is worked out for once, if L2 holds them all. */
#define VECTORS_TOGETHER 6

/* NCHW: vectors of a block, if strips have so many rows: as many as L1 holds, or some that a part
   of L2 does. */
static int64_t vectors_that_fit(const struct convoy_plan *plan, int64_t rows)
{
    int64_t bytes = block_bytes(plan, rows, 1);
    int64_t in_l1 = (int64_t)cpu_l1d_bytes() / bytes;
    int64_t in_l2 = min64((int64_t)cpu_l2_bytes() / 5 * 2, BLOCK_BYTES_MAX) / bytes;
    return max64(1, max64(in_l1, min64(in_l2, VECTORS_TOGETHER)));
}

/* Strips of rows of the fewest vectors of channels that a quarter of L2 holds; then of more
   vectors. As many shares of the channels as threads, or twice as many ..., for these take some
   each beforehand. */
void depthwise_copied_prepare(struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    struct blocking *b = &plan->blocking;
    const int64_t most = min64((int64_t)cpu_l2_bytes() / 4, BLOCK_BYTES_MAX);
    const int64_t least = vectors_least(plan), pieces = divide_up(b->k_blocks, least);
    int64_t low = min64(plan->P, DEPTHWISE_ROWS), high = plan->P;
    while (low < high) {
        int64_t middle = low + (high - low + 1) / 2;
        bool fits = block_bytes(plan, middle, least) <= most;
        low = fits ? middle : low;
        high = fits ? high : middle - 1;
    }
    int64_t wanted = depthwise_shares(plan);
    int64_t strips = max64(divide_up(plan->P, low), divide_up(wanted, l->N * pieces));
    b->strip_images = 1;
    b->strip_rows = min64(low, round_up(divide_up(plan->P, strips), DEPTHWISE_ROWS));
    b->strip_columns = plan->Q;
    strips = divide_up(plan->P, b->strip_rows);
    int64_t fit = transposes(plan) ? vectors_that_fit(plan, b->strip_rows) : least;
    int64_t parts = min64(pieces, divide_up(wanted, l->N * strips));
    int64_t vectors = min64(fit, divide_up(b->k_blocks, parts));
    int64_t shares = round_up(divide_up(b->k_blocks, vectors), wanted > 1 ? plan->threads : 1);
    b->k_parts = min64(pieces, shares);
    b->tile_vectors = (int)divide_up(b->k_blocks, b->k_parts);
    b->thread_bytes = block_bytes(plan, b->strip_rows, b->tile_vectors);
}

/* Vectors v0 <= v < v1 of channels of rows p0 <= p < p1 of image n. */
struct block {
    int64_t n, v0, v1, p0, p1;
    int64_t k, channels; /* output channels */
    int64_t h0, h1;      /* rows of x */
    float *x, *y;        /* the copies */
};

/* x of a block, copied or transposed; rows that follow each other in memory are one. */
static void copy_x(const struct convoy_plan *plan, const convoy_tensor *x, const struct block *b)
{
    const convoy_layer *l = &plan->layer;
    int64_t pitch = x_pitch(plan, b->v1 - b->v0);
    int64_t rows = b->h1 - b->h0, step = x->stride_h == l->W * x->stride_w ? max64(rows, 1) : 1;
    int64_t channels = b->channels / layer_Kg(l) * layer_Cg(l);
    for (int64_t h = 0; h < rows; h += step) {
        plan->kernels->direct_panel(&(struct direct_panel){
            .from = (const float *)x->data + b->n * x->stride_n + (b->h0 + h) * x->stride_h +
                    b->k / layer_Kg(l) * layer_Cg(l),
            .from_c = x->stride_w,
            .channels = step * l->W,
            .lanes = (int)channels,
            .to = b->x + h * l->W * pitch,
            .to_c = pitch,
            .panels = 1,
        });
    }
}

static void transpose_x(const struct convoy_plan *plan, const convoy_tensor *x,
                        const struct block *b)
{
    const convoy_layer *l = &plan->layer;
    int64_t pitch = x_pitch(plan, b->v1 - b->v0);
    int64_t rows = b->h1 - b->h0, step = x->stride_h == l->W ? max64(rows, 1) : 1;
    int64_t Cg = layer_Cg(l), Kg = layer_Kg(l);
    const float *from = (const float *)x->data + b->n * x->stride_n + b->k / Kg * Cg * x->stride_c +
                        b->h0 * x->stride_h;
    float *to = b->x;
    for (int64_t h = 0; h < rows; h += step) {
        plan->kernels->transpose(from, x->stride_c, to, pitch, b->channels / Kg * Cg, step * l->W);
        from += step * x->stride_h;
        to += step * l->W * pitch;
    }
}

static void store_y(const struct convoy_plan *plan, const struct operands *operands,
                    const struct block *b)
{
    const convoy_tensor *y = operands->y, *residual = operands->residual;
    struct tile_epilogue epilogue = depthwise_epilogue(plan, b->k);
    bool joined = y->stride_h == plan->Q && (!residual || residual->stride_h == plan->Q);
    int64_t pitch = y_pitch(plan, b->v1 - b->v0), step = joined ? b->p1 - b->p0 : 1;
    for (int64_t p = b->p0; p < b->p1; p += step) {
        float *to = (float *)y->data + b->n * y->stride_n + b->k * y->stride_c + p * y->stride_h;
        const float *add = NULL;
        if (residual) {
            add = (const float *)residual->data + b->n * residual->stride_n +
                  b->k * residual->stride_c + p * residual->stride_h;
        }
        plan->kernels->store_transposed(&(struct transposed_store){
            .sums = b->y + (p - b->p0) * plan->Q * pitch,
            .sums_stride = pitch,
            .y = to,
            .y_stride = y->stride_c,
            .residual = add,
            .residual_stride = residual ? residual->stride_c : 0,
            .column = 1,
            .channels = (int)b->channels,
            .pixels = step * plan->Q,
            .epilogue = &epilogue,
        });
    }
}

static void work_block(const struct convoy_plan *plan, const struct operands *operands,
                       struct block *b)
{
    const convoy_layer *l = &plan->layer;
    struct tile_epilogue epilogue = {0};
    int64_t floats = plan->kernels->vector_floats;
    int64_t first = b->p0 * l->stride_h - l->pad_top;
    int64_t last = (b->p1 - 1) * l->stride_h - l->pad_top + (l->R - 1) * l->dilation_h;
    b->k = b->v0 * floats;
    b->channels = min64(b->v1 * floats, l->K) - b->k;
    b->h0 = min64(max64(first, 0), l->H);
    b->h1 = max64(min64(last + 1, l->H), b->h0);
    struct depthwise_band band = depthwise_band_of(plan, b->k, b->channels, &epilogue);
    band.x_column = x_pitch(plan, b->v1 - b->v0);
    band.x_row = l->W * band.x_column;
    band.x = b->x - b->h0 * band.x_row;
    if (transposes(plan)) {
        band.y = b->y;
        band.y_column = y_pitch(plan, b->v1 - b->v0);
        band.y_row = plan->Q * band.y_column;
        transpose_x(plan, operands->x, b);
        depthwise_work_rows(plan, band, b->p0, b->p1);
        store_y(plan, operands, b);
    } else {
        epilogue = depthwise_epilogue(plan, b->k);
        depthwise_place_y(operands, b->n, b->p0, b->k, &band);
        copy_x(plan, operands->x, b);
        depthwise_work_rows(plan, band, b->p0, b->p1);
    }
}

static void work_blocks(const struct convoy_plan *plan, const struct operands *operands,
                        char *workspace, struct share *share)
{
    const struct blocking *b = &plan->blocking;
    const int64_t down = divide_up(plan->P, b->strip_rows);
    for (int64_t unit; (unit = share_next(share)) >= 0;) {
        int64_t p = unit % down * b->strip_rows, part = unit / down % b->k_parts;
        struct block block = {
            .n = unit / down / b->k_parts,
            .v0 = b->k_blocks * part / b->k_parts,
            .v1 = b->k_blocks * (part + 1) / b->k_parts,
            .p0 = p,
            .p1 = min64(p + b->strip_rows, plan->P),
            .x = (float *)workspace,
            .y = (float *)(workspace + x_bytes(plan, b->strip_rows, b->tile_vectors)),
        };
        work_block(plan, operands, &block);
    }
}

void depthwise_copied_execute(const struct convoy_plan *plan, const struct operands *operands)
{
    const struct blocking *b = &plan->blocking;
    const int64_t units = plan->layer.N * b->k_parts * divide_up(plan->P, b->strip_rows);
    share_units(plan, operands, depthwise_threads(plan), units, SHARE_EVENLY, work_blocks);
}
