/**
 * @file direct_panel.c
 * Rows of x cut into panels.
 */
#include "kernels/kernel.h"
#include "kernels/simd_lanes.h"

/* All panels of one channel after the other: memory is read in order, a long piece at a time.
   `vectors` of each, or 0: any number. What is stored behind a row is stored again with the next.
 */
ALWAYS_INLINE void cut_rows(const struct direct_panel *p, const int vectors)
{
    const int lanes = vectors > 0 ? vectors * VF : p->lanes;
    const int whole = lanes / VF * VF, rest = lanes - whole;
    for (int64_t c = 0; c < p->channels; c++) {
        const float *from = p->from + c * p->from_c;
        float *to = p->to + c * p->to_c;
        const bool over = p->to_c == lanes && (p->channels - c) * lanes >= whole + VF;
        NOT_UNROLLED for (int64_t panel = 0; panel < p->panels;
                          panel++, from += lanes, to += p->to_panel)
        {
            for (int i = 0; i < whole; i += VF) {
                vf_store(to + i, vf_load(from + i));
            }
            if (rest > 0) {
                const vf v = vf_load_part(from + whole, rest);
                vf_store_part(to + whole, v, over ? VF : rest);
            }
        }
    }
}

/* One panel, whose rows follow each other. */
ALWAYS_INLINE void cut_panel(const struct direct_panel *p, const int vectors)
{
    const float *from = p->from;
    float *to = p->to;
    const ptrdiff_t step = p->from_c;
    const float *const end = to + p->channels * vectors * VF;
    NOT_UNROLLED for (; to < end; to += vectors * VF, from += step)
    {
        UNROLL for (int v = 0; v < vectors; v++)
        {
            vf_store(to + v * VF, vf_load(from + v * VF));
        }
    }
}

ALWAYS_INLINE void cut_whole(const struct direct_panel *p, const int vectors)
{
    if (p->panels == 1 && p->to_c == vectors * VF) {
        cut_panel(p, vectors);
    } else {
        cut_rows(p, vectors);
    }
}

void KERNEL(direct_panel)(const struct direct_panel *p);
void KERNEL(direct_panel)(const struct direct_panel *p)
{
    switch (p->lanes) {
    case VF:
        cut_whole(p, 1);
        break;
    case 2 * VF:
        cut_whole(p, 2);
        break;
    case 3 * VF:
        cut_whole(p, 3);
        break;
    case 4 * VF:
        cut_whole(p, 4);
        break;
    default:
        cut_rows(p, 0);
    }
}
