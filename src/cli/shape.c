/**
 * @file shape.c
 * `convoy shape`: output extents and padding of layers.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/errors.h"
#include "cli/json.h"
#include "cli/layers.h"
#include "cli/table.h"

struct shape_options {
    struct globals globals;
};

static void json_shape(struct json *json, const struct named_layer *named, int64_t P, int64_t Q)
{
    const convoy_layer *layer = &named->layer;
    json_layer(json, named);
    json_integer(json, "n", layer->N);
    json_integer(json, "k", layer->K);
    json_integer(json, "p", P);
    json_integer(json, "q", Q);
    json_object(json, "pad");
    json_integer(json, "top", layer->pad_top);
    json_integer(json, "bottom", layer->pad_bottom);
    json_integer(json, "left", layer->pad_left);
    json_integer(json, "right", layer->pad_right);
    json_end(json);
}

/* One problem string gives the object itself, anything else an array of them. */
static int print_json(const struct layers *layers)
{
    struct json json;
    bool single = layers->count == 1 && !layers->listed;
    json_begin(&json);
    if (!single) {
        json_array(&json, "layers");
    }
    for (size_t i = 0; i < layers->count; i++) {
        int64_t P, Q;
        convoy_status status = convoy_layer_output(&layers->items[i].layer, &P, &Q);
        if (status) {
            json_discard(&json);
            return report_layer_status(status, &layers->items[i].layer);
        }
        if (!single) {
            json_object(&json, NULL);
        }
        json_shape(&json, &layers->items[i], P, Q);
        if (!single) {
            json_end(&json);
        }
    }
    return json_print(&json);
}

static convoy_status add_row(struct table *table, const struct named_layer *named, bool listed)
{
    char problem[CONVOY_PROBLEM_SIZE];
    const convoy_layer *layer = &named->layer;
    int64_t P, Q;
    convoy_status status = convoy_layer_output(layer, &P, &Q);
    if (status) {
        return status;
    }
    convoy_layer_print(layer, problem, sizeof problem);
    if (listed) {
        table_cell(table, "%s", named->name);
    }
    table_cell(table, "%s", problem);
    table_cell(table, "%" PRId64 " x %" PRId64 " x %" PRId64 " x %" PRId64, layer->N, layer->C,
               layer->H, layer->W);
    table_cell(table, "%" PRId64 " x %" PRId64 " x %" PRId64 " x %" PRId64, layer->N, layer->K, P,
               Q);
    table_cell(table, "%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64, layer->pad_top,
               layer->pad_bottom, layer->pad_left, layer->pad_right);
    return CONVOY_OK;
}

static int print_table(const struct layers *layers)
{
    struct table table;
    convoy_status status = CONVOY_OK;
    size_t i;
    table_begin(&table, layers->listed ? "llrrr" : "lrrr");
    if (layers->listed) {
        table_cell(&table, "name");
    }
    table_cell(&table, "problem");
    table_cell(&table, "input n x c x h x w");
    table_cell(&table, "output n x k x p x q");
    table_cell(&table, "pad top,bottom,left,right");
    for (i = 0; i < layers->count && !status; i++) {
        status = add_row(&table, &layers->items[i], layers->listed);
    }
    if (status) {
        table_discard(&table);
        return report_layer_status(status, &layers->items[i - 1].layer);
    }
    return table_print(&table);
}

static int run(const struct arguments *arguments, const void *options)
{
    const struct shape_options *shape = options;
    struct layers layers = {.items = NULL};
    int code = layers_of_command(&command_shape, arguments, &layers);
    if (!code) {
        code = shape->globals.json ? print_json(&layers) : print_table(&layers);
    }
    layers_destroy(&layers);
    return code;
}

static const struct option_row rows[] = {
    {"layers", OPTION_LAYERS, 0, "FILE|LIST", "layers of a file or a list (see 'convoy list')", 0,
     0},
    {NULL, OPTION_FLAG, 0, NULL, NULL, 0, 0},
};

const struct command command_shape = {
    .name = "shape",
    .summary = "Output extents and padding of layers",
    .usage = "PROBLEM... [--layers FILE|LIST] [options]",
    .details =
        "P = (H + top + bottom - dilation (R - 1) - 1) / stride + 1, rounded down; Q likewise.",
    .examples = "  convoy shape n1c128h100w100_k256r5s5_pd2\n"
                "  convoy shape n1c3h224w224_k64r7s7_st2_same --json\n"
                "  convoy shape --layers resnet50\n",
    .rows = rows,
    .ignores = "threads isa seed quiet",
    .options_bytes = sizeof(struct shape_options),
    .run = run,
};
