/**
 * @file winograd_error.c
 * How far a layer's outputs can be from the exact ones, and how far they usually are: from the
 * three matrices of each axis and the order of the sums.
 */
#include "kernels/winograd/winograd.h"

#include <math.h>

#include "core/arithmetic.h"
#include "core/layer_checked.h"

/* The sum over channels and pieces: terms of the longest partial sum, and how many there are. */
static void partial_sums(const struct convoy_plan *plan, const struct winograd_axis *h,
                         const struct winograd_axis *w, int64_t *longest, int64_t *sums)
{
    int64_t depth = plan->blocking.depth_block, together = WINOGRAD_PARTIAL_SUM / depth;
    int64_t runs = h->count * w->count * divide_up(layer_Cg(&plan->layer), depth);
    *longest = min64(together, runs) * depth;
    *sums = divide_up(runs, together);
}

/* What one axis multiplies the scale max|x| * sum|w| by on the way to the bound: the largest, over
   outputs i and taps k, of sum over points p of |A^T_ip| * (sum over j of |B^T_pj|) * |G_pk|.
   (Two axes multiply; Barabasz et al., "Error analysis and improving the accuracy of Winograd
   convolution for deep neural networks", 2020, bounds norms where this bounds elements.) */
static double amplification(const struct winograd_axis *axis)
{
    const struct winograd_matrices *matrices = winograd_matrices_find(axis->alpha, axis->r);
    double most = 0.0;
    for (int i = 0; i < axis->m; i++) {
        for (int k = 0; k < axis->r; k++) {
            double sum = 0.0;
            for (int p = 0; p < axis->alpha; p++) {
                double row = 0.0;
                for (int j = 0; j < axis->alpha; j++) {
                    row += fabs(matrices->bt[p * axis->alpha + j]);
                }
                sum += fabs(matrices->at[i * axis->alpha + p]) * row *
                       fabs(matrices->g[p * axis->r + k]);
            }
            most = fmax(most, sum);
        }
    }
    return most;
}

/* Roundings that one term of a sum passes: in each axis of the input and of the output transform a
   constant, a product and alpha - 1 additions at most; packed w is rounded once; then the sum over
   channels and pieces, and the epilogue's three. A tap belongs to one piece, so pieces lengthen the
   sum but do not amplify. */
double winograd_error_bound(const struct convoy_plan *plan)
{
    struct winograd_axis h, w;
    winograd_axes(plan, &h, &w);
    int64_t longest, sums;
    partial_sums(plan, &h, &w, &longest, &sums);
    int64_t roundings = 2 * (h.alpha + w.alpha + 2) + 1 + longest + sums + 3;
    return sum_error_bound(roundings) * amplification(&h) * amplification(&w);
}

/* Sum of the squares of `count` numbers. */
static double squares(const double *numbers, int count)
{
    double sum = 0.0;
    for (int i = 0; i < count; i++) {
        sum += numbers[i] * numbers[i];
    }
    return sum;
}

/* Of independent x and w of variance 1: variance of what the product of point p carries into output
   i, A^T_ip^2 * |row p of B^T|^2 * |row p of G|^2, over all points and pieces, relative to the
   variance of the output, which is the number of taps. An error that is a share of each product is
   the same share of the output times the root of this. Of the largest output i. */
static double noise_gain(const struct winograd_axis *axis)
{
    const struct winograd_matrices *matrices = winograd_matrices_find(axis->alpha, axis->r);
    double most = 0.0;
    for (int i = 0; i < axis->m; i++) {
        double sum = 0.0;
        for (int p = 0; p < axis->alpha; p++) {
            double a = matrices->at[i * axis->alpha + p];
            double b = squares(matrices->bt + p * axis->alpha, axis->alpha);
            for (int piece = 0; piece < axis->count; piece++) {
                sum += a * a * b * squares(matrices->g + p * axis->r, axis->pieces[piece].taps);
            }
        }
        most = fmax(most, sum);
    }
    return most / (double)axis->taps;
}

/* The error of the sum over channels, and about alpha roundings in the transforms of each axis. */
double winograd_error_typical(const struct convoy_plan *plan)
{
    struct winograd_axis h, w;
    winograd_axes(plan, &h, &w);
    int64_t longest, sums;
    partial_sums(plan, &h, &w, &longest, &sums);
    double sum = sum_error_deviation(longest, sums);
    double transforms = 0.42 * 0x1p-24 * sqrt(h.alpha + w.alpha);
    return sqrt(noise_gain(&h) * noise_gain(&w)) * hypot(sum, transforms);
}
