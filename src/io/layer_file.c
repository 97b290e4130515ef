/**
 * @file layer_file.c
 * Lists of layers: parsing the text, and finding the lists that come with Convoy.
 */
#include "io/layer_file.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/error.h"
#include "core/file.h"
#include "io/lines.h"
#include "io/nearest.h"

#define SUFFIX ".txt"

static convoy_status append(struct layer_list *list, const struct named_layer *added)
{
    /* room doubles at powers of two */
    if ((list->count & (list->count - 1)) == 0) {
        size_t room = list->count ? 2 * list->count : 1;
        struct named_layer *grown = realloc(list->layers, room * sizeof *grown);
        if (!grown) {
            return fail(CONVOY_ERROR_MEMORY, "no memory for %zu layers", room);
        }
        list->layers = grown;
    }
    list->layers[list->count++] = *added;
    return CONVOY_OK;
}

convoy_status named_layer_parse(const char *path, long line, const char *name, const char *problem,
                                struct named_layer *named)
{
    if (strlen(name) >= LAYER_NAME_SIZE) {
        return fail(CONVOY_ERROR_SYNTAX, "%s:%ld: the name '%.40s...' has more than %d characters",
                    path, line, name, LAYER_NAME_SIZE - 1);
    }
    convoy_status status = convoy_layer_parse(problem, &named->layer);
    if (status) {
        char detail[400];
        snprintf(detail, sizeof detail, "%s", convoy_error_detail());
        return fail(status, "%s:%ld: %s", path, line, detail);
    }
    snprintf(named->name, sizeof named->name, "%s", name);
    return CONVOY_OK;
}

/* One line, without its end; comments and blanks are nothing. */
static convoy_status parse_line(const char *path, long number, char *line, struct layer_list *list)
{
    char *comment = strchr(line, '#'), *rest = NULL;
    if (comment) {
        *comment = '\0';
    }
    char *name = strtok_r(line, LINE_BLANKS, &rest);
    char *problem = name ? strtok_r(NULL, LINE_BLANKS, &rest) : NULL;
    char *extra = problem ? strtok_r(NULL, LINE_BLANKS, &rest) : NULL;
    struct named_layer named;
    if (!name) {
        return CONVOY_OK;
    }
    if (!problem || extra) {
        return fail(CONVOY_ERROR_SYNTAX,
                    "%s:%ld: %s '%.60s'; a line is `name problem`, and # starts a comment", path,
                    number,
                    extra ? "there is more after the problem:" : "there is no problem after",
                    extra ? extra : name);
    }
    convoy_status status = named_layer_parse(path, number, name, problem, &named);
    return status ? status : append(list, &named);
}

static convoy_status read_lines(const char *path, FILE *stream, struct layer_list *list)
{
    char line[LINE_SIZE];
    bool sound;
    for (long number = 1; line_read(stream, line, &sound); number++) {
        convoy_status status =
            sound ? parse_line(path, number, line, list)
                  : fail(CONVOY_ERROR_SYNTAX,
                         "%s:%ld: the line has more than %d bytes or a zero byte in it; a layer "
                         "file is text",
                         path, number, LINE_SIZE - 1);
        if (status) {
            return status;
        }
    }
    return list->count
               ? CONVOY_OK
               : fail(CONVOY_ERROR_SYNTAX, "%s has no layer; a line is `name problem`", path);
}

convoy_status layer_file_read(const char *path, struct layer_list *list)
{
    struct layer_list read = {0};
    FILE *stream;
    convoy_status status = file_open(path, &stream);
    if (status) {
        return status;
    }
    status = file_close(path, stream, read_lines(path, stream, &read));
    if (status) {
        layer_list_destroy(&read);
        return status;
    }
    *list = read;
    return CONVOY_OK;
}

void layer_list_destroy(struct layer_list *list)
{
    free(list->layers);
    *list = (struct layer_list){0};
}

/* Where lists may lie, in the order in which they are looked for. */
static const char *list_directory(int index)
{
    switch (index) {
    case 0:
        return getenv("CONVOY_LAYERS") ? getenv("CONVOY_LAYERS") : "";
    case 1:
        return CONVOY_LAYERS_SOURCE;
    case 2:
        return CONVOY_LAYERS_INSTALLED;
    }
    return NULL;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has_name(char **names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* Add the lists of one directory; a directory that is not there has none. */
static convoy_status add_names(const char *directory, char ***names, size_t *count)
{
    DIR *stream = *directory ? opendir(directory) : NULL;
    convoy_status status = CONVOY_OK;
    const struct dirent *entry;
    if (*directory && !stream && errno == ENOMEM) {
        return fail(CONVOY_ERROR_MEMORY, "no memory to look into %s", directory);
    }
    while (stream && !status && (entry = readdir(stream))) {
        size_t length = strlen(entry->d_name), suffix = strlen(SUFFIX);
        if (length <= suffix || strcmp(entry->d_name + length - suffix, SUFFIX) != 0) {
            continue;
        }
        char *name = strndup(entry->d_name, length - suffix);
        char **grown = realloc(*names, (*count + 2) * sizeof *grown);
        *names = grown ? grown : *names;
        if (!name || !grown) {
            free(name);
            status = fail(CONVOY_ERROR_MEMORY, "no memory for the names of the layer lists");
        } else if (has_name(*names, *count, name)) {
            free(name);
        } else {
            (*names)[(*count)++] = name;
            (*names)[*count] = NULL;
        }
    }
    if (stream) {
        closedir(stream);
    }
    return status;
}

convoy_status layer_list_names(char ***names)
{
    size_t count = 0;
    char **found = calloc(1, sizeof *found);
    convoy_status status =
        found ? CONVOY_OK : fail(CONVOY_ERROR_MEMORY, "no memory for the names of the layer lists");
    for (int i = 0; !status && list_directory(i); i++) {
        status = add_names(list_directory(i), &found, &count);
    }
    if (status) {
        layer_list_names_destroy(found);
        return status;
    }
    qsort(found, count, sizeof *found, compare_names);
    *names = found;
    return CONVOY_OK;
}

void layer_list_names_destroy(char **names)
{
    for (char **name = names; name && *name; name++) {
        free(*name);
    }
    free(names);
}

/* The file of a list that comes with Convoy; false if there is none. */
static bool find_list(const char *name, char path[PATH_MAX])
{
    for (int i = 0; list_directory(i) && !strchr(name, '/'); i++) {
        struct stat what;
        int length = snprintf(path, PATH_MAX, "%s/%s" SUFFIX, list_directory(i), name);
        if (*list_directory(i) && length < PATH_MAX && stat(path, &what) == 0 &&
            S_ISREG(what.st_mode)) {
            return true;
        }
    }
    return false;
}

static convoy_status append_file(const char *path, struct layer_list *list)
{
    struct layer_list read = {0};
    convoy_status status = layer_file_read(path, &read);
    for (size_t i = 0; !status && i < read.count; i++) {
        status = append(list, &read.layers[i]);
    }
    layer_list_destroy(&read);
    return status;
}

/* Nothing of that name: say what may have been meant. */
static convoy_status refuse(const char *what)
{
    char near[300] = "";
    char **names = NULL;
    if (layer_list_names(&names) == CONVOY_OK) {
        nearest_names(what, (const char *const *)names, near, sizeof near);
        layer_list_names_destroy(names);
    }
    return fail(CONVOY_ERROR_ARGUMENT,
                "'%.80s' is no file, no problem string and no layer list; the nearest lists are %s",
                what, *near ? near : "none");
}

convoy_status layer_list_append(const char *what, struct layer_list *list)
{
    struct stat status;
    struct named_layer named;
    char path[PATH_MAX];
    if (find_list(what, path)) {
        return append_file(path, list);
    }
    if (stat(what, &status) == 0 || strchr(what, '/')) {
        return append_file(what, list);
    }
    convoy_status parsed = convoy_layer_parse(what, &named.layer);
    if (parsed == CONVOY_OK) {
        snprintf(named.name, sizeof named.name, "%s", what);
        return append(list, &named);
    }
    /* Something that starts like a problem string gets the reason why it is none. */
    bool like_a_problem = (what[0] == 'n' || what[0] == 'c') && what[1] >= '0' && what[1] <= '9';
    return like_a_problem || parsed != CONVOY_ERROR_SYNTAX ? parsed : refuse(what);
}
