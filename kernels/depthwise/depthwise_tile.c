/**
 * @file depthwise_tile.c
 * Rows of outputs by register tiles of a few outputs; at each place vector of channels by vector of
 * channels, and there row by row.
 *
 * A tile goes through the rows of x, the channels of a group, and the columns, each of which is
 * loaded once and multiplied with all the taps that it is under. A sum runs over r, c, s.
 */
#include "kernels/depthwise/depthwise.h"
#include "kernels/kernel.h"
#include "kernels/tile/tile_finish.h"

/* Outputs of a tile, most and least; fewer are a tail. Ten keep two multiply-adds a cycle from
   waiting for the sums before them; seven divide the widths of most networks. */
#define PIXELS   (DEPTHWISE_TILES_OF_ROWS ? 10 : 7)
#define LEAST    7
#define TAPS_MAX 7

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

/* What a tile is compiled for. */
struct kind {
    int taps; /* known taps of a filter row; 0: any number, with any stride and dilation */
    int stride;
    bool spreads; /* the channels of x */
    enum care care;
    int pixels; /* outputs; from TAIL on place->pixels of these */
};

/* The channels of x that lanes want: loaded, and spread out by `channels`. */
ALWAYS_INLINE vf load_x(const float *p, const struct place *place, const struct kind kind,
                        vi channels)
{
    vf x = kind.care == PART ? vf_load_part(p, place->lanes_in) : vf_load(p);
    return kind.spreads ? vf_permute(x, channels) : x;
}

/* A row of x times a row of w, with known taps: column by column. */
ALWAYS_INLINE void multiply_known(vf acc[PIXELS], const struct depthwise_band *b,
                                  const struct place *place, uint32_t columns, const float *x_row,
                                  const float *w, const struct kind kind, vi channels)
{
    vf w_vector[TAPS_MAX];
    UNROLL for (int s = 0; s < kind.taps; s++)
    {
        w_vector[s] = vf_load(w + s * VF);
    }
    const ptrdiff_t step = b->dilation_w * b->x_column;
    DEPTHWISE_UNROLL for (int j = 0; j < (kind.pixels - 1) * kind.stride + kind.taps;
                          j++, x_row += step)
    {
        if (kind.care != INSIDE && !(columns >> j & 1)) {
            continue;
        }
        const vf x = load_x(x_row, place, kind, channels);
        UNROLL for (int s = 0; s < kind.taps; s++)
        {
            const int i = (j - s) / kind.stride; /* the output that has this column at tap s */
            const bool is_output = j >= s && (j - s) % kind.stride == 0 && i < kind.pixels;
            if (is_output && (kind.care < TAIL || i < place->pixels)) {
                acc[i] = vf_multiply_add(x, w_vector[s], acc[i]);
            }
        }
    }
}

/* The same with any number of taps, stride and dilation. */
ALWAYS_INLINE void multiply_any(vf acc[PIXELS], const struct depthwise_band *b,
                                const struct place *place, const float *x_row, const float *w,
                                const struct kind kind, vi channels)
{
    for (int s = 0; s < b->S; s++) {
        vf w_vector = vf_load(w + s * VF);
        UNROLL for (int i = 0; i < kind.pixels; i++)
        {
            int64_t column = i * b->stride_w + s * b->dilation_w;
            bool real = (uint64_t)(place->column + column) < (uint64_t)b->W;
            if (kind.care == INSIDE || (i < place->pixels && real)) {
                vf x = load_x(x_row + column * b->x_column, place, kind, channels);
                acc[i] = vf_multiply_add(x, w_vector, acc[i]);
            }
        }
    }
}

/* The sums; taps 0: any number, with any stride and dilation. */
ALWAYS_INLINE void sum_tile(vf acc[PIXELS], const struct depthwise_band *b,
                            const struct place *place, const struct kind kind, vi channels)
{
    const ptrdiff_t w_row = (ptrdiff_t)(kind.taps > 0 ? kind.taps : b->S) * VF;
    const ptrdiff_t x_step = b->dilation_h * b->x_row;
    const float *w = place->w, *x_row = place->x + place->row * b->x_row;
    uint32_t columns = place->columns;
    int64_t row = place->row;
    for (int r = 0; r < b->R; r++, row += b->dilation_h, x_row += x_step) {
        if ((uint64_t)row >= (uint64_t)b->H) {
            w += (kind.spreads ? b->Cg : 1) * w_row;
            continue;
        }
        for (int c = 0; c < (kind.spreads ? b->Cg : 1); c++, w += w_row) {
            if (kind.taps > 0) {
                /* else each bit is worked out ahead, and kept on the stack */
                columns = DEPTHWISE_TILES_OF_ROWS ? bits_keep(columns) : columns;
                multiply_known(acc, b, place, columns, x_row, w, kind, channels + c);
            } else {
                multiply_any(acc, b, place, x_row, w, kind, channels + c);
            }
        }
    }
}

/* Bias, residual, activation and store. */
ALWAYS_INLINE void finish_tile(vf acc[PIXELS], const struct depthwise_band *b,
                               const struct place *place, const struct kind kind)
{
    const int lanes = kind.care == PART ? place->lanes_out : VF;
    const int pixels = kind.care < TAIL ? kind.pixels : place->pixels;
    /* without one, what changes no sum, not even one of -0 */
    const vf bias = place->bias ? vf_load(place->bias) : (vf){VF_ALL(-0.0f)};
    const float *residual = place->residual;
    UNROLL for (int i = 0; i < kind.pixels; i++)
    {
        acc[i] += bias;
        if (residual && i < pixels) {
            acc[i] += kind.care == PART ? vf_load_part(residual, lanes) : vf_load(residual);
            residual += b->residual_column;
        }
    }
    if (b->epilogue->clamps || b->epilogue->leaks) {
        UNROLL for (int i = 0; i < kind.pixels; i++)
        {
            acc[i] = tile_activate(acc[i], b->epilogue);
        }
    }
    float *y = place->y;
    UNROLL for (int i = 0; i < kind.pixels; i++, y += b->y_column)
    {
        if (i < pixels && kind.care == PART) {
            vf_store_part(y, acc[i], lanes);
        } else if (i < pixels) {
            vf_store(y, acc[i]);
        }
    }
}

/* One register tile of one vector of channels, from sums to y. */
INSTANCES void work_tile(const struct depthwise_band *b, const struct place *place,
                         const struct kind kind, vi channels)
{
    vf acc[PIXELS];
    UNROLL for (int i = 0; i < kind.pixels; i++)
    {
        acc[i] = (vf){0};
    }
    sum_tile(acc, b, place, kind, channels);
    finish_tile(acc, b, place, kind);
}

/* The register tiles at one place of each row: whole vectors of channels, or those in part after
   them. Row after row of a vector, because those share most of their x, and w. */
ALWAYS_INLINE void work_vectors(const struct depthwise_band *b, const struct place *first,
                                const struct kind kind)
{
    struct place place = *first;
    const int span = kind.spreads ? VF / b->Kg * b->Cg : VF; /* input channels of a vector */
    vi channels;
    memcpy(&channels, place.channels, sizeof channels);
    int whole = span == VF ? b->channels / VF : 0;
    int begin = kind.care == PART ? whole : 0,
        end = kind.care == PART ? (b->channels + VF - 1) / VF : whole;
    for (int v = begin; v < end; v++) {
        int left = b->channels - v * VF;
        place.lanes_out = left < VF ? left : VF;
        place.lanes_in = kind.spreads ? place.lanes_out / b->Kg * b->Cg : place.lanes_out;
        place.x = first->x + v * span;
        place.w = first->w + v * ((ptrdiff_t)b->R * b->Cg * b->S * VF);
        place.bias = first->bias ? first->bias + v * VF : NULL;
        for (int row = 0; row < b->rows; row++) {
            place.row = b->h + row * b->stride_h;
            place.y = first->y + v * VF + row * b->y_row;
            if (b->residual) {
                place.residual = first->residual + v * VF + row * b->residual_row;
            }
            work_tile(b, &place, kind, channels);
        }
    }
}

typedef void work_function(const struct depthwise_band *b, const struct place *place);

/* What must be taken care of at a place, channels apart; and its columns if they are known. */
static enum care care_at(const struct depthwise_band *b, struct place *place, int taps, int stride)
{
    int64_t last = place->column + (place->pixels - 1) * b->stride_w + (b->S - 1) * b->dilation_w;
    bool inside = place->column >= 0 && last < b->W;
    place->columns = 0;
    for (int j = 0; j < (place->pixels - 1) * stride + taps && taps > 0; j++) {
        int64_t column = place->column + j * b->dilation_w;
        place->columns |= (uint32_t)((uint64_t)column < (uint64_t)b->W) << j;
    }
    return place->pixels < LEAST ? TAIL : inside ? INSIDE : EDGE;
}

/* The functions of one shape, by care and for INSIDE and EDGE by the outputs that are less than
   PIXELS. */
struct work {
    work_function *inside[PIXELS - LEAST + 1], *edge[PIXELS - LEAST + 1], *tail, *part;
};

/* All rows and places of a band: tiles of as many outputs as possible, and as alike as possible. */
static void work_band(const struct depthwise_band *b, int taps, int stride, const struct work *work)
{
    /* where a vector of y needs less than a vector of x, every vector is one in part */
    bool whole = b->Cg == b->Kg && b->channels >= VF;
    bool part = b->Cg != b->Kg || b->channels % VF > 0;
    int32_t channels[VF];
    struct place place = {.w = b->packed_w, .bias = b->epilogue->bias, .channels = channels};
    for (int k = 0; k < VF; k++) {
        channels[k] = k / b->Kg * b->Cg;
    }
    for (int64_t q = 0; q < b->columns; q += place.pixels) {
        int64_t left = b->columns - q;
        int64_t tiles = DEPTHWISE_TILES_OF_ROWS ? (left + PIXELS - 1) / PIXELS : 1;
        int64_t even = (left + tiles - 1) / tiles;
        place.column = b->w + q * b->stride_w;
        place.pixels = even < PIXELS ? (int)even : PIXELS;
        place.x = b->x + place.column * b->x_column;
        enum care care = care_at(b, &place, taps, stride);
        work_function *run = care == INSIDE ? work->inside[PIXELS - place.pixels]
                             : care == EDGE ? work->edge[PIXELS - place.pixels]
                                            : work->tail;
        place.y = b->y + q * b->y_column;
        place.residual = b->residual ? b->residual + q * b->residual_column : NULL;
        if (whole) {
            run(b, &place);
        }
        if (part) {
            work->part(b, &place);
        }
    }
}

/* The functions of one shape: known taps of a filter row, stride in units of dilation, spreading.
 */
#define WORK(name, ...)                                                                            \
    static void name(const struct depthwise_band *b, const struct place *place)                    \
    {                                                                                              \
        work_vectors(b, place, (struct kind){__VA_ARGS__});                                        \
    }
#define WORK_PIXELS(name, less, taps, stride, spreads)                                             \
    WORK(name##_inside_##less, taps, stride, spreads, INSIDE, PIXELS - less)                       \
    WORK(name##_edge_##less, taps, stride, spreads, EDGE, PIXELS - less)
#if DEPTHWISE_TILES_OF_ROWS
#define WORK_ALL_PIXELS(name, ...)                                                                 \
    WORK_PIXELS(name, 0, __VA_ARGS__)                                                              \
    WORK_PIXELS(name, 1, __VA_ARGS__)                                                              \
    WORK_PIXELS(name, 2, __VA_ARGS__)                                                              \
    WORK_PIXELS(name, 3, __VA_ARGS__)
#define NAMES(name)                                                                                \
    {                                                                                              \
        name##_0, name##_1, name##_2, name##_3                                                     \
    }
#else
#define WORK_ALL_PIXELS(name, ...) WORK_PIXELS(name, 0, __VA_ARGS__)
#define NAMES(name)                                                                                \
    {                                                                                              \
        name##_0                                                                                   \
    }
#endif
#define SHAPE(name, taps, stride, spreads)                                                         \
    WORK_ALL_PIXELS(name, taps, stride, spreads)                                                   \
    WORK(name##_tail, taps, stride, spreads, TAIL, PIXELS)                                         \
    WORK(name##_part, taps, stride, spreads, PART, PIXELS)                                         \
    static void name(const struct depthwise_band *b)                                               \
    {                                                                                              \
        static const struct work work = {NAMES(name##_inside), NAMES(name##_edge), name##_tail,    \
                                         name##_part};                                             \
        work_band(b, taps, stride, &work);                                                         \
    }
#if !DEPTHWISE_TILES_OF_ROWS
SHAPE(work_3, 3, 1, false)
SHAPE(work_3_stride_2, 3, 2, false)
SHAPE(work_5, 5, 1, false)
SHAPE(work_5_stride_2, 5, 2, false)
SHAPE(work_7, 7, 1, false)
#endif
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
#if !DEPTHWISE_TILES_OF_ROWS
        {3, 1, false, work_3},
        {3, 2, false, work_3_stride_2},
        {5, 1, false, work_5},
        {5, 2, false, work_5_stride_2},
        {7, 1, false, work_7},
#endif
        {3, 1, true, spread_3},
        {3, 2, true, spread_3_stride_2},
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

void KERNEL(depthwise_sweep)(const struct depthwise_band *b);
void KERNEL(depthwise_rows)(const struct depthwise_band *b);
void KERNEL(depthwise_band)(const struct depthwise_band *b);
void KERNEL(depthwise_band)(const struct depthwise_band *b)
{
    if (DEPTHWISE_SWEEPS && b->sweeps) {
        KERNEL(depthwise_sweep)(b);
    } else if (DEPTHWISE_TILES_OF_ROWS && b->rows_known) {
        KERNEL(depthwise_rows)(b);
    } else {
        work_tiles(b);
    }
}
