/**
 * @file count_print.c
 * One table names every count; the sheet and the comparison are printed from it.
 */
#include "cli/count_print.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/errors.h"
#include "cli/table.h"
#include "cli/text.h"

static const struct {
    const char *name;
    size_t offset;
} fields[] = {
    {"multiply-adds (MACs)", offsetof(convoy_counts, macs)},
    {"  on real input", offsetof(convoy_counts, macs_valid)},
    {"FLOPs", offsetof(convoy_counts, flops)},
    {"  on real input", offsetof(convoy_counts, flops_valid)},
    {"bias additions", offsetof(convoy_counts, bias_adds)},
    {"parameters", offsetof(convoy_counts, parameters_total)},
    {"  weights", offsetof(convoy_counts, parameters_weights)},
    {"  bias", offsetof(convoy_counts, parameters_bias)},
    {"  batch norm", offsetof(convoy_counts, parameters_batch_norm)},
    {"bytes of least traffic", offsetof(convoy_counts, bytes_least)},
    {"  input", offsetof(convoy_counts, bytes_input)},
    {"  filter", offsetof(convoy_counts, bytes_filter)},
    {"  output", offsetof(convoy_counts, bytes_output)},
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

static int64_t field_of(const convoy_counts *counts, int field)
{
    return *(const int64_t *)((const char *)counts + fields[field].offset);
}

static double ratio_of(int64_t first, int64_t other)
{
    return (double)first / (double)other;
}

void json_counts(struct json *json, const convoy_counts *counts)
{
    json_integer(json, "macs", counts->macs);
    json_integer(json, "macs_valid", counts->macs_valid);
    json_integer(json, "flops", counts->flops);
    json_integer(json, "flops_valid", counts->flops_valid);
    json_integer(json, "bias_adds", counts->bias_adds);
    json_object(json, "parameters");
    json_integer(json, "weights", counts->parameters_weights);
    json_integer(json, "bias", counts->parameters_bias);
    json_integer(json, "batch_norm", counts->parameters_batch_norm);
    json_integer(json, "total", counts->parameters_total);
    json_end(json);
    json_object(json, "bytes");
    json_integer(json, "input", counts->bytes_input);
    json_integer(json, "filter", counts->bytes_filter);
    json_integer(json, "output", counts->bytes_output);
    json_integer(json, "least", counts->bytes_least);
    json_end(json);
    json_number(json, "intensity", counts->intensity);
}

static void json_chain(struct json *json, const struct chain *chain)
{
    json_array(json, "layers");
    for (size_t i = 0; i < chain->layers.count; i++) {
        json_object(json, NULL);
        json_layer(json, &chain->layers.items[i]);
        json_counts(json, &chain->counts[i]);
        json_end(json);
    }
    json_end(json);
    json_object(json, "total");
    json_counts(json, &chain->total);
    json_end(json);
}

int count_json(const struct chain *chain)
{
    struct json json;
    json_begin(&json);
    json_chain(&json, chain);
    return json_print(&json);
}

int versus_json(const struct chain *chains, size_t count)
{
    struct json json;
    json_begin(&json);
    json_array(&json, "chains");
    for (size_t i = 0; i < count; i++) {
        json_object(&json, NULL);
        json_chain(&json, &chains[i]);
        json_number(&json, "ratio", ratio_of(chains[0].total.macs, chains[i].total.macs));
        json_end(&json);
    }
    json_end(&json);
    json_number(&json, "ratio", ratio_of(chains[0].total.macs, chains[1].total.macs));
    return json_print(&json);
}

int count_sheet(const struct chain *chain)
{
    struct table table;
    char problem[CONVOY_PROBLEM_SIZE];
    const struct named_layer *named = &chain->layers.items[0];
    convoy_layer_print(&named->layer, problem, sizeof problem);
    table_begin(&table, "lr");
    table_cell(&table, "%s", problem);
    table_cell(&table, "%s", named->name);
    for (int f = 0; f < FIELDS; f++) {
        table_cell(&table, "%s", fields[f].name);
        table_number(&table, field_of(&chain->total, f));
    }
    table_cell(&table, "intensity, FLOPs per byte");
    table_cell(&table, "%.1f", chain->total.intensity);
    return table_print(&table);
}

/* name NULL: the table has no column for it */
static void add_row(struct table *table, const char *name, const char *problem,
                    const convoy_counts *counts)
{
    if (name) {
        table_cell(table, "%s", name);
    }
    table_cell(table, "%s", problem);
    table_number(table, counts->macs);
    table_number(table, counts->macs_valid);
    table_number(table, counts->flops);
    table_number(table, counts->bias_adds);
    table_number(table, counts->parameters_total);
    table_number(table, counts->bytes_least);
    table_cell(table, "%.1f", counts->intensity);
}

int count_table(const struct chain *chain)
{
    static const char *const heads[] = {"MACs",       "on real input", "FLOPs",     "bias adds",
                                        "parameters", "least bytes",   "FLOPs/byte"};
    struct table table;
    bool listed = chain->layers.listed;
    char problem[CONVOY_PROBLEM_SIZE];
    table_begin(&table, listed ? "llrrrrrrr" : "lrrrrrrr");
    if (listed) {
        table_cell(&table, "name");
    }
    table_cell(&table, "problem");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        table_cell(&table, "%s", heads[i]);
    }
    for (size_t i = 0; i < chain->layers.count; i++) {
        convoy_layer_print(&chain->layers.items[i].layer, problem, sizeof problem);
        add_row(&table, listed ? chain->layers.items[i].name : NULL, problem, &chain->counts[i]);
    }
    add_row(&table, listed ? "total" : NULL, listed ? "" : "total", &chain->total);
    return table_print(&table);
}

static void print_chain_layers(const struct chain *chain, size_t index)
{
    char problem[CONVOY_PROBLEM_SIZE], macs[TEXT_SIZE];
    printf("%schain %zu%s\n", colour_text(COLOUR_BOLD), index + 1, colour_text(COLOUR_NONE));
    for (size_t i = 0; i < chain->layers.count; i++) {
        const struct named_layer *named = &chain->layers.items[i];
        convoy_layer_print(&named->layer, problem, sizeof problem);
        printf("  %s%s%s: %s multiply-adds\n", named->name, *named->name ? " " : "", problem,
               text_grouped(chain->counts[i].macs, macs));
    }
}

/* Columns of the comparison: the name, then a chain, and its ratio but for the first. */
#define VERSUS_SHOWN (TABLE_COLUMNS_MAX / 2)

static void add_versus_row(struct table *table, const struct chain *chains, size_t count, int f)
{
    int64_t first = field_of(&chains[0].total, f);
    table_cell(table, "%s", fields[f].name);
    table_number(table, first);
    for (size_t i = 1; i < count; i++) {
        int64_t value = field_of(&chains[i].total, f);
        table_number(table, value);
        if (value > 0) {
            table_cell(table, "%.2f", ratio_of(first, value));
        } else {
            table_cell(table, "%s", "");
        }
    }
}

int versus_table(const struct chain *chains, size_t count)
{
    char alignment[TABLE_COLUMNS_MAX + 1] = "lrrrrrrrrrrrrrrr";
    struct table table;
    if (count > VERSUS_SHOWN) {
        return report_usage("%zu chains do not fit side by side; give at most %d, or --json", count,
                            VERSUS_SHOWN);
    }
    for (size_t i = 0; i < count; i++) {
        print_chain_layers(&chains[i], i);
    }
    putchar('\n');
    alignment[2 * count] = '\0';
    table_begin(&table, alignment);
    table_cell(&table, "%s", "total");
    table_cell(&table, "chain 1");
    for (size_t i = 1; i < count; i++) {
        table_cell(&table, "chain %zu", i + 1);
        table_cell(&table, "1 / %zu", i + 1);
    }
    for (int f = 0; f < FIELDS; f++) {
        add_versus_row(&table, chains, count, f);
    }
    return table_print(&table);
}
