/**
 * @file activation.c
 * Parameters are printed with as many digits as tell them from every other float32: six, or nine.
 */
#include "cli/activation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/errors.h"

#define SLOPE_DEFAULT 0.01f

/* ":" and a finite number at *at, which moves on. */
static bool read_parameter(const char **at, float *value)
{
    char *end;
    if (**at != ':') {
        return false;
    }
    *value = strtof(*at + 1, &end);
    bool good = end != *at + 1 && isfinite(*value);
    *at = end;
    return good;
}

int activation_read(const char *text, convoy_epilogue *epilogue)
{
    const char *at;
    bool good = false;
    if (!text) {
        return EXIT_GOOD;
    }
    size_t length = strcspn(text, ":");
    for (int a = CONVOY_IDENTITY; a <= CONVOY_CLIP && !good; a++) {
        const char *name = convoy_activation_name((convoy_activation)a);
        good = strlen(name) == length && strncmp(name, text, length) == 0;
        epilogue->activation = (convoy_activation)a;
    }
    at = text + length;
    if (good && epilogue->activation == CONVOY_LEAKY_RELU) {
        epilogue->slope = SLOPE_DEFAULT;
        good = *at == '\0' || read_parameter(&at, &epilogue->slope);
    } else if (good && epilogue->activation == CONVOY_CLIP) {
        good = read_parameter(&at, &epilogue->low) && read_parameter(&at, &epilogue->high) &&
               epilogue->low <= epilogue->high;
    }
    if (good && *at == '\0') {
        return EXIT_GOOD;
    }
    return report_usage("there is no activation '%s'; it is identity, relu, relu6, "
                        "leaky_relu[:SLOPE] or clip:LOW:HIGH with finite LOW <= HIGH",
                        text);
}

static void append_parameter(char text[ACTIVATION_SIZE], float value)
{
    size_t length = strlen(text);
    snprintf(text + length, ACTIVATION_SIZE - length, ":%.6g", (double)value);
    if (strtof(text + length + 1, NULL) != value) {
        snprintf(text + length, ACTIVATION_SIZE - length, ":%.9g", (double)value);
    }
}

void activation_print(const convoy_epilogue *epilogue, char text[ACTIVATION_SIZE])
{
    snprintf(text, ACTIVATION_SIZE, "%s", convoy_activation_name(epilogue->activation));
    if (epilogue->activation == CONVOY_LEAKY_RELU) {
        append_parameter(text, epilogue->slope);
    } else if (epilogue->activation == CONVOY_CLIP) {
        append_parameter(text, epilogue->low);
        append_parameter(text, epilogue->high);
    }
}
