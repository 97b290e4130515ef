/**
 * @file chain_file.h
 * Chains of layers: text files with a line a layer, in the order in which they run:
 *
 *     name problem [filter=W.npy] [bias=B.npy] [activation=A]     # starts a comment
 *
 * A layer file is a chain file too, if its layers follow each other.
 */
#ifndef CONVOY_IO_CHAIN_FILE_H
#define CONVOY_IO_CHAIN_FILE_H

#include "io/layer_file.h"

struct chain_entry {
    struct named_layer named;
    /* Owned; NULL: not given. Paths are relative to the directory of the file in the file, and to
       the current one here. */
    char *filter, *bias;
    char *activation;
};

struct chain_file {
    struct chain_entry *entries; /* owned */
    size_t count;
};

/**
 * Read a chain file. Whether its layers follow each other is not asked here.
 * @retval CONVOY_ERROR_IO
 * @retval CONVOY_ERROR_SYNTAX  the detail has file:line and the reason; and all statuses of
 *         convoy_layer_parse. A file without a layer is an error too.
 */
convoy_status chain_file_read(const char *path, struct chain_file *file);
void chain_file_destroy(struct chain_file *file);

#endif
