/**
 * @file peer_request.c
 * The request line of docs/peers.md: fields `key=value` separated by tabs, and the files it names.
 */
#include "bench/peers/peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 64

/* Names of the files, which stay in the line that peer_request_parse was given. */
static const char *x_path, *filter_path, *bias_path, *y_path;

static int refuse(struct peer_words *words, const char *what, const char *which)
{
    snprintf(words->reason, sizeof words->reason, what, which);
    return -1;
}

struct extent_field {
    const char *key;
    size_t offset;
};

#define FIELD(name)                                                                                \
    {                                                                                              \
#name, offsetof(struct peer_request, name)                                                 \
    }
static const struct extent_field extent_fields[] = {
    FIELD(threads),   FIELD(N),          FIELD(C),          FIELD(H),        FIELD(W),
    FIELD(K),         FIELD(R),          FIELD(S),          FIELD(P),        FIELD(Q),
    FIELD(stride_h),  FIELD(stride_w),   FIELD(pad_top),    FIELD(pad_left), FIELD(pad_bottom),
    FIELD(pad_right), FIELD(dilation_h), FIELD(dilation_w), FIELD(groups),   FIELD(repetitions),
};
#define EXTENT_FIELDS (sizeof extent_fields / sizeof extent_fields[0])

static int64_t *extent_at(struct peer_request *request, size_t i)
{
    return (int64_t *)(void *)((char *)request + extent_fields[i].offset);
}

/* @return whether the key is one of the numbers, and was stored if it is */
static bool store_extent(struct peer_request *request, const char *key, const char *value)
{
    for (size_t i = 0; i < EXTENT_FIELDS; i++) {
        if (strcmp(key, extent_fields[i].key) == 0) {
            *extent_at(request, i) = strtoll(value, NULL, 10);
            return true;
        }
    }
    return false;
}

static void store_text(struct peer_request *request, const char *key, const char *value)
{
    if (strcmp(key, "variant") == 0) {
        snprintf(request->variant, sizeof request->variant, "%s", value);
    } else if (strcmp(key, "problem") == 0) {
        snprintf(request->problem, sizeof request->problem, "%s", value);
    } else if (strcmp(key, "layout") == 0) {
        request->nhwc = strcmp(value, "nhwc") == 0;
    } else if (strcmp(key, "min_time") == 0) {
        request->min_time = strtod(value, NULL);
    } else if (strcmp(key, "x_path") == 0) {
        x_path = value;
    } else if (strcmp(key, "filter_path") == 0) {
        filter_path = value;
    } else if (strcmp(key, "bias_path") == 0) {
        bias_path = value;
    } else if (strcmp(key, "y_path") == 0) {
        y_path = value;
    }
}

int peer_request_parse(char *line, struct peer_request *request, struct peer_words *words)
{
    memset(request, 0, sizeof *request);
    x_path = filter_path = bias_path = y_path = NULL;
    for (size_t i = 0; i < EXTENT_FIELDS; i++) {
        *extent_at(request, i) = -1;
    }
    line[strcspn(line, "\r\n")] = '\0';
    char *rest = line;
    for (char *field; (field = strsep(&rest, "\t")) != NULL;) {
        char *equals = strchr(field, '=');
        if (!equals) {
            return refuse(words, "the field \"%s\" of the request has no '='", field);
        }
        *equals = '\0';
        if (!store_extent(request, field, equals + 1)) {
            store_text(request, field, equals + 1);
        }
    }
    for (size_t i = 0; i < EXTENT_FIELDS; i++) {
        if (*extent_at(request, i) < 0) {
            return refuse(words, "the request lacks a number for %s", extent_fields[i].key);
        }
    }
    if (!x_path || !filter_path || !bias_path || !y_path) {
        return refuse(words, "the request lacks %s",
                      "one of x_path, filter_path, bias_path, y_path");
    }
    return 0;
}

int64_t peer_x_elements(const struct peer_request *request)
{
    return request->N * request->C * request->H * request->W;
}

int64_t peer_y_elements(const struct peer_request *request)
{
    return request->N * request->K * request->P * request->Q;
}

int64_t peer_filter_elements(const struct peer_request *request)
{
    return request->K * (request->C / request->groups) * request->R * request->S;
}

/* The file's floats, which must be exactly so many; NULL with a reason. */
static float *load(const char *path, int64_t elements, struct peer_words *words)
{
    FILE *stream = fopen(path, "rb");
    if (!stream) {
        snprintf(words->reason, sizeof words->reason, "%s: %s", path, strerror(errno));
        return NULL;
    }
    size_t bytes = (size_t)elements * sizeof(float);
    float *data = (float *)aligned_alloc(ALIGNMENT, (bytes + ALIGNMENT) / ALIGNMENT * ALIGNMENT);
    bool whole = data && fread(data, 1, bytes, stream) == bytes && fgetc(stream) == EOF;
    fclose(stream);
    if (!whole) {
        snprintf(words->reason, sizeof words->reason, "%s does not hold %lld floats", path,
                 (long long)elements);
        free(data);
        return NULL;
    }
    return data;
}

int peer_request_load(struct peer_request *request, struct peer_words *words)
{
    if (request->groups < 1) {
        return refuse(words, "the request has groups=%s, which is less than 1", "0");
    }
    request->x = load(x_path, peer_x_elements(request), words);
    request->filter = request->x ? load(filter_path, peer_filter_elements(request), words) : NULL;
    request->bias = request->filter ? load(bias_path, request->K, words) : NULL;
    request->y = request->bias ? load(y_path, peer_y_elements(request), words) : NULL;
    if (!request->y) {
        peer_request_unload(request);
        return -1;
    }
    return 0;
}

void peer_request_unload(struct peer_request *request)
{
    free(request->x);
    free(request->filter);
    free(request->bias);
    free(request->y);
    request->x = request->filter = request->bias = request->y = NULL;
}
