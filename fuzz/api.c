/**
 * @file api.c
 * Random sequences of calls: plans created, reshaped, held, executed on tensors that fit and on
 * ones that do not, kept in a cache, destroyed in any order. Every buffer has exactly the size that
 * was asked for, so the address sanitizer sees what lies outside. A refused execution leaves y as
 * it was.
 */
#include <stdlib.h>
#include <string.h>

#include "convoy/convoy.h"
#include "fuzz/fuzz.h"

enum { SLOTS = 4, CALLS_MAX = 40, MACS_MAX = 60000 };

/* The input, byte by byte; zeros after its end. */
struct source {
    const uint8_t *at, *end;
};

static unsigned take(struct source *source)
{
    return source->at < source->end ? *source->at++ : 0;
}

static int64_t take_between(struct source *source, int64_t low, int64_t high)
{
    return low + (int64_t)(take(source) % (unsigned)(high - low + 1));
}

/* A plan, and the parameters that it was made of. */
struct slot {
    convoy_plan *plan;
    float *filter, *bias;
};

struct state {
    struct slot slots[SLOTS];
    convoy_cache *cache;
    convoy_wisdom *wisdom;
};

/* Memory of exactly so many floats, small integers; to be freed. */
static float *create_floats(int64_t count, unsigned seed)
{
    float *floats = malloc((size_t)count * sizeof *floats);
    EXPECT(floats != NULL);
    for (int64_t i = 0; i < count; i++) {
        floats[i] = (float)((int)((seed + 7u * (unsigned)i) % 17u) - 8);
    }
    return floats;
}

/* A small layer, which need not be a sound one. */
static convoy_layer take_layer(struct source *source)
{
    static const unsigned char channels[] = {1,  2,  3,  4,  5,  7,  8,  12,
                                             16, 17, 24, 31, 32, 33, 48, 64};
    convoy_layer layer = {.N = take_between(source, 1, 3),
                          .C = channels[take(source) % 16],
                          .H = take_between(source, 1, 20),
                          .W = take_between(source, 1, 40),
                          .K = channels[take(source) % 16],
                          .R = take_between(source, 1, 7),
                          .S = take_between(source, 1, 7),
                          .stride_h = take_between(source, 1, 4),
                          .stride_w = take_between(source, 1, 4),
                          .pad_top = take_between(source, 0, 8),
                          .pad_left = take_between(source, 0, 8),
                          .dilation_h = take_between(source, 1, 3),
                          .dilation_w = take_between(source, 1, 3),
                          .groups = 1};
    unsigned bits = take(source);
    layer.pad_bottom = bits & 1 ? layer.pad_top : (int64_t)(bits >> 5);
    layer.pad_right = bits & 2 ? layer.pad_left : (int64_t)(bits >> 6);
    layer.layout = bits & 4 ? CONVOY_NHWC : CONVOY_NCHW;
    layer.epilogue.residual = bits & 8;
    layer.epilogue.activation = (convoy_activation)take_between(source, 0, 5);
    layer.epilogue.high = 6;
    if (bits & 16) {
        static const unsigned char groups[] = {1, 2, 3, 4, 8, 16, 32, 64};
        layer.groups = groups[take(source) % 8];
        layer.C = layer.K = layer.groups * take_between(source, 1, 3);
    }
    return layer;
}

static convoy_options take_options(struct source *source, struct state *state)
{
    unsigned bits = take(source);
    convoy_options options = {.algorithm = convoy_algorithm_name(take(source) % 64),
                              .isa = (convoy_isa)(bits & 7),
                              .threads = (int)(bits >> 3 & 3) - 1,
                              .tolerance = (convoy_tolerance)(bits >> 5 & 7),
                              .error_bound = 1e-4};
    if (options.tolerance > CONVOY_TOLERANCE_BOUND) {
        options.tolerance = CONVOY_TOLERANCE_DEFAULT;
        options.wisdom = state->wisdom;
    }
    if (take(source) % 8 == 0) {
        options.workspace_limit_bytes = 64u * take(source);
    }
    return options;
}

static bool is_small(const convoy_layer *layer)
{
    convoy_counts counts;
    return convoy_layer_count(layer, NULL, &counts) != CONVOY_OK || counts.macs <= MACS_MAX;
}

static void clear(struct state *state, struct slot *slot)
{
    convoy_plan_destroy(slot->plan);
    if (slot->filter) {
        convoy_cache_forget(state->cache, slot->filter);
    }
    free(slot->filter);
    free(slot->bias);
    *slot = (struct slot){0};
}

static void create(struct source *source, struct state *state, struct slot *slot, bool cached)
{
    convoy_layer layer = take_layer(source);
    convoy_options options = take_options(source, state);
    unsigned bits = take(source);
    clear(state, slot);
    if (!is_small(&layer)) {
        return;
    }
    int64_t weights_count = layer.K * (layer.C / layer.groups) * layer.R * layer.S;
    slot->filter = create_floats(weights_count + 1, bits);
    slot->bias = bits & 1 ? create_floats(layer.K, bits) : NULL;
    convoy_weights weights = {slot->filter, slot->bias};
    if (bits % 16 == 6) { /* refused: not there, or not aligned */
        weights.filter = bits & 32 ? NULL : (const float *)(const void *)((char *)slot->filter + 1);
    }
    convoy_status status =
        cached ? convoy_cache_get(state->cache, &layer, &weights, &options, &slot->plan)
               : convoy_plan_create(&layer, &weights, &options, &slot->plan);
    EXPECT((status == CONVOY_OK) == (slot->plan != NULL));
    EXPECT(status == CONVOY_OK || convoy_error_detail()[0] != '\0');
}

static void reshape(struct source *source, struct state *state, const struct slot *from,
                    struct slot *to)
{
    int64_t N = take_between(source, 0, 3), H = take_between(source, 1, 24),
            W = take_between(source, 1, 40);
    convoy_weights weights = {from->filter, from->bias};
    bool anew = take(source) % 2;
    if (!from->plan || from == to) {
        return;
    }
    convoy_layer layer = *convoy_plan_layer(from->plan);
    layer.N = N, layer.H = H, layer.W = W;
    clear(state, to);
    if (is_small(&layer) &&
        !convoy_plan_reshape(from->plan, N, H, W, anew ? &weights : NULL, &to->plan)) {
        EXPECT(convoy_plan_layer(to->plan)->H == H && convoy_plan_layer(to->plan)->W == W);
    }
}

/* Change one thing about a view of `count` floats, which stays inside of them. */
static void disturb(struct source *source, convoy_tensor *tensor, int64_t count)
{
    int64_t *const fields[] = {&tensor->N,        &tensor->C,        &tensor->H,
                               &tensor->W,        &tensor->stride_n, &tensor->stride_c,
                               &tensor->stride_h, &tensor->stride_w};
    unsigned what = take(source) % 12, value = take(source);
    if (what < 8) {
        *fields[what] = (int64_t)value - 8;
    } else if (what == 8) {
        tensor->type = (convoy_type)(value % 4);
    } else if (what == 9) {
        tensor->layout = (convoy_layout)(value % 4);
    } else if (what == 10) {
        tensor->data = value % 2 ? NULL : (char *)tensor->data + 1;
    }
    /* What is still a sound view of more than there is nobody can refuse. */
    double reach = 1;
    for (int i = 0; i < 4; i++) {
        reach += ((double)*fields[i] - 1) * (double)*fields[i + 4];
    }
    if (tensor->type != CONVOY_FLOAT32 || reach > (double)count) {
        tensor->N = 0;
    }
}

/* x, residual and y of a layer, each of its exact size. */
struct operands {
    convoy_tensor tensors[3];
    int64_t counts[3];
};

static struct operands create_operands(const convoy_layer *layer, unsigned seed)
{
    struct operands operands;
    int64_t P, Q;
    EXPECT(convoy_layer_output(layer, &P, &Q) == CONVOY_OK);
    for (int i = 0; i < 3; i++) {
        int64_t C = i == 0 ? layer->C : layer->K, H = i == 0 ? layer->H : P,
                W = i == 0 ? layer->W : Q;
        operands.counts[i] = layer->N * C * H * W;
        EXPECT(convoy_tensor_view(CONVOY_FLOAT32, layer->layout, layer->N, C, H, W,
                                  create_floats(operands.counts[i], seed + (unsigned)i),
                                  &operands.tensors[i]) == CONVOY_OK);
    }
    return operands;
}

static void execute(struct source *source, const convoy_plan *plan)
{
    unsigned bits = take(source);
    if (!plan) {
        EXPECT(convoy_plan_execute(NULL, NULL, NULL, NULL) == CONVOY_ERROR_NULL);
        return;
    }
    const convoy_layer *layer = convoy_plan_layer(plan);
    struct operands operands = create_operands(layer, bits);
    convoy_tensor *views = operands.tensors;
    float *const owned[] = {views[0].data, views[1].data, views[2].data};
    size_t y_bytes = (size_t)operands.counts[2] * sizeof(float);
    float *before = malloc(y_bytes);
    EXPECT(before != NULL);
    memcpy(before, owned[2], y_bytes);
    if (bits & 1) {
        unsigned which = take(source) % 3;
        disturb(source, &views[which], operands.counts[which]);
    }
    char *workspace;
    EXPECT(convoy_workspace_create(convoy_plan_workspace_bytes(plan), (void **)&workspace) ==
           CONVOY_OK);
    void *given = workspace && bits % 32 == 4 ? workspace + 4 : workspace;
    convoy_status status =
        layer->epilogue.residual
            ? convoy_plan_execute_residual(plan, &views[0], bits & 2 ? &views[2] : &views[1],
                                           &views[2], given)
            : convoy_plan_execute(plan, bits % 32 == 8 ? &views[2] : &views[0], &views[2], given);
    if (status) {
        EXPECT(memcmp(before, owned[2], y_bytes) == 0);
        EXPECT(convoy_error_detail()[0] != '\0');
    }
    convoy_workspace_destroy(workspace);
    free(before);
    for (int i = 0; i < 3; i++) {
        free(owned[i]);
    }
}

static void describe(const convoy_plan *plan)
{
    convoy_description description;
    EXPECT((convoy_plan_describe(plan, &description) == CONVOY_OK) == (plan != NULL));
    EXPECT(!plan || strlen(description.blocking) < sizeof description.blocking);
}

/* Hold a plan and give it back, in another order. */
static void hold(struct state *state, struct slot *slot)
{
    if (slot->plan) {
        convoy_plan *held = convoy_plan_retain(slot->plan);
        clear(state, slot);
        describe(held);
        convoy_plan_destroy(held);
    }
}

/* Two layers one after another, which need not follow each other. */
static void run_chain(struct source *source)
{
    convoy_layer layers[2] = {take_layer(source), take_layer(source)};
    convoy_weights weights[2];
    convoy_chain *chain = NULL;
    void *arena;
    layers[1].layout = layers[0].layout;
    layers[0].epilogue.residual = layers[1].epilogue.residual = false;
    layers[1].N = layers[0].N;
    if (take(source) % 8 && !convoy_layer_output(&layers[0], &layers[1].H, &layers[1].W)) {
        layers[1].C = layers[0].K;
    }
    for (int i = 0; i < 2; i++) {
        convoy_layer *layer = &layers[i];
        weights[i].bias = NULL;
        weights[i].filter =
            create_floats(layer->K * (layer->C / layer->groups) * layer->R * layer->S + 1, 1);
    }
    if (is_small(&layers[0]) && is_small(&layers[1]) &&
        !convoy_chain_create(layers, weights, 2, &(convoy_options){.threads = 1}, &chain)) {
        struct operands first = create_operands(&layers[0], 1),
                        last = create_operands(&layers[1], 2);
        EXPECT(convoy_workspace_create(convoy_chain_arena_bytes(chain), &arena) == CONVOY_OK);
        EXPECT(convoy_chain_execute(chain, &first.tensors[0], &last.tensors[2], arena, NULL) ==
               CONVOY_OK);
        convoy_workspace_destroy(arena);
        for (int i = 0; i < 3; i++) {
            free(first.tensors[i].data);
            free(last.tensors[i].data);
        }
    }
    convoy_chain_destroy(chain);
    free((void *)weights[0].filter);
    free((void *)weights[1].filter);
}

/* Views, slices, copies and comparisons of small tensors. */
static void use_tensors(struct source *source)
{
    convoy_tensor tensors[2], slice;
    convoy_difference difference;
    for (int i = 0; i < 2; i++) {
        int64_t N = take_between(source, 0, 2), C = take_between(source, 1, 9),
                H = take_between(source, 1, 5), W = take_between(source, 1, 5);
        if (convoy_tensor_create((convoy_type)(take(source) % 3), (convoy_layout)(take(source) % 3),
                                 N, C, H, W, &tensors[i])) {
            tensors[i] = (convoy_tensor){0};
        }
    }
    if (!convoy_tensor_slice(&tensors[0], take_between(source, -1, 4), take_between(source, 0, 10),
                             &slice)) {
        EXPECT(convoy_tensor_fill_uniform(&slice, 1, -1, 1) == CONVOY_OK);
        (void)convoy_tensor_copy(&slice, &tensors[1]);
        (void)convoy_tensor_copy(&slice, &tensors[0]);
        if (!convoy_tensor_compare(&slice, &tensors[1], &difference)) {
            EXPECT(difference.elements > 0);
        }
    }
    for (int i = 0; i < 2; i++) {
        convoy_tensor_destroy(&tensors[i]);
        convoy_tensor_destroy(&tensors[i]);
    }
}

static void call(struct source *source, struct state *state)
{
    unsigned what = take(source);
    struct slot *slot = &state->slots[what >> 4 & 3];
    switch (what & 15) {
    case 0:
    case 1:
    case 2:
        create(source, state, slot, false);
        break;
    case 3:
        create(source, state, slot, true);
        break;
    case 4:
        reshape(source, state, slot, &state->slots[what >> 6 & 3]);
        break;
    case 5:
        describe(slot->plan);
        break;
    case 6:
        hold(state, slot);
        break;
    case 7:
        clear(state, slot);
        break;
    case 8:
        run_chain(source);
        break;
    case 9:
        use_tensors(source);
        break;
    default:
        execute(source, slot->plan);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct source source = {data, data + size};
    struct state state = {0};
    EXPECT(convoy_cache_create(2, &state.cache) == CONVOY_OK);
    EXPECT(convoy_wisdom_create(&state.wisdom) == CONVOY_OK);
    for (int i = 0; i < CALLS_MAX && source.at < source.end; i++) {
        call(&source, &state);
    }
    for (int i = 0; i < SLOTS; i++) {
        clear(&state, &state.slots[i]);
    }
    convoy_cache_destroy(state.cache);
    convoy_wisdom_destroy(state.wisdom);
    return 0;
}
