/**
 * @file run_print.c
 * What `convoy run` tells of its run.
 */
#include "cli/run_job.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/activation.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/times.h"

static double gflops_of(const struct job *job)
{
    return (double)job->counts.flops / job->seconds[0] / 1e9;
}

static void json_layer_members(struct json *json, const struct job *job)
{
    char problem[CONVOY_PROBLEM_SIZE], activation[ACTIVATION_SIZE];
    convoy_layer_print(&job->layer, problem, sizeof problem);
    activation_print(&job->layer.epilogue, activation);
    json_string(json, "problem", problem);
    json_string(json, "layout", convoy_layout_name(job->layer.layout));
    json_boolean(json, "bias", job->bias.data != NULL);
    json_boolean(json, "residual", job->residual.data != NULL);
    json_string(json, "activation", activation);
    json_integer(json, "n", job->layer.N);
    json_integer(json, "k", job->layer.K);
    json_integer(json, "p", job->P);
    json_integer(json, "q", job->Q);
    json_integer(json, "macs", job->counts.macs);
    json_integer(json, "macs_valid", job->counts.macs_valid);
    json_integer(json, "flops", job->counts.flops);
    json_integer(json, "flops_valid", job->counts.flops_valid);
    json_integer(json, "bias_adds", job->counts.bias_adds);
}

static int print_json(const struct job *job)
{
    const convoy_description *description = &job->description;
    struct json json;
    json_begin(&json);
    json_string(&json, "input", job->given->input);
    json_string(&json, "filter", job->given->filter);
    json_string(&json, "output", job->given->output);
    json_layer_members(&json, job);
    json_string(&json, "algorithm", description->algorithm);
    json_string(&json, "why", description->why);
    json_string(&json, "isa", convoy_isa_name(description->isa));
    json_integer(&json, "threads", description->threads);
    json_integer(&json, "executed_flops", description->executed_flops);
    json_integer(&json, "workspace_bytes", (int64_t)description->workspace_bytes);
    json_integer(&json, "packed_bytes", (int64_t)description->packed_bytes);
    json_number(&json, "error_bound", description->error_bound);
    json_number(&json, "error_typical", description->error_typical);
    json_object(&json, "time");
    json_integer(&json, "repeats", (int64_t)job->repeats);
    json_number(&json, "create_seconds", job->create_seconds);
    json_number(&json, "min_seconds", job->seconds[0]);
    json_number(&json, "median_seconds", times_median(job->seconds, job->repeats));
    json_end(&json);
    json_number(&json, "gflops_per_second", gflops_of(job));
    return json_print(&json);
}

static void add_work(struct table *table, const struct job *job)
{
    char macs[TEXT_SIZE], valid[TEXT_SIZE], flops[TEXT_SIZE];
    table_cell(table, "counts");
    table_cell(table, "%s multiply-adds (%s on real input), %s FLOPs",
               text_grouped(job->counts.macs, macs), text_grouped(job->counts.macs_valid, valid),
               text_grouped(job->counts.flops, flops));
}

static void add_time(struct table *table, const struct job *job)
{
    char least[TEXT_SIZE], median[TEXT_SIZE], create[TEXT_SIZE];
    text_duration(job->seconds[0], least);
    text_duration(job->create_seconds, create);
    table_cell(table, "time");
    if (job->repeats == 1) {
        table_cell(table, "%s, %.3g GFLOP/s (the plan was made in %s)", least, gflops_of(job),
                   create);
    } else {
        table_cell(table,
                   "%s at least, %s in the median of %zu runs, %.3g GFLOP/s (the plan was "
                   "made in %s)",
                   least, text_duration(times_median(job->seconds, job->repeats), median),
                   job->repeats, gflops_of(job), create);
    }
}

static int print_table(const struct job *job)
{
    struct table table;
    char problem[CONVOY_PROBLEM_SIZE], activation[ACTIVATION_SIZE];
    const convoy_layer *layer = &job->layer;
    const convoy_description *description = &job->description;
    convoy_layer_print(layer, problem, sizeof problem);
    activation_print(&layer->epilogue, activation);
    table_begin(&table, "ll");
    table_cell(&table, "layer");
    table_cell(&table, "%s %s%s%s%s%s", problem, convoy_layout_name(layer->layout),
               job->bias.data ? " +bias" : "", job->residual.data ? " +residual" : "",
               layer->epilogue.activation ? " " : "", layer->epilogue.activation ? activation : "");
    table_cell(&table, "result");
    table_cell(&table, "n %" PRId64 ", k %" PRId64 ", p %" PRId64 ", q %" PRId64 "%s%s%s", layer->N,
               layer->K, job->P, job->Q, job->given->output ? ", written to " : ", not kept",
               job->given->output ? job->given->output : "",
               job->given->output ? "" : " (no --output)");
    add_work(&table, job);
    table_cell(&table, "algorithm");
    table_cell(&table, "%s, %s, %d thread%s: %s", description->algorithm,
               convoy_isa_name(description->isa), description->threads,
               description->threads == 1 ? "" : "s", description->why);
    add_time(&table, job);
    return table_print(&table);
}

int job_print(const struct job *job)
{
    if (job->given->globals.json) {
        return print_json(job);
    }
    return job->given->globals.quiet ? EXIT_GOOD : print_table(job);
}
