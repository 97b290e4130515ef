/**
 * @file file.c
 * Opening files; output files written beside and renamed. The temporary names of open writers stand
 * in a fixed table that is never freed, so that a signal handler on any thread can remove the
 * files.
 */
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/error.h"

#define OPEN_WRITERS_MAX 16
#define SUFFIX_LETTERS   6
#define SUFFIX           ".000000"
#define ATTEMPTS_MAX     1000

enum { SLOT_FREE, SLOT_TAKEN, SLOT_NAMED };

/* The handler reads a name only while its slot is SLOT_NAMED. */
static struct {
    atomic_int state;
    char temporary[PATH_MAX];
} open_writers[OPEN_WRITERS_MAX];

/* The system's reason; for want of memory it is another status than for a disk. */
static convoy_status fail_system(const char *path, const char *verb, int error)
{
    convoy_status status = error == ENOMEM ? CONVOY_ERROR_MEMORY : CONVOY_ERROR_IO;
    return fail(status, "%s cannot be %s: %s", path, verb, strerror(error));
}

convoy_status file_open(const char *path, FILE **stream)
{
    struct stat what;
    FILE *opened = fopen(path, "rbe");
    if (!opened || fstat(fileno(opened), &what) != 0 || S_ISDIR(what.st_mode)) {
        int error = opened ? EISDIR : errno;
        if (opened) {
            fclose(opened);
        }
        return fail_system(path, "read", error);
    }
    *stream = opened;
    return CONVOY_OK;
}

convoy_status file_close(const char *path, FILE *stream, convoy_status status)
{
    bool failed = ferror(stream) != 0;
    fclose(stream);
    return failed ? fail(CONVOY_ERROR_IO, "%s cannot be read to its end: input/output error", path)
                  : status;
}

/* Put path and suffix into a free slot. The name stands there before the file exists, so there is
   no moment at which an interrupt would leave the file behind. NULL with errno if it cannot be. */
static char *remember(const char *path)
{
    if (strlen(path) + sizeof SUFFIX > PATH_MAX) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    for (int i = 0; i < OPEN_WRITERS_MAX; i++) {
        int expected = SLOT_FREE;
        if (atomic_compare_exchange_strong(&open_writers[i].state, &expected, SLOT_TAKEN)) {
            strcpy(open_writers[i].temporary, path);
            strcat(open_writers[i].temporary, SUFFIX);
            atomic_store(&open_writers[i].state, SLOT_NAMED);
            return open_writers[i].temporary;
        }
    }
    errno = EMFILE;
    return NULL;
}

static void forget(const char *temporary)
{
    for (int i = 0; i < OPEN_WRITERS_MAX; i++) {
        if (open_writers[i].temporary == temporary) {
            atomic_store(&open_writers[i].state, SLOT_FREE);
        }
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
        return fail_system(path, "written", error);
    }
    *writer = (struct file_writer){stream, copy, NULL};
    return CONVOY_OK;
}

/* Create a file whose name ends in letters that no other has, in the place of SUFFIX's zeros. The
   mode is given here, since umask() cannot be asked without changing it, which other threads would
   feel. Negative with errno. */
static int create_unique(char *name, mode_t mode)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static atomic_uint_least64_t created;
    char *end = name + strlen(name);
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        uint64_t bits = atomic_fetch_add(&created, 1) + ((uint64_t)getpid() << 32);
        bits = (bits ^ (uint64_t)(1e9 * clock_seconds())) * 0x9e3779b97f4a7c15u;
        for (char *at = end - SUFFIX_LETTERS; at < end; at++, bits /= sizeof letters - 1) {
            *at = letters[bits % (sizeof letters - 1)];
        }
        int descriptor = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (descriptor >= 0 || errno != EEXIST) {
            return descriptor;
        }
    }
    return -1;
}

/* Open a temporary file beside the path; NULL with errno, and nothing is left. It has the mode of
   the file that it replaces, but is private until then. */
static FILE *open_beside(const char *path, const struct stat *replaced, char **temporary)
{
    *temporary = remember(path);
    int descriptor = *temporary ? create_unique(*temporary, replaced ? 0600 : 0666) : -1;
    FILE *stream = descriptor >= 0 ? fdopen(descriptor, "wb") : NULL;
    if (stream) {
        if (replaced) {
            (void)fchmod(descriptor, replaced->st_mode & 07777);
        }
        return stream;
    }
    int error = errno;
    if (descriptor >= 0) {
        close(descriptor);
        unlink(*temporary);
    }
    if (*temporary) {
        forget(*temporary);
    }
    errno = error;
    return NULL;
}

convoy_status file_create(const char *path, struct file_writer *writer)
{
    struct stat what;
    bool exists = stat(path, &what) == 0;
    *writer = (struct file_writer){0};
    if (!*path) {
        return fail(CONVOY_ERROR_IO, "an empty path names no file to write");
    }
    if (exists && S_ISDIR(what.st_mode)) {
        return fail(CONVOY_ERROR_IO, "%s is a directory; name a file in it", path);
    }
    if (exists && !S_ISREG(what.st_mode)) {
        return open_special(path, writer);
    }
    /* Renaming over a file needs no permission to write it: ask for it all the same. */
    if (exists && access(path, W_OK) != 0) {
        return fail_system(path, "written", errno);
    }
    /* Through a symbolic link: the file it names is replaced, not the link. */
    char *copy = exists ? realpath(path, NULL) : strdup(path), *temporary;
    if (!copy) {
        return fail_system(path, "written", errno);
    }
    FILE *stream = open_beside(copy, exists ? &what : NULL, &temporary);
    if (!stream) {
        int error = errno;
        free(copy);
        return fail_system(path, "written", error);
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
    *writer = (struct file_writer){0};
}

convoy_status file_commit(struct file_writer *writer)
{
    int error = ferror(writer->stream) ? EIO : 0;
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

convoy_status file_write_text(const char *path, const char *text)
{
    struct file_writer writer;
    convoy_status status = file_create(path, &writer);
    if (!status) {
        fputs(text, writer.stream);
        status = file_commit(&writer);
    }
    return status;
}

void file_abandon_all(void)
{
    for (int i = 0; i < OPEN_WRITERS_MAX; i++) {
        if (atomic_load(&open_writers[i].state) == SLOT_NAMED) {
            unlink(open_writers[i].temporary);
        }
    }
}
