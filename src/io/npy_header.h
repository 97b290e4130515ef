/**
 * @file npy_header.h
 * The header of a .npy file: a Python dictionary literal with the keys descr, fortran_order and
 * shape, in any order and with any blanks.
 */
#ifndef CONVOY_IO_NPY_HEADER_H
#define CONVOY_IO_NPY_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "io/npy.h"

struct npy_header {
    bool has_descr, has_order, has_shape;
    char descr[64]; /* "<f4"; of a structured type its beginning, "[(..." */
    bool fortran_order;
    int rank;
    int64_t extents[NPY_MAX_RANK];
};

/** False when the text is no such dictionary, or the shape has too many extents. */
bool npy_header_parse(const char *text, struct npy_header *header);

#endif
