/**
 * @file registry.c
 * Which kernel tables are in this library.
 */
#include "kernels/kernel.h"

#include <stddef.h>

extern const struct isa_kernels isa_kernels_portable;
#ifdef CONVOY_HAVE_AVX2
extern const struct isa_kernels isa_kernels_avx2;
#endif
#ifdef CONVOY_HAVE_AVX512
extern const struct isa_kernels isa_kernels_avx512;
#endif
#ifdef CONVOY_HAVE_NEON
extern const struct isa_kernels isa_kernels_neon;
#endif

static const struct isa_kernels *const tables[] = {
    &isa_kernels_portable,
#ifdef CONVOY_HAVE_AVX2
    &isa_kernels_avx2,
#endif
#ifdef CONVOY_HAVE_AVX512
    &isa_kernels_avx512,
#endif
#ifdef CONVOY_HAVE_NEON
    &isa_kernels_neon,
#endif
};

const struct isa_kernels *isa_kernels_find(convoy_isa isa)
{
    if (isa == CONVOY_ISA_BEST) {
        isa = convoy_isa_best();
    }
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (tables[i]->isa == isa) {
            return tables[i];
        }
    }
    return NULL;
}
