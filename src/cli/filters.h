/**
 * @file filters.h
 * Named filters for pictures: sobel-x, gaussian:5 and their like.
 */
#ifndef CONVOY_CLI_FILTERS_H
#define CONVOY_CLI_FILTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convoy/status.h"

/* Of gaussian, box and identity, whose size can be chosen. */
#define FILTER_SIZE_MAX 255

struct filter {
    int64_t R, S;
    float *values; /* values[R][S], owned */
};

/** The text is the name of a filter, with or without ":parameters", whether these are right or not.
 */
bool filter_is_name(const char *text);

/** Values of a filter such as "sobel-x", "gaussian:5" or "gaussian:5:1.2", to be freed with
 *  filter_destroy. @return EXIT_GOOD, or the exit code of the error that was reported */
int filter_make(const char *text, struct filter *filter);
void filter_destroy(struct filter *filter);

/** Name, parameters ("" for none) and description of each; false past the end. */
bool filter_describe(size_t index, const char **name, const char **parameters,
                     const char **summary);

/** The name that a mistyped one may have meant; NULL if none is near. */
const char *filter_nearest(const char *text);

#endif
