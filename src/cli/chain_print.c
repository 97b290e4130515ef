/**
 * @file chain_print.c
 * What `convoy run --chain` tells of its chains.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/chain_job.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/layers.h"
#include "cli/table.h"
#include "cli/text.h"

static double gflops(int64_t flops, double seconds)
{
    return (double)flops / seconds / 1e9;
}

static void json_layer_row(struct json *json, const struct chain_side *side, size_t index)
{
    const struct named_layer *named = &side->file.entries[index].named;
    const struct chain_layer *layer = &side->layers[index];
    const convoy_description *description = &layer->description;
    json_object(json, NULL);
    json_layer(json, named);
    json_string(json, "algorithm", description->algorithm);
    json_string(json, "why", description->why);
    json_string(json, "isa", convoy_isa_name(description->isa));
    json_integer(json, "threads", description->threads);
    json_integer(json, "macs", layer->counts.macs);
    json_integer(json, "flops", layer->counts.flops);
    json_integer(json, "executed_flops", description->executed_flops);
    json_number(json, "predicted_seconds", description->predicted.seconds);
    json_number(json, "error_bound", description->error_bound);
    json_integer(json, "workspace_bytes", (int64_t)description->workspace_bytes);
    json_integer(json, "packed_bytes", (int64_t)description->packed_bytes);
    json_number(json, "median_seconds", layer->median_seconds);
    json_number(json, "share", layer->median_seconds / side->median_seconds);
    json_end(json);
}

static void json_side(struct json *json, const struct chain_job *job, const struct chain_side *side)
{
    json_object(json, NULL);
    json_string(json, "file", side->path);
    json_string(json, "layout", convoy_layout_name(job->layout));
    json_array(json, "layers");
    for (size_t i = 0; i < side->count; i++) {
        json_layer_row(json, side, i);
    }
    json_end(json);
    json_integer(json, "flops", side->flops);
    json_integer(json, "executed_flops", side->executed_flops);
    json_number(json, "predicted_seconds", side->predicted_seconds);
    json_integer(json, "arena_bytes", (int64_t)convoy_chain_arena_bytes(side->chain));
    json_object(json, "time");
    json_integer(json, "repeats", (int64_t)job->repeats);
    json_number(json, "create_seconds", side->create_seconds);
    json_number(json, "min_seconds", side->min_seconds);
    json_number(json, "median_seconds", side->median_seconds);
    json_end(json);
    json_number(json, "gflops_per_second", gflops(side->flops, side->median_seconds));
    json_end(json);
}

static int print_json(const struct chain_job *job)
{
    struct json json;
    struct chain_ratios ratios;
    json_begin(&json);
    json_string(&json, "input", job->given->input);
    json_string(&json, "output", job->given->output);
    json_array(&json, "chains");
    for (size_t i = 0; i < job->side_count; i++) {
        json_side(&json, job, &job->sides[i]);
    }
    json_end(&json);
    if (job->side_count == 2) {
        chain_compare(job, &ratios);
        json_object(&json, "ratio");
        json_number(&json, "analytic", ratios.analytic);
        json_number(&json, "executed", ratios.executed);
        json_number(&json, "predicted", ratios.predicted);
        json_number(&json, "measured", ratios.measured);
        json_string(&json, "reason", ratios.reason);
        json_end(&json);
    }
    return json_print(&json);
}

static void add_layer(struct table *table, const struct chain_side *side, size_t index)
{
    const struct named_layer *named = &side->file.entries[index].named;
    const struct chain_layer *layer = &side->layers[index];
    char problem[CONVOY_PROBLEM_SIZE], duration[TEXT_SIZE];
    convoy_layer_print(&named->layer, problem, sizeof problem);
    table_cell(table, "%s", named->name);
    table_cell(table, "%s", problem);
    table_cell(table, "%s", layer->description.algorithm);
    table_cell(table, "%s", text_duration(layer->median_seconds, duration));
    table_cell(table, "%.1f %%", 100 * layer->median_seconds / side->median_seconds);
    table_cell(table, "%.3g", gflops(layer->counts.flops, layer->median_seconds));
    table_number(table, layer->counts.flops);
    table_cell(table, "%.3f",
               (double)layer->description.executed_flops / (double)layer->counts.flops);
}

static void add_total(struct table *table, const struct chain_side *side)
{
    char duration[TEXT_SIZE];
    table_cell(table, "end to end");
    table_cell(table, "%s", "");
    table_cell(table, "%s", "");
    table_cell(table, "%s", text_duration(side->median_seconds, duration));
    table_cell(table, "%s", "");
    table_cell(table, "%.3g", gflops(side->flops, side->median_seconds));
    table_number(table, side->flops);
    table_cell(table, "%.3f", (double)side->executed_flops / (double)side->flops);
}

static int print_side(const struct chain_job *job, size_t index)
{
    static const char *const heads[] = {"layer", "problem", "algorithm", "time",
                                        "share", "GFLOP/s", "FLOPs",     "executed"};
    const struct chain_side *side = &job->sides[index];
    const convoy_description *first = &side->layers[0].description;
    char create[TEXT_SIZE], arena[TEXT_SIZE];
    struct table table;
    printf("%schain %zu%s  %s: %s, %s, at most %d thread%s; arena %s; made in %s; median of %zu "
           "run%s\n",
           colour_text(COLOUR_BOLD), index + 1, colour_text(COLOUR_NONE), side->path,
           convoy_layout_name(job->layout), convoy_isa_name(first->isa), first->threads,
           first->threads == 1 ? "" : "s", text_bytes(convoy_chain_arena_bytes(side->chain), arena),
           text_duration(side->create_seconds, create), job->repeats, job->repeats == 1 ? "" : "s");
    table_begin(&table, "lllrrrrr");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        table_cell(&table, "%s", heads[i]);
    }
    for (size_t i = 0; i < side->count; i++) {
        add_layer(&table, side, i);
    }
    add_total(&table, side);
    return table_print(&table);
}

static int print_ratios(const struct chain_job *job)
{
    struct chain_ratios ratios;
    struct table table;
    chain_compare(job, &ratios);
    putchar('\n');
    table_begin(&table, "lr");
    table_cell(&table, "chain 1 / chain 2");
    table_cell(&table, "ratio");
    table_cell(&table, "FLOPs, by formula");
    table_cell(&table, "%.2f", ratios.analytic);
    table_cell(&table, "executed FLOPs");
    table_cell(&table, "%.2f", ratios.executed);
    table_cell(&table, "predicted time");
    table_cell(&table, "%.2f", ratios.predicted);
    table_cell(&table, "measured time");
    table_cell(&table, "%.2f", ratios.measured);
    int code = table_print(&table);
    if (!code) {
        printf("why: %s\n", ratios.reason);
    }
    return code;
}

int chain_print(const struct chain_job *job)
{
    int code = EXIT_GOOD;
    if (job->given->globals.json) {
        return print_json(job);
    }
    if (job->given->globals.quiet) {
        return EXIT_GOOD;
    }
    for (size_t i = 0; i < job->side_count && !code; i++) {
        fputs(i > 0 ? "\n" : "", stdout);
        code = print_side(job, i);
    }
    return !code && job->side_count == 2 ? print_ratios(job) : code;
}
