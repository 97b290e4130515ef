/**
 * @file problem.c
 * Problem strings: what is printed is parsed again to the same layer; counts and the planner's
 * predictions of any layer, however large, end in a number or in words.
 */
#include <stdlib.h>
#include <string.h>

#include "convoy/convoy.h"
#include "fuzz/fuzz.h"

/* Estimates of every algorithm; nothing is allocated. */
static void explain(convoy_layer layer)
{
    convoy_description descriptions[64];
    EXPECT(convoy_algorithm_count() <= 64);
    for (int layout = CONVOY_NCHW; layout <= CONVOY_NHWC; layout++) {
        layer.layout = (convoy_layout)layout;
        if (convoy_layer_explain(&layer, &(convoy_options){.threads = 2}, descriptions)) {
            continue;
        }
        for (size_t i = 0; i < convoy_algorithm_count(); i++) {
            EXPECT(descriptions[i].reason || descriptions[i].predicted.seconds >= 0);
            EXPECT(descriptions[i].reason || descriptions[i].executed_flops >= 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), printed[CONVOY_PROBLEM_SIZE];
    convoy_layer layer, again;
    convoy_counts counts;
    int64_t P, Q;
    if (convoy_layer_parse(text, &layer)) {
        EXPECT(convoy_error_detail()[0] != '\0');
    } else {
        EXPECT(convoy_layer_print(&layer, printed, sizeof printed) < CONVOY_PROBLEM_SIZE);
        EXPECT(convoy_layer_parse(printed, &again) == CONVOY_OK);
        EXPECT(memcmp(&layer, &again, sizeof layer) == 0);
        EXPECT(convoy_layer_output(&layer, &P, &Q) == CONVOY_OK && P > 0 && Q > 0);
        if (!convoy_layer_count(&layer, &(convoy_count_options){true, true}, &counts)) {
            EXPECT(counts.macs > 0 && counts.macs_valid <= counts.macs);
        }
        explain(layer);
    }
    free(text);
    return 0;
}
