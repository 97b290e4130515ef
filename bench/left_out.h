/**
 * @file left_out.h
 * What a selection leaves out, gathered so that one reason is told once with all its layers.
 */
#ifndef CONVOY_BENCH_LEFT_OUT_H
#define CONVOY_BENCH_LEFT_OUT_H

#include <stddef.h>

struct left_out_entry {
    char *algorithm, *reason;
    char *layers; /* names joined by ", " */
};

struct left_out {
    struct left_out_entry *entries;
    size_t count;
    double memory_bytes; /* of the machine; 0: unknown */
    char **unmatched;    /* names that the filter leaves out, NULL at the end; owned */
    size_t unmatched_count;
};

/** A layer that was added last under the same algorithm and reason is not added again. */
void left_out_add(struct left_out *left_out, const char *algorithm, const char *layer,
                  const char *reason);
/** A name that the filter does not match; takes it over. */
void left_out_unmatched(struct left_out *left_out, char *name);
/** On stderr, a line for each reason and the layers it is told of; algorithms share lines. */
void left_out_print(const struct left_out *left_out);
void left_out_destroy(struct left_out *left_out);

#endif
