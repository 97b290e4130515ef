/**
 * @file convoy_peer.c
 * Convoy as a peer among peers: variants "algorithm/layout", on the public API alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/peers/peer.h"
#include "convoy/convoy.h"

static const convoy_layout layouts[] = {CONVOY_NHWC, CONVOY_NCHW};

struct instance {
    convoy_plan *plan;
    convoy_tensor x, y;
    void *workspace;
};

static enum peer_status refuse(convoy_status status, struct peer_words *words)
{
    snprintf(words->reason, sizeof words->reason, "%s: %s", convoy_status_name(status),
             convoy_error_detail());
    return status == CONVOY_ERROR_ALGORITHM || status == CONVOY_ERROR_ISA ? PEER_UNSUPPORTED
                                                                          : PEER_ERROR;
}

static void destroy(void *argument)
{
    struct instance *instance = argument;
    convoy_plan_destroy(instance->plan);
    convoy_tensor_destroy(&instance->y);
    convoy_workspace_destroy(instance->workspace);
    free(instance);
}

static convoy_layer layer_of(const struct peer_request *request)
{
    return (convoy_layer){
        .N = request->N,
        .C = request->C,
        .H = request->H,
        .W = request->W,
        .K = request->K,
        .R = request->R,
        .S = request->S,
        .stride_h = request->stride_h,
        .stride_w = request->stride_w,
        .pad_top = request->pad_top,
        .pad_left = request->pad_left,
        .pad_bottom = request->pad_bottom,
        .pad_right = request->pad_right,
        .dilation_h = request->dilation_h,
        .dilation_w = request->dilation_w,
        .groups = request->groups,
        .layout = request->nhwc ? CONVOY_NHWC : CONVOY_NCHW,
    };
}

static convoy_status fill(struct instance *instance, const struct peer_request *request,
                          const char *algorithm)
{
    convoy_layer layer = layer_of(request);
    convoy_weights weights = {.filter = request->filter, .bias = request->bias};
    convoy_options options = {.algorithm = algorithm, .threads = (int)request->threads};
    convoy_status status = convoy_plan_create(&layer, &weights, &options, &instance->plan);
    if (status == CONVOY_OK) {
        status = convoy_tensor_view(CONVOY_FLOAT32, layer.layout, layer.N, layer.C, layer.H,
                                    layer.W, request->x, &instance->x);
    }
    if (status == CONVOY_OK) {
        status = convoy_tensor_create(CONVOY_FLOAT32, layer.layout, layer.N, layer.K, request->P,
                                      request->Q, &instance->y);
    }
    if (status == CONVOY_OK) {
        status = convoy_workspace_create(convoy_plan_workspace_bytes(instance->plan),
                                         &instance->workspace);
    }
    return status;
}

static enum peer_status create(const struct peer_request *request, struct peer_words *words,
                               void **result)
{
    char algorithm[sizeof request->variant];
    snprintf(algorithm, sizeof algorithm, "%s", request->variant);
    algorithm[strcspn(algorithm, "/")] = '\0';

    struct instance *instance = calloc(1, sizeof *instance);
    if (!instance) {
        snprintf(words->reason, sizeof words->reason, "no memory");
        return PEER_ERROR;
    }
    *result = instance;
    convoy_status status = fill(instance, request, algorithm);
    if (status != CONVOY_OK) {
        return refuse(status, words);
    }
    convoy_description description;
    if (convoy_plan_describe(instance->plan, &description) == CONVOY_OK) {
        snprintf(words->implementation, sizeof words->implementation, "%s %s, %s",
                 description.algorithm, convoy_isa_name(description.isa), description.blocking);
    }
    return PEER_OK;
}

static enum peer_status run(void *argument, struct peer_words *words)
{
    struct instance *instance = argument;
    convoy_status status =
        convoy_plan_execute(instance->plan, &instance->x, &instance->y, instance->workspace);
    return status == CONVOY_OK ? PEER_OK : refuse(status, words);
}

static enum peer_status output(void *argument, float *y, struct peer_words *words)
{
    struct instance *instance = argument;
    const convoy_tensor *from = &instance->y;
    convoy_tensor to;
    convoy_status status = convoy_tensor_view(CONVOY_FLOAT32, from->layout, from->N, from->C,
                                              from->H, from->W, y, &to);
    if (status == CONVOY_OK) {
        status = convoy_tensor_copy(from, &to);
    }
    return status == CONVOY_OK ? PEER_OK : refuse(status, words);
}

/* "auto" and every algorithm but the oracle, each in both layouts; NULL without memory. */
static struct peer_variant *list_variants(void)
{
    size_t algorithms = convoy_algorithm_count() + 1;
    struct peer_variant *variants = calloc(2 * algorithms + 1, sizeof *variants);
    size_t count = 0;
    for (size_t i = 0; variants && i < 2 * algorithms; i++) {
        const char *algorithm = i < 2 ? "auto" : convoy_algorithm_name(i / 2 - 1);
        const char *layout = convoy_layout_name(layouts[i % 2]);
        char *name = NULL;
        if (strcmp(algorithm, "reference") == 0) {
            continue;
        }
        if (asprintf(&name, "%s/%s", algorithm, layout) < 0) {
            return NULL;
        }
        variants[count++] =
            (struct peer_variant){name, layout, "plain tensors in and out; weights packed before"};
    }
    return variants;
}

int main(void)
{
    struct peer_engine engine = {
        .name = "convoy",
        .version = convoy_version(),
        .variants = list_variants(),
        .create = create,
        .run = run,
        .output = output,
        .destroy = destroy,
    };
    if (!engine.variants) {
        fprintf(stderr, "convoy_peer: no memory for the list of variants\n");
        return 1;
    }
    return peer_serve(&engine);
}
