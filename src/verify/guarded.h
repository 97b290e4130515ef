/**
 * @file guarded.h
 * Tensors whose gaps are a NaN of a known pattern, in memory between pages that may not be touched:
 * a value read from a gap shows in the result, a write there shows at all, and what lies past the
 * ends stops the program.
 */
#ifndef CONVOY_VERIFY_GUARDED_H
#define CONVOY_VERIFY_GUARDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convoy/tensor.h"

struct guarded {
    uint32_t *memory;     /* owned; count words, of pages_allocate */
    size_t count;         /* gaps included */
    convoy_tensor tensor; /* borrowed view on the elements */
};

/**
 * A float32 tensor, all poison.
 * @param gaps  as a slice of a larger tensor: gaps between rows and images, and neighbouring
 *              channels
 * @retval CONVOY_ERROR_OVERFLOW, CONVOY_ERROR_TOO_LARGE, CONVOY_ERROR_MEMORY
 */
convoy_status guarded_create(convoy_layout layout, int64_t N, int64_t C, int64_t H, int64_t W,
                             bool gaps, struct guarded *guarded);

/** A cleared struct is fine. */
void guarded_destroy(struct guarded *guarded);

/** Make the elements poison again. */
void guarded_poison(struct guarded *guarded);

/** Nothing but elements was written; poisons them on the way. */
bool guarded_gaps_intact(struct guarded *guarded);

/** A number that changes when any word of the buffer does. */
uint64_t guarded_digest(const struct guarded *guarded);

#endif
