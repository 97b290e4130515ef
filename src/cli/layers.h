/**
 * @file layers.h
 * The layers that a command line names: problem strings, and the lists of --layers.
 */
#ifndef CONVOY_CLI_LAYERS_H
#define CONVOY_CLI_LAYERS_H

#include <stdbool.h>

#include "cli/options.h"
#include "cli/json.h"
#include "convoy/plan.h"
#include "io/layer_file.h"

struct layers {
    struct named_layer *items; /* owned; the name is "" for a problem string */
    size_t count;
    bool listed; /* some come from --layers */
};

/**
 * The layers of arguments first..end-1, appended.
 * @return EXIT_GOOD, or the exit code of the error that was reported
 */
int layers_collect(const struct arguments *arguments, size_t first, size_t end,
                   struct layers *layers);
void layers_destroy(struct layers *layers);

/** All arguments; none at all is an error that says how `command` is used. */
int layers_of_command(const struct command *command, const struct arguments *arguments,
                      struct layers *layers);

/** Exactly one problem string, for commands that work on one layer. */
int layer_of_command(const struct command *command, const struct arguments *arguments,
                     convoy_layer *layer);

/** Refuse any arguments. */
int no_arguments(const struct command *command, const struct arguments *arguments);

/** A call failed on a layer: report it with the problem string. @return as report_status */
int report_layer_status(convoy_status status, const convoy_layer *layer);

/** "nchw" or "nhwc" of an option; NULL gives NCHW. */
int layout_of_option(const char *text, convoy_layout *layout);

/** The members "name" (if it has one) and "problem" of a JSON object. */
void json_layer(struct json *json, const struct named_layer *named);

#endif
