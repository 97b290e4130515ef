/**
 * @file filters.c
 * Filters are applied as cross-correlation, as every layer is: sobel-x is positive where the
 * picture brightens from left to right, sobel-y where it brightens from top to bottom.
 */
#include "cli/filters.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/errors.h"
#include "io/nearest.h"

enum filter_kind { FIXED, IDENTITY, BOX, GAUSSIAN };

struct filter_row {
    const char *name;
    const char *parameters;
    const char *summary;
    enum filter_kind kind;
    float values[9]; /* of FIXED, which are all 3 x 3 */
};

static const struct filter_row rows[] = {
    {"identity", "[:SIZE]", "the picture as it is (SIZE 1)", IDENTITY, {0}},
    {"box", "[:SIZE]", "mean of SIZE x SIZE (3)", BOX, {0}},
    {"gaussian",
     "[:SIZE[:SIGMA]]",
     "blur; SIZE 5, SIGMA 0.3 ((SIZE - 1) / 2 - 1) + 0.8",
     GAUSSIAN,
     {0}},
    {"sharpen",
     "",
     "5 times the pixel less its 4 neighbours",
     FIXED,
     {0, -1, 0, -1, 5, -1, 0, -1, 0}},
    {"laplacian",
     "",
     "the 4 neighbours less 4 times the pixel",
     FIXED,
     {0, 1, 0, 1, -4, 1, 0, 1, 0}},
    {"emboss", "", "relief lit from the bottom right", FIXED, {-2, -1, 0, -1, 1, 1, 0, 1, 2}},
    {"sobel-x", "", "change from left to right", FIXED, {-1, 0, 1, -2, 0, 2, -1, 0, 1}},
    {"sobel-y", "", "change from top to bottom", FIXED, {-1, -2, -1, 0, 0, 0, 1, 2, 1}},
    {"prewitt-x",
     "",
     "change from left to right, plain mean",
     FIXED,
     {-1, 0, 1, -1, 0, 1, -1, 0, 1}},
    {"prewitt-y",
     "",
     "change from top to bottom, plain mean",
     FIXED,
     {-1, -1, -1, 0, 0, 0, 1, 1, 1}},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static const struct filter_row *find(const char *text)
{
    size_t length = strcspn(text, ":");
    for (int i = 0; i < ROWS; i++) {
        if (strlen(rows[i].name) == length && strncmp(rows[i].name, text, length) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

bool filter_is_name(const char *text)
{
    return find(text) != NULL;
}

bool filter_describe(size_t index, const char **name, const char **parameters, const char **summary)
{
    if (index >= ROWS) {
        return false;
    }
    *name = rows[index].name;
    *parameters = rows[index].parameters;
    *summary = rows[index].summary;
    return true;
}

const char *filter_nearest(const char *text)
{
    const char *names[ROWS + 1] = {NULL};
    char name[64];
    for (int i = 0; i < ROWS; i++) {
        names[i] = rows[i].name;
    }
    snprintf(name, sizeof name, "%.*s", (int)strcspn(text, ":"), text);
    return nearest_name(name, names);
}

/* SIZE and SIGMA behind the name; sigma stays 0 when it is left out. */
static int read_parameters(const struct filter_row *row, const char *text, int64_t *size,
                           double *sigma)
{
    const char *at = text + strlen(row->name);
    char *end = (char *)at;
    bool good = true;
    *size = row->kind == IDENTITY ? 1 : row->kind == GAUSSIAN ? 5 : 3;
    *sigma = 0;
    if (*at == ':' && row->kind != FIXED) {
        *size = strtol(at + 1, &end, 10);
        good = end != at + 1 && *size >= 1 && *size <= FILTER_SIZE_MAX;
        at = end;
    }
    if (good && *at == ':' && row->kind == GAUSSIAN) {
        *sigma = strtod(at + 1, &end);
        good = end != at + 1 && isfinite(*sigma) && *sigma > 0;
        at = end;
    }
    if (good && *at == '\0') {
        return EXIT_GOOD;
    }
    return report_usage("filter '%s' cannot be used; it is written %s%s%s", text, row->name,
                        row->parameters,
                        row->kind == FIXED      ? ", without parameters"
                        : row->kind == GAUSSIAN ? ", SIZE 1 to 255, SIGMA above 0"
                                                : ", SIZE 1 to 255");
}

/* Samples of the bell, of sum 1; sums in double, so that a flat picture stays as it is. */
static void fill_gaussian(float *values, int64_t size, double sigma)
{
    double middle = (double)(size - 1) / 2, sum = 0;
    if (sigma <= 0) {
        sigma = 0.3 * (middle - 1) + 0.8;
    }
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t i = 0; i < size * size; i++) {
            double y = (double)(i / size) - middle, x = (double)(i % size) - middle;
            double value = exp(-(x * x + y * y) / (2 * sigma * sigma));
            if (pass == 0) {
                sum += value;
            } else {
                values[i] = (float)(value / sum);
            }
        }
    }
}

static void fill(const struct filter_row *row, float *values, int64_t size, double sigma)
{
    switch (row->kind) {
    case FIXED:
        memcpy(values, row->values, sizeof row->values);
        break;
    case IDENTITY: /* in an even size the pixel that `same` padding keeps in place */
        values[(size - 1) / 2 * size + (size - 1) / 2] = 1;
        break;
    case BOX:
        for (int64_t i = 0; i < size * size; i++) {
            values[i] = 1.0f / (float)(size * size);
        }
        break;
    case GAUSSIAN:
        fill_gaussian(values, size, sigma);
        break;
    }
}

int filter_make(const char *text, struct filter *filter)
{
    const struct filter_row *row = find(text);
    int64_t size;
    double sigma;
    *filter = (struct filter){.values = NULL};
    if (!row) {
        return report_usage("there is no filter '%s'; 'convoy list filters' shows what there is",
                            text);
    }
    int code = read_parameters(row, text, &size, &sigma);
    if (code) {
        return code;
    }
    filter->values = calloc((size_t)(size * size), sizeof *filter->values);
    if (!filter->values) {
        return report_no_memory();
    }
    filter->R = filter->S = size;
    fill(row, filter->values, size, sigma);
    return EXIT_GOOD;
}

void filter_destroy(struct filter *filter)
{
    free(filter->values);
    *filter = (struct filter){.values = NULL};
}
