/**
 * @file select.c
 * The product of all lists, and the reasons for what is left out of it.
 */
#include "bench/select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/gbench.h"
#include "bench/left_out.h"
#include "bench/names.h"
#include "core/error.h"
#include "io/nearest.h"
#include "plan/request.h"

/* What the lists of the command line have become. */
struct axes {
    struct name_list algorithms;
    convoy_isa isas[CONVOY_ISA_COUNT];
    size_t isa_count;
    int threads[NAMES_MAX];
    size_t thread_count;
    convoy_layout layouts[2];
    size_t layout_count;
};

double estimate_call_seconds(const char *algorithm, const convoy_counts *counts, int threads)
{
    static const struct {
        const char *name;
        double flops; /* of one thread, on a slow machine */
    } rates[] = {{"reference", 1.2e9}, {"naive", 1.5e9}, {"reordered", 6e9}};
    double rate = 4e10;
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        if (strcmp(algorithm, rates[i].name) == 0) {
            rate = rates[i].flops;
        }
    }
    return (double)counts->flops / rate / threads + (double)counts->bytes_least / 5e9 + 2e-6;
}

double case_bytes(const struct bench_case *c)
{
    double tensors = (double)c->counts.bytes_input + 2.0 * (double)c->counts.bytes_filter +
                     (double)c->counts.bytes_output;
    return tensors + (double)c->plan.workspace_bytes + (double)c->plan.packed_bytes;
}

static convoy_status parse_isas(const char *list, struct axes *axes)
{
    struct name_list names;
    convoy_status status = names_split("--isas", list, &names);
    for (size_t i = 0; !status && i < names.count; i++) {
        bool all = strcmp(names.names[i], "all") == 0;
        convoy_isa isa = CONVOY_ISA_BEST;
        if (!all && (status = convoy_isa_parse(names.names[i], &isa))) {
            return status;
        }
        if (isa == CONVOY_ISA_BEST && !all) {
            isa = convoy_isa_best();
        }
        for (int known = CONVOY_ISA_PORTABLE; known < CONVOY_ISA_COUNT; known++) {
            if (!all && known != (int)isa) {
                continue;
            }
            if (!convoy_isa_usable((convoy_isa)known)) {
                fprintf(stderr, "left out: isa %s: %s\n", convoy_isa_name((convoy_isa)known),
                        convoy_isa_compiled((convoy_isa)known) ? "this machine cannot run it"
                                                               : "not compiled into this library");
                continue;
            }
            bool twice = false;
            for (size_t j = 0; j < axes->isa_count; j++) {
                twice |= axes->isas[j] == (convoy_isa)known;
            }
            if (!twice) {
                axes->isas[axes->isa_count++] = (convoy_isa)known;
            }
        }
    }
    if (!status && axes->isa_count == 0) {
        return fail(CONVOY_ERROR_ARGUMENT, "--isas=%s: none is usable on this machine; %s is", list,
                    convoy_isa_name(convoy_isa_best()));
    }
    return status;
}

static convoy_status parse_threads(const char *list, struct axes *axes)
{
    struct name_list names;
    convoy_status status = names_split("--threads", list, &names);
    for (size_t i = 0; !status && i < names.count; i++) {
        char *end;
        long value = strtol(names.names[i], &end, 10);
        if (*end != '\0' || value < 1 || value > THREADS_MAX) {
            return fail(CONVOY_ERROR_ARGUMENT,
                        "--threads=%s: '%s' is no number of threads from 1 to %d", list,
                        names.names[i], THREADS_MAX);
        }
        axes->threads[axes->thread_count++] = (int)value;
    }
    return status;
}

static convoy_status parse_layouts(const char *list, struct axes *axes)
{
    struct name_list names;
    convoy_status status = names_split("--layouts", list, &names);
    for (size_t i = 0; !status && i < names.count; i++) {
        bool nhwc = strcmp(names.names[i], "nhwc") == 0;
        if (!nhwc && strcmp(names.names[i], "nchw") != 0) {
            return fail(CONVOY_ERROR_ARGUMENT, "--layouts=%s: '%s' is neither nhwc nor nchw", list,
                        names.names[i]);
        }
        axes->layouts[axes->layout_count++] = nhwc ? CONVOY_NHWC : CONVOY_NCHW;
    }
    return status;
}

/* "core:vgg_3_2": one layer of a list. */
static convoy_status append_one(const char *part, const char *colon, struct layer_list *layers)
{
    char list[512];
    struct layer_list all = {0};
    snprintf(list, sizeof list, "%.*s", (int)(colon - part), part);
    convoy_status status = layer_list_append(list, &all);
    if (status) {
        return status;
    }
    const char **names = calloc(all.count + 1, sizeof *names);
    const struct named_layer *found = NULL;
    for (size_t i = 0; names && i < all.count; i++) {
        names[i] = all.layers[i].name;
        found = strcmp(names[i], colon + 1) == 0 ? &all.layers[i] : found;
    }
    if (found) {
        char problem[CONVOY_PROBLEM_SIZE];
        convoy_layer_print(&found->layer, problem, sizeof problem);
        status = layer_list_append(problem, layers);
        if (!status) {
            struct named_layer *last = &layers->layers[layers->count - 1];
            snprintf(last->name, sizeof last->name, "%s", found->name);
        }
    } else {
        char near[256] = "";
        if (names) {
            nearest_names(colon + 1, names, near, sizeof near);
        }
        status = fail(CONVOY_ERROR_ARGUMENT, "no layer '%s' in %s; the nearest names are %s",
                      colon + 1, list, near);
    }
    free(names);
    layer_list_destroy(&all);
    return status;
}

static convoy_status parse_layers(const char *list, struct layer_list *layers)
{
    /* Problem strings hold commas too (_pd0,1,0,1): a part that is only a number, or starts with a
       number and goes on with '_', belongs to the part before. */
    char part[1024];
    for (const char *at = list; *at;) {
        size_t length = strcspn(at, ",");
        while (at[length] == ',' && at[length + 1] >= '0' && at[length + 1] <= '9') {
            length += 1 + strcspn(at + length + 1, ",");
        }
        if (length == 0 || length >= sizeof part) {
            return fail(CONVOY_ERROR_ARGUMENT, "--layers=%s: an empty or endless name", list);
        }
        memcpy(part, at, length);
        part[length] = '\0';
        const char *colon = strchr(part, ':');
        convoy_status status =
            colon ? append_one(part, colon, layers) : layer_list_append(part, layers);
        if (status) {
            return status;
        }
        at += length + (at[length] == ',');
    }
    return CONVOY_OK;
}

static const convoy_description *find_description(const convoy_description *descriptions,
                                                  const char *algorithm)
{
    bool automatic = strcmp(algorithm, "auto") == 0;
    for (size_t i = 0; i < convoy_algorithm_count(); i++) {
        if (automatic ? descriptions[i].chosen
                      : strcmp(descriptions[i].algorithm, algorithm) == 0) {
            return &descriptions[i];
        }
    }
    return NULL;
}

static convoy_status append_case(struct selection *selection, const struct bench_case *made,
                                 struct left_out *left_out)
{
    /* Capacity doubles at each power of two. */
    if ((selection->count & (selection->count - 1)) == 0) {
        size_t capacity = selection->count ? 2 * selection->count : 1;
        void *grown = realloc(selection->cases, capacity * sizeof *selection->cases);
        if (!grown) {
            return fail(CONVOY_ERROR_MEMORY, "no memory for %zu cases", capacity);
        }
        selection->cases = grown;
    }
    struct bench_case *c = &selection->cases[selection->count];
    *c = *made;
    if (asprintf(&c->name, "%s/%s/%s/%s/threads:%d", c->layer_name, c->algorithm,
                 convoy_isa_name(c->isa), convoy_layout_name(c->layer.layout), c->threads) < 0) {
        return fail(CONVOY_ERROR_MEMORY, "no memory for the name of a case");
    }
    if (!gbench_matches(c->name)) {
        left_out_unmatched(left_out, c->name);
        return CONVOY_OK;
    }
    selection->count++;
    return CONVOY_OK;
}

/* All algorithms on one layer, layout, ISA and number of threads. */
static convoy_status append_algorithms(const struct axes *axes, struct bench_case *c,
                                       struct selection *selection, struct left_out *left_out)
{
    convoy_options plan_options = {.isa = c->isa, .threads = c->threads};
    convoy_description *descriptions = calloc(convoy_algorithm_count(), sizeof *descriptions);
    if (!descriptions) {
        return fail(CONVOY_ERROR_MEMORY, "no memory for the algorithms' descriptions");
    }
    convoy_status status = convoy_layer_explain(&c->layer, &plan_options, descriptions);
    if (status == CONVOY_ERROR_TOO_LARGE) {
        left_out_add(left_out, "every algorithm", c->layer_name, convoy_error_detail());
        status = CONVOY_OK;
        goto end;
    }
    for (size_t i = 0; !status && i < axes->algorithms.count; i++) {
        c->algorithm = axes->algorithms.names[i];
        const convoy_description *description = find_description(descriptions, c->algorithm);
        if (!description || description->reason) {
            left_out_add(left_out, c->algorithm, c->layer_name,
                         description ? description->reason : "the planner chooses none");
            continue;
        }
        c->plan = *description;
        c->estimate_seconds = estimate_call_seconds(c->plan.algorithm, &c->counts, c->threads);
        double bytes = case_bytes(c), machine = left_out->memory_bytes;
        if (machine > 0 && bytes > 0.9 * machine) {
            char reason[160];
            snprintf(reason, sizeof reason, "it needs %.1f GiB and the machine has %.1f GiB",
                     bytes / 0x1p30, machine / 0x1p30);
            left_out_add(left_out, c->algorithm, c->layer_name, reason);
            continue;
        }
        status = append_case(selection, c, left_out);
    }
end:
    free(descriptions);
    return status;
}

static convoy_status append_layer(const struct axes *axes, size_t index,
                                  struct selection *selection, struct left_out *left_out)
{
    const struct named_layer *named = &selection->layers.layers[index];
    struct bench_case c = {.layer_name = named->name, .layer_index = index, .layer = named->layer};
    convoy_status status = convoy_layer_count(&c.layer, NULL, &c.counts);
    for (size_t l = 0; !status && l < axes->layout_count; l++) {
        for (size_t i = 0; !status && i < axes->isa_count; i++) {
            for (size_t t = 0; !status && t < axes->thread_count; t++) {
                c.layer.layout = axes->layouts[l];
                c.isa = axes->isas[i];
                c.threads = axes->threads[t];
                status = append_algorithms(axes, &c, selection, left_out);
            }
        }
    }
    return status;
}

static convoy_status nothing_selected(const struct options *options,
                                      const struct left_out *left_out)
{
    char near[512];
    if (left_out->unmatched_count == 0) {
        return fail(CONVOY_ERROR_ARGUMENT,
                    "nothing to run: no algorithm of --algorithms=%s applies to any layer; the "
                    "reasons are above",
                    options->algorithms);
    }
    nearest_names(gbench_flags()->filter, (const char *const *)left_out->unmatched, near,
                  sizeof near);
    return fail(CONVOY_ERROR_ARGUMENT,
                "nothing to run: no name matches --benchmark_filter=%s; the nearest are %s",
                gbench_flags()->filter, near);
}

convoy_status select_cases(const struct options *options, struct selection *selection)
{
    struct axes axes = {0};
    struct left_out left_out = {0};
    *selection = (struct selection){0};
    convoy_status status;
    if ((status = parse_layers(options->layers, &selection->layers)) ||
        (status = names_algorithms(options->algorithms, &axes.algorithms)) ||
        (status = parse_isas(options->isas, &axes)) ||
        (status = parse_threads(options->threads, &axes)) ||
        (status = parse_layouts(options->layouts, &axes))) {
        goto end;
    }
    convoy_machine machine;
    if ((status = convoy_machine_describe(&machine))) {
        goto end;
    }
    left_out.memory_bytes = (double)machine.memory_bytes;
    for (size_t i = 0; !status && i < selection->layers.count; i++) {
        status = append_layer(&axes, i, selection, &left_out);
    }
    if (!options->untold) {
        left_out_print(&left_out);
    }
    if (!status && selection->count == 0) {
        status = nothing_selected(options, &left_out);
    }
end:
    left_out_destroy(&left_out);
    if (status) {
        selection_destroy(selection);
    }
    return status;
}

void selection_destroy(struct selection *selection)
{
    for (size_t i = 0; i < selection->count; i++) {
        free(selection->cases[i].name);
    }
    free(selection->cases);
    layer_list_destroy(&selection->layers);
    *selection = (struct selection){0};
}
