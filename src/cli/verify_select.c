/**
 * @file verify_select.c
 * Each list is split at its commas, and each part adds what it names, once.
 */
#include "cli/verify_select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/errors.h"
#include "cli/layers.h"
#include "io/nearest.h"

/* Add what one part of a list names. */
typedef int add_function(struct selection *selection, const char *part);

static int add_parts(struct selection *selection, const char *list, add_function *add)
{
    char *copy = strdup(list), *rest = copy, *part;
    int code = copy ? EXIT_GOOD : report_no_memory();
    while (!code && (part = strsep(&rest, ",")) != NULL) {
        code = add(selection, part);
    }
    free(copy);
    return code;
}

static void add_algorithm(struct selection *selection, const char *name)
{
    for (size_t i = 0; i < selection->algorithm_count; i++) {
        if (strcmp(selection->algorithms[i], name) == 0) {
            return;
        }
    }
    if (selection->algorithm_count < SELECT_ALGORITHMS_MAX) {
        selection->algorithms[selection->algorithm_count++] = name;
    }
}

/* "direct"; "winograd" for every "winograd-..."; "all". */
static int add_algorithms(struct selection *selection, const char *part)
{
    const char *names[SELECT_ALGORITHMS_MAX + 1] = {NULL};
    size_t length = strlen(part), count = convoy_algorithm_count(), found = 0;
    for (size_t i = 0; i < count && i < SELECT_ALGORITHMS_MAX; i++) {
        const char *name = names[i] = convoy_algorithm_name(i);
        bool family = length > 0 && strncmp(name, part, length) == 0 && name[length] == '-';
        if (strcmp(part, "all") == 0 || strcmp(part, name) == 0 || family) {
            add_algorithm(selection, name);
            found++;
        }
    }
    if (found) {
        return EXIT_GOOD;
    }
    const char *nearest = nearest_name(part, names);
    if (nearest) {
        return report_usage("there is no algorithm '%s'; did you mean %s?", part, nearest);
    }
    return report_usage("there is no algorithm '%s'; 'convoy list algorithms' shows what there is",
                        part);
}

static void add_isa(convoy_isa *isas, size_t *count, convoy_isa isa)
{
    for (size_t i = 0; i < *count; i++) {
        if (isas[i] == isa) {
            return;
        }
    }
    isas[(*count)++] = isa;
}

/* "all" leaves out what cannot be used, and remembers it; a name that cannot is an error. */
static int add_isas(struct selection *selection, const char *part)
{
    convoy_isa isa;
    if (strcmp(part, "all") != 0) {
        convoy_status status = convoy_isa_parse(part, &isa);
        if (status) {
            return report_status(status, NULL);
        }
        isa = isa == CONVOY_ISA_BEST ? convoy_isa_best() : isa;
        if (!convoy_isa_usable(isa)) {
            return report_usage("the ISA %s is not %s; the best here is %s", part,
                                convoy_isa_compiled(isa) ? "usable on this machine" : "compiled in",
                                convoy_isa_name(convoy_isa_best()));
        }
        add_isa(selection->isas, &selection->isa_count, isa);
        return EXIT_GOOD;
    }
    for (int i = CONVOY_ISA_PORTABLE; i < CONVOY_ISA_COUNT; i++) {
        isa = (convoy_isa)i;
        if (convoy_isa_usable(isa)) {
            add_isa(selection->isas, &selection->isa_count, isa);
        } else if (convoy_isa_compiled(isa)) {
            add_isa(selection->skipped_isas, &selection->skipped_isa_count, isa);
        }
    }
    return EXIT_GOOD;
}

static int add_layout(struct selection *selection, const char *part)
{
    convoy_layout layout;
    if (strcmp(part, "all") == 0) {
        return add_parts(selection, "nchw,nhwc", add_layout);
    }
    int code = layout_of_option(part, &layout);
    if (code) {
        return code;
    }
    for (size_t i = 0; i < selection->layout_count; i++) {
        if (selection->layouts[i] == layout) {
            return EXIT_GOOD;
        }
    }
    selection->layouts[selection->layout_count++] = layout;
    return EXIT_GOOD;
}

static int add_threads(struct selection *selection, const char *part)
{
    char *end;
    long threads = strtol(part, &end, 10);
    if (end == part || *end != '\0' || threads < 1 || threads > 1024) {
        return report_usage("--threads '%s' cannot be used; it is a list of numbers from 1 to 1024 "
                            "such as 1,2",
                            part);
    }
    if (selection->thread_count == SELECT_THREADS_MAX) {
        return report_usage("--threads has more than %d numbers; leave some out",
                            SELECT_THREADS_MAX);
    }
    selection->threads[selection->thread_count++] = (int)threads;
    return EXIT_GOOD;
}

int select_combinations(const char *algorithms, const char *isas, const char *layouts,
                        const char *threads, struct selection *selection)
{
    *selection = (struct selection){.algorithm_count = 0};
    int code = add_parts(selection, algorithms ? algorithms : "all", add_algorithms);
    code = code ? code : add_parts(selection, isas ? isas : "all", add_isas);
    code = code ? code : add_parts(selection, layouts ? layouts : "all", add_layout);
    return code ? code : add_parts(selection, threads ? threads : "1,2", add_threads);
}
