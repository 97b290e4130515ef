/**
 * @file layer_file.h
 * Lists of layers: text files with `name problem` a line, '#' starts a comment.
 */
#ifndef CONVOY_IO_LAYER_FILE_H
#define CONVOY_IO_LAYER_FILE_H

#include <stddef.h>

#include "convoy/layer.h"

#define LAYER_NAME_SIZE 96

struct named_layer {
    char name[LAYER_NAME_SIZE];
    convoy_layer layer;
};

struct layer_list {
    struct named_layer *layers; /* owned */
    size_t count;
};

/**
 * The layer of a line's name and problem.
 * @param path, line  where they stand, for the error's sentence
 * @retval CONVOY_ERROR_SYNTAX, and all statuses of convoy_layer_parse
 */
convoy_status named_layer_parse(const char *path, long line, const char *name, const char *problem,
                                struct named_layer *named);

/**
 * Read a layer file.
 * @retval CONVOY_ERROR_IO
 * @retval CONVOY_ERROR_SYNTAX  the detail has file:line and the reason; and all statuses of
 *         convoy_layer_parse. A file without a layer is an error too.
 */
convoy_status layer_file_read(const char *path, struct layer_list *list);

/**
 * The layers of a list that comes with Convoy ("core"; looked for in $CONVOY_LAYERS, the source
 * tree, then where it is installed), of a file (write ./core for one that is called as a list is),
 * or of a problem string (the string is then the name too). Appends to the list, which starts as
 * {0} and is unchanged on an error, but for a want of memory.
 * @retval CONVOY_ERROR_ARGUMENT  none of the three; the detail names the nearest lists
 * @retval as layer_file_read, and as convoy_layer_parse for what begins as a problem string
 */
convoy_status layer_list_append(const char *what, struct layer_list *list);

/** Names of the lists that come with Convoy, sorted; owned array of owned strings, NULL at the end;
 *  free with layer_list_names_destroy. */
convoy_status layer_list_names(char ***names);
void layer_list_names_destroy(char **names);

void layer_list_destroy(struct layer_list *list);

#endif
