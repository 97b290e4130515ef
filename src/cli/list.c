/**
 * @file list.c
 * `convoy list`: the names of algorithms, filters and layer lists.
 */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/errors.h"
#include "cli/filters.h"
#include "cli/json.h"
#include "cli/layers.h"
#include "cli/table.h"
#include "convoy/plan.h"
#include "io/nearest.h"

struct list_options {
    struct globals globals;
};

/* Layers of a list that comes with Convoy; 0 if it cannot be read. */
static size_t layers_of_list(const char *name)
{
    struct layer_list list = {.layers = NULL};
    size_t count = layer_list_append(name, &list) ? 0 : list.count;
    layer_list_destroy(&list);
    return count;
}

static void json_algorithms(struct json *json, char **lists)
{
    (void)lists;
    for (size_t i = 0; i < convoy_algorithm_count(); i++) {
        json_object(json, NULL);
        json_string(json, "name", convoy_algorithm_name(i));
        json_string(json, "summary", convoy_algorithm_summary(i));
        json_end(json);
    }
}

static void json_filters(struct json *json, char **lists)
{
    const char *name, *parameters, *summary;
    (void)lists;
    for (size_t i = 0; filter_describe(i, &name, &parameters, &summary); i++) {
        json_object(json, NULL);
        json_string(json, "name", name);
        json_string(json, "parameters", parameters);
        json_string(json, "summary", summary);
        json_end(json);
    }
}

static void json_layers(struct json *json, char **lists)
{
    for (; *lists; lists++) {
        json_object(json, NULL);
        json_string(json, "name", *lists);
        json_integer(json, "layers", (int64_t)layers_of_list(*lists));
        json_end(json);
    }
}

static void table_algorithms(struct table *table, char **lists)
{
    (void)lists;
    for (size_t i = 0; i < convoy_algorithm_count(); i++) {
        table_cell(table, "  %s", convoy_algorithm_name(i));
        table_cell(table, "%s", convoy_algorithm_summary(i));
    }
}

static void table_filters(struct table *table, char **lists)
{
    const char *name, *parameters, *summary;
    (void)lists;
    for (size_t i = 0; filter_describe(i, &name, &parameters, &summary); i++) {
        table_cell(table, "  %s%s", name, parameters);
        table_cell(table, "%s", summary);
    }
}

static void table_layers(struct table *table, char **lists)
{
    for (; *lists; lists++) {
        table_cell(table, "  %s", *lists);
        table_cell(table, "%zu layers", layers_of_list(*lists));
    }
}

static const struct {
    const char *name;
    void (*to_json)(struct json *json, char **lists);
    void (*to_table)(struct table *table, char **lists);
} kinds[] = {
    {"algorithms", json_algorithms, table_algorithms},
    {"filters", json_filters, table_filters},
    {"layers", json_layers, table_layers},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static int choose(const struct arguments *arguments, bool wanted[KINDS])
{
    const char *names[KINDS + 1] = {NULL};
    for (int k = 0; k < KINDS; k++) {
        names[k] = kinds[k].name;
        wanted[k] = arguments->count == 0;
    }
    for (size_t i = 0; i < arguments->count; i++) {
        const char *text = arguments->items[i].text;
        const char *nearest = nearest_name(text, names);
        bool found = false;
        for (int k = 0; k < KINDS; k++) {
            bool same = strcmp(text, kinds[k].name) == 0;
            wanted[k] = wanted[k] || same;
            found = found || same;
        }
        if (!found && nearest) {
            return report_usage("there is no list of '%s'; did you mean %s?", text, nearest);
        }
        if (!found) {
            return report_usage("there is no list of '%s'; it is algorithms, filters or layers",
                                text);
        }
    }
    return EXIT_GOOD;
}

static int print_json(const bool wanted[KINDS], char **lists)
{
    struct json json;
    json_begin(&json);
    for (int k = 0; k < KINDS; k++) {
        if (wanted[k]) {
            json_array(&json, kinds[k].name);
            kinds[k].to_json(&json, lists);
            json_end(&json);
        }
    }
    return json_print(&json);
}

static int print_table(const bool wanted[KINDS], char **lists)
{
    int code = EXIT_GOOD;
    bool first = true;
    for (int k = 0; k < KINDS && !code; k++) {
        struct table table;
        if (!wanted[k]) {
            continue;
        }
        fputs(first ? "" : "\n", stdout);
        table_begin(&table, "ll");
        table_cell(&table, "%s", kinds[k].name);
        table_end_row(&table);
        kinds[k].to_table(&table, lists);
        code = table_print(&table);
        first = false;
    }
    return code;
}

static int run(const struct arguments *arguments, const void *options)
{
    const struct list_options *given = options;
    bool wanted[KINDS];
    char **lists = NULL;
    int code = choose(arguments, wanted);
    if (code) {
        return code;
    }
    convoy_status status = layer_list_names(&lists);
    if (status) {
        return report_status(status, NULL);
    }
    code = given->globals.json ? print_json(wanted, lists) : print_table(wanted, lists);
    layer_list_names_destroy(lists);
    return code;
}

static const struct option_row rows[] = {
    {NULL, OPTION_FLAG, 0, NULL, NULL, 0, 0},
};

const struct command command_list = {
    .name = "list",
    .summary = "The algorithms, the named filters, and the lists of layers",
    .usage = "[algorithms|filters|layers] [options]",
    .details = "",
    .examples = "  convoy list\n"
                "  convoy list filters\n"
                "  convoy list layers --json\n",
    .rows = rows,
    .ignores = "threads isa seed quiet",
    .options_bytes = sizeof(struct list_options),
    .run = run,
};
