/**
 * @file layer_file.c
 * Lists of layers.
 */
#include "convoy/convoy.h"
#include "fuzz/fuzz.h"
#include "io/layer_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct layer_list list;
    if (!layer_file_read(fuzz_file(data, size), &list)) {
        EXPECT(list.count > 0);
        for (size_t i = 0; i < list.count; i++) {
            EXPECT(convoy_layer_check(&list.layers[i].layer) == CONVOY_OK);
        }
        layer_list_destroy(&list);
    }
    return 0;
}
