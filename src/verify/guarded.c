/**
 * @file guarded.c
 * Tensors in memory that shows what is done beside them.
 */
#include "verify/guarded.h"

#include "convoy/machine.h"
#include "convoy/plan.h"
#include "verify/pages.h"

/* Pages are not touched before they are written: more of them than memory would be given. */
static convoy_status refuse_too_large(size_t bytes)
{
    static uint64_t most;
    convoy_machine machine;
    void *never;
    if (most == 0 && convoy_machine_describe(&machine) == CONVOY_OK) {
        most = machine.memory_bytes;
    }
    return bytes > most ? convoy_workspace_create(bytes, &never) : CONVOY_OK;
}

convoy_status guarded_create(convoy_layout layout, int64_t N, int64_t C, int64_t H, int64_t W,
                             bool gaps, struct guarded *guarded)
{
    convoy_tensor *t = &guarded->tensor;
    size_t dense_bytes;
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
    } else {
        t->stride_w = 1;
        t->stride_h = W + (gaps ? 3 : 0);
        t->stride_c = H * t->stride_h + (gaps ? 5 : 0);
        t->stride_n = (C + (gaps ? 2 : 0)) * t->stride_c;
    }
    int64_t last = (N - 1) * t->stride_n + (C - 1) * t->stride_c + (H - 1) * t->stride_h +
                   (W - 1) * t->stride_w;
    guarded->count = (size_t)last + 1;
    status = refuse_too_large(guarded->count * sizeof(float));
    if (status) {
        return status;
    }
    t->data = guarded->memory = pages_allocate(guarded->count * sizeof(float), sizeof(float));
    return guarded->memory ? CONVOY_OK : CONVOY_ERROR_MEMORY;
}

void guarded_destroy(struct guarded *guarded)
{
    pages_release(guarded->memory);
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

bool guarded_gaps_intact(struct guarded *guarded)
{
    guarded_poison(guarded);
    uint32_t different = 0;
    for (size_t i = 0; i < guarded->count; i++) {
        different |= guarded->memory[i] ^ POISON;
    }
    return different == 0 && (guarded->memory == NULL || pages_intact(guarded->memory));
}

uint64_t guarded_digest(const struct guarded *guarded)
{
    uint64_t digest = 0xcbf29ce484222325u; /* FNV-1a on words */
    for (size_t i = 0; i < guarded->count; i++) {
        digest = (digest ^ guarded->memory[i]) * 0x100000001b3u;
    }
    return digest;
}
