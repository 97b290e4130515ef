/**
 * @file table.h
 * A table of text whose columns are as wide as their widest cell.
 */
#ifndef CONVOY_CLI_TABLE_H
#define CONVOY_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TABLE_COLUMNS_MAX 16

struct table {
    const char *alignment; /* 'l' or 'r' for each column */
    size_t columns;
    char **cells; /* row by row, owned */
    size_t count, room;
    bool failed; /* no memory: reported by table_print */
};

/** @param alignment  e.g. "lrr"; one character a column, and it must outlive the table */
void table_begin(struct table *table, const char *alignment);

/** The next cell, left to right and top to bottom. The first row is the head. */
__attribute__((format(printf, 2, 3))) void table_cell(struct table *table, const char *format, ...);
/** A number with separators between thousands. */
void table_number(struct table *table, int64_t value);
/** Empty cells to the end of the row. */
void table_end_row(struct table *table);

/** Print on stdout and free. @return EXIT_GOOD, or EXIT_SYSTEM_FAILED (reported) */
int table_print(struct table *table);
/** Free without printing. */
void table_discard(struct table *table);

#endif
