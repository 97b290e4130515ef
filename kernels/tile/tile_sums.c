/**
 * @file tile_sums.c
 * The dense register tile of the Winograd algorithm: all partial sums of its products in one call.
 *
 *   for each tile of the call, for each partial sum
 *       acc[i][k] = sum over its runs of x[i][...] * w[...][k]
 *       sums[i][k] = acc[i][k], or += from the second on
 *
 * Winograd's sums are short, so what stands around the depth loop counts. Pixels here are rows of
 * one array, and so are their sums, so nothing is looked up; and w is read from end to end. With
 * AVX2 a tile of 6 x 2 vectors with partial sums of 43 channels reaches 93 % of the multiply-add
 * peak.
 */
#include "kernels/tile/tile_shape.h"

/* What two steps of the depth ask for: a quarter of the packed w that four vectors of 16 read
   meanwhile, so that four register tiles can ask for all of it, or at most half, so that two can;
   with vectors of 8 half of what two read. What one asks for beyond its share keeps its own
   operands waiting. */
#define AHEAD_FLOATS (VF == 16 ? 32 : 16)
#define AHEAD_MOST   (VF == 16 ? 64 : 16)

/* What this tile has left to ask for, and what the next ones will. */
struct asks {
    struct tile_ahead now;
    const struct tile_ahead *next, *end;
};

/* Times two steps that this run asks. */
ALWAYS_INLINE ptrdiff_t asks_of_run(struct asks *asks, const struct tile_run *run)
{
    ptrdiff_t steps = run->depth / 2 < asks->now.steps ? run->depth / 2 : asks->now.steps;
    asks->now.steps -= steps;
    return steps;
}

ALWAYS_INLINE void ask_floats(const float *from, const int floats)
{
    UNROLL for (int i = 0; i < floats; i += 16)
    {
        __builtin_prefetch(from + i, 0, 2);
    }
}

/* Asks for one piece: ahead_floats or ahead_most, in one run of lines or as much in two pages. */
ALWAYS_INLINE void ask_for(const struct tile_ahead *now, const bool pages)
{
    const int first = pages ? AHEAD_FLOATS / 2 : AHEAD_FLOATS, further = AHEAD_MOST - AHEAD_FLOATS;
    ask_floats(now->from, first);
    if (pages) {
        ask_floats(now->from + TILE_PAGE_FLOATS, first);
    }
    if (further > 0 && now->most) {
        ask_floats(now->from + first, pages ? further / 2 : further);
        if (pages) {
            ask_floats(now->from + TILE_PAGE_FLOATS + first, further / 2);
        }
    }
}

/* Steps of a run that ask, two at a time. Returns where they end. */
ALWAYS_INLINE ptrdiff_t sum_asking(struct accumulators *acc, const int pixels, const int vectors,
                                   const float *const x[TILE_PIXELS_MAX], ptrdiff_t d,
                                   ptrdiff_t turns, const float **w, struct tile_ahead *now,
                                   const bool pages)
{
    for (; turns > 0; turns--, d += 2) {
        ask_for(now, pages);
        now->from += now->stride;
        tile_step(acc, pixels, vectors, false, x, d, 0, *w);
        tile_step(acc, pixels, vectors, false, x, d, 1, *w + vectors * VF);
        *w += 2 * vectors * VF;
    }
    return d;
}

/* One run of a partial sum; w moves on. */
ALWAYS_INLINE void sum_run(struct accumulators *acc, const int pixels, const int vectors,
                           const float *const x[TILE_PIXELS_MAX], const struct tile_run *run,
                           const float **w, struct asks *asks)
{
    ptrdiff_t d = run->x_offset;
    const ptrdiff_t end = d + run->depth;
    if (pixels <= TILE_ASK_PIXELS) {
        struct tile_ahead *now = &asks->now;
        const ptrdiff_t turns = asks_of_run(asks, run);
        if (AHEAD_MOST > AHEAD_FLOATS && now->pages) {
            d = sum_asking(acc, pixels, vectors, x, d, turns, w, now, true);
        } else {
            d = sum_asking(acc, pixels, vectors, x, d, turns, w, now, false);
        }
    }
    for (; d + DEPTH_STEPS <= end; d += DEPTH_STEPS, *w += DEPTH_STEPS * vectors * VF) {
        tile_steps(acc, pixels, vectors, false, DEPTH_STEPS, x, d, *w);
    }
    NOT_UNROLLED for (; d < end; d++, *w += vectors * VF)
    {
        tile_step(acc, pixels, vectors, false, x, d, 0, *w);
    }
}

/* sums = acc, or += acc. */
ALWAYS_INLINE void end_sum(const struct accumulators *acc, const int pixels, const int vectors,
                           const bool adds, float *sums, const ptrdiff_t stride)
{
    UNROLL for (int i = 0; i < pixels; i++, sums += stride)
    {
        UNROLL for (int v = 0; v < vectors; v++)
        {
            vf sum = acc->whole[i][v];
            vf_store(sums + v * VF, adds ? sum + vf_load(sums + v * VF) : sum);
        }
    }
}

/* All partial sums of one tile. */
ALWAYS_INLINE void sums_of_tile(const int pixels, const int vectors,
                                const float *const x[TILE_PIXELS_MAX], const float *w,
                                const struct tile_run *run, int runs, const int partial_runs,
                                bool adds, float *to, const ptrdiff_t stride, struct asks *asks)
{
    for (; runs > 0; runs -= partial_runs) {
        struct accumulators acc;
        tile_clear(&acc, pixels, vectors);
        int count = runs < partial_runs ? runs : partial_runs;
        do {
            sum_run(&acc, pixels, vectors, x, run++, &w, asks);
        } while (--count > 0);
        if (adds) {
            end_sum(&acc, pixels, vectors, true, to, stride);
        } else {
            end_sum(&acc, pixels, vectors, false, to, stride);
        }
        adds = true;
    }
}

/* What the operands say is read once: after a store gcc would read it again, since for all it knows
   a sum lies there. */
INSTANCES void sums(const int pixels, const int vectors, const struct tile_sums_operands *o)
{
    const float *x[TILE_PIXELS_MAX], *const w = o->w;
    const ptrdiff_t x_stride = o->x_stride, stride = o->sums_stride;
    const struct tile_run *const runs = o->runs;
    const int count = o->run_count, partial_runs = o->partial_runs;
    const bool adds = o->adds;
    float *to = o->sums;
    struct asks asks = {{0}, o->ahead, o->ahead + o->ahead_count};
    UNROLL for (int i = 0; i < pixels; i++)
    {
        x[i] = o->x + i * x_stride;
    }
    for (int left = o->tiles; left > 0; left--, to += pixels * stride) {
        asks.now.steps = 0;
        if (asks.next < asks.end) {
            asks.now = *asks.next++;
        }
        sums_of_tile(pixels, vectors, x, w, runs, count, partial_runs, adds, to, stride, &asks);
        UNROLL for (int i = 0; i < pixels; i++)
        {
            x[i] += pixels * x_stride;
        }
    }
}

#define SHAPE(pixels, vectors)                                                                     \
    static void sums_##pixels##x##vectors(const struct tile_sums_operands *o)                      \
    {                                                                                              \
        sums(pixels, vectors, o);                                                                  \
    }
TILE_SHAPES(SHAPE)

#define ENTRY(pixels, vectors) sums_##pixels##x##vectors,
extern const struct tile_sums KERNEL(tile_sums);
const struct tile_sums KERNEL(tile_sums) = {AHEAD_FLOATS, AHEAD_MOST, TILE_SHAPE_ROWS(ENTRY)};
