/**
 * @file verify_print.h
 * What `convoy verify` tells of each layer and of all.
 */
#ifndef CONVOY_CLI_VERIFY_PRINT_H
#define CONVOY_CLI_VERIFY_PRINT_H

#include "cli/json.h"
#include "cli/layers.h"
#include "cli/verify_select.h"

/** One layer, verified or skipped. */
struct verdict {
    const struct named_layer *named;
    const struct verify_options *options; /* seed, bias, threads that it was verified with */
    struct verify_result result;
    const char *skipped; /* why; NULL when it was verified */
    double seconds;
};

/** All layers. */
struct verify_totals {
    uint64_t seed;
    size_t layers, failed_layers, skipped_layers;
    int64_t cases, failed, not_applied;
    double worst_fraction;
    double seconds;
};

/** Lines on stdout. */
void verdict_print(const struct verdict *verdict);
void totals_print(const struct verify_totals *totals, const struct selection *selection);

/** An element of "layers". */
void verdict_json(struct json *json, const struct verdict *verdict);
/** The members behind "layers". */
void totals_json(struct json *json, const struct verify_totals *totals,
                 const struct selection *selection);

#endif
