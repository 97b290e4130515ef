/**
 * @file verify_print.c
 * A failure is printed with the command that shows it again.
 */
#include "cli/verify_print.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/activation.h"
#include "cli/text.h"

#define COMMAND_SIZE 768

/* Thread counts after the first are compared with the first, so that one is named too. */
static void print_command(const struct verdict *verdict, char text[COMMAND_SIZE])
{
    char problem[CONVOY_PROBLEM_SIZE], activation[ACTIVATION_SIZE], threads[32];
    const convoy_layer *layer = &verdict->named->layer;
    const struct verify_case *failed = &verdict->result.first_failed;
    int first = verdict->options->threads[0];
    convoy_layer_print(layer, problem, sizeof problem);
    activation_print(&layer->epilogue, activation);
    if (failed->threads == first) {
        snprintf(threads, sizeof threads, "%d", first);
    } else {
        snprintf(threads, sizeof threads, "%d,%d", first, failed->threads);
    }
    snprintf(text, COMMAND_SIZE,
             "convoy verify %s --algorithms %s --isas %s --layouts %s --threads %s --seed %" PRIu64
             "%s%s%s%s",
             problem, failed->algorithm, convoy_isa_name(failed->isa),
             convoy_layout_name(failed->layout), threads, verdict->options->seed,
             layer->epilogue.activation ? " --activation " : "",
             layer->epilogue.activation ? activation : "",
             layer->epilogue.residual ? " --residual" : "",
             verdict->options->no_bias ? " --no-bias" : "");
}

static void print_layer(const struct verdict *verdict)
{
    char problem[CONVOY_PROBLEM_SIZE], activation[ACTIVATION_SIZE];
    const convoy_layer *layer = &verdict->named->layer;
    convoy_layer_print(layer, problem, sizeof problem);
    activation_print(&layer->epilogue, activation);
    printf("%s%s%s", verdict->named->name, *verdict->named->name ? " " : "", problem);
    if (layer->epilogue.residual) {
        fputs(" +residual", stdout);
    }
    if (layer->epilogue.activation) {
        printf(" %s", activation);
    }
}

static void print_word(enum colour colour, const char *word)
{
    printf("%s%-7s%s ", colour_text(colour), word, colour_text(COLOUR_NONE));
}

void verdict_print(const struct verdict *verdict)
{
    const struct verify_result *result = &verdict->result;
    char cases[TEXT_SIZE], duration[TEXT_SIZE], worst[96], command[COMMAND_SIZE];
    if (verdict->skipped) {
        print_word(COLOUR_BOLD, "skipped");
        print_layer(verdict);
        printf(": %s\n", verdict->skipped);
        return;
    }
    print_word(result->failed ? COLOUR_BAD : COLOUR_GOOD, result->failed ? "FAILED" : "ok");
    print_layer(verdict);
    printf(": %s cases", text_grouped(result->cases, cases));
    if (result->worst_fraction > 0) {
        verify_case_print(&result->worst, worst, sizeof worst);
        printf(", largest error %.3g %% of its bound (%s)", 100 * result->worst_fraction, worst);
    }
    printf(", %s\n", text_duration(verdict->seconds, duration));
    if (result->failed) {
        print_command(verdict, command);
        printf("        %" PRId64 " cases failed, first: %s\n        again: %s\n", result->failed,
               result->failure, command);
    }
}

void totals_print(const struct verify_totals *totals, const struct selection *selection)
{
    char layers[TEXT_SIZE], cases[TEXT_SIZE], left_out[TEXT_SIZE], duration[TEXT_SIZE];
    print_word(totals->failed ? COLOUR_BAD : COLOUR_GOOD, totals->failed ? "FAILED" : "ok");
    printf("%s layer%s, %s cases", text_grouped((int64_t)totals->layers, layers),
           totals->layers == 1 ? "" : "s", text_grouped(totals->cases, cases));
    if (totals->failed) {
        printf(", %s cases failed on %zu layers", text_grouped(totals->failed, cases),
               totals->failed_layers);
    } else {
        fputs(", none failed", stdout);
    }
    printf("; largest error %.3g %% of its bound; seed %" PRIu64 "; %s\n",
           100 * totals->worst_fraction, totals->seed, text_duration(totals->seconds, duration));
    if (totals->not_applied) {
        print_word(COLOUR_BOLD, "skipped");
        printf("%s combinations in which the algorithm does not apply to the layer\n",
               text_grouped(totals->not_applied, left_out));
    }
    if (totals->skipped_layers) {
        print_word(COLOUR_BOLD, "skipped");
        printf("%zu layers, for the reasons above\n", totals->skipped_layers);
    }
    for (size_t i = 0; i < selection->skipped_isa_count; i++) {
        print_word(COLOUR_BOLD, "skipped");
        printf("%s: this processor does not have it\n",
               convoy_isa_name(selection->skipped_isas[i]));
    }
}

static void json_case(struct json *json, const char *key, const struct verify_case *which)
{
    json_object(json, key);
    json_string(json, "algorithm", which->algorithm);
    json_string(json, "isa", convoy_isa_name(which->isa));
    json_string(json, "layout", convoy_layout_name(which->layout));
    json_integer(json, "threads", which->threads);
    json_end(json);
}

static void json_result(struct json *json, const struct verdict *verdict)
{
    const struct verify_result *result = &verdict->result;
    char command[COMMAND_SIZE];
    json_boolean(json, "passed", result->failed == 0);
    json_integer(json, "cases", result->cases);
    json_integer(json, "failed", result->failed);
    json_integer(json, "not_applied", result->not_applied);
    json_number(json, "worst_fraction", result->worst_fraction);
    if (result->worst.algorithm) {
        json_case(json, "worst", &result->worst);
    }
    if (result->failed) {
        print_command(verdict, command);
        json_case(json, "first_failed", &result->first_failed);
        json_string(json, "failure", result->failure);
        json_string(json, "command", command);
    }
    json_number(json, "seconds", verdict->seconds);
}

void verdict_json(struct json *json, const struct verdict *verdict)
{
    char activation[ACTIVATION_SIZE];
    const convoy_epilogue *epilogue = &verdict->named->layer.epilogue;
    activation_print(epilogue, activation);
    json_object(json, NULL);
    json_layer(json, verdict->named);
    json_string(json, "activation", activation);
    json_boolean(json, "residual", epilogue->residual);
    json_unsigned(json, "seed", verdict->options->seed);
    json_string(json, "skipped", verdict->skipped);
    if (!verdict->skipped) {
        json_result(json, verdict);
    }
    json_end(json);
}

void totals_json(struct json *json, const struct verify_totals *totals,
                 const struct selection *selection)
{
    json_unsigned(json, "seed", totals->seed);
    json_array(json, "skipped_isas");
    for (size_t i = 0; i < selection->skipped_isa_count; i++) {
        json_string(json, NULL, convoy_isa_name(selection->skipped_isas[i]));
    }
    json_end(json);
    json_object(json, "total");
    json_boolean(json, "passed", totals->failed == 0);
    json_integer(json, "layers", (int64_t)totals->layers);
    json_integer(json, "failed_layers", (int64_t)totals->failed_layers);
    json_integer(json, "skipped_layers", (int64_t)totals->skipped_layers);
    json_integer(json, "cases", totals->cases);
    json_integer(json, "failed", totals->failed);
    json_integer(json, "not_applied", totals->not_applied);
    json_number(json, "worst_fraction", totals->worst_fraction);
    json_number(json, "seconds", totals->seconds);
    json_end(json);
}
