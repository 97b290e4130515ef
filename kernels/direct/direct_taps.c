/**
 * @file direct_taps.c
 * What each tap sees of a row of x in NCHW, side by side in panels.
 */
#include "kernels/kernel.h"
#include "kernels/simd_lanes.h"

/* to[i] = from[i * stride], i < count; and a vector of to may be written that begins there. */
ALWAYS_INLINE void take_every(const float *from, const int64_t stride, float *to, int64_t count)
{
    int64_t i = 0;
    for (; stride == 1 && i + VF <= count; i += VF) {
        vf_store(to + i, vf_load(from + i));
    }
    /* the last of what is read is before the next that is wanted */
    for (; stride == 2 && i + VF < count; i += VF) {
        vf_store(to + i, vf_load_even(from + 2 * i));
    }
    for (; stride == 4 && i + VF < count; i += VF) {
        const float *p = from + 4 * i;
        vf_store(to + i, vf_even(vf_load_even(p), vf_load_even(p + 2 * VF)));
    }
    if (stride == 2 && i < count) {
        vf_store(to + i, vf_load_every(from + 2 * i, 2, 0, (int)(count - i)));
        return;
    }
    for (; i < count; i++) {
        to[i] = from[i * stride];
    }
}

/* to[i] = 0, begin <= i < end; less than a vector more may be written. Mostly it is one: not worth
   the call of memset that the compiler would make of it if it knew that these are zeros. */
ALWAYS_INLINE void put_zeros(float *to, int64_t begin, int64_t end)
{
    const vf zeros = vf_keep((vf){0});
    for (int64_t i = begin; i < end; i += VF) {
        vf_store(to + i, zeros);
    }
}

/* Columns of a row: `count` of them, a stride apart, of which begin <= i < end lie inside. */
struct columns {
    int64_t first, count, begin, end;
};

/* n / stride of n >= 0: by the usual strides without a division, which takes long. */
ALWAYS_INLINE int64_t whole_strides(int64_t n, int64_t stride)
{
    return stride == 1 ? n : stride == 2 ? n >> 1 : n / stride;
}

/* Taps from s on that see the columns of tap s. */
ALWAYS_INLINE int64_t taps_alike(const struct direct_taps *t, int64_t s)
{
    return whole_strides(t->S - 1 - s, t->apart) + 1;
}

static struct columns columns_of(const struct direct_taps *t, int64_t s)
{
    struct columns columns = {
        .first = t->first + s * t->dilation,
        .count = t->outputs + (taps_alike(t, s) - 1) * t->step,
    };
    const int64_t first = columns.first, count = columns.count;
    const int64_t end = first < t->W ? whole_strides(t->W - 1 - first, t->stride) + 1 : 0;
    const int64_t begin = first < 0 ? whole_strides(t->stride - 1 - first, t->stride) : 0;
    columns.end = !t->x ? 0 : end < count ? end : count;
    columns.begin = begin < columns.end ? begin : columns.end;
    return columns;
}

/* Those of one channel, with zeros where they are outside. */
ALWAYS_INLINE void take_columns(const struct direct_taps *t, const struct columns *columns,
                                int64_t c, float *to)
{
    const int64_t begin = columns->begin, count = columns->end - begin;
    put_zeros(to, 0, begin);
    if (count > 0) {
        const float *from = t->x + c * t->x_c + columns->first + begin * t->stride;
        switch (t->stride) {
        case 1:
            take_every(from, 1, to + begin, count);
            break;
        case 2:
            take_every(from, 2, to + begin, count);
            break;
        case 4:
            take_every(from, 4, to + begin, count);
            break;
        default:
            take_every(from, t->stride, to + begin, count);
        }
    }
    put_zeros(to, columns->end, columns->count);
}

/* So many taps, `step` outputs apart, in one panel of so many vectors, 0: of any width. */
ALWAYS_INLINE void put_taps(const struct direct_chunk *chunk, const float *from, ptrdiff_t step,
                            float *to, ptrdiff_t to_step, int64_t taps, const int vectors,
                            const bool skips)
{
    const int width = vectors > 0 ? vectors * VF : (int)chunk->pitch;
    NOT_UNROLLED for (; taps > 0; taps--, from += step, to += to_step)
    {
        for (int i = 0; i < width; i += VF) {
            vf v = vf_load(from + i);
            const int lanes = width - i < VF ? width - i : VF;
            if (skips) {
                const vf before = lanes < VF ? vf_load_part(to + i, lanes) : vf_load(to + i);
                v = vf_select(vf_lanes_between(chunk->skip - i, VF), v, before);
            }
            vf_store_part(to + i, v, lanes);
        }
    }
}

/* In a panel of so many vectors. */
ALWAYS_INLINE void put_chunk(const struct direct_chunk *chunk, const float *from, ptrdiff_t step,
                             float *to, ptrdiff_t to_step, int64_t taps, const int vectors)
{
    if (chunk->skip == 0) {
        put_taps(chunk, from, step, to, to_step, taps, vectors, false);
    } else {
        put_taps(chunk, from, step, to, to_step, taps, vectors, true);
    }
}

/* Taps that see the same columns, the first of them s, in all chunks. */
static void put_row(const struct direct_taps *t, int64_t s, int64_t c)
{
    const int64_t taps = taps_alike(t, s);
    const struct direct_chunk *chunk = t->chunks, *const end = chunk + t->chunk_count;
    for (; chunk < end; chunk++) {
        const float *from = t->row + chunk->from;
        float *to = chunk->to + (s * t->channels + c) * chunk->pitch;
        const ptrdiff_t to_step = t->apart * t->channels * chunk->pitch;
        switch (chunk->pitch) {
        case 2 * VF:
            put_chunk(chunk, from, t->step, to, to_step, taps, 2);
            break;
        case 3 * VF:
            put_chunk(chunk, from, t->step, to, to_step, taps, 3);
            break;
        case 4 * VF:
            put_chunk(chunk, from, t->step, to, to_step, taps, 4);
            break;
        default:
            put_chunk(chunk, from, t->step, to, to_step, taps, 0);
        }
    }
}

/* A single tap, vector by vector: what no other tap sees need not lie in `row` first, and channels
   far apart in memory are waited for together. */
ALWAYS_INLINE void put_single(const struct direct_taps *t, const struct columns *columns,
                              const struct direct_chunk *chunk, const int stride)
{
    for (int i = chunk->skip / VF * VF; i < chunk->pitch; i += VF) {
        const int64_t output = chunk->from + i;
        if (output >= t->outputs) {
            break; /* the next row's */
        }
        const int lanes = vf_lanes(chunk->pitch - i), skip = vf_lanes(chunk->skip - i);
        const int end = vf_lanes(columns->end - output);
        int begin = vf_lanes(columns->begin - output);
        begin = begin > skip ? begin : skip;
        const float *from = t->x + columns->first + output * t->stride;
        float *to = chunk->to + i;
        for (int64_t c = 0; c < t->channels; c++, from += t->x_c, to += chunk->pitch) {
            vf v = vf_load_every(from, stride > 0 ? stride : (int)t->stride, begin, end);
            if (skip > 0) {
                v = vf_select(vf_lanes_between(skip, VF), v, vf_load_part(to, lanes));
            }
            vf_store_part(to, v, lanes);
        }
    }
}

static void put_single_row(const struct direct_taps *t)
{
    const struct columns columns = columns_of(t, 0);
    for (int i = 0; i < t->chunk_count; i++) {
        if (t->stride == 1) {
            put_single(t, &columns, &t->chunks[i], 1);
        } else if (t->stride == 2) {
            put_single(t, &columns, &t->chunks[i], 2);
        } else {
            put_single(t, &columns, &t->chunks[i], 0);
        }
    }
}

void KERNEL(direct_taps)(const struct direct_taps *t);
void KERNEL(direct_taps)(const struct direct_taps *t)
{
    if (t->S == 1 && t->x) {
        put_single_row(t);
        return;
    }
    for (int64_t s = 0; s < t->apart && s < t->S; s++) {
        const struct columns columns = columns_of(t, s);
        for (int64_t c = 0; c < t->channels; c++) {
            take_columns(t, &columns, c, t->row);
            put_row(t, s, c);
        }
    }
}
