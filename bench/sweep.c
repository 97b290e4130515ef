/**
 * @file sweep.c
 * Which points a sweep walks, and which of them are holes.
 */
#include "bench/sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"

/* Change one extent of a layer. @return false when that is no walk of its own */
typedef bool change_function(convoy_layer *layer, int64_t size);

static bool is_depthwise(const convoy_layer *layer)
{
    return layer->groups > 1 && layer->C == layer->groups;
}

static bool change_C(convoy_layer *layer, int64_t size)
{
    if (is_depthwise(layer)) {
        layer->K = layer->K / layer->C * size;
        layer->groups = size;
    }
    layer->C = size;
    return true;
}

static bool change_K(convoy_layer *layer, int64_t size)
{
    layer->K = size;
    return !is_depthwise(layer);
}

static bool change_H(convoy_layer *layer, int64_t size)
{
    layer->H = size;
    return true;
}

static bool change_W(convoy_layer *layer, int64_t size)
{
    layer->W = size;
    return true;
}

/* Padding for `taps` more, so that the output keeps its extent where it can. */
static void pad_more(int64_t *begin, int64_t *end, int64_t taps)
{
    int64_t first = taps / 2, second = taps - first;
    *begin = *begin + first > 0 ? *begin + first : 0;
    *end = *end + second > 0 ? *end + second : 0;
}

static bool change_R(convoy_layer *layer, int64_t size)
{
    int64_t more = size - layer->R;
    if (layer->S == layer->R) {
        pad_more(&layer->pad_left, &layer->pad_right, more * layer->dilation_w);
        layer->S = size;
    }
    pad_more(&layer->pad_top, &layer->pad_bottom, more * layer->dilation_h);
    layer->R = size;
    return true;
}

static bool change_stride(convoy_layer *layer, int64_t size)
{
    bool alike = layer->stride_h == layer->stride_w;
    layer->stride_h = layer->stride_w = size;
    return alike;
}

/* A walk's sizes: parts and multiples of the layer's own, and its surroundings in steps; or, where
   `most` is set, each from 1 to that and the layer's own. */
struct extent {
    const char *name;
    change_function *change;
    int64_t own, step, most;
};

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static size_t list_sizes(const struct extent *e, int64_t sizes[SWEEP_POINTS_MAX])
{
    static const int quarters[] = {1, 2, 3, 5, 6, 8}, steps[] = {1, 2, 4, 8};
    size_t count = 0;
    sizes[count++] = e->own;
    for (int64_t size = 1; size <= e->most; size++) {
        sizes[count++] = size;
    }
    for (size_t i = 0; !e->most && i < sizeof quarters / sizeof quarters[0]; i++) {
        sizes[count++] = e->own * quarters[i] / 4 / e->step * e->step;
    }
    for (size_t i = 0; !e->most && i < sizeof steps / sizeof steps[0]; i++) {
        sizes[count++] = e->own - steps[i] * e->step;
        sizes[count++] = e->own + steps[i] * e->step;
    }
    qsort(sizes, count, sizeof sizes[0], ascending);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (sizes[i] >= 1 && (kept == 0 || sizes[i] != sizes[kept - 1])) {
            sizes[kept++] = sizes[i];
        }
    }
    return kept;
}

static void fill_walk(const convoy_layer *layer, const struct extent *e, struct sweep_walk *walk)
{
    int64_t sizes[SWEEP_POINTS_MAX];
    size_t count = list_sizes(e, sizes);
    walk->name = e->name;
    for (size_t i = 0; i < count; i++) {
        convoy_layer changed = *layer;
        if (e->change(&changed, sizes[i]) && !convoy_layer_check(&changed)) {
            struct sweep_point *point = &walk->points[walk->count++];
            point->size = sizes[i];
            convoy_layer_print(&changed, point->problem, sizeof point->problem);
        }
    }
}

convoy_status sweep_create(const char *problem, struct sweep *sweep)
{
    convoy_layer l;
    *sweep = (struct sweep){0};
    convoy_status status = convoy_layer_parse(problem, &l);
    if (status) {
        return status;
    }
    convoy_layer_print(&l, sweep->problem, sizeof sweep->problem);
    int64_t step = is_depthwise(&l) ? 1 : l.groups;
    const struct extent extents[SWEEP_WALKS] = {
        {"C", change_C, l.C, step, 0}, {"K", change_K, l.K, l.groups, 0},
        {"H", change_H, l.H, 1, 0},    {"W", change_W, l.W, 1, 0},
        {"R", change_R, l.R, 1, 7},    {"stride", change_stride, l.stride_h, 1, 4},
    };
    for (int i = 0; i < SWEEP_WALKS; i++) {
        fill_walk(&l, &extents[i], &sweep->walks[i]);
    }
    return CONVOY_OK;
}

convoy_status sweep_defaults(struct options *options)
{
    if (!options->sweep) {
        return fail(CONVOY_ERROR_ARGUMENT, "--plot is the picture of a --sweep PROBLEM");
    }
    if (options->layers || options->compare[0] || options->ladder) {
        return fail(CONVOY_ERROR_ARGUMENT,
                    "--sweep walks around its own problem: it goes with no --layers, --compare or "
                    "--ladder");
    }
    options->algorithms = options->algorithms ? options->algorithms : "direct";
    options->layouts = options->layouts ? options->layouts : "nhwc";
    return CONVOY_OK;
}

/* Is the point's problem one of an earlier walk's too, as the layer itself is? */
static bool came_before(const struct sweep *sweep, int walk, const char *problem)
{
    for (int i = 0; i < walk; i++) {
        for (size_t p = 0; p < sweep->walks[i].count; p++) {
            if (strcmp(sweep->walks[i].points[p].problem, problem) == 0) {
                return true;
            }
        }
    }
    return false;
}

char *sweep_layers(const struct sweep *sweep)
{
    char *list = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&list, &size);
    if (!file) {
        return NULL;
    }
    for (int i = 0; i < SWEEP_WALKS; i++) {
        for (size_t p = 0; p < sweep->walks[i].count; p++) {
            const char *problem = sweep->walks[i].points[p].problem;
            if (!came_before(sweep, i, problem)) {
                fprintf(file, "%s%s", ftell(file) > 0 ? "," : "", problem);
            }
        }
    }
    if (fclose(file) != 0) {
        free(list);
        return NULL;
    }
    return list;
}

double sweep_below(const int64_t *sizes, const double *rates, size_t count, size_t i)
{
    double smaller = 0, larger = 0;
    for (size_t j = 0; j < count; j++) {
        if (j < i && 2 * sizes[j] >= sizes[i]) {
            smaller = fmax(smaller, rates[j]);
        } else if (j > i && sizes[j] <= 2 * sizes[i]) {
            larger = fmax(larger, rates[j]);
        }
    }
    double neighbours = fmin(smaller, larger);
    return neighbours > rates[i] ? 1 - rates[i] / neighbours : 0;
}

static bool same_series(const struct line *a, const struct line *b)
{
    return strcmp(a->algorithm, b->algorithm) == 0 && strcmp(a->isa, b->isa) == 0 &&
           strcmp(a->layout, b->layout) == 0 && a->threads == b->threads;
}

bool sweep_first_of_series(const struct results *results, size_t i)
{
    for (size_t before = 0; before < i; before++) {
        if (same_series(&results->lines[before], &results->lines[i])) {
            return false;
        }
    }
    return true;
}

struct sweep_curve sweep_curve_of(const struct sweep_walk *walk, const struct results *results,
                                  const struct line *like)
{
    struct sweep_curve curve = {.walk = walk};
    for (size_t p = 0; p < walk->count; p++) {
        const struct line *best = NULL;
        for (size_t i = 0; i < results->count; i++) {
            const struct line *line = &results->lines[i];
            bool point = !line->error && same_series(line, like) &&
                         strcmp(line->layer, walk->points[p].problem) == 0;
            if (point && (!best || line->min_seconds < best->min_seconds)) {
                best = line;
            }
        }
        if (best) {
            double faster = best->seconds / best->min_seconds; /* counters are of the mean */
            curve.points[curve.count] = &walk->points[p];
            curve.sizes[curve.count] = walk->points[p].size;
            curve.seconds[curve.count] = best->min_seconds;
            curve.flops[curve.count] = faster * best->flops;
            curve.percent[curve.count++] = 100 * faster * best->peak_fraction;
        }
    }
    for (size_t i = 0; i < curve.count; i++) {
        curve.below[i] = sweep_below(curve.sizes, curve.percent, curve.count, i);
    }
    return curve;
}
