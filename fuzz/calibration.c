/**
 * @file calibration.c
 * Calibrations from anywhere. Where the first byte is '+', this machine's heading goes before the
 * rest; what is accepted is printed and parsed to the same again.
 */
#include <stdlib.h>
#include <string.h>

#include "convoy/convoy.h"
#include "fuzz/fuzz.h"

static void check_again(const convoy_calibration *calibration)
{
    convoy_calibration *copy;
    char *first, *second;
    EXPECT(convoy_calibration_print(calibration, &first) == CONVOY_OK);
    EXPECT(convoy_calibration_parse(first, strlen(first), &copy) == CONVOY_OK);
    EXPECT(convoy_calibration_threads(copy) == convoy_calibration_threads(calibration));
    EXPECT(convoy_calibration_print(copy, &second) == CONVOY_OK);
    EXPECT(strcmp(first, second) == 0);
    free(first);
    free(second);
    convoy_calibration_destroy(copy);
}

/* Predictions stay numbers, whatever the rates. */
static void explain(const convoy_calibration *calibration)
{
    convoy_layer layer;
    convoy_description description;
    EXPECT(convoy_layer_parse("n1c8h9w9_k8r3s3_pd1", &layer) == CONVOY_OK);
    EXPECT(convoy_layer_estimate(&layer, &(convoy_options){.calibration = calibration},
                                 &description) == CONVOY_OK);
    EXPECT(description.predicted.seconds >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    convoy_calibration *calibration = NULL;
    if (size > 0 && data[0] == '+') {
        char *text = fuzz_headed("convoy-calibration 1", data + 1, size - 1);
        (void)convoy_calibration_parse(text, strlen(text), &calibration);
        free(text);
    } else {
        (void)convoy_calibration_parse((const char *)data, size, &calibration);
    }
    if (calibration) {
        check_again(calibration);
        explain(calibration);
    }
    convoy_calibration_destroy(calibration);
    return 0;
}
