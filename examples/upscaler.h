/**
 * @file upscaler.h
 * A small trained network that makes a photo twice as high and wide: twelve convolutions on the
 * public API of Convoy. data/upscaler-x2/model.json is its description.
 *
 *   RGB -> F_m1 --> F_0 --> F_1_1 . LFF_1 --> F_2_1 . LFF_2 --> GFF_1 -> GFF_2 -> (+ F_m1)
 *       -> UPN1 -> UPN2 -> UPN3 -> every pixel twice in both directions -> SR -> RGB
 *
 * Large photos are worked in tiles that overlap by what the network sees around a pixel, so that
 * memory does not grow with the photo and the seams do not show.
 */
#ifndef CONVOY_EXAMPLES_UPSCALER_H
#define CONVOY_EXAMPLES_UPSCALER_H

#include <convoy/convoy.h>

#define UPSCALER_LAYERS       12
#define UPSCALER_DEFAULT_TILE 512
/* Pixels around one that its result depends on: one a 3x3 layer, two for the 5x5 layer UPN1. */
#define UPSCALER_HALO 10

/* Feature maps of one tile. LARGE is SMALL with every pixel twice in both directions. */
enum upscaler_buffer {
    PHOTO,
    FEATURES,
    FIRST,
    SECOND,
    WORK,
    SMALL,
    LARGE,
    RESULT,
    UPSCALER_BUFFERS
};

/** All zero is the default. */
struct upscaler_options {
    /* for the layers that it applies to, the planner chooses for the others; NULL: for all */
    const char *algorithm;
    convoy_isa isa;
    int threads;
    convoy_layout layout; /* of the feature maps */
    int64_t tile;         /* most rows and columns at a time, above 2 * UPSCALER_HALO; 0: 512 */
};

struct upscaler_layer {
    const char *name;
    convoy_layer layer; /* on one tile */
    convoy_plan *plan;
    convoy_tensor x, residual, y; /* views on the buffers */
    const char *algorithm;        /* the plan's */
    int64_t macs;                 /* on one tile */
    double seconds;               /* of all tiles that have run */
};

struct upscaler {
    int64_t H, W;           /* of the photo */
    int64_t tile_H, tile_W; /* of every tile */
    int64_t tiles, tiles_across;
    struct upscaler_layer layers[UPSCALER_LAYERS]; /* in the order they run */
    convoy_tensor buffers[UPSCALER_BUFFERS];
    void *workspace;  /* one for all layers */
    char error[1024]; /* what went wrong, in a sentence */
};

/**
 * Read the weights in a directory and make the plans for photos of H x W pixels.
 * @param upscaler  to be freed with upscaler_destroy, after an error too
 * @return CONVOY_OK, or the kind of error; the sentence is in upscaler->error
 * @retval CONVOY_ERROR_IO, CONVOY_ERROR_FORMAT  the weights cannot be read
 * @retval CONVOY_ERROR_ALGORITHM  unknown, or it applies to none of the layers
 */
convoy_status upscaler_create(struct upscaler *upscaler, const char *directory, int64_t H,
                              int64_t W, const struct upscaler_options *options);

/**
 * Do one tile of the photo: 0 <= index < upscaler->tiles, in any order.
 * @param photo  photo[H][W][3], 0..255
 * @param twice  twice[2*H][2*W][3], gets the pixels of this tile
 */
convoy_status upscaler_run_tile(struct upscaler *upscaler, int64_t index,
                                const unsigned char *photo, unsigned char *twice);

void upscaler_destroy(struct upscaler *upscaler);

#endif
