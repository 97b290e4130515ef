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

void KERNEL(direct_panel)(const struct direct_panel *p);
void KERNEL(direct_panel)(const struct direct_panel *p)
{
    switch (p->lanes) {
    case VF:
        cut_rows(p, 1);
        break;
    case 2 * VF:
        cut_rows(p, 2);
        break;
    case 3 * VF:
        cut_rows(p, 3);
        break;
    default:
        cut_rows(p, 0);
    }
}
