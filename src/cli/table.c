/**
 * @file table.c
 * Cells are kept until the table is printed, because only then the widths are known.
 */
#include "cli/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/errors.h"
#include "cli/text.h"

void table_begin(struct table *table, const char *alignment)
{
    *table = (struct table){.alignment = alignment, .columns = strlen(alignment)};
}

static void add_cell(struct table *table, char *text)
{
    if (text && table->count == table->room) {
        size_t room = table->room ? 2 * table->room : 64;
        char **cells = realloc(table->cells, room * sizeof *cells);
        if (cells) {
            table->cells = cells;
            table->room = room;
        }
    }
    if (!text || table->count == table->room) {
        free(text);
        table->failed = true;
        return;
    }
    table->cells[table->count++] = text;
}

void table_cell(struct table *table, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) {
        text = NULL;
    }
    va_end(arguments);
    add_cell(table, text);
}

void table_number(struct table *table, int64_t value)
{
    char text[TEXT_SIZE];
    table_cell(table, "%s", text_grouped(value, text));
}

void table_end_row(struct table *table)
{
    while (!table->failed && table->count % table->columns != 0) {
        table_cell(table, "%s", "");
    }
}

/* Characters, not bytes: bytes 10xxxxxx continue a character of UTF-8. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static void print_row(const struct table *table, char **cells, const size_t *widths)
{
    size_t behind = 0; /* spaces that are owed before the next text */
    for (size_t c = 0; c < table->columns; c++) {
        size_t gap = widths[c] - width_of(cells[c]);
        bool right = table->alignment[c] == 'r';
        if (*cells[c]) {
            printf("%*s%s", (int)(behind + (right ? gap : 0)), "", cells[c]);
            behind = right ? 2 : gap + 2;
        } else {
            behind += widths[c] + 2;
        }
    }
}

static void print_rows(const struct table *table)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    for (size_t i = 0; i < table->count; i++) {
        size_t width = width_of(table->cells[i]);
        size_t *widest = &widths[i % table->columns];
        *widest = width > *widest ? width : *widest;
    }
    for (size_t i = 0; i < table->count; i += table->columns) {
        fputs(colour_text(i == 0 ? COLOUR_BOLD : COLOUR_NONE), stdout);
        print_row(table, table->cells + i, widths);
        printf("%s\n", i == 0 ? colour_text(COLOUR_NONE) : "");
    }
}

void table_discard(struct table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    *table = (struct table){.alignment = "", .columns = 0};
}

int table_print(struct table *table)
{
    table_end_row(table);
    bool failed = table->failed;
    if (!failed) {
        print_rows(table);
    }
    table_discard(table);
    return failed ? report_no_memory() : EXIT_GOOD;
}
