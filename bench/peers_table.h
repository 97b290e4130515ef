/**
 * @file peers_table.h
 * Results of scripts/peers, shown under those of this run.
 */
#ifndef CONVOY_BENCH_PEERS_TABLE_H
#define CONVOY_BENCH_PEERS_TABLE_H

#include <stdio.h>

#include "bench/results.h"

/** A file of scripts/peers --json. @retval CONVOY_ERROR_FORMAT */
convoy_status peers_read(const char *path, json_t **peers);

/**
 * For each layer of this run that the peers have run too: every peer's least time, its error, and
 * how many times longer it takes than the best line of this run on as many threads.
 */
void peers_print(FILE *file, const json_t *peers, const struct results *results);

#endif
