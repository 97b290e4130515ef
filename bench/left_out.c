/**
 * @file left_out.c
 * What a selection leaves out, and why.
 */
#include "bench/left_out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct left_out_entry *find(struct left_out *left_out, const char *algorithm,
                                   const char *reason)
{
    for (size_t i = 0; i < left_out->count; i++) {
        struct left_out_entry *entry = &left_out->entries[i];
        if (strcmp(entry->algorithm, algorithm) == 0 && strcmp(entry->reason, reason) == 0) {
            return entry;
        }
    }
    return NULL;
}

static struct left_out_entry *append(struct left_out *left_out, const char *algorithm,
                                     const char *reason)
{
    void *grown = realloc(left_out->entries, (left_out->count + 1) * sizeof *left_out->entries);
    if (!grown) {
        return NULL;
    }
    left_out->entries = grown;
    struct left_out_entry *entry = &left_out->entries[left_out->count];
    *entry = (struct left_out_entry){.algorithm = strdup(algorithm), .reason = strdup(reason)};
    if (!entry->algorithm || !entry->reason) {
        free(entry->algorithm);
        free(entry->reason);
        return NULL;
    }
    left_out->count++;
    return entry;
}

/* The list ends with the name, as a whole name. */
static int ends_with(const char *list, const char *name)
{
    size_t list_length = strlen(list), length = strlen(name);
    if (list_length < length || strcmp(list + list_length - length, name) != 0) {
        return 0;
    }
    return list_length == length || list[list_length - length - 1] == ' ';
}

void left_out_add(struct left_out *left_out, const char *algorithm, const char *layer,
                  const char *reason)
{
    struct left_out_entry *entry = find(left_out, algorithm, reason);
    if (!entry) {
        entry = append(left_out, algorithm, reason);
    }
    char *joined;
    if (!entry) {
        /* Without memory the reason is told at once, ungathered. */
        fprintf(stderr, "left out: %s on %s: %s\n", algorithm, layer, reason);
    } else if (!entry->layers) {
        entry->layers = strdup(layer);
    } else if (!ends_with(entry->layers, layer) &&
               asprintf(&joined, "%s, %s", entry->layers, layer) >= 0) {
        free(entry->layers);
        entry->layers = joined;
    }
}

void left_out_unmatched(struct left_out *left_out, char *name)
{
    size_t count = left_out->unmatched_count + 2;
    char **grown = realloc(left_out->unmatched, count * sizeof *grown);
    if (!grown) {
        free(name);
        return;
    }
    left_out->unmatched = grown;
    grown[left_out->unmatched_count++] = name;
    grown[left_out->unmatched_count] = NULL;
}

/* An entry that is told together with entry i, because reason and layers are the same. */
static int told_with(const struct left_out *left_out, size_t i, size_t other)
{
    const struct left_out_entry *a = &left_out->entries[i], *b = &left_out->entries[other];
    return a->layers && b->layers && strcmp(a->reason, b->reason) == 0 &&
           strcmp(a->layers, b->layers) == 0;
}

void left_out_print(const struct left_out *left_out)
{
    for (size_t i = 0; i < left_out->count; i++) {
        const struct left_out_entry *entry = &left_out->entries[i];
        size_t first = 0;
        while (first < i && !told_with(left_out, i, first)) {
            first++;
        }
        if (first < i) {
            continue;
        }
        fprintf(stderr, "left out: %s", entry->algorithm);
        for (size_t other = i + 1; other < left_out->count; other++) {
            if (told_with(left_out, i, other)) {
                fprintf(stderr, ", %s", left_out->entries[other].algorithm);
            }
        }
        fprintf(stderr, ": %s; on %s\n", entry->reason, entry->layers ? entry->layers : "?");
    }
}

void left_out_destroy(struct left_out *left_out)
{
    for (size_t i = 0; i < left_out->count; i++) {
        free(left_out->entries[i].algorithm);
        free(left_out->entries[i].reason);
        free(left_out->entries[i].layers);
    }
    free(left_out->entries);
    for (size_t i = 0; i < left_out->unmatched_count; i++) {
        free(left_out->unmatched[i]);
    }
    free(left_out->unmatched);
    *left_out = (struct left_out){0};
}
