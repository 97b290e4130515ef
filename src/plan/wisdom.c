/**
 * @file wisdom.c
 * The table: a balanced tree of the C library's, behind a lock.
 */
#include "plan/wisdom.h"

#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "kernels/kernel.h"

struct convoy_wisdom {
    pthread_mutex_t mutex;
    void *root; /* of struct wisdom_entry */
    size_t count;
};

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct wisdom_entry *)a)->key, ((const struct wisdom_entry *)b)->key);
}

convoy_status convoy_wisdom_create(convoy_wisdom **wisdom)
{
    if (wisdom == NULL) {
        return fail(CONVOY_ERROR_NULL, "the place for the wisdom is NULL");
    }
    void *memory;
    convoy_status status =
        memory_allocate_cleared(sizeof(struct convoy_wisdom), "the wisdom", &memory);
    if (status) {
        return status;
    }
    struct convoy_wisdom *created = memory;
    pthread_mutex_init(&created->mutex, NULL);
    *wisdom = created;
    return CONVOY_OK;
}

void convoy_wisdom_destroy(convoy_wisdom *wisdom)
{
    if (wisdom) {
        tdestroy(wisdom->root, memory_free);
        pthread_mutex_destroy(&wisdom->mutex);
        memory_free(wisdom);
    }
}

/* Looking things up changes nothing that a caller sees. */
static void lock(const convoy_wisdom *wisdom)
{
    pthread_mutex_lock((pthread_mutex_t *)&wisdom->mutex);
}

static void unlock(const convoy_wisdom *wisdom)
{
    pthread_mutex_unlock((pthread_mutex_t *)&wisdom->mutex);
}

size_t convoy_wisdom_count(const convoy_wisdom *wisdom)
{
    size_t count = 0;
    if (wisdom) {
        lock(wisdom);
        count = wisdom->count;
        unlock(wisdom);
    }
    return count;
}

bool wisdom_find(const convoy_wisdom *wisdom, const char *key, struct wisdom_entry *entry)
{
    struct wisdom_entry probe = {.key = (char *)key};
    lock(wisdom);
    struct wisdom_entry *const *found = tfind(&probe, &wisdom->root, compare);
    if (found) {
        *entry = **found;
        entry->key = NULL; /* the table's */
    }
    unlock(wisdom);
    return found != NULL;
}

/* A copy of the entry, put into the tree where its key is not yet there; NULL: no memory. */
static struct wisdom_entry **insert(convoy_wisdom *wisdom, const struct wisdom_entry *entry)
{
    size_t key_bytes = strlen(entry->key) + 1;
    void *memory;
    if (memory_allocate(sizeof(struct wisdom_entry) + key_bytes, "wisdom", &memory)) {
        return NULL;
    }
    struct wisdom_entry *copy = memory, **place;
    *copy = *entry;
    copy->key = (char *)(copy + 1);
    memcpy(copy->key, entry->key, key_bytes);
    place = tsearch(copy, &wisdom->root, compare);
    if (!place || *place != copy) {
        memory_free(copy);
    } else {
        wisdom->count++;
    }
    return place;
}

convoy_status wisdom_add(convoy_wisdom *wisdom, const struct wisdom_entry *entry)
{
    lock(wisdom);
    struct wisdom_entry **place = insert(wisdom, entry);
    if (place && (entry->learned || !(*place)->learned)) {
        (*place)->algorithm = entry->algorithm;
        (*place)->microseconds = entry->microseconds;
        (*place)->learned = entry->learned;
    }
    unlock(wisdom);
    return place ? CONVOY_OK : fail(CONVOY_ERROR_MEMORY, "no memory for more wisdom");
}

struct walk {
    void (*visit)(const struct wisdom_entry *entry, void *data);
    void *data;
};

static void visit_node(const void *node, VISIT order, void *closure)
{
    const struct walk *walk = closure;
    if (order == postorder || order == leaf) { /* postorder is glibc's word for "in order" */
        walk->visit(*(struct wisdom_entry *const *)node, walk->data);
    }
}

void wisdom_walk(const convoy_wisdom *wisdom,
                 void (*visit)(const struct wisdom_entry *entry, void *data), void *data)
{
    struct walk walk = {visit, data};
    lock(wisdom);
    twalk_r(wisdom->root, visit_node, &walk);
    unlock(wisdom);
}

/* "bound=1e-05": in any locale. */
static void print_tolerance(const convoy_options *options, char *text, size_t size)
{
    static const char *const names[] = {"default", "strict", "fast"};
    if (options->tolerance != CONVOY_TOLERANCE_BOUND) {
        snprintf(text, size, "%s", names[options->tolerance]);
        return;
    }
    snprintf(text, size, "bound=%.9g", options->error_bound);
    for (char *c = strpbrk(text, ","); c; c = strpbrk(c, ",")) {
        *c = '.';
    }
}

/* "none", "relu", "residual", "residual+relu": parameters do not change the time. */
static void print_epilogue(const convoy_epilogue *epilogue, char *text, size_t size)
{
    bool active = epilogue->activation != CONVOY_IDENTITY;
    snprintf(text, size, "%s%s%s",
             epilogue->residual ? "residual"
             : active           ? ""
                                : "none",
             epilogue->residual && active ? "+" : "",
             active ? convoy_activation_name(epilogue->activation) : "");
}

void wisdom_key(const struct request *request, const convoy_epilogue *epilogue,
                char key[WISDOM_KEY_SIZE])
{
    char problem[CONVOY_PROBLEM_SIZE], tolerance[40], words[40];
    convoy_layer_print(request->layer, problem, sizeof problem);
    print_tolerance(&request->options, tolerance, sizeof tolerance);
    print_epilogue(epilogue, words, sizeof words);
    snprintf(key, WISDOM_KEY_SIZE, "%s %s %s %d %s %s", problem,
             convoy_layout_name(request->layer->layout), convoy_isa_name(request->kernels->isa),
             request->threads, tolerance, words);
}
