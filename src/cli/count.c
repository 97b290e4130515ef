/**
 * @file count.c
 * `convoy count`: the analytic counts of layers, and of chains of layers side by side.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"
#include "cli/count_print.h"
#include "cli/errors.h"
#include "cli/layers.h"

struct count_options {
    struct globals globals;
    bool bias, batch_norm;
};

/* Layers `first` to `end` of the arguments. */
static int make_chain(const struct arguments *arguments, size_t first, size_t end,
                      const convoy_count_options *options, struct chain *chain)
{
    int code = layers_collect(arguments, first, end, &chain->layers);
    if (code) {
        return code;
    }
    if (chain->layers.count == 0) {
        return report_usage("a chain has no layer; usage: convoy count %s", command_count.usage);
    }
    chain->counts = calloc(chain->layers.count, sizeof *chain->counts);
    if (!chain->counts) {
        return report_no_memory();
    }
    for (size_t i = 0; i < chain->layers.count; i++) {
        const convoy_layer *layer = &chain->layers.items[i].layer;
        convoy_status status = convoy_layer_count(layer, options, &chain->counts[i]);
        if (!status) {
            status = convoy_counts_add(&chain->total, &chain->counts[i]);
        }
        if (status) {
            return report_layer_status(status, layer);
        }
    }
    return EXIT_GOOD;
}

/* --versus ends a chain and begins the next. */
static int make_chains(const struct arguments *arguments, const convoy_count_options *options,
                       struct chain *chains, size_t *count)
{
    size_t first = 0;
    int code = EXIT_GOOD;
    for (size_t i = 0; i <= arguments->count && !code; i++) {
        if (i == arguments->count || arguments->items[i].kind == ARGUMENT_VERSUS) {
            code = make_chain(arguments, first, i, options, &chains[(*count)++]);
            first = i + 1;
        }
    }
    return code;
}

static int print_chains(const struct chain *chains, size_t count, bool json)
{
    if (json) {
        return count == 1 ? count_json(&chains[0]) : versus_json(chains, count);
    }
    if (count > 1) {
        return versus_table(chains, count);
    }
    return chains[0].layers.count == 1 ? count_sheet(&chains[0]) : count_table(&chains[0]);
}

static int run(const struct arguments *arguments, const void *options)
{
    const struct count_options *given = options;
    convoy_count_options counting = {.bias = given->bias, .batch_norm = given->batch_norm};
    struct chain *chains = calloc(arguments->count + 1, sizeof *chains);
    size_t count = 0;
    if (!chains) {
        return report_no_memory();
    }
    int code = make_chains(arguments, &counting, chains, &count);
    if (!code) {
        code = print_chains(chains, count, given->globals.json);
    }
    for (size_t i = 0; i < count; i++) {
        layers_destroy(&chains[i].layers);
        free(chains[i].counts);
    }
    free(chains);
    return code;
}

#define FIELD(name) offsetof(struct count_options, name)

static const struct option_row rows[] = {
    {"bias", OPTION_FLAG, FIELD(bias), NULL, "each output channel has a bias", 0, 0},
    {"batch-norm", OPTION_FLAG, FIELD(batch_norm), NULL,
     "each output channel has a scale and a shift", 0, 0},
    {"layers", OPTION_LAYERS, 0, "FILE|LIST", "layers of a file or a list (see 'convoy list')", 0,
     0},
    {"versus", OPTION_VERSUS, 0, NULL, "what follows is another chain, to compare with the first",
     0, 0},
    {NULL, OPTION_FLAG, 0, NULL, NULL, 0, 0},
};

const struct command command_count = {
    .name = "count",
    .summary = "Multiply-adds, FLOPs, parameters and bytes of layers and chains of layers",
    .usage = "PROBLEM... [--layers FILE|LIST] [--versus PROBLEM...] [options]",
    .details =
        "One multiply-add (MAC) is two FLOPs. Counts 'on real input' leave out the taps that "
        "fall on\npadding. Least traffic reads input and filter once and writes the output "
        "once.",
    .examples = "  convoy count --bias n1c128h100w100_k256r5s5_pd2\n"
                "  convoy count --layers vgg19 --json\n"
                "  convoy count --bias n1c128h100w100_k256r5s5_pd2 \\\n"
                "      --versus n1c128h100w100_k32r1s1 n1c32h100w100_k256r5s5_pd2\n",
    .rows = rows,
    .ignores = "threads isa seed quiet",
    .options_bytes = sizeof(struct count_options),
    .run = run,
};
