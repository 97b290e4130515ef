/**
 * @file direct_filter.c
 * Filters into packed w, VF output channels x VF terms of the depth at a time, transposed in
 * registers; a row of the result is stored where its channel and tap belong.
 */
#include "kernels/kernel.h"
#include "kernels/simd_transpose.h"

/* Terms that all vectors of output channels go through before the next: long enough for reading
   ahead in each channel's row, short enough for what is written to stay in cache until lines are
   full. */
#define CHUNK 256

/* Where the terms begin <= d < end go, in floats from f->to. */
static void find_places(const struct direct_filter *f, int64_t begin, int64_t end,
                        ptrdiff_t places[CHUNK])
{
    int64_t c = begin / (f->R * f->S), r = begin / f->S % f->R, s = begin % f->S;
    for (int64_t d = begin; d < end; d++) {
        places[d - begin] = c * f->to_c + r * f->to_r + s * f->to_s;
        if (++s == f->S) {
            s = 0;
            if (++r == f->R) {
                r = 0;
                c++;
            }
        }
    }
}

/* `terms` terms, at most VF, of `rows` output channels, at most VF, to `lanes` lanes. */
ALWAYS_INLINE void pack_block(const float *from, int64_t depth, float *to, const ptrdiff_t *places,
                              int rows, int terms, int lanes)
{
    vf block[VF];
    vf_load_transposed(block, from, depth, rows, terms);
    if (lanes < VF) {
        for (int i = 0; i < terms; i++) {
            vf_store_part(to + places[i], block[i], lanes);
        }
    } else if (terms == VF) {
        UNROLL for (int i = 0; i < VF; i++)
        {
            vf_store(to + places[i], block[i]);
        }
    } else {
        for (int i = 0; i < terms; i++) {
            vf_store(to + places[i], block[i]);
        }
    }
}

void KERNEL(direct_filter)(const struct direct_filter *f);
void KERNEL(direct_filter)(const struct direct_filter *f)
{
    const int64_t depth = f->C * f->R * f->S;
    ptrdiff_t places[CHUNK];
    for (int64_t begin = 0; begin < depth; begin += CHUNK) {
        int64_t end = begin + CHUNK < depth ? begin + CHUNK : depth;
        find_places(f, begin, end, places);
        for (int64_t k = 0; k < f->channels; k += VF) {
            int rows = f->channels - k < VF ? (int)(f->channels - k) : VF;
            int lanes = f->width - k < VF ? (int)(f->width - k) : VF;
            const float *from = f->filter + k * depth;
            for (int64_t d = begin; d < end; d += VF) {
                int terms = end - d < VF ? (int)(end - d) : VF;
                pack_block(from + d, depth, f->to + k, places + (d - begin), rows, terms, lanes);
            }
        }
    }
}
