/**
 * @file names.c
 * Comma lists of names, and the table of algorithms that some of them mean.
 */
#include "bench/names.h"

#include <stdbool.h>
#include <string.h>

#include "convoy/plan.h"
#include "core/error.h"
#include "io/nearest.h"

static void add_once(struct name_list *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->names[i], name) == 0) {
            return;
        }
    }
    if (names->count < NAMES_MAX) {
        names->names[names->count++] = name;
    }
}

convoy_status names_split(const char *option, const char *list, struct name_list *names)
{
    names->count = 0;
    if (strlen(list) >= sizeof names->text) {
        return fail(CONVOY_ERROR_ARGUMENT, "%s: a list of more than %zu characters", option,
                    sizeof names->text - 1);
    }
    strcpy(names->text, list);
    char *at = names->text;
    for (char *part; (part = strsep(&at, ","));) {
        if (*part == '\0' || names->count == NAMES_MAX) {
            return fail(CONVOY_ERROR_ARGUMENT, "%s=%s: %s", option, list,
                        *part ? "more than 64 names" : "an empty name");
        }
        add_once(names, part);
    }
    return CONVOY_OK;
}

convoy_status names_algorithms(const char *list, struct name_list *names)
{
    struct name_list asked;
    convoy_status status = names_split("--algorithms", list, &asked);
    names->count = 0;
    for (size_t i = 0; !status && i < asked.count; i++) {
        const char *name = asked.names[i];
        const char *known[NAMES_MAX + 3] = {"auto", "all"};
        bool all = strcmp(name, "all") == 0;
        bool found = all;
        if (strcmp(name, "auto") == 0) {
            add_once(names, "auto");
            found = true;
        }
        for (size_t a = 0; a < convoy_algorithm_count() && a < NAMES_MAX; a++) {
            known[a + 2] = convoy_algorithm_name(a);
            if (all || strcmp(name, known[a + 2]) == 0) {
                add_once(names, known[a + 2]);
                found = true;
            }
        }
        if (!found) {
            char near[160];
            nearest_names(name, known, near, sizeof near);
            status = fail(CONVOY_ERROR_ARGUMENT, "no algorithm '%s'; the nearest names are %s",
                          name, near);
        }
    }
    return status;
}
