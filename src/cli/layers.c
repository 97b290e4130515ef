/**
 * @file layers.c
 * Problem strings are parsed here one by one, so that an error shows the place in the string;
 * lists are read by src/io.
 */
#include "cli/layers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/errors.h"

static int append(struct layers *layers, const struct named_layer *added, size_t count)
{
    size_t bytes = (layers->count + count) * sizeof *layers->items;
    struct named_layer *items = realloc(layers->items, bytes);
    if (!items) {
        return report_no_memory();
    }
    layers->items = items;
    memcpy(layers->items + layers->count, added, count * sizeof *added);
    layers->count += count;
    return EXIT_GOOD;
}

static bool is_list_name(const char *text)
{
    char **names = NULL;
    bool found = false;
    if (convoy_layer_parse(text, &(convoy_layer){0}) == CONVOY_OK || layer_list_names(&names)) {
        return false;
    }
    for (char **name = names; *name; name++) {
        found = found || strcmp(*name, text) == 0;
    }
    layer_list_names_destroy(names);
    return found;
}

/* Details of the parser quote the problem; details of the check do not. */
static int parse_problem(const char *text, convoy_layer *layer)
{
    char context[96];
    if (is_list_name(text)) {
        return report_usage("'%s' is a list of layers, not a problem; give it as --layers %s", text,
                            text);
    }
    convoy_status status = convoy_layer_parse(text, layer);
    if (!status) {
        return EXIT_GOOD;
    }
    snprintf(context, sizeof context, "problem \"%.60s%s\"", text, strlen(text) > 60 ? "..." : "");
    bool quoted = strncmp(convoy_error_detail(), "problem \"", strlen("problem \"")) == 0;
    return report_status(status, quoted ? NULL : context);
}

static int collect_list(const char *what, struct layers *layers)
{
    struct layer_list list = {.layers = NULL};
    convoy_status status = layer_list_append(what, &list);
    int code = status ? report_status(status, NULL) : append(layers, list.layers, list.count);
    layer_list_destroy(&list);
    layers->listed = true;
    return code;
}

/* --layers A,B: each part, unless the whole is one. */
static int collect_lists(const char *text, struct layers *layers)
{
    int code = EXIT_GOOD;
    char *copy = strdup(text), *rest = copy, *part;
    FILE *whole = strchr(text, ',') ? fopen(text, "r") : NULL;
    if (!copy) {
        code = report_no_memory();
    } else if (whole || !strchr(text, ',')) {
        code = collect_list(text, layers);
    } else {
        while (!code && (part = strsep(&rest, ",")) != NULL) {
            code = collect_list(part, layers);
        }
    }
    if (whole) {
        fclose(whole);
    }
    free(copy);
    return code;
}

int layers_collect(const struct arguments *arguments, size_t first, size_t end,
                   struct layers *layers)
{
    int code = EXIT_GOOD;
    for (size_t i = first; i < end && !code; i++) {
        const struct argument *argument = &arguments->items[i];
        struct named_layer named = {.name = ""};
        if (argument->kind == ARGUMENT_LAYERS) {
            code = collect_lists(argument->text, layers);
        } else {
            code = parse_problem(argument->text, &named.layer);
            code = code ? code : append(layers, &named, 1);
        }
    }
    return code;
}

void layers_destroy(struct layers *layers)
{
    free(layers->items);
    *layers = (struct layers){.items = NULL};
}

int layers_of_command(const struct command *command, const struct arguments *arguments,
                      struct layers *layers)
{
    if (arguments->count == 0) {
        return report_usage("no layer was given; usage: convoy %s %s", command->name,
                            command->usage);
    }
    return layers_collect(arguments, 0, arguments->count, layers);
}

int layer_of_command(const struct command *command, const struct arguments *arguments,
                     convoy_layer *layer)
{
    if (arguments->count != 1) {
        return report_usage("%zu problems were given, and %s takes one; usage: convoy %s %s",
                            arguments->count, command->name, command->name, command->usage);
    }
    return parse_problem(arguments->items[0].text, layer);
}

int no_arguments(const struct command *command, const struct arguments *arguments)
{
    if (arguments->count == 0) {
        return EXIT_GOOD;
    }
    return report_usage("unexpected argument '%s'; usage: convoy %s %s", arguments->items[0].text,
                        command->name, command->usage);
}

int report_layer_status(convoy_status status, const convoy_layer *layer)
{
    char problem[CONVOY_PROBLEM_SIZE];
    convoy_layer_print(layer, problem, sizeof problem);
    return report_status(status, problem);
}

int layout_of_option(const char *text, convoy_layout *layout)
{
    *layout = CONVOY_NCHW;
    if (!text || strcasecmp(text, "nchw") == 0) {
        return EXIT_GOOD;
    }
    *layout = CONVOY_NHWC;
    if (strcasecmp(text, "nhwc") == 0) {
        return EXIT_GOOD;
    }
    return report_usage("there is no layout '%s'; it is nchw or nhwc", text);
}

void json_layer(struct json *json, const struct named_layer *named)
{
    char problem[CONVOY_PROBLEM_SIZE];
    convoy_layer_print(&named->layer, problem, sizeof problem);
    if (*named->name) {
        json_string(json, "name", named->name);
    }
    json_string(json, "problem", problem);
}
