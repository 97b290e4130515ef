/**
 * @file upscaler_run.c
 * One tile of a photo through the network: bytes to feature maps, layers, feature maps to bytes.
 */
#include "upscaler.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

/* Element (0, c, h, w), by the tensor's strides. */
static float *element(const convoy_tensor *tensor, int64_t c, int64_t h, int64_t w)
{
    return (float *)tensor->data + c * tensor->stride_c + h * tensor->stride_h +
           w * tensor->stride_w;
}

/* y[c][h][w] = x[c][h/2][w/2] */
static void repeat_pixels(const convoy_tensor *x, const convoy_tensor *y)
{
    for (int64_t h = 0; h < y->H; h++) {
        for (int64_t w = 0; w < y->W; w++) {
            for (int64_t c = 0; c < y->C; c++) {
                *element(y, c, h, w) = *element(x, c, h / 2, w / 2);
            }
        }
    }
}

static unsigned char to_byte(float value)
{
    return value > 0 ? (unsigned char)lrintf(fminf(value, 255)) : 0;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static convoy_status run_layer(struct upscaler *upscaler, struct upscaler_layer *layer)
{
    double start = now();
    convoy_status status =
        layer->layer.epilogue.residual
            ? convoy_plan_execute_residual(layer->plan, &layer->x, &layer->residual, &layer->y,
                                           upscaler->workspace)
            : convoy_plan_execute(layer->plan, &layer->x, &layer->y, upscaler->workspace);
    layer->seconds += now() - start;
    if (status) {
        snprintf(upscaler->error, sizeof upscaler->error, "%s: %s", layer->name,
                 convoy_error_detail());
    }
    return status;
}

/* Each tile starts a tile less two halos after the one before; the last ends with the photo. */
static int64_t tile_start(int64_t index, int64_t extent, int64_t tile)
{
    int64_t start = index * (tile - 2 * UPSCALER_HALO);
    return start + tile > extent ? extent - tile : start;
}

/* Where the result does not depend on what lies outside of the tile, unless nothing lies there. */
static void valid_range(int64_t start, int64_t tile, int64_t extent, int64_t *low, int64_t *high)
{
    *low = start == 0 ? 0 : UPSCALER_HALO;
    *high = start + tile == extent ? tile : tile - UPSCALER_HALO;
}

static void write_result(const struct upscaler *upscaler, int64_t h0, int64_t w0,
                         unsigned char *twice)
{
    const convoy_tensor *result = &upscaler->buffers[RESULT];
    int64_t h_low, h_high, w_low, w_high;
    valid_range(h0, upscaler->tile_H, upscaler->H, &h_low, &h_high);
    valid_range(w0, upscaler->tile_W, upscaler->W, &w_low, &w_high);
    for (int64_t h = 2 * h_low; h < 2 * h_high; h++) {
        unsigned char *pixel = twice + 3 * ((2 * h0 + h) * 2 * upscaler->W + 2 * (w0 + w_low));
        for (int64_t w = 2 * w_low; w < 2 * w_high; w++) {
            for (int64_t c = 0; c < 3; c++) {
                *pixel++ = to_byte(*element(result, c, h, w));
            }
        }
    }
}

convoy_status upscaler_run_tile(struct upscaler *upscaler, int64_t index,
                                const unsigned char *photo, unsigned char *twice)
{
    int64_t h0 = tile_start(index / upscaler->tiles_across, upscaler->H, upscaler->tile_H);
    int64_t w0 = tile_start(index % upscaler->tiles_across, upscaler->W, upscaler->tile_W);
    for (int64_t h = 0; h < upscaler->tile_H; h++) {
        const unsigned char *pixel = photo + 3 * ((h0 + h) * upscaler->W + w0);
        for (int64_t w = 0; w < upscaler->tile_W; w++) {
            for (int64_t c = 0; c < 3; c++) {
                *element(&upscaler->buffers[PHOTO], c, h, w) = *pixel++;
            }
        }
    }
    for (int l = 0; l < UPSCALER_LAYERS; l++) {
        struct upscaler_layer *layer = &upscaler->layers[l];
        if (layer->x.data == upscaler->buffers[LARGE].data) {
            repeat_pixels(&upscaler->buffers[SMALL], &layer->x);
        }
        convoy_status status = run_layer(upscaler, layer);
        if (status) {
            return status;
        }
    }
    write_result(upscaler, h0, w0, twice);
    return CONVOY_OK;
}
