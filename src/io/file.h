/**
 * @file file.h
 * Output files that appear whole or not at all: written beside, then renamed.
 */
#ifndef CONVOY_IO_FILE_H
#define CONVOY_IO_FILE_H

#include <stdio.h>

#include "convoy/status.h"

struct file_writer {
    FILE *stream;    /* write here */
    char *path;      /* what it will be called */
    char *temporary; /* what it is called until then, in the same directory */
};

/** @retval CONVOY_ERROR_IO, CONVOY_ERROR_MEMORY */
convoy_status file_create(const char *path, struct file_writer *writer);
/** Flush, check, rename; on an error the temporary file is removed. @retval CONVOY_ERROR_IO */
convoy_status file_commit(struct file_writer *writer);
/** Remove the temporary file; nothing was written. Fine on a cleared or committed writer. */
void file_abandon(struct file_writer *writer);
/** Remove the temporary files of all open writers; safe to call from a signal handler. */
void file_abandon_all(void);

#endif
