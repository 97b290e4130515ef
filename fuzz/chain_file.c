/**
 * @file chain_file.c
 * Chains of layers.
 */
#include "convoy/convoy.h"
#include "fuzz/fuzz.h"
#include "io/chain_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct chain_file chain;
    if (!chain_file_read(fuzz_file(data, size), &chain)) {
        EXPECT(chain.count > 0);
        for (size_t i = 0; i < chain.count; i++) {
            EXPECT(convoy_layer_check(&chain.entries[i].named.layer) == CONVOY_OK);
        }
        chain_file_destroy(&chain);
    }
    return 0;
}
