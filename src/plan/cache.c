/**
 * @file cache.c
 * Plans in slots, behind a lock. A slot is free, being filled by a thread that has left the lock to
 * create its plan, or full. Whoever asks for what is being filled waits.
 */
#include "convoy/cache.h"

#include <pthread.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "kernels/kernel.h"
#include "plan/plan.h"
#include "plan/weights.h"

#define PLANS_MAX 65536

/* What a plan is asked for by. */
struct key {
    convoy_layer layer;
    convoy_weights weights;
    const struct algorithm *forced;
    const struct isa_kernels *kernels;
    convoy_options options; /* with the threads that OpenMP would use at the time */
};

enum slot_state { SLOT_FREE, SLOT_FILLING, SLOT_FULL };

struct slot {
    enum slot_state state;
    uint64_t used; /* the tick of its last use */
    struct key key;
    convoy_plan *plan; /* held */
};

struct convoy_cache {
    pthread_mutex_t mutex;
    pthread_cond_t filled; /* a slot is no longer SLOT_FILLING */
    uint64_t tick, counts; /* of uses; of how often packed weights were counted */
    convoy_cache_statistics statistics;
    size_t count;
    uint64_t *hashes; /* of the keys of all slots; 0: free */
    struct slot *slots;
};

convoy_status convoy_cache_create(size_t plans_max, convoy_cache **cache)
{
    if (cache == NULL) {
        return fail(CONVOY_ERROR_NULL, "the place for the cache is NULL");
    }
    if (plans_max < 1 || plans_max > PLANS_MAX) {
        return fail(CONVOY_ERROR_ARGUMENT, "a cache of %zu plans cannot be made; it is 1 to %d",
                    plans_max, PLANS_MAX);
    }
    void *memory = NULL, *hashes = NULL, *slots = NULL;
    convoy_status status =
        memory_allocate_cleared(sizeof(struct convoy_cache), "the cache", &memory);
    status = status ? status
                    : memory_allocate_cleared(plans_max * sizeof(uint64_t), "the cache", &hashes);
    status = status ? status
                    : memory_allocate_cleared(plans_max * sizeof(struct slot), "the cache", &slots);
    if (status) {
        memory_free(memory);
        memory_free(hashes);
        return status;
    }
    struct convoy_cache *created = memory;
    created->count = plans_max;
    created->hashes = hashes;
    created->slots = slots;
    pthread_mutex_init(&created->mutex, NULL);
    pthread_cond_init(&created->filled, NULL);
    *cache = created;
    return CONVOY_OK;
}

void convoy_cache_destroy(convoy_cache *cache)
{
    if (cache) {
        convoy_cache_forget(cache, NULL);
        pthread_mutex_destroy(&cache->mutex);
        pthread_cond_destroy(&cache->filled);
        memory_free(cache->hashes);
        memory_free(cache->slots);
        memory_free(cache);
    }
}

/* Check what is asked for, and leave no default open. */
static convoy_status make_key(const convoy_layer *layer, const convoy_weights *weights,
                              const convoy_options *options, struct key *key)
{
    struct request request;
    convoy_status status = request_make(layer, options, NULL, &request);
    if (status || (status = weights_check(weights))) {
        return status;
    }
    *key = (struct key){.layer = *layer,
                        .weights = *weights,
                        .forced = request.forced,
                        .kernels = request.kernels,
                        .options = request.options};
    key->options.threads = request.threads;
    return CONVOY_OK;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 29);
}

/* Of the fields that usually differ; never 0. */
static uint64_t hash_of(const struct key *key)
{
    const convoy_layer *l = &key->layer;
    const int64_t numbers[] = {l->N,
                               l->C,
                               l->H,
                               l->W,
                               l->K,
                               l->R,
                               l->S,
                               l->stride_h,
                               l->pad_top,
                               l->pad_left,
                               l->groups,
                               (int64_t)l->layout,
                               (int64_t)l->epilogue.activation,
                               key->options.threads};
    uint64_t hash = mix(mix(1, (uintptr_t)key->weights.filter), (uintptr_t)key->forced);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        hash = mix(hash, (uint64_t)numbers[i]);
    }
    return hash ? hash : 1;
}

static bool same_layer(const convoy_layer *a, const convoy_layer *b)
{
    const convoy_epilogue *ea = &a->epilogue, *eb = &b->epilogue;
    return a->N == b->N && a->C == b->C && a->H == b->H && a->W == b->W && a->K == b->K &&
           a->R == b->R && a->S == b->S && a->stride_h == b->stride_h &&
           a->stride_w == b->stride_w && a->pad_top == b->pad_top && a->pad_left == b->pad_left &&
           a->pad_bottom == b->pad_bottom && a->pad_right == b->pad_right &&
           a->dilation_h == b->dilation_h && a->dilation_w == b->dilation_w &&
           a->groups == b->groups && a->layout == b->layout && ea->residual == eb->residual &&
           ea->activation == eb->activation && ea->slope == eb->slope && ea->low == eb->low &&
           ea->high == eb->high;
}

static bool same_weights(const convoy_weights *a, const convoy_weights *b)
{
    return a->filter == b->filter && a->bias == b->bias;
}

static bool same_options(const convoy_options *a, const convoy_options *b)
{
    return a->threads == b->threads && a->tolerance == b->tolerance &&
           (a->tolerance != CONVOY_TOLERANCE_BOUND || a->error_bound == b->error_bound) &&
           a->workspace_limit_bytes == b->workspace_limit_bytes &&
           a->packed_limit_bytes == b->packed_limit_bytes && a->executions == b->executions &&
           a->effort == b->effort && a->wisdom == b->wisdom && a->calibration == b->calibration &&
           a->denormals == b->denormals;
}

static bool same_key(const struct key *a, const struct key *b)
{
    return same_layer(&a->layer, &b->layer) && same_weights(&a->weights, &b->weights) &&
           a->forced == b->forced && a->kernels == b->kernels &&
           same_options(&a->options, &b->options);
}

/* With the lock held, as all below. NULL: not there. */
static struct slot *find_slot(convoy_cache *cache, const struct key *key, uint64_t hash)
{
    for (size_t i = 0; i < cache->count; i++) {
        if (cache->hashes[i] == hash && same_key(&cache->slots[i].key, key)) {
            return &cache->slots[i];
        }
    }
    return NULL;
}

static void empty_slot(convoy_cache *cache, struct slot *slot)
{
    convoy_plan_destroy(slot->plan);
    *slot = (struct slot){.state = SLOT_FREE};
    cache->hashes[slot - cache->slots] = 0;
}

/* A free slot, or that of the plan not used for the longest, emptied; NULL: all are being filled.
 */
static struct slot *make_slot(convoy_cache *cache)
{
    struct slot *oldest = NULL;
    for (size_t i = 0; i < cache->count; i++) {
        struct slot *slot = &cache->slots[i];
        if (slot->state == SLOT_FREE) {
            return slot;
        }
        if (slot->state == SLOT_FULL && (!oldest || slot->used < oldest->used)) {
            oldest = slot;
        }
    }
    if (oldest) {
        empty_slot(cache, oldest);
        cache->statistics.evictions++;
    }
    return oldest;
}

struct search {
    convoy_cache *cache;
    const struct key *key;
};

/* For plan_create_sharing: a plan of the same weights that packs alike. */
static convoy_plan *find_owner(const struct convoy_plan *prepared, void *data)
{
    const struct search *search = data;
    convoy_cache *cache = search->cache;
    convoy_plan *owner = NULL;
    pthread_mutex_lock(&cache->mutex);
    for (size_t i = 0; i < cache->count && !owner; i++) {
        const struct slot *slot = &cache->slots[i];
        if (slot->state == SLOT_FULL && same_weights(&slot->key.weights, &search->key->weights) &&
            weights_agree(prepared, slot->plan)) {
            owner = convoy_plan_retain(slot->plan);
            cache->statistics.shared++;
        }
    }
    pthread_mutex_unlock(&cache->mutex);
    return owner;
}

/* Create the plan for a slot; the lock is left meanwhile. */
static convoy_status fill(convoy_cache *cache, struct slot *slot, const struct key *key)
{
    struct search search = {cache, key};
    struct weights_owners owners = {find_owner, &search};
    pthread_mutex_unlock(&cache->mutex);
    convoy_plan *created = NULL;
    convoy_status status = plan_create_sharing(&key->layer, &key->weights, &key->options,
                                               key->kernels, &owners, &created);
    pthread_mutex_lock(&cache->mutex);
    if (status) {
        empty_slot(cache, slot);
    } else {
        slot->plan = created;
        slot->state = SLOT_FULL;
    }
    pthread_cond_broadcast(&cache->filled);
    return status;
}

/* The slot of the key, full; created or waited for. */
static convoy_status get_slot(convoy_cache *cache, const struct key *key, struct slot **slot)
{
    uint64_t hash = hash_of(key);
    for (;;) {
        struct slot *found = find_slot(cache, key, hash);
        if (found && found->state == SLOT_FULL) {
            cache->statistics.hits++;
            *slot = found;
            return CONVOY_OK;
        }
        struct slot *empty = found ? NULL : make_slot(cache);
        if (empty) {
            cache->statistics.misses++;
            empty->state = SLOT_FILLING;
            empty->key = *key;
            empty->key.options.algorithm = NULL; /* the caller's; key.forced stands for it */
            empty->key.options.progress = NULL;
            cache->hashes[empty - cache->slots] = hash;
            *slot = empty;
            return fill(cache, empty, key);
        }
        pthread_cond_wait(&cache->filled, &cache->mutex);
    }
}

convoy_status convoy_cache_get(convoy_cache *cache, const convoy_layer *layer,
                               const convoy_weights *weights, const convoy_options *options,
                               convoy_plan **plan)
{
    struct key key;
    struct slot *slot;
    if (cache == NULL || plan == NULL) {
        return fail(CONVOY_ERROR_NULL, "the %s NULL", cache ? "place for the plan is" : "cache is");
    }
    convoy_status status = make_key(layer, weights, options, &key);
    if (status) {
        return status;
    }
    pthread_mutex_lock(&cache->mutex);
    status = get_slot(cache, &key, &slot);
    if (!status) {
        slot->used = ++cache->tick;
        *plan = convoy_plan_retain(slot->plan);
    }
    pthread_mutex_unlock(&cache->mutex);
    return status;
}

void convoy_cache_forget(convoy_cache *cache, const float *filter)
{
    if (cache == NULL) {
        return;
    }
    pthread_mutex_lock(&cache->mutex);
    for (size_t i = 0; i < cache->count; i++) {
        struct slot *slot = &cache->slots[i];
        if (slot->state == SLOT_FULL && (!filter || slot->key.weights.filter == filter)) {
            empty_slot(cache, slot);
        }
    }
    pthread_mutex_unlock(&cache->mutex);
}

convoy_status convoy_cache_describe(convoy_cache *cache, convoy_cache_statistics *statistics)
{
    if (cache == NULL || statistics == NULL) {
        return fail(CONVOY_ERROR_NULL, "the %s NULL", cache ? "place for them is" : "cache is");
    }
    pthread_mutex_lock(&cache->mutex);
    *statistics = cache->statistics;
    cache->counts++;
    for (size_t i = 0; i < cache->count; i++) {
        const struct slot *slot = &cache->slots[i];
        if (slot->state == SLOT_FULL) {
            struct weights_memory *shared = slot->plan->weights;
            bool counted = shared->counted == cache->counts;
            statistics->plans++;
            statistics->packed_bytes +=
                counted ? 0 : slot->plan->packed_w_bytes + slot->plan->bias_bytes;
            shared->counted = cache->counts;
        }
    }
    pthread_mutex_unlock(&cache->mutex);
    return CONVOY_OK;
}
