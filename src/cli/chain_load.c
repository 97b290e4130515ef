/**
 * @file chain_load.c
 * Chains from their files. Weights that are not given are uniform, and so small that numbers
 * neither grow nor fade along the chain: of a variance of 1 / (terms of a sum).
 */
#include "cli/chain_job.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "cli/activation.h"
#include "cli/command.h"
#include "cli/errors.h"
#include "cli/text.h"

static convoy_status fill_weights(const convoy_layer *layer, uint64_t seed, convoy_tensor *filter)
{
    int64_t Cg = layer->C / layer->groups;
    double reach = sqrt(3.0 / (double)(Cg * layer->R * layer->S));
    convoy_status status =
        convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, layer->K, Cg, layer->R, layer->S, filter);
    return status ? status : convoy_tensor_fill_uniform(filter, seed, -reach, reach);
}

static int load_filter(const struct chain_entry *entry, uint64_t seed, convoy_tensor *filter)
{
    const convoy_layer *layer = &entry->named.layer;
    if (!entry->filter) {
        convoy_status status = fill_weights(layer, seed, filter);
        return status ? report_status(status, entry->named.name) : EXIT_GOOD;
    }
    int code = operand_read_parameters(entry->filter, "filter", 4, filter);
    if (!code && (filter->N != layer->K || filter->C != layer->C / layer->groups ||
                  filter->H != layer->R || filter->W != layer->S)) {
        code = report_usage("%s: the filter in %s is %" PRId64 " x %" PRId64 " x %" PRId64
                            " x %" PRId64 "; the layer needs %" PRId64 " x %" PRId64 " x %" PRId64
                            " x %" PRId64,
                            entry->named.name, entry->filter, filter->N, filter->C, filter->H,
                            filter->W, layer->K, layer->C / layer->groups, layer->R, layer->S);
    }
    return code;
}

static int load_bias(const struct chain_entry *entry, convoy_tensor *bias)
{
    if (!entry->bias) {
        return EXIT_GOOD;
    }
    int code = operand_read_parameters(entry->bias, "bias", 1, bias);
    if (!code && bias->N != entry->named.layer.K) {
        code = report_usage("%s: the bias in %s has %" PRId64 " values; the layer has %" PRId64
                            " output channels, and each needs one",
                            entry->named.name, entry->bias, bias->N, entry->named.layer.K);
    }
    return code;
}

static int load_layer(const struct chain_job *job, struct chain_side *side, size_t index)
{
    struct chain_entry *entry = &side->file.entries[index];
    struct chain_layer *layer = &side->layers[index];
    entry->named.layer.layout = job->layout;
    int code = activation_read(entry->activation, &entry->named.layer.epilogue);
    if (code) {
        return code;
    }
    convoy_count_options counting = {.bias = entry->bias != NULL};
    convoy_status status = convoy_layer_count(&entry->named.layer, &counting, &layer->counts);
    if (status) {
        return report_status(status, entry->named.name);
    }
    code = load_filter(entry, job->given->globals.seed + 1 + index, &layer->filter);
    return code ? code : load_bias(entry, &layer->bias);
}

static convoy_status create_chain(const struct chain_job *job, struct chain_side *side,
                                  convoy_layer *layers, convoy_weights *weights)
{
    for (size_t i = 0; i < side->count; i++) {
        layers[i] = side->file.entries[i].named.layer;
        weights[i] = (convoy_weights){side->layers[i].filter.data, side->layers[i].bias.data};
    }
    double started = seconds_now();
    convoy_status status =
        convoy_chain_create(layers, weights, side->count, &job->options, &side->chain);
    side->create_seconds = seconds_now() - started;
    for (size_t i = 0; i < side->count && !status; i++) {
        status =
            convoy_plan_describe(convoy_chain_plan(side->chain, i), &side->layers[i].description);
    }
    return status ? status
                  : convoy_workspace_create(convoy_chain_arena_bytes(side->chain), &side->arena);
}

static int make_chain(const struct chain_job *job, struct chain_side *side)
{
    convoy_layer *layers = calloc(side->count, sizeof *layers);
    convoy_weights *weights = calloc(side->count, sizeof *weights);
    int code = EXIT_GOOD;
    if (!layers || !weights) {
        code = report_no_memory();
    } else {
        convoy_status status = create_chain(job, side, layers, weights);
        code = status ? report_status(status, side->path) : EXIT_GOOD;
    }
    free(layers);
    free(weights);
    return code;
}

/* x from --input or random, and room for y. */
static int make_operands(const struct chain_job *job, struct chain_side *side)
{
    const convoy_layer *first = &side->file.entries[0].named.layer;
    const convoy_layer *last = &side->file.entries[side->count - 1].named.layer;
    int64_t P, Q;
    if (job->given->input) {
        int code = operand_read_map(job->given->input, job->given, job->layout, &side->x);
        if (code) {
            return code;
        }
    }
    convoy_status status = CONVOY_OK;
    if (!job->given->input) {
        status = convoy_tensor_create(CONVOY_FLOAT32, job->layout, first->N, first->C, first->H,
                                      first->W, &side->x);
        status =
            status ? status : convoy_tensor_fill_uniform(&side->x, job->given->globals.seed, -1, 1);
    }
    status = status ? status : convoy_layer_output(last, &P, &Q);
    status = status ? status
                    : convoy_tensor_create(CONVOY_FLOAT32, job->layout, last->N, last->K, P, Q,
                                           &side->y);
    return status ? report_status(status, side->path) : EXIT_GOOD;
}

static int load_side(const struct chain_job *job, struct chain_side *side)
{
    convoy_status status = chain_file_read(side->path, &side->file);
    if (status) {
        return report_status(status, NULL);
    }
    side->count = side->file.count;
    side->layers = calloc(side->count, sizeof *side->layers);
    side->seconds = calloc(side->count * job->repeats, sizeof *side->seconds);
    side->run_seconds = calloc(job->repeats, sizeof *side->run_seconds);
    int code = side->layers && side->seconds && side->run_seconds ? EXIT_GOOD : report_no_memory();
    for (size_t i = 0; i < side->count && !code; i++) {
        code = load_layer(job, side, i);
    }
    code = code ? code : make_chain(job, side);
    return code ? code : make_operands(job, side);
}

int chain_load(struct chain_job *job)
{
    job->column = calloc(job->repeats, sizeof *job->column);
    int code = job->column ? EXIT_GOOD : report_no_memory();
    for (size_t i = 0; i < job->side_count && !code; i++) {
        code = load_side(job, &job->sides[i]);
    }
    return code;
}
