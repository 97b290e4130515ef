/**
 * @file upscaler.c
 * The network as a table of layers that read and write channels of a few buffers. Concatenations
 * cost nothing: layers write next to each other and the next one reads all of their channels. Sums
 * of two feature maps and ReLUs are the epilogues of the convolution before them.
 */
#include "upscaler.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WEIGHTS_FILE "group1-shard1of1.bin"

/* Channels of each buffer, and how many of its pixels lie along one of the photo. */
static const struct {
    int channels, scale;
} buffer_extents[] = {
    [PHOTO] = {3, 1}, [FEATURES] = {64, 1}, [FIRST] = {68, 1}, [SECOND] = {132, 1},
    [WORK] = {64, 1}, [SMALL] = {12, 1},    [LARGE] = {12, 2}, [RESULT] = {3, 2},
};

/* Channels c0 <= c < c1 of a buffer; all zero: none. */
struct slice {
    enum upscaler_buffer buffer;
    int c0, c1;
};

/*
 * FIRST holds F_0 | F_1_1, later UPN2. SECOND holds LFF_2 | LFF_1 | F_2_1, so that both
 * LFF_1 | F_2_1, the input of LFF_2, and the input of GFF_1 are neighbours; model.json has the
 * latter the other way round, so GFF_1's filter gets its input channels rotated.
 */
static const struct row {
    const char *name;
    int taps; /* R and S */
    struct slice x, residual, y;
    bool relu;
    int rotation; /* the filter's input channel c comes from channel (c + rotation) % C */
} rows[UPSCALER_LAYERS] = {
    {"F_m1", 3, {PHOTO, 0, 3}, {0}, {FEATURES, 0, 64}, false, 0},
    {"F_0", 3, {FEATURES, 0, 64}, {0}, {FIRST, 0, 64}, false, 0},
    {"F_1_1", 3, {FIRST, 0, 64}, {0}, {FIRST, 64, 68}, true, 0},
    {"LFF_1", 1, {FIRST, 0, 68}, {FIRST, 0, 64}, {SECOND, 64, 128}, false, 0},
    {"F_2_1", 3, {SECOND, 64, 128}, {0}, {SECOND, 128, 132}, true, 0},
    {"LFF_2", 1, {SECOND, 64, 132}, {SECOND, 64, 128}, {SECOND, 0, 64}, false, 0},
    {"GFF_1", 1, {SECOND, 0, 128}, {0}, {WORK, 0, 64}, false, 64},
    {"GFF_2", 3, {WORK, 0, 64}, {FEATURES, 0, 64}, {FEATURES, 0, 64}, false, 0},
    {"UPN1", 5, {FEATURES, 0, 64}, {0}, {WORK, 0, 64}, true, 0},
    {"UPN2", 3, {WORK, 0, 64}, {0}, {FIRST, 0, 32}, true, 0},
    {"UPN3", 3, {FIRST, 0, 32}, {0}, {SMALL, 0, 12}, false, 0},
    {"SR", 3, {LARGE, 0, 12}, {0}, {RESULT, 0, 3}, false, 0},
};

/* The weights file has the layers in the order of their names' letters: indices of `rows`. */
static const int file_order[UPSCALER_LAYERS] = {1, 2, 4, 0, 6, 7, 3, 5, 11, 8, 9, 10};

__attribute__((format(printf, 3, 4))) static convoy_status
fail(struct upscaler *upscaler, convoy_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(upscaler->error, sizeof upscaler->error, format, arguments);
    va_end(arguments);
    return status;
}

/* Pass on a status of the library, with the thing it is about and what the library says. */
static convoy_status check(struct upscaler *upscaler, convoy_status status, const char *thing)
{
    return status ? fail(upscaler, status, "%s: %s", thing, convoy_error_detail()) : CONVOY_OK;
}

static int row_C(const struct row *row)
{
    return row->x.c1 - row->x.c0;
}

static int row_K(const struct row *row)
{
    return row->y.c1 - row->y.c0;
}

static size_t row_filter_floats(const struct row *row)
{
    return (size_t)row->taps * row->taps * row_C(row) * row_K(row);
}

/* All floats of the file, in a new array; they are little-endian there. */
static convoy_status read_weights(struct upscaler *upscaler, const char *directory, float **weights)
{
    size_t floats = 0;
    for (int l = 0; l < UPSCALER_LAYERS; l++) {
        floats += row_filter_floats(&rows[l]) + row_K(&rows[l]);
    }
    char path[4096];
    if (snprintf(path, sizeof path, "%s/" WEIGHTS_FILE, directory) >= (int)sizeof path) {
        return fail(upscaler, CONVOY_ERROR_ARGUMENT, "the directory's name is too long");
    }
    FILE *stream = fopen(path, "rb");
    if (!stream) {
        return fail(upscaler, CONVOY_ERROR_IO, "cannot open %s: %s", path, strerror(errno));
    }
    unsigned char *bytes = malloc(4 * floats + 1); /* one more, to notice a file that is longer */
    *weights = malloc(floats * sizeof **weights);
    size_t length = bytes && *weights ? fread(bytes, 1, 4 * floats + 1, stream) : 0;
    bool unread = ferror(stream);
    fclose(stream);

    convoy_status status = CONVOY_OK;
    if (!bytes || !*weights) {
        status = fail(upscaler, CONVOY_ERROR_MEMORY, "no memory for %zu weights", floats);
    } else if (unread) {
        status = fail(upscaler, CONVOY_ERROR_IO, "cannot read %s", path);
    } else if (length != 4 * floats) {
        status = fail(upscaler, CONVOY_ERROR_FORMAT, "%s has %s than the network's %zu bytes", path,
                      length < 4 * floats ? "fewer" : "more", 4 * floats);
    }
    for (size_t i = 0; status == CONVOY_OK && i < floats; i++) {
        const unsigned char *b = bytes + 4 * i;
        uint32_t bits = b[0] | b[1] << 8 | b[2] << 16 | (uint32_t)b[3] << 24;
        memcpy(*weights + i, &bits, sizeof bits);
    }
    free(bytes);
    return status;
}

/* file[R][S][C][K] -> filter[K][C][R][S], with the row's rotation of C. */
static void reorder_filter(const struct row *row, const float *file, float *filter)
{
    int taps = row->taps * row->taps, C = row_C(row), K = row_K(row);
    for (int k = 0; k < K; k++) {
        for (int c = 0; c < C; c++) {
            int from = (c + row->rotation) % C;
            for (int tap = 0; tap < taps; tap++) {
                *filter++ = file[(tap * C + from) * K + k];
            }
        }
    }
}

static convoy_status create_buffers(struct upscaler *upscaler, convoy_layout layout)
{
    for (int b = 0; b < UPSCALER_BUFFERS; b++) {
        int scale = buffer_extents[b].scale;
        convoy_status status = convoy_tensor_create(
            CONVOY_FLOAT32, layout, 1, buffer_extents[b].channels, scale * upscaler->tile_H,
            scale * upscaler->tile_W, &upscaler->buffers[b]);
        if (check(upscaler, status, "feature maps")) {
            return status;
        }
    }
    return CONVOY_OK;
}

static convoy_status view(struct upscaler *upscaler, struct slice slice, convoy_tensor *tensor)
{
    if (slice.c1 == 0) {
        return CONVOY_OK;
    }
    return convoy_tensor_slice(&upscaler->buffers[slice.buffer], slice.c0, slice.c1, tensor);
}

/* Views, and the convolution that fits them. */
static convoy_status describe_layer(struct upscaler *upscaler, const struct row *row,
                                    struct upscaler_layer *layer)
{
    convoy_status status;
    if ((status = view(upscaler, row->x, &layer->x)) ||
        (status = view(upscaler, row->residual, &layer->residual)) ||
        (status = view(upscaler, row->y, &layer->y))) {
        return status;
    }
    layer->name = row->name;
    layer->layer = (convoy_layer){
        .N = 1,
        .C = layer->x.C,
        .H = layer->x.H,
        .W = layer->x.W,
        .K = layer->y.C,
        .R = row->taps,
        .S = row->taps,
        .stride_h = 1,
        .stride_w = 1,
        .dilation_h = 1,
        .dilation_w = 1,
        .groups = 1,
        .layout = layer->x.layout,
        .epilogue = {.residual = row->residual.c1 != 0,
                     .activation = row->relu ? CONVOY_RELU : CONVOY_IDENTITY},
    };
    convoy_counts counts;
    if ((status = convoy_layer_pad(&layer->layer, CONVOY_SAME)) ||
        (status = convoy_layer_count(&layer->layer, NULL, &counts))) {
        return status;
    }
    layer->macs = counts.macs;
    return CONVOY_OK;
}

/* A plan with the algorithm asked for, or where that does not apply with the planner's choice. */
static convoy_status create_plan(struct upscaler_layer *layer, const convoy_weights *weights,
                                 const struct upscaler_options *options, int *as_asked)
{
    convoy_options plan_options = {
        .algorithm = options->algorithm, .isa = options->isa, .threads = options->threads};
    convoy_status status = convoy_plan_create(&layer->layer, weights, &plan_options, &layer->plan);
    *as_asked += status == CONVOY_OK;
    if (status == CONVOY_ERROR_ALGORITHM) {
        plan_options.algorithm = NULL;
        status = convoy_plan_create(&layer->layer, weights, &plan_options, &layer->plan);
    }
    convoy_description description;
    if (status || (status = convoy_plan_describe(layer->plan, &description))) {
        return status;
    }
    layer->algorithm = description.algorithm;
    return CONVOY_OK;
}

static convoy_status create_layers(struct upscaler *upscaler, const float *weights,
                                   const struct upscaler_options *options)
{
    size_t largest = 0, workspace_bytes = 0;
    for (int l = 0; l < UPSCALER_LAYERS; l++) {
        size_t floats = row_filter_floats(&rows[l]);
        largest = floats > largest ? floats : largest;
    }
    float *filter = malloc(largest * sizeof *filter);
    if (!filter) {
        return fail(upscaler, CONVOY_ERROR_MEMORY, "no memory for a filter");
    }
    convoy_status status = CONVOY_OK;
    int as_asked = 0;
    for (int i = 0; status == CONVOY_OK && i < UPSCALER_LAYERS; i++) {
        const struct row *row = &rows[file_order[i]];
        struct upscaler_layer *layer = &upscaler->layers[file_order[i]];
        reorder_filter(row, weights, filter);
        weights += row_filter_floats(row);
        convoy_weights parameters = {.filter = filter, .bias = weights};
        weights += row_K(row);
        if ((status = describe_layer(upscaler, row, layer)) ||
            (status = create_plan(layer, &parameters, options, &as_asked))) {
            check(upscaler, status, row->name);
        } else if (convoy_plan_workspace_bytes(layer->plan) > workspace_bytes) {
            workspace_bytes = convoy_plan_workspace_bytes(layer->plan);
        }
    }
    free(filter);
    if (status == CONVOY_OK && as_asked == 0) {
        return fail(upscaler, CONVOY_ERROR_ALGORITHM,
                    "no layer of the network can be run by an algorithm \"%s\"",
                    options->algorithm);
    }
    if (status == CONVOY_OK) {
        status = convoy_workspace_create(workspace_bytes, &upscaler->workspace);
        check(upscaler, status, "workspace");
    }
    return status;
}

/* How many tiles cover an extent: neighbours overlap by twice the halo. */
static int64_t tiles_along(int64_t extent, int64_t tile)
{
    int64_t step = tile - 2 * UPSCALER_HALO;
    return extent <= tile ? 1 : 1 + (extent - tile + step - 1) / step;
}

convoy_status upscaler_create(struct upscaler *upscaler, const char *directory, int64_t H,
                              int64_t W, const struct upscaler_options *options)
{
    *upscaler = (struct upscaler){.H = H, .W = W};
    int64_t tile = options->tile ? options->tile : UPSCALER_DEFAULT_TILE;
    if (H < 1 || W < 1 || tile <= 2 * UPSCALER_HALO) {
        return fail(upscaler, CONVOY_ERROR_ARGUMENT,
                    "a photo has at least one pixel, a tile more than %d rows and columns",
                    2 * UPSCALER_HALO);
    }
    upscaler->tile_H = H < tile ? H : tile;
    upscaler->tile_W = W < tile ? W : tile;
    upscaler->tiles_across = tiles_along(W, tile);
    upscaler->tiles = tiles_along(H, tile) * upscaler->tiles_across;

    float *weights = NULL;
    convoy_status status;
    if ((status = read_weights(upscaler, directory, &weights)) == CONVOY_OK &&
        (status = create_buffers(upscaler, options->layout)) == CONVOY_OK) {
        status = create_layers(upscaler, weights, options);
    }
    free(weights);
    return status;
}

void upscaler_destroy(struct upscaler *upscaler)
{
    for (int l = 0; l < UPSCALER_LAYERS; l++) {
        convoy_plan_destroy(upscaler->layers[l].plan);
    }
    for (int b = 0; b < UPSCALER_BUFFERS; b++) {
        convoy_tensor_destroy(&upscaler->buffers[b]);
    }
    convoy_workspace_destroy(upscaler->workspace);
    *upscaler = (struct upscaler){0};
}
