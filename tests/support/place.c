/**
 * @file place.c
 * The directory is two: the parent holds what a test writes beside the files it looks at.
 */
#include "support/place.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/check.h"

static char place[] = "/tmp/convoy-test-XXXXXX";

int place_setup(void **state)
{
    (void)state;
    if (!mkdtemp(place) || chdir(place) != 0 || mkdir("work", 0755) != 0) {
        return -1;
    }
    return chdir("work");
}

int place_teardown(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", place);
    return chdir("/") == 0 ? system(command) : -1;
}

void place_write(const char *path, const void *bytes, size_t size)
{
    /* Some file systems wait for the disk when a file is cut and written anew. */
    unlink(path);
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, size, stream), size);
    assert_int_equal(fclose(stream), 0);
}

char *place_read(const char *path, size_t *size)
{
    struct stat what;
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    assert_int_equal(fstat(fileno(stream), &what), 0);
    *size = (size_t)what.st_size;
    char *bytes = calloc(*size + 1, 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, stream), *size);
    fclose(stream);
    return bytes;
}

static int not_hidden(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

char *place_files(void)
{
    struct dirent **entries;
    int count = scandir(".", &entries, not_hidden, alphasort);
    char *names = strdup("");
    assert_true(count >= 0);
    for (int i = 0; i < count; i++) {
        char *longer;
        assert_true(asprintf(&longer, "%s%s%s", names, i ? " " : "", entries[i]->d_name) >= 0);
        free(names);
        free(entries[i]);
        names = longer;
    }
    free(entries);
    return names;
}

void place_expect(const char *names)
{
    char *files = place_files();
    assert_string_equal(files, names);
    free(files);
}
