/**
 * @file table.h
 * Results as a table of at most 120 columns, a block for each layer, its best line marked.
 */
#ifndef CONVOY_BENCH_TABLE_H
#define CONVOY_BENCH_TABLE_H

#include <stdio.h>

#include "bench/results.h"

/** The head: names and units of the columns. */
void table_print_head(FILE *file);
/** The line above a layer's block: its problem, work and traffic. */
void table_print_layer(FILE *file, const char *name, const convoy_layer *layer);
/** A block: lines of one layer; '*' marks the one of the smallest median time. */
void table_print_lines(FILE *file, const struct line *lines, size_t count);

/** "12.34us", "1.234ms", "16.02s"; four digits. */
const char *time_text(double seconds, char text[16]);
/** "340", "12.5K", "1.2M" (powers of 1024). */
const char *bytes_text(double bytes, char text[16]);

#endif
