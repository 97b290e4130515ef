/**
 * @file npy.c
 * .npy files as arrays and as tensors of both layouts.
 */
#include "convoy/convoy.h"
#include "fuzz/fuzz.h"
#include "io/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size);
    struct npy array;
    convoy_tensor tensor;
    if (!npy_read(path, &array)) {
        int64_t elements = 1;
        for (int axis = 0; axis < array.rank; axis++) {
            elements *= array.extents[axis];
        }
        EXPECT(elements > 0 && (uint64_t)elements * 4 <= size);
        npy_destroy(&array);
    }
    for (int layout = CONVOY_NCHW; layout <= CONVOY_NHWC; layout++) {
        if (!npy_read_tensor(path, (convoy_layout)layout, &tensor)) {
            (void)convoy_tensor_get(&tensor, tensor.N - 1, tensor.C - 1, tensor.H - 1,
                                    tensor.W - 1);
            convoy_tensor_destroy(&tensor);
        }
    }
    return 0;
}
