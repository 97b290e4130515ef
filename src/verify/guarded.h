/**
 * @file guarded.h
 * Buffers with guards: what is not an element is a NaN of a known pattern, before, behind and in
 * the gaps, so that a value read from there shows in the result, and a write there shows at all.
 */
#ifndef CONVOY_VERIFY_GUARDED_H
#define CONVOY_VERIFY_GUARDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convoy/tensor.h"

/** Floats of guard before and behind the elements; 64 keep the alignment of the memory. */
#define GUARD_FLOATS 64

struct guarded {
    uint32_t *memory;     /* owned; count words */
    size_t count;         /* guards included */
    convoy_tensor tensor; /* borrowed view on the elements */
};

/**
 * A float32 tensor in guards, all poison.
 * @param gaps  as a slice of a larger tensor: gaps between rows and images, neighbouring channels,
 *              and a first element that is aligned to its size only
 * @retval CONVOY_ERROR_OVERFLOW, CONVOY_ERROR_TOO_LARGE, CONVOY_ERROR_MEMORY
 */
convoy_status guarded_create(convoy_layout layout, int64_t N, int64_t C, int64_t H, int64_t W,
                             bool gaps, struct guarded *guarded);

/** Plain memory in guards, aligned to CONVOY_ALIGNMENT, as tensor.data; NULL for 0 bytes. */
convoy_status guarded_create_bytes(size_t bytes, struct guarded *guarded);

/** A cleared struct is fine. */
void guarded_destroy(struct guarded *guarded);

/** Make the elements poison again. */
void guarded_poison(struct guarded *guarded);

/** Nothing but elements was written; poisons them on the way. */
bool guarded_gaps_intact(struct guarded *guarded);

/** The words before and behind guarded_create_bytes's memory are poison. */
bool guarded_ends_intact(const struct guarded *guarded);

/** A number that changes when any word of the buffer does. */
uint64_t guarded_digest(const struct guarded *guarded);

#endif
