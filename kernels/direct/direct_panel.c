/**
 * @file direct_panel.c
 * Columns of rows of x in NCHW, side by side in the lanes of a panel, zero where they are padding.
 */
#include "kernels/kernel.h"
#include "kernels/simd_lanes.h"

/* A vector of each channel, from lane i on; `stride` 0: any. */
ALWAYS_INLINE void pack_vector(const struct direct_panel *p, int i, const int stride)
{
    const ptrdiff_t step = stride > 0 ? stride : p->stride;
    const float *from = p->from + i * step;
    float *to = p->to + i;
    const int lanes = p->lanes - i < VF ? p->lanes - i : VF;
    const int begin = vf_lanes(p->real_begin - i), end = vf_lanes(p->real_end - i);
    for (int64_t c = 0; c < p->channels; c++, from += p->from_c, to += p->to_c) {
        const vf v = vf_load_every(from, (int)step, begin, end);
        if (lanes == VF) {
            vf_store(to, v);
        } else {
            vf_store_part(to, v, lanes);
        }
    }
}

/* All panels of one channel after the other: memory is read in order, a long piece at a time. */
static void pack_real(const struct direct_panel *p)
{
    const int whole = p->lanes / VF * VF, rest = p->lanes - whole;
    for (int64_t c = 0; c < p->channels; c++) {
        const float *from = p->from + c * p->from_c;
        float *to = p->to + c * p->to_c;
        for (int64_t panel = 0; panel < p->panels; panel++, from += p->lanes, to += p->to_panel) {
            for (int i = 0; i < whole; i += VF) {
                vf_store(to + i, vf_load(from + i));
            }
            if (rest > 0) {
                vf_store_part(to + whole, vf_load_part(from + whole, rest), rest);
            }
        }
    }
}

void KERNEL(direct_panel)(const struct direct_panel *p);
void KERNEL(direct_panel)(const struct direct_panel *p)
{
    if (p->stride == 1 && p->real_begin <= 0 && p->real_end >= p->lanes) {
        pack_real(p);
        return;
    }
    for (int i = 0; i < p->lanes; i += VF) {
        if (p->stride == 1) {
            pack_vector(p, i, 1);
        } else if (p->stride == 2) {
            pack_vector(p, i, 2);
        } else {
            pack_vector(p, i, 0);
        }
    }
}
