/**
 * @file peer.h
 * What a peer written in C or C++ shares with all others: the line protocol of docs/peers.md, the
 * timing loop and the comparison with the reference. An engine fills in struct peer_engine and
 * calls peer_serve.
 */
#ifndef CONVOY_PEERS_PEER_H
#define CONVOY_PEERS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A way in which the engine can run a layer: a column of the table. */
struct peer_variant {
    const char *name;   /**< e.g. "auto/nhwc" */
    const char *layout; /**< "nchw" or "nhwc": the order of the axes of the files of x and y */
    const char *timed;  /**< what the time holds and leaves out, in a sentence */
};

/** One layer to time; the arrays are dense, aligned to 64 bytes, and outlive the instance. */
struct peer_request {
    char variant[96];
    char problem[320];
    bool nhwc; /**< x[N][H][W][C] and y[N][P][Q][K]; else x[N][C][H][W] and y[N][K][P][Q] */
    int64_t threads;
    int64_t N, C, H, W, K, R, S, P, Q;
    int64_t stride_h, stride_w, pad_top, pad_left, pad_bottom, pad_right;
    int64_t dilation_h, dilation_w, groups;
    double min_time;     /**< seconds to time at least */
    int64_t repetitions; /**< calls to time at least */
    float *x, *y;
    float *filter; /**< filter[K][C/groups][R][S] */
    float *bias;   /**< bias[K] */
};

/** Sizes of the request's arrays in elements. */
int64_t peer_x_elements(const struct peer_request *request);
int64_t peer_y_elements(const struct peer_request *request);
int64_t peer_filter_elements(const struct peer_request *request);

enum peer_status {
    PEER_OK = 0,
    PEER_UNSUPPORTED, /**< the engine has no such convolution: reported, no fault */
    PEER_ERROR
};

/** Sentences that the engine has to say about a request. */
struct peer_words {
    char reason[512];         /**< after PEER_UNSUPPORTED or PEER_ERROR */
    char implementation[256]; /**< after PEER_OK: the kernel that runs, if the engine tells */
};

struct peer_engine {
    const char *name;
    const char *version;
    const struct peer_variant *variants; /**< ends with a name that is NULL */
    /** Everything that is done once a layer; timed as create_ms. */
    enum peer_status (*create)(const struct peer_request *request, struct peer_words *words,
                               void **instance);
    /** One convolution: what is timed. */
    enum peer_status (*run)(void *instance, struct peer_words *words);
    /** Copy the output of the last run to y, dense in the request's layout. */
    enum peer_status (*output)(void *instance, float *y, struct peer_words *words);
    void (*destroy)(void *instance);
};

/** Greet, then answer requests until the standard input ends. @return the exit status */
int peer_serve(const struct peer_engine *engine);

/** Parse a request line, which is changed; reads no files. @return 0, or -1 with a reason */
int peer_request_parse(char *line, struct peer_request *request, struct peer_words *words);
/** Read the arrays named in the line that was parsed. @return 0, or -1 with a reason */
int peer_request_load(struct peer_request *request, struct peer_words *words);
void peer_request_unload(struct peer_request *request);

#ifdef __cplusplus
}
#endif
#endif
