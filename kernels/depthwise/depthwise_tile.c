/**
 * @file depthwise_tile.c
 * Rows of outputs by register tiles of a few outputs; at each place vector of channels by vector of
 * channels, so that x, w and y are read and written in the order of memory.
 *
 * A tile goes through the rows of x, the channels of a group, and the columns, each of which is
 * loaded once and multiplied with all the taps that it is under. A sum runs over r, c, s.
 */
#include "kernels/depthwise/depthwise.h"
#include "kernels/kernel.h"
#include "kernels/tile/tile_finish.h"

#define PIXELS   7 /* outputs of a tile: a divisor of the widths of most networks */
#define TAPS_MAX 7

/* A tile has up to 17 columns, more than UNROLL unrolls. */
#define UNROLL_COLUMNS _Pragma("GCC unroll 32")

_Static_assert(PIXELS + TAPS_MAX + 2 <= VF_REGISTERS, "the register tile would spill");

/* What a register tile has to take care of; what it need not is left out by the compiler. */
enum care {
    INSIDE, /* nothing: all columns on real input, all outputs, whole vectors */
    EDGE,   /* columns of padding */
    TAIL,   /* ... and fewer outputs than the tile has */
    PART,   /* ... and fewer channels than a vector has */
};

/* A register tile's place, at one vector of channels. */
struct place {
    const float *x; /* row 0 of the image, column of the first tap, first channel of the vector */
    const float *w;
    const float *bias;     /* NULL: none */
    const float *residual; /* NULL: none */
    float *y;
    int64_t row, column; /* of x, under the first tap */
    uint32_t columns;    /* known taps: bit i: column i from the first tap on is real input */
    int pixels;          /* outputs that exist */
    int lanes_in;        /* channels of x in the vector */
    int lanes_out;       /* channels of y in it */
    const int32_t
        *channels; /* input channel of each lane for c = 0, counted from the vector's first */
};

/* The channels of x that lanes want: loaded, and spread out by `channels`. */
ALWAYS_INLINE vf load_x(const float *p, const struct place *place, const enum care care,
                        const bool spreads, vi channels)
{
    vf x = care == PART ? vf_load_part(p, place->lanes_in) : vf_load(p);
    return spreads ? vf_permute(x, channels) : x;
}

/* A row of x times a row of w, with `taps` known taps: column by column. */
ALWAYS_INLINE void multiply_known(vf acc[PIXELS], const struct depthwise_band *b,
                                  const struct place *place, const float *x_row, const float *w,
                                  const int taps, const int stride, const enum care care,
                                  const bool spreads, vi channels)
{
    vf w_vector[TAPS_MAX];
    UNROLL for (int s = 0; s < taps; s++)
    {
        w_vector[s] = vf_load(w + s * VF);
    }
    const ptrdiff_t step = b->dilation_w * b->x_column;
    UNROLL_COLUMNS for (int j = 0; j < (PIXELS - 1) * stride + taps; j++, x_row += step)
    {
        if (care != INSIDE && !(place->columns >> j & 1)) {
            continue;
        }
        vf x = load_x(x_row, place, care, spreads, channels);
        UNROLL for (int s = 0; s < taps; s++)
        {
            const int i = (j - s) / stride; /* the output that has this column at tap s */
            const bool is_output = j >= s && (j - s) % stride == 0 && i < PIXELS;
            if (is_output && (care < TAIL || i < place->pixels)) {
                acc[i] = vf_multiply_add(x, w_vector[s], acc[i]);
            }
        }
    }
}

/* The same with any number of taps, stride and dilation. */
ALWAYS_INLINE void multiply_any(vf acc[PIXELS], const struct depthwise_band *b,
                                const struct place *place, const float *x_row, const float *w,
                                const enum care care, const bool spreads, vi channels)
{
    for (int s = 0; s < b->S; s++) {
        vf w_vector = vf_load(w + s * VF);
        UNROLL for (int i = 0; i < PIXELS; i++)
        {
            int64_t column = i * b->stride_w + s * b->dilation_w;
            bool real = (uint64_t)(place->column + column) < (uint64_t)b->W;
            if (care == INSIDE || (i < place->pixels && real)) {
                vf x = load_x(x_row + column * b->x_column, place, care, spreads, channels);
                acc[i] = vf_multiply_add(x, w_vector, acc[i]);
            }
        }
    }
}

/* The sums; taps 0: any number, with any stride and dilation. */
ALWAYS_INLINE void sum_tile(vf acc[PIXELS], const struct depthwise_band *b,
                            const struct place *place, const int taps, const int stride,
                            const enum care care, const bool spreads, vi channels)
{
    const ptrdiff_t w_row = (ptrdiff_t)(taps > 0 ? taps : b->S) * VF;
    const ptrdiff_t x_step = b->dilation_h * b->x_row;
    const float *w = place->w, *x_row = place->x + place->row * b->x_row;
    int64_t row = place->row;
    for (int r = 0; r < b->R; r++, row += b->dilation_h, x_row += x_step) {
        if ((uint64_t)row >= (uint64_t)b->H) {
            w += (spreads ? b->Cg : 1) * w_row;
            continue;
        }
        for (int c = 0; c < (spreads ? b->Cg : 1); c++, w += w_row) {
            if (taps > 0) {
                multiply_known(acc, b, place, x_row, w, taps, stride, care, spreads, channels + c);
            } else {
                multiply_any(acc, b, place, x_row, w, care, spreads, channels + c);
            }
        }
    }
}

/* Bias, residual, activation and store. */
ALWAYS_INLINE void finish_tile(vf acc[PIXELS], const struct depthwise_band *b,
                               const struct place *place, const enum care care)
{
    const int lanes = care == PART ? place->lanes_out : VF;
    const int pixels = care < TAIL ? PIXELS : place->pixels;
    const vf bias = place->bias ? vf_load(place->bias) : (vf){0};
    const float *residual = place->residual;
    UNROLL for (int i = 0; i < PIXELS; i++)
    {
        acc[i] += bias;
        if (residual && i < pixels) {
            acc[i] += care == PART ? vf_load_part(residual, lanes) : vf_load(residual);
            residual += b->residual_column;
        }
    }
    if (b->epilogue->clamps || b->epilogue->leaks) {
        UNROLL for (int i = 0; i < PIXELS; i++)
        {
            acc[i] = tile_activate(acc[i], b->epilogue);
        }
    }
    float *y = place->y;
    UNROLL for (int i = 0; i < PIXELS; i++, y += b->y_column)
    {
        if (i < pixels && care == PART) {
            vf_store_part(y, acc[i], lanes);
        } else if (i < pixels) {
            vf_store(y, acc[i]);
        }
    }
}

/* One register tile of one vector of channels, from sums to y. */
ALWAYS_INLINE void work_tile(const struct depthwise_band *b, const struct place *place,
                             const int taps, const int stride, const enum care care,
                             const bool spreads, vi channels)
{
    vf acc[PIXELS];
    UNROLL for (int i = 0; i < PIXELS; i++)
    {
        acc[i] = (vf){0};
    }
    sum_tile(acc, b, place, taps, stride, care, spreads, channels);
    finish_tile(acc, b, place, care);
}

/* The register tiles at one place: whole vectors of channels, or those in part after them. */
ALWAYS_INLINE void work_vectors(const struct depthwise_band *b, const struct place *first,
                                const int taps, const int stride, const enum care care,
                                const bool spreads)
{
    struct place place = *first;
    const int span = spreads ? VF / b->Kg * b->Cg : VF; /* input channels of a vector */
    vi channels;
    memcpy(&channels, place.channels, sizeof channels);
    int whole = span == VF ? b->channels / VF : 0;
    int begin = care == PART ? whole : 0, end = care == PART ? (b->channels + VF - 1) / VF : whole;
    for (int v = begin; v < end; v++) {
        int left = b->channels - v * VF;
        place.lanes_out = left < VF ? left : VF;
        place.lanes_in = spreads ? place.lanes_out / b->Kg * b->Cg : place.lanes_out;
        place.x = first->x + v * span;
        place.w = first->w + v * ((ptrdiff_t)b->R * b->Cg * b->S * VF);
        place.y = first->y + v * VF;
        place.bias = first->bias ? first->bias + v * VF : NULL;
        place.residual = first->residual ? first->residual + v * VF : NULL;
        work_tile(b, &place, taps, stride, care, spreads, channels);
    }
}

typedef void work_function(const struct depthwise_band *b, const struct place *place);

/* What must be taken care of at a place, channels apart; and its columns if they are known. */
static enum care care_at(const struct depthwise_band *b, struct place *place, int taps, int stride)
{
    int64_t last = place->column + (PIXELS - 1) * b->stride_w + (b->S - 1) * b->dilation_w;
    bool inside = place->column >= 0 && last < b->W;
    place->columns = 0;
    for (int j = 0; j < (PIXELS - 1) * stride + taps && taps > 0; j++) {
        int64_t column = place->column + j * b->dilation_w;
        place->columns |= (uint32_t)((uint64_t)column < (uint64_t)b->W) << j;
    }
    return place->pixels == PIXELS && inside ? INSIDE : place->pixels == PIXELS ? EDGE : TAIL;
}

/* All rows and places of a band; `work` has a function for each care. */
static void work_band(const struct depthwise_band *b, int taps, int stride,
                      work_function *const work[PART + 1])
{
    /* where a vector of y needs less than a vector of x, every vector is one in part */
    bool whole = b->Cg == b->Kg && b->channels >= VF;
    bool part = b->Cg != b->Kg || b->channels % VF > 0;
    int32_t channels[VF];
    struct place place = {.w = b->packed_w, .bias = b->epilogue->bias, .channels = channels};
    for (int k = 0; k < VF; k++) {
        channels[k] = k / b->Kg * b->Cg;
    }
    for (int64_t q = 0; q < b->columns; q += PIXELS) {
        int64_t left = b->columns - q;
        place.column = b->w + q * b->stride_w;
        place.pixels = left < PIXELS ? (int)left : PIXELS;
        place.x = b->x + place.column * b->x_column;
        enum care care = care_at(b, &place, taps, stride);
        for (int row = 0; row < b->rows; row++) {
            place.row = b->h + row * b->stride_h;
            place.y = b->y + row * b->y_row + q * b->y_column;
            if (b->residual) {
                place.residual = b->residual + row * b->residual_row + q * b->residual_column;
            }
            if (whole) {
                work[care](b, &place);
            }
            if (part) {
                work[PART](b, &place);
            }
        }
    }
}

/* The functions of one shape: known taps of a filter row, stride in units of dilation, spreading.
 */
#define WORK(name, care, ...)                                                                      \
    static void name##_##care(const struct depthwise_band *b, const struct place *place)           \
    {                                                                                              \
        work_vectors(b, place, __VA_ARGS__);                                                       \
    }
#define SHAPE(name, taps, stride, spreads)                                                         \
    WORK(name, inside, taps, stride, INSIDE, spreads)                                              \
    WORK(name, edge, taps, stride, EDGE, spreads)                                                  \
    WORK(name, tail, taps, stride, TAIL, spreads)                                                  \
    WORK(name, part, taps, stride, PART, spreads)                                                  \
    static void name(const struct depthwise_band *b)                                               \
    {                                                                                              \
        static work_function *const work[] = {name##_inside, name##_edge, name##_tail,             \
                                              name##_part};                                        \
        work_band(b, taps, stride, work);                                                          \
    }
SHAPE(work_3, 3, 1, false)
SHAPE(work_5, 5, 1, false)
SHAPE(work_5_stride_2, 5, 2, false)
SHAPE(work_7, 7, 1, false)
SHAPE(work_any, 0, 0, false)
SHAPE(spread_3, 3, 1, true)
SHAPE(spread_3_stride_2, 3, 2, true)
SHAPE(spread_any, 0, 0, true)

/* Known numbers of taps are those of the networks people run. */
static void work_tiles(const struct depthwise_band *b)
{
    static const struct {
        int taps, stride;
        bool spreads;
        depthwise_band_function *work;
    } shapes[] = {
        {3, 1, false, work_3}, {5, 1, false, work_5},  {5, 2, false, work_5_stride_2},
        {7, 1, false, work_7}, {3, 1, true, spread_3}, {3, 2, true, spread_3_stride_2},
    };
    bool spreads = b->Cg > 1 || b->Kg > 1;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        if (shapes[i].taps == b->S && shapes[i].stride * b->dilation_w == b->stride_w &&
            shapes[i].spreads == spreads) {
            shapes[i].work(b);
            return;
        }
    }
    if (spreads) {
        spread_any(b);
    } else {
        work_any(b);
    }
}

void KERNEL(depthwise_3x3)(const struct depthwise_band *b);
void KERNEL(depthwise_band)(const struct depthwise_band *b);
void KERNEL(depthwise_band)(const struct depthwise_band *b)
{
    if (b->sweeps) {
        KERNEL(depthwise_3x3)(b);
    } else {
        work_tiles(b);
    }
}
