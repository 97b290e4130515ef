/**
 * @file chain_file.c
 * Chain files: a name, a problem and words of the form key=value on each line.
 */
#include "io/chain_file.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/file.h"
#include "io/lines.h"

/* Where a line stands. */
struct place {
    const char *path;
    long line;
};

static void entry_destroy(struct chain_entry *entry)
{
    free(entry->filter);
    free(entry->bias);
    free(entry->activation);
}

void chain_file_destroy(struct chain_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        entry_destroy(&file->entries[i]);
    }
    free(file->entries);
    *file = (struct chain_file){.entries = NULL};
}

/* A path in the file, as seen from the current directory; NULL: no memory. */
static char *resolve(const char *file_path, const char *path)
{
    if (*path == '/') {
        return strdup(path);
    }
    char *copy = strdup(file_path), *joined = NULL;
    if (!copy) {
        return NULL;
    }
    const char *directory = dirname(copy);
    if (strcmp(directory, ".") == 0) {
        joined = strdup(path);
    } else if (asprintf(&joined, "%s/%s", directory, path) < 0) {
        joined = NULL;
    }
    free(copy);
    return joined;
}

/* "filter=w.npy" */
static convoy_status parse_word(const struct place *place, const char *word,
                                struct chain_entry *entry)
{
    const struct {
        const char *key;
        char **value;
        bool is_path;
    } keys[] = {{"filter=", &entry->filter, true},
                {"bias=", &entry->bias, true},
                {"activation=", &entry->activation, false}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        size_t length = strlen(keys[i].key);
        if (strncmp(word, keys[i].key, length) != 0 || word[length] == '\0') {
            continue;
        }
        if (*keys[i].value) {
            return fail(CONVOY_ERROR_SYNTAX, "%s:%ld: there is a second %.*s; leave one out",
                        place->path, place->line, (int)length - 1, word);
        }
        const char *value = word + length;
        *keys[i].value = keys[i].is_path ? resolve(place->path, value) : strdup(value);
        return *keys[i].value ? CONVOY_OK
                              : fail(CONVOY_ERROR_MEMORY, "no memory to read %s", place->path);
    }
    return fail(CONVOY_ERROR_SYNTAX,
                "%s:%ld: '%.60s' is not understood; behind the problem may stand filter=FILE, "
                "bias=FILE and activation=NAME",
                place->path, place->line, word);
}

static convoy_status append(struct chain_file *file, const struct chain_entry *entry)
{
    size_t bytes = (file->count + 1) * sizeof *file->entries;
    struct chain_entry *grown = realloc(file->entries, bytes);
    if (!grown) {
        return fail(CONVOY_ERROR_MEMORY, "no memory for %zu layers", file->count + 1);
    }
    file->entries = grown;
    file->entries[file->count++] = *entry;
    return CONVOY_OK;
}

static convoy_status parse_line(const struct place *place, char *line, struct chain_file *file)
{
    char *comment = strchr(line, '#'), *rest = NULL, *word;
    struct chain_entry entry = {.filter = NULL};
    if (comment) {
        *comment = '\0';
    }
    char *name = strtok_r(line, LINE_BLANKS, &rest);
    char *problem = name ? strtok_r(NULL, LINE_BLANKS, &rest) : NULL;
    if (!name) {
        return CONVOY_OK;
    }
    if (!problem) {
        return fail(CONVOY_ERROR_SYNTAX,
                    "%s:%ld: there is no problem after '%.60s'; a line is `name problem`, then "
                    "filter=FILE, bias=FILE, activation=NAME as wanted",
                    place->path, place->line, name);
    }
    convoy_status status = named_layer_parse(place->path, place->line, name, problem, &entry.named);
    while (!status && (word = strtok_r(NULL, LINE_BLANKS, &rest))) {
        status = parse_word(place, word, &entry);
    }
    status = status ? status : append(file, &entry);
    if (status) {
        entry_destroy(&entry);
    }
    return status;
}

static convoy_status read_lines(const char *path, FILE *stream, struct chain_file *file)
{
    char line[LINE_SIZE];
    bool sound;
    convoy_status status = CONVOY_OK;
    for (struct place at = {path, 1}; !status && line_read(stream, line, &sound); at.line++) {
        status = sound ? parse_line(&at, line, file)
                       : fail(CONVOY_ERROR_SYNTAX,
                              "%s:%ld: the line has more than %d bytes or a zero byte in it; a "
                              "chain file is text",
                              path, at.line, LINE_SIZE - 1);
    }
    if (!status && file->count == 0) {
        return fail(CONVOY_ERROR_SYNTAX, "%s has no layer; a line is `name problem`", path);
    }
    return status;
}

convoy_status chain_file_read(const char *path, struct chain_file *file)
{
    struct chain_file read = {.entries = NULL};
    FILE *stream;
    convoy_status status = file_open(path, &stream);
    if (status) {
        return status;
    }
    status = file_close(path, stream, read_lines(path, stream, &read));
    if (status) {
        chain_file_destroy(&read);
        return status;
    }
    *file = read;
    return CONVOY_OK;
}
