/**
 * @file wisdom_file.c
 * Wisdom in files. Whoever adds to one holds PATH.lock while reading, merging and renaming; the
 * lock file is removed again, so one that was taken may be a removed one: then it is taken anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"
#include "plan/wisdom.h"

convoy_status convoy_wisdom_import(convoy_wisdom *wisdom, const char *path,
                                   convoy_wisdom_report *report)
{
    char *text = NULL;
    size_t size = 0;
    if (wisdom == NULL || path == NULL) {
        return fail(CONVOY_ERROR_NULL, "the %s NULL", wisdom ? "path is" : "wisdom is");
    }
    convoy_status status = headed_load(path, &wisdom_kind, &text, &size);
    if (!status && size > 0) {
        status = convoy_wisdom_parse(wisdom, text, size, report);
        status = status ? headed_fail_in(path, status) : status;
    } else if (!status && report) {
        *report = (convoy_wisdom_report){.lines = 0};
    }
    memory_free(text);
    return status;
}

/* Is the open file still what the name stands for? */
static bool is_current(const char *path, int descriptor)
{
    struct stat open_file, named;
    return fstat(descriptor, &open_file) == 0 && stat(path, &named) == 0 &&
           open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

/* The descriptor of the lock file, locked; negative with errno. */
static int lock_file(const char *path)
{
    for (;;) {
        int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (descriptor < 0) {
            return -1;
        }
        int result;
        do {
            result = flock(descriptor, LOCK_EX);
        } while (result != 0 && errno == EINTR);
        if (result == 0 && is_current(path, descriptor)) {
            return descriptor;
        }
        int error = errno;
        close(descriptor);
        if (result != 0) {
            errno = error;
            return -1;
        }
    }
}

static convoy_status write_text(const char *path, const convoy_wisdom *wisdom)
{
    char *text;
    convoy_status status = convoy_wisdom_print(wisdom, &text);
    if (!status) {
        status = file_write_text(path, text);
        free(text);
    }
    return status;
}

/* What is known here goes over what the file knows, if it was measured; else under it. */
struct merge {
    convoy_wisdom *merged;
    convoy_status status; /* the first error */
};

static void merge_entry(const struct wisdom_entry *entry, void *data)
{
    struct merge *merge = data;
    struct wisdom_entry known;
    if (!merge->status && (entry->learned || !wisdom_find(merge->merged, entry->key, &known))) {
        merge->status = wisdom_add(merge->merged, entry);
    }
}

/* The file's wisdom and this one, written to the file. */
static convoy_status merge_and_write(const convoy_wisdom *wisdom, const char *path, bool exists,
                                     convoy_wisdom_report *report)
{
    struct merge merge = {0};
    convoy_status status = convoy_wisdom_create(&merge.merged);
    if (status) {
        return status;
    }
    status = exists ? convoy_wisdom_import(merge.merged, path, report) : CONVOY_OK;
    if (!status) {
        wisdom_walk(wisdom, merge_entry, &merge);
        status = merge.status ? merge.status : write_text(path, merge.merged);
    }
    convoy_wisdom_destroy(merge.merged);
    return status;
}

/* Add to a file, or write what is none. The report is zero at first. */
static convoy_status export_to(const convoy_wisdom *wisdom, const char *path,
                               convoy_wisdom_report *report)
{
    struct stat what;
    void *name;
    if (stat(path, &what) == 0 && !S_ISREG(what.st_mode)) {
        return write_text(path, wisdom); /* a pipe or a device; a directory is refused there */
    }
    size_t name_bytes = strlen(path) + sizeof ".lock";
    convoy_status status = memory_allocate(name_bytes, "the name of a lock file", &name);
    if (status) {
        return status;
    }
    char *lock_path = name;
    snprintf(lock_path, name_bytes, "%s.lock", path);
    int lock = lock_file(lock_path);
    status = lock < 0 ? fail(CONVOY_ERROR_IO, "%s cannot be locked: %s", lock_path, strerror(errno))
                      : merge_and_write(wisdom, path, stat(path, &what) == 0, report);
    if (lock >= 0) {
        unlink(lock_path);
        close(lock);
    }
    memory_free(lock_path);
    return status;
}

convoy_status convoy_wisdom_export(const convoy_wisdom *wisdom, const char *path,
                                   convoy_wisdom_report *report)
{
    convoy_wisdom_report read = {.lines = 0};
    if (wisdom == NULL || path == NULL) {
        return fail(CONVOY_ERROR_NULL, "the %s NULL", wisdom ? "path is" : "wisdom is");
    }
    convoy_status status = export_to(wisdom, path, &read);
    if (!status && report) {
        *report = read;
    }
    return status;
}
