/**
 * @file results.c
 * Google Benchmark's JSON into lines, with jansson.
 */
#include "bench/results.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"

static double number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* <layer>/<algorithm>/<isa>/<layout>/threads:<t>; the layer may hold slashes, so from the right. */
void line_set_name(struct line *line, const char *name)
{
    char copy[sizeof line->name];
    snprintf(line->name, sizeof line->name, "%s", name);
    memcpy(copy, line->name, sizeof copy);
    char *parts[4];
    for (int i = 3; i >= 0; i--) {
        char *slash = strrchr(copy, '/');
        if (!slash) {
            return;
        }
        *slash = '\0';
        parts[i] = slash + 1;
    }
    char *rest;
    if (strncmp(parts[3], "threads:", strlen("threads:")) != 0) {
        return;
    }
    long threads = strtol(parts[3] + strlen("threads:"), &rest, 10);
    if (threads < 1 || threads > INT_MAX || (*rest != '\0' && strcmp(rest, "_median") != 0)) {
        return;
    }
    line->threads = (int)threads;
    snprintf(line->layer, sizeof line->layer, "%.*s", (int)sizeof line->layer - 1, copy);
    snprintf(line->algorithm, sizeof line->algorithm, "%.*s", (int)sizeof line->algorithm - 1,
             parts[0]);
    snprintf(line->isa, sizeof line->isa, "%.*s", (int)sizeof line->isa - 1, parts[1]);
    snprintf(line->layout, sizeof line->layout, "%.*s", (int)sizeof line->layout - 1, parts[2]);
}

/* The value of key=value in the label; NaN when it is not there. */
static double label_number(const char *label, const char *key)
{
    size_t length = strlen(key);
    for (const char *at = label; at; at = strchr(at, ' ')) {
        at += *at == ' ';
        if (strncmp(at, key, length) == 0 && at[length] == '=') {
            return strtod(at + length + 1, NULL);
        }
    }
    return NAN;
}

void line_set_label(struct line *line, const char *label)
{
    line->inner_seconds = 1e-6 * label_number(label, "inner_us");
    line->outer_seconds = 1e-6 * label_number(label, "outer_us");
    line->min_seconds = 1e-6 * label_number(label, "min_us");
    line->low_seconds = 1e-6 * label_number(label, "low_us");
    line->median_seconds = 1e-6 * label_number(label, "median_us");
    line->high_seconds = 1e-6 * label_number(label, "high_us");
    line->samples = label_number(label, "samples");
    line->error_bound = label_number(label, "error_bound");
    line->batch1_seconds = 1e-6 * label_number(label, "batch1_us");
    line->batch4_seconds = 1e-6 * label_number(label, "batch4_us");
    line->compared = label_number(label, "compared");
    const char *of = strstr(label, "compared=");
    of = of ? strchr(of, '/') : NULL;
    line->outputs = of ? strtod(of + 1, NULL) : NAN;
    if (strncmp(label, "algorithm=", 10) == 0) {
        sscanf(label + 10, "%47s", line->chosen);
    }
}

double line_noise(const struct line *line)
{
    return (line->high_seconds - line->low_seconds) / line->median_seconds;
}

static double unit_seconds(const char *unit)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}};
    for (size_t i = 0; unit && i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(unit, units[i].name) == 0) {
            return units[i].seconds;
        }
    }
    return NAN;
}

/* @return false when the object is no measured line */
static bool read_line(json_t *object, struct line *line)
{
    const char *name = json_string_value(json_object_get(object, "name"));
    const char *type = json_string_value(json_object_get(object, "run_type"));
    if (!name || !type || strcmp(type, "iteration") != 0) {
        return false;
    }
    *line = (struct line){.object = object};
    line_set_name(line, name);
    if (json_is_true(json_object_get(object, "error_occurred"))) {
        line->error = json_string_value(json_object_get(object, "error_message"));
        line->error = line->error ? line->error : "no reason given";
    }
    const char *unit = json_string_value(json_object_get(object, "time_unit"));
    const char *label = json_string_value(json_object_get(object, "label"));
    line->seconds = number_of(object, "real_time") * unit_seconds(unit);
    line->iterations = number_of(object, "iterations");
    line->flops = number_of(object, "flops");
    line->executed_flops = number_of(object, "executed_flops");
    line->peak_fraction = number_of(object, "peak_fraction");
    line->bound_fraction = number_of(object, "bound_fraction");
    line->error_rms = number_of(object, "error");
    line->workspace_bytes = number_of(object, "workspace_bytes");
    line->packed_bytes = number_of(object, "packed_bytes");
    line->create_us = number_of(object, "create_us");
    line->input_share = number_of(object, "input_share");
    line->multiply_share = number_of(object, "multiply_share");
    line->output_share = number_of(object, "output_share");
    line_set_label(line, label ? label : "");
    return true;
}

convoy_status results_parse(const char *json, struct results *results)
{
    json_error_t error;
    *results = (struct results){0};
    json_t *document = json_loads(json, 0, &error);
    json_t *benchmarks = json_object_get(document, "benchmarks");
    if (!json_is_array(benchmarks)) {
        json_decref(document);
        return fail(CONVOY_ERROR_FORMAT, "no results of Google Benchmark: %s",
                    document ? "there is no list \"benchmarks\"" : error.text);
    }
    struct line *lines = calloc(json_array_size(benchmarks) + 1, sizeof *lines);
    if (!lines) {
        json_decref(document);
        return fail(CONVOY_ERROR_MEMORY, "no memory for the results");
    }
    *results = (struct results){.document = document, .lines = lines};
    for (size_t i = 0; i < json_array_size(benchmarks); i++) {
        results->count += read_line(json_array_get(benchmarks, i), &lines[results->count]);
    }
    return CONVOY_OK;
}

convoy_status results_read(const char *path, struct results *results)
{
    *results = (struct results){0};
    FILE *file = fopen(path, "rb");
    if (!file) {
        return fail(CONVOY_ERROR_IO, "%s: %s", path, strerror(errno));
    }
    char *text = NULL;
    size_t size = 0;
    ssize_t length = getdelim(&text, &size, '\0', file);
    fclose(file);
    convoy_status status = length < 0 ? fail(CONVOY_ERROR_IO, "%s: nothing to read", path)
                                      : results_parse(text, results);
    free(text);
    if (status == CONVOY_ERROR_FORMAT) {
        char detail[256];
        snprintf(detail, sizeof detail, "%s", convoy_error_detail());
        fail(status, "%s: %s", path, detail);
    }
    return status;
}

void results_destroy(struct results *results)
{
    json_decref(results->document);
    free(results->lines);
    *results = (struct results){0};
}

const char *results_context(const struct results *results, const char *key)
{
    return json_string_value(json_object_get(json_object_get(results->document, "context"), key));
}

double results_context_number(const struct results *results, const char *key)
{
    const char *text = results_context(results, key);
    if (!text) {
        return NAN;
    }
    char *end;
    double value = strtod(text, &end);
    return end == text ? NAN : value;
}

convoy_status results_layer(const struct results *results, const struct line *line,
                            convoy_layer *layer)
{
    char key[160];
    snprintf(key, sizeof key, "layer/%s", line->layer);
    const char *problem = results_context(results, key);
    if (!problem) {
        return fail(CONVOY_ERROR_FORMAT, "the context has no \"%s\"", key);
    }
    convoy_status status = convoy_layer_parse(problem, layer);
    if (!status) {
        layer->layout = strcmp(line->layout, "nhwc") == 0 ? CONVOY_NHWC : CONVOY_NCHW;
    }
    return status;
}

const struct line *results_find(const struct results *results, const char *name)
{
    for (size_t i = 0; i < results->count; i++) {
        if (strcmp(results->lines[i].name, name) == 0) {
            return &results->lines[i];
        }
    }
    return NULL;
}

void results_drop(struct results *results, const char *error)
{
    size_t kept = 0;
    for (size_t i = 0; i < results->count; i++) {
        if (!results->lines[i].error || strcmp(results->lines[i].error, error) != 0) {
            results->lines[kept++] = results->lines[i];
        }
    }
    results->count = kept;
    json_t *benchmarks = json_object_get(results->document, "benchmarks");
    for (size_t i = json_array_size(benchmarks); i-- > 0;) {
        json_t *object = json_array_get(benchmarks, i);
        const char *message = json_string_value(json_object_get(object, "error_message"));
        if (message && strcmp(message, error) == 0) {
            json_array_remove(benchmarks, i);
        }
    }
}

void results_refuse(struct line *line, const char *reason)
{
    static const char *const numbers[] = {"iterations",     "real_time",      "cpu_time",
                                          "flops",          "executed_flops", "peak_fraction",
                                          "bound_fraction", "error",          "workspace_bytes",
                                          "packed_bytes",   "create_us",      "label"};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        json_object_del(line->object, numbers[i]);
    }
    json_object_set_new(line->object, "error_occurred", json_true());
    json_object_set_new(line->object, "error_message", json_string(reason));
    line->error = json_string_value(json_object_get(line->object, "error_message"));
}

char *results_print(const struct results *results)
{
    return json_dumps(results->document, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
}
