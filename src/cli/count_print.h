/**
 * @file count_print.h
 * Counts as JSON and as tables.
 */
#ifndef CONVOY_CLI_COUNT_PRINT_H
#define CONVOY_CLI_COUNT_PRINT_H

#include "cli/json.h"
#include "cli/layers.h"
#include "convoy/count.h"

/** Layers that run one after another. */
struct chain {
    struct layers layers;  /* owned */
    convoy_counts *counts; /* of each, owned */
    convoy_counts total;
};

/* Each prints on stdout and returns EXIT_GOOD, or EXIT_SYSTEM_FAILED (reported). */

/** {"layers": [...], "total": {...}} */
int count_json(const struct chain *chain);
/** {"chains": [{"layers", "total", "ratio"}...], "ratio": ...}: ratios of multiply-adds, of the
 *  first chain to each, and to the second. */
int versus_json(const struct chain *chains, size_t count);
/** The counts of a chain of one layer, one a line. */
int count_sheet(const struct chain *chain);
/** A line a layer, and the total. */
int count_table(const struct chain *chain);
/** A column a chain, and the ratios to the first. */
int versus_table(const struct chain *chains, size_t count);

/** The members of a JSON object that are counts. */
void json_counts(struct json *json, const convoy_counts *counts);

#endif
