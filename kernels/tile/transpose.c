/**
 * @file transpose.c
 * Between NCHW rows and NHWC pixels, VF x VF floats at a time in registers.
 */
#include "kernels/kernel.h"
#include "kernels/tile/tile_finish.h"

void KERNEL(transpose)(const float *, ptrdiff_t, float *, ptrdiff_t, int64_t, int64_t);
void KERNEL(store_transposed)(const float *, ptrdiff_t, float *, ptrdiff_t, const float *,
                              ptrdiff_t, const struct tile_epilogue *, int, int64_t);

ALWAYS_INLINE int at_most_vf(int64_t left)
{
    return left < VF ? (int)left : VF;
}

void KERNEL(transpose)(const float *from, ptrdiff_t from_stride, float *to, ptrdiff_t to_stride,
                       int64_t channels, int64_t columns)
{
    for (int64_t c = 0; c < channels; c += VF) {
        int rows = at_most_vf(channels - c);
        for (int64_t w = 0; w < columns; w += VF) {
            int lanes = at_most_vf(columns - w);
            vf block[VF];
            vf_load_transposed(block, from + c * from_stride + w, from_stride, rows, lanes);
            float *target = to + w * to_stride + c;
            if (rows == VF) {
                for (int i = 0; i < lanes; i++) {
                    vf_store(target + i * to_stride, block[i]);
                }
            } else {
                for (int i = 0; i < lanes; i++) {
                    vf_store_part(target + i * to_stride, block[i], rows);
                }
            }
        }
    }
}

void KERNEL(store_transposed)(const float *sums, ptrdiff_t sums_stride, float *y,
                              ptrdiff_t y_stride, const float *residual, ptrdiff_t residual_stride,
                              const struct tile_epilogue *epilogue, int channels, int64_t pixels)
{
    for (int k = 0; k < channels; k += VF) {
        int lanes = at_most_vf(channels - k);
        for (int64_t i = 0; i < pixels; i += VF) {
            int columns = at_most_vf(pixels - i);
            vf block[VF];
            /* sums rows are whole vectors, so only pixels can be missing */
            vf_load_transposed(block, sums + i * sums_stride + k, sums_stride, columns, VF);
            for (int j = 0; j < lanes; j++) {
                vf v = block[j];
                if (epilogue->bias) {
                    v += epilogue->bias[k + j];
                }
                if (residual) {
                    v += vf_load_part(residual + (k + j) * residual_stride + i, columns);
                }
                v = tile_activate(v, epilogue);
                float *target = y + (k + j) * y_stride + i;
                if (columns == VF) {
                    vf_store(target, v);
                } else {
                    vf_store_part(target, v, columns);
                }
            }
        }
    }
}
