/**
 * @file file.h
 * Input files, and output files that appear whole or not at all: written beside, then renamed.
 */
#ifndef CONVOY_CORE_FILE_H
#define CONVOY_CORE_FILE_H

#include <stdio.h>

#include "convoy/status.h"

/** Open a file for reading; a directory is refused. @retval CONVOY_ERROR_IO */
convoy_status file_open(const char *path, FILE **stream);
/**
 * Close a file that was read.
 * @param status  what came of reading it
 * @return CONVOY_ERROR_IO if the system could not read it, whatever was made of that; else status
 */
convoy_status file_close(const char *path, FILE *stream, convoy_status status);

struct file_writer {
    FILE *stream;    /* write here */
    char *path;      /* what it will be called */
    char *temporary; /* what it is called until then, in the same directory; NULL for a device or a
                        pipe, which are written as they are */
};

/**
 * Open a file for writing; one that exists stays as it is until the commit, and gives its mode.
 * @retval CONVOY_ERROR_IO  also when 16 are open already
 * @retval CONVOY_ERROR_MEMORY
 */
convoy_status file_create(const char *path, struct file_writer *writer);

/** Flush, check, rename; on an error the temporary file is removed. @retval CONVOY_ERROR_IO */
convoy_status file_commit(struct file_writer *writer);
/** Remove the temporary file; nothing was written. Fine on a cleared or committed writer. */
void file_abandon(struct file_writer *writer);
/** A file of this text; @retval as file_create and file_commit */
convoy_status file_write_text(const char *path, const char *text);
/** Remove the temporary files of all open writers; safe to call from a signal handler. */
void file_abandon_all(void);

#endif
