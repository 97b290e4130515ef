/**
 * @file file.c
 * Output files written beside and renamed. The temporary names of open writers stand in a fixed
 * table, so that a signal handler can remove them.
 */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"

#define OPEN_WRITERS_MAX 16

static _Atomic(char *) open_writers[OPEN_WRITERS_MAX];

static bool remember(char *temporary)
{
    for (int i = 0; i < OPEN_WRITERS_MAX; i++) {
        char *empty = NULL;
        if (atomic_compare_exchange_strong(&open_writers[i], &empty, temporary)) {
            return true;
        }
    }
    return false;
}

static void forget(char *temporary)
{
    for (int i = 0; i < OPEN_WRITERS_MAX; i++) {
        char *expected = temporary;
        atomic_compare_exchange_strong(&open_writers[i], &expected, NULL);
    }
}

/* A device, a pipe or a terminal is written as it is: there is nothing to rename over. */
static convoy_status open_special(const char *path, struct file_writer *writer)
{
    FILE *stream = fopen(path, "wbe");
    char *copy = stream ? strdup(path) : NULL;
    if (!copy) {
        int error = stream ? ENOMEM : errno;
        if (stream) {
            fclose(stream);
        }
        return fail(CONVOY_ERROR_IO, "%s cannot be written: %s", path, strerror(error));
    }
    *writer = (struct file_writer){stream, copy, NULL};
    return CONVOY_OK;
}

convoy_status file_create(const char *path, struct file_writer *writer)
{
    struct stat status;
    *writer = (struct file_writer){0};
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        return fail(CONVOY_ERROR_IO, "%s is a directory; name a file in it", path);
    }
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        return open_special(path, writer);
    }
    /* Through a symbolic link: the file it names is replaced, not the link. */
    char *copy = realpath(path, NULL), *temporary = NULL;
    if (!copy) {
        copy = strdup(path);
    }
    if (!copy || asprintf(&temporary, "%s.XXXXXX", copy) < 0) {
        free(copy);
        return fail(CONVOY_ERROR_MEMORY, "no memory to open %s for writing", path);
    }
    int descriptor = mkostemp(temporary, O_CLOEXEC);
    FILE *stream = descriptor >= 0 ? fdopen(descriptor, "wb") : NULL;
    if (!stream || !remember(temporary)) {
        int error = stream ? EMFILE : errno;
        if (stream) {
            fclose(stream);
        } else if (descriptor >= 0) {
            close(descriptor);
        }
        if (descriptor >= 0) {
            unlink(temporary);
        }
        free(copy);
        free(temporary);
        return fail(CONVOY_ERROR_IO, "%s cannot be written: %s", path, strerror(error));
    }
    *writer = (struct file_writer){stream, copy, temporary};
    return CONVOY_OK;
}

static void release(struct file_writer *writer)
{
    if (writer->temporary) {
        forget(writer->temporary);
    }
    free(writer->path);
    free(writer->temporary);
    *writer = (struct file_writer){0};
}

/* A file that mkstemp made is private; give it what open() would have given. */
static void set_usual_mode(int descriptor)
{
    mode_t mask = umask(0);
    umask(mask);
    (void)fchmod(descriptor, 0666 & ~mask);
}

convoy_status file_commit(struct file_writer *writer)
{
    if (writer->temporary) {
        set_usual_mode(fileno(writer->stream));
    }
    bool bad = ferror(writer->stream) != 0;
    int error = bad ? EIO : 0;
    if (fflush(writer->stream) != 0) {
        error = errno;
    }
    if (fclose(writer->stream) != 0 && error == 0) {
        error = errno;
    }
    writer->stream = NULL;
    if (error == 0 && writer->temporary && rename(writer->temporary, writer->path) != 0) {
        error = errno;
    }
    if (error) {
        convoy_status status = fail(CONVOY_ERROR_IO, "%s cannot be written: %s; nothing was left",
                                    writer->path, strerror(error));
        file_abandon(writer);
        return status;
    }
    release(writer);
    return CONVOY_OK;
}

void file_abandon(struct file_writer *writer)
{
    if (writer->stream) {
        fclose(writer->stream);
    }
    if (writer->temporary) {
        unlink(writer->temporary);
    }
    release(writer);
}

void file_abandon_all(void)
{
    for (int i = 0; i < OPEN_WRITERS_MAX; i++) {
        char *temporary = atomic_load(&open_writers[i]);
        if (temporary) {
            unlink(temporary);
        }
    }
}
