/**
 * @file guarded.c
 * Buffers with guards.
 */
#include "verify/guarded.h"

#include <string.h>

#include "convoy/plan.h"

/* A quiet NaN that no arithmetic makes. */
#define POISON 0x7fe5a5a5u

static convoy_status allocate(size_t count, struct guarded *guarded)
{
    void *memory;
    if (count > SIZE_MAX / sizeof(uint32_t) - 2 * GUARD_FLOATS) {
        return CONVOY_ERROR_OVERFLOW;
    }
    count += 2 * GUARD_FLOATS;
    convoy_status status = convoy_workspace_create(count * sizeof(uint32_t), &memory);
    if (status) {
        return status;
    }
    guarded->memory = memory;
    guarded->count = count;
    for (size_t i = 0; i < count; i++) {
        guarded->memory[i] = POISON;
    }
    return CONVOY_OK;
}

convoy_status guarded_create(convoy_layout layout, int64_t N, int64_t C, int64_t H, int64_t W,
                             bool gaps, struct guarded *guarded)
{
    convoy_tensor *t = &guarded->tensor;
    size_t dense_bytes;
    int64_t offset = 0;
    *guarded = (struct guarded){0};
    /* A gap adds less than a factor of 64 to the smallest tensor: no overflow below this. */
    convoy_status status = convoy_tensor_bytes(CONVOY_FLOAT32, N, C, H, W, &dense_bytes);
    if (status || dense_bytes > INT64_MAX / 1024) {
        return status ? status : CONVOY_ERROR_OVERFLOW;
    }
    *t = (convoy_tensor){.type = CONVOY_FLOAT32, .layout = layout, .N = N, .C = C, .H = H, .W = W};
    if (layout == CONVOY_NHWC) {
        t->stride_c = 1;
        t->stride_w = C + (gaps ? 5 : 0);
        t->stride_h = W * t->stride_w + (gaps ? 7 : 0);
        t->stride_n = H * t->stride_h + (gaps ? 9 : 0);
        offset = gaps ? 3 : 0;
    } else {
        t->stride_w = 1;
        t->stride_h = W + (gaps ? 3 : 0);
        t->stride_c = H * t->stride_h + (gaps ? 5 : 0);
        t->stride_n = (C + (gaps ? 2 : 0)) * t->stride_c;
        offset = gaps ? t->stride_c + 1 : 0;
    }
    int64_t last = (N - 1) * t->stride_n + (C - 1) * t->stride_c + (H - 1) * t->stride_h +
                   (W - 1) * t->stride_w;
    status = allocate((size_t)(offset + last + 1), guarded);
    if (!status) {
        t->data = guarded->memory + GUARD_FLOATS + offset;
    }
    return status;
}

convoy_status guarded_create_bytes(size_t bytes, struct guarded *guarded)
{
    *guarded = (struct guarded){0};
    if (bytes == 0) {
        return CONVOY_OK;
    }
    convoy_status status = allocate(bytes / sizeof(uint32_t) + (bytes % 4 != 0), guarded);
    if (!status) {
        guarded->tensor.data = guarded->memory + GUARD_FLOATS;
    }
    return status;
}

void guarded_destroy(struct guarded *guarded)
{
    convoy_workspace_destroy(guarded->memory);
    *guarded = (struct guarded){0};
}

void guarded_poison(struct guarded *guarded)
{
    const convoy_tensor *t = &guarded->tensor;
    bool nhwc = t->layout == CONVOY_NHWC;
    int64_t outer = nhwc ? t->H : t->C, middle = nhwc ? t->W : t->H, inner = nhwc ? t->C : t->W;
    int64_t outer_stride = nhwc ? t->stride_h : t->stride_c;
    int64_t middle_stride = nhwc ? t->stride_w : t->stride_h;
    for (int64_t n = 0; n < t->N; n++) {
        for (int64_t i = 0; i < outer; i++) {
            for (int64_t j = 0; j < middle; j++) {
                uint32_t *run =
                    (uint32_t *)t->data + n * t->stride_n + i * outer_stride + j * middle_stride;
                for (int64_t k = 0; k < inner; k++) {
                    run[k] = POISON;
                }
            }
        }
    }
}

static bool all_poison(const uint32_t *words, size_t count)
{
    uint32_t different = 0;
    for (size_t i = 0; i < count; i++) {
        different |= words[i] ^ POISON;
    }
    return different == 0;
}

bool guarded_gaps_intact(struct guarded *guarded)
{
    guarded_poison(guarded);
    return all_poison(guarded->memory, guarded->count);
}

bool guarded_ends_intact(const struct guarded *guarded)
{
    return guarded->memory == NULL ||
           (all_poison(guarded->memory, GUARD_FLOATS) &&
            all_poison(guarded->memory + guarded->count - GUARD_FLOATS, GUARD_FLOATS));
}

uint64_t guarded_digest(const struct guarded *guarded)
{
    uint64_t digest = 0xcbf29ce484222325u; /* FNV-1a on words */
    for (size_t i = 0; i < guarded->count; i++) {
        digest = (digest ^ guarded->memory[i]) * 0x100000001b3u;
    }
    return digest;
}
