/**
 * @file direct_spread.c
 * Channels of x for the lanes of several groups: each lane is given what its output channel reads.
 */
#include "kernels/kernel.h"
#include "kernels/simd_lanes.h"

/* What a pixel has for all lanes lies in one vector. */
ALWAYS_INLINE void spread_vector(const struct direct_spread *s, const int reach)
{
    const int channels = (int)s->channels;
    vi lanes[VF];
    for (int c = 0; c < channels; c++) {
        for (int lane = 0; lane < VF; lane++) {
            lanes[c][lane] = (int)s->offsets[c * VF + lane];
        }
    }
    const float *from = s->from;
    float *to = s->to;
    for (int64_t i = 0; i < s->pixels; i++, from += s->from_w) {
        const vf v = reach < VF ? vf_load_part(from, reach) : vf_load(from);
        for (int c = 0; c < channels; c++, to += VF) {
            vf_store(to, vf_permute(v, lanes[c]));
        }
    }
}

void KERNEL(direct_spread)(const struct direct_spread *s);
void KERNEL(direct_spread)(const struct direct_spread *s)
{
    /* channels on one another, a stride of 0 apart, may be more than they reach */
    if (s->channels <= VF && s->reach <= VF) {
        if (s->reach == VF) {
            spread_vector(s, VF);
        } else {
            spread_vector(s, (int)s->reach);
        }
        return;
    }
    const float *from = s->from;
    float *to = s->to;
    for (int64_t i = 0; i < s->pixels; i++, from += s->from_w) {
        const ptrdiff_t *offsets = s->offsets;
        for (int64_t c = 0; c < s->channels; c++, offsets += VF, to += VF) {
            UNROLL for (int lane = 0; lane < VF; lane++)
            {
                to[lane] = from[offsets[lane]];
            }
        }
    }
}
