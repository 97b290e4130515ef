/**
 * @file peers_table.c
 * Peers beside ours. Theirs were measured in a run of their own, with Convoy interleaved: the ratio
 * of that run is the fair one, and is shown beside the ratio to this run.
 */
#include "bench/peers_table.h"

#include <math.h>
#include <string.h>

#include "bench/report_parts.h"
#include "bench/table.h"
#include "core/error.h"

convoy_status peers_read(const char *path, json_t **peers)
{
    json_error_t error;
    *peers = json_load_file(path, 0, &error);
    if (!json_is_array(json_object_get(*peers, "results"))) {
        convoy_status status =
            fail(CONVOY_ERROR_FORMAT, "%s is no file of scripts/peers --json: %s", path,
                 *peers ? "it has no list \"results\"" : error.text);
        json_decref(*peers);
        *peers = NULL;
        return status;
    }
    return CONVOY_OK;
}

static const char *text_of(const json_t *result, const char *key)
{
    const char *text = json_string_value(json_object_get(result, key));
    return text ? text : "";
}

static double number_of(const json_t *result, const char *key)
{
    const json_t *value = json_object_get(result, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* The least time of this run on the layer with so many threads; NaN: none. */
static double ours(const struct results *results, const char *layer, double threads)
{
    double best = NAN;
    for (size_t i = 0; i < results->count; i++) {
        const struct line *line = &results->lines[i];
        if (!line->error && line->threads == threads && strcmp(line->layer, layer) == 0) {
            best = fmin(best, line->min_seconds);
        }
    }
    return best;
}

static void print_peer(FILE *file, const json_t *result, double our_seconds)
{
    char name[96], time[16];
    double seconds = 1e-3 * number_of(result, "min_ms"), ratio = number_of(result, "ratio");
    snprintf(name, sizeof name, "%s %s", text_of(result, "engine"), text_of(result, "variant"));
    fprintf(file, "  %-34.34s%4.0f", name, number_of(result, "threads"));
    if (!isfinite(seconds)) {
        fprintf(file, "  %.70s\n", text_of(result, "reason"));
        return;
    }
    bool ranked = json_is_true(json_object_get(result, "ranked"));
    bool small = json_is_true(json_object_get(result, "under_ten_overheads"));
    fprintf(file, "%10s%9.1f%9.1e%12.2f", time_text(seconds, time),
            100 * number_of(result, "peak_fraction"), number_of(result, "error"),
            ranked ? seconds / our_seconds : NAN);
    if (isfinite(ratio)) {
        fprintf(file, "%12.2f", ratio);
    } else {
        fprintf(file, "%12s", "");
    }
    fprintf(file, "  %s\n",
            !ranked ? "! computes something else"
            : small ? "* under ten call overheads"
                    : "");
}

void peers_print(FILE *file, const json_t *peers, const struct results *results)
{
    fprintf(file,
            "\npeers, from a run of %s; x ours: times longer than our best line above, x then: "
            "than Convoy in that run\n",
            text_of(json_object_get(peers, "context"), "date"));
    fprintf(file, "  %-34s%4s%10s%9s%9s%12s%12s\n", "engine, variant", "thr", "min s", "% peak",
            "/rms", "x ours", "x then");
    size_t shown = 0;
    for (size_t i = 0; i < results->count; i++) {
        const char *layer = results->lines[i].layer;
        if (!report_first_of_layer(results, i)) {
            continue;
        }
        size_t p, before = shown;
        json_t *result;
        json_array_foreach(json_object_get(peers, "results"), p, result)
        {
            double our_seconds = ours(results, layer, number_of(result, "threads"));
            if (strcmp(text_of(result, "layer"), layer) == 0 && isfinite(our_seconds) &&
                strcmp(text_of(result, "engine"), "convoy") != 0) {
                if (shown++ == before) {
                    fprintf(file, "\n%s\n", layer);
                }
                print_peer(file, result, our_seconds);
            }
        }
    }
    if (shown == 0) {
        fputs("  none of this run's layers and numbers of threads is in it\n", file);
    }
}
