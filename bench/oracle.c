/**
 * @file oracle.c
 * Patches of a layer's output through sub-layers: the rows of x that one row of y needs, and the
 * channels of the groups that its output channels need, are views on the whole.
 */
#include "bench/oracle.h"

#include <math.h>
#include <stdlib.h>

#include "core/arithmetic.h"
#include "core/error.h"
#include "core/layer_checked.h"

/* Channels of a patch when groups == 1; with groups, as many whole groups as come near it. */
#define PATCH_CHANNELS 16

/* How a layer is cut. */
struct cut {
    int64_t channels; /* of a patch; divides nothing: the last patch of a row may be smaller */
    int64_t blocks;   /* patches of a whole row */
    int64_t rows;     /* N * P */
    int64_t patches;  /* to compute */
    bool all;         /* every block of every row */
};

static struct cut cut_layer(const convoy_layer *layer)
{
    int64_t Kg = layer_Kg(layer);
    int64_t groups = max64(1, PATCH_CHANNELS / Kg);
    struct cut cut = {.channels = layer->groups == 1 ? min64(PATCH_CHANNELS, layer->K)
                                                     : min64(groups, layer->groups) * Kg,
                      .rows = layer->N * layer_P(layer)};
    cut.blocks = divide_up(layer->K, cut.channels);
    double patch_macs = (double)cut.channels * (double)layer_Q(layer) * (double)layer_depth(layer);
    double affordable = floor(ORACLE_MACS / patch_macs);
    double all = (double)cut.blocks * (double)cut.rows;
    cut.all = all <= affordable;
    /* At least the corners, and once every output channel. */
    double least = (double)max64(4, cut.blocks);
    cut.patches = (int64_t)(cut.all ? all : fmin(all, fmax(least, affordable)));
    return cut;
}

/* Row and block of patch i: rows evenly from first to last, blocks in turn. */
static void place_patch(const struct cut *cut, int64_t i, int64_t *row, int64_t *block)
{
    if (cut->all) {
        *row = i / cut->blocks;
        *block = i % cut->blocks;
        return;
    }
    double step = cut->patches > 1 ? (double)(cut->rows - 1) / (double)(cut->patches - 1) : 0;
    *row = (int64_t)((double)i * step + 0.5);
    *block = i % cut->blocks;
}

static int64_t first_input_row(const convoy_layer *layer, int64_t p)
{
    return p * layer->stride_h - layer->pad_top;
}

/* The window of row p begins below the image or ends above it: its sums are zero. */
static bool only_padding(const convoy_layer *layer, int64_t p)
{
    int64_t first = first_input_row(layer, p);
    return first >= layer->H || first + layer->dilation_h * (layer->R - 1) < 0;
}

/* The sub-layer and the view on x that give output channels k0..k0+channels of row p. */
static convoy_status crop(const convoy_layer *layer, const convoy_tensor *x, int64_t p, int64_t k0,
                          int64_t channels, convoy_layer *part, convoy_tensor *rows)
{
    int64_t first = first_input_row(layer, p);
    int64_t end = first + layer->dilation_h * (layer->R - 1) + 1;
    int64_t h0 = max64(first, 0), h1 = min64(end, layer->H);
    *part = *layer;
    part->N = 1;
    part->K = channels;
    part->H = h1 - h0;
    part->layout = x->layout;
    part->pad_top = h0 - first;
    part->pad_bottom = end - h1;
    *rows = *x;
    if (layer->groups > 1) {
        int64_t Kg = layer_Kg(layer), Cg = layer_Cg(layer);
        part->groups = divide_up(channels, Kg);
        part->C = part->groups * Cg;
        convoy_status status = convoy_tensor_slice(x, k0 / Kg * Cg, k0 / Kg * Cg + part->C, rows);
        if (status) {
            return status;
        }
    }
    rows->H = part->H;
    rows->N = 1;
    rows->owned = false;
    rows->data = (float *)rows->data + h0 * rows->stride_h;
    return CONVOY_OK;
}

static convoy_status compute_patch(const convoy_layer *layer, const float *filter,
                                   const convoy_tensor *x, int threads, int64_t channels,
                                   struct patch *patch)
{
    convoy_layer part;
    convoy_tensor rows;
    convoy_plan *plan = NULL;
    void *workspace = NULL;
    const float *part_filter = filter + patch->k0 * layer_depth(layer);
    convoy_options options = {.algorithm = "reference", .threads = threads};
    if (only_padding(layer, patch->p)) {
        return convoy_tensor_create(CONVOY_FLOAT64, x->layout, 1, channels, 1, layer_Q(layer),
                                    &patch->y);
    }
    convoy_status status = crop(layer, x, patch->p, patch->k0, channels, &part, &rows);
    rows.data = (float *)rows.data + patch->n * rows.stride_n;
    if (status || (status = convoy_plan_create(&part, &(convoy_weights){part_filter, NULL},
                                               &options, &plan))) {
        return status;
    }
    status = convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace);
    if (!status) {
        status = convoy_tensor_create(CONVOY_FLOAT64, part.layout, 1, channels, 1, layer_Q(&part),
                                      &patch->y);
    }
    if (!status) {
        status = convoy_plan_execute(plan, &rows, &patch->y, workspace);
    }
    convoy_workspace_destroy(workspace);
    convoy_plan_destroy(plan);
    return status;
}

static void finish(struct oracle *oracle)
{
    double squares = 0;
    for (size_t i = 0; i < oracle->count; i++) {
        const convoy_tensor *y = &oracle->patches[i].y;
        const double *values = y->data;
        for (int64_t j = 0; j < y->C * y->W; j++) {
            squares += values[j] * values[j];
        }
        oracle->outputs += y->C * y->W;
    }
    oracle->rms = sqrt(squares / (double)oracle->outputs);
}

convoy_status oracle_create(const convoy_layer *layer, const float *filter, const convoy_tensor *x,
                            int threads, struct oracle *oracle)
{
    struct cut cut = cut_layer(layer);
    int64_t P = layer_P(layer);
    *oracle = (struct oracle){.total = layer->N * layer->K * P * layer_Q(layer)};
    oracle->patches = calloc((size_t)cut.patches, sizeof *oracle->patches);
    if (!oracle->patches) {
        return fail(CONVOY_ERROR_MEMORY, "no memory for %lld patches of an oracle",
                    (long long)cut.patches);
    }
    for (int64_t i = 0; i < cut.patches; i++) {
        int64_t row, block;
        place_patch(&cut, i, &row, &block);
        struct patch *patch = &oracle->patches[i];
        *patch = (struct patch){.n = row / P, .p = row % P, .k0 = block * cut.channels};
        int64_t channels = min64(cut.channels, layer->K - patch->k0);
        oracle->count++;
        convoy_status status = compute_patch(layer, filter, x, threads, channels, patch);
        if (status) {
            oracle_destroy(oracle);
            return status;
        }
    }
    finish(oracle);
    return CONVOY_OK;
}

void oracle_destroy(struct oracle *oracle)
{
    for (size_t i = 0; i < oracle->count; i++) {
        convoy_tensor_destroy(&oracle->patches[i].y);
    }
    free(oracle->patches);
    *oracle = (struct oracle){0};
}

static bool any_nan(const convoy_tensor *y)
{
    int64_t count = y->N * y->C * y->H * y->W; /* the benchmark's tensors are dense */
    const float *values = y->data;
    bool nan = false;
    for (int64_t i = 0; i < count; i++) {
        nan |= values[i] != values[i];
    }
    return nan;
}

void oracle_compare(const struct oracle *oracle, const convoy_tensor *y, struct oracle_error *error)
{
    double worst = -1;
    *error = (struct oracle_error){.unwritten = any_nan(y)};
    for (size_t i = 0; i < oracle->count; i++) {
        const struct patch *patch = &oracle->patches[i];
        for (int64_t k = 0; k < patch->y.C; k++) {
            for (int64_t q = 0; q < patch->y.W; q++) {
                double expected = convoy_tensor_get(&patch->y, 0, k, 0, q);
                double actual = convoy_tensor_get(y, patch->n, patch->k0 + k, patch->p, q);
                double difference = fabs(actual - expected);
                if (difference > worst || difference != difference) {
                    worst = difference == difference ? difference : INFINITY;
                    error->n = patch->n;
                    error->k = patch->k0 + k;
                    error->p = patch->p;
                    error->q = q;
                    error->actual = actual;
                    error->expected = expected;
                }
            }
        }
    }
    error->relative_to_rms = worst == 0 ? 0 : worst / oracle->rms;
}

double oracle_bound_scale(const struct oracle *oracle, const convoy_layer *layer,
                          const float *filter, const convoy_tensor *x)
{
    double x_max = 0, w_max = 0;
    const float *values = x->data;
    for (int64_t i = 0; i < x->N * x->C * x->H * x->W; i++) {
        x_max = fmax(x_max, fabs((double)values[i]));
    }
    int64_t depth = layer_depth(layer);
    for (int64_t k = 0; k < layer->K; k++) {
        double sum = 0;
        for (int64_t i = 0; i < depth; i++) {
            sum += fabs((double)filter[k * depth + i]);
        }
        w_max = fmax(w_max, sum);
    }
    return x_max * w_max / oracle->rms;
}
