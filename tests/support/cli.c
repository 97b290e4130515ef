/**
 * @file cli.c
 * Output goes to files beside the directory, so that the directory shows only what convoy left.
 */
#include "support/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "io/npy.h"
#include "support/check.h"
#include "support/json_check.h"
#include "support/place.h"

struct outcome cli_run(const char *arguments)
{
    char *command;
    size_t size;
    struct outcome outcome = {.code = -1};
    /* Redirections among the arguments are inside of these, and so win. */
    assert_true(asprintf(&command, "{ '%s' %s\n} >../out 2>../err", CONVOY_COMMAND, arguments) > 0);
    int status = system(command);
    free(command);
    if (WIFEXITED(status)) {
        outcome.code = WEXITSTATUS(status);
    }
    outcome.out = place_read("../out", &size);
    outcome.err = place_read("../err", &size);
    return outcome;
}

void outcome_destroy(struct outcome *outcome)
{
    free(outcome->out);
    free(outcome->err);
}

static void show(const char *arguments, const struct outcome *outcome, const char *wrong)
{
    fail_msg("convoy %s\n%s; exit code %d\n--- stdout\n%s\n--- stderr\n%s", arguments, wrong,
             outcome->code, outcome->out, outcome->err);
}

void cli_expect(const char *arguments, int code, const char *words)
{
    struct outcome outcome = cli_run(arguments);
    char wrong[200] = "";
    const char *line_end = strchr(outcome.err, '\n');
    bool error = code == 2 || code == 3;
    if (outcome.code != code) {
        snprintf(wrong, sizeof wrong, "the exit code should be %d", code);
    } else if (!strstr(error ? outcome.err : outcome.out, words)) {
        snprintf(wrong, sizeof wrong, "\"%s\" is missing", words);
    } else if (error && (strncmp(outcome.err, "convoy: ", 8) != 0 || !line_end || line_end[1])) {
        snprintf(wrong, sizeof wrong, "stderr is not one line of convoy's");
    } else if (error && *outcome.out) {
        snprintf(wrong, sizeof wrong, "there is something on stdout beside the error");
    } else if (!error && *outcome.err) {
        snprintf(wrong, sizeof wrong, "there is something on stderr without an error");
    }
    if (*wrong) {
        show(arguments, &outcome, wrong);
    }
    outcome_destroy(&outcome);
}

static void take_blanks_out(char *text)
{
    char *to = text;
    for (; *text; text++) {
        if (*text != ' ' && *text != '\n') {
            *to++ = *text;
        }
    }
    *to = '\0';
}

void cli_expect_json(const char *arguments, const char *const *words)
{
    struct outcome outcome = cli_run(arguments);
    if (outcome.code != 0 || *outcome.err) {
        show(arguments, &outcome, "it should succeed in silence");
    }
    const char *broken = json_check(outcome.out);
    if (broken) {
        print_error("here: %.40s\n", broken);
        show(arguments, &outcome, "stdout is no JSON");
    }
    take_blanks_out(outcome.out);
    for (; *words; words++) {
        if (!strstr(outcome.out, *words)) {
            print_error("missing: %s\n", *words);
            show(arguments, &outcome, "the JSON lacks something");
        }
    }
    outcome_destroy(&outcome);
}

void cli_write_npy(const char *path, int rank, const int64_t *extents, float start, float step)
{
    int64_t count = 1;
    for (int axis = 0; axis < rank; axis++) {
        count *= extents[axis];
    }
    float *values = malloc((size_t)count * sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < count; i++) {
        values[i] = start + step * (float)i;
    }
    assert_ok(npy_write(path, CONVOY_FLOAT32, rank, extents, values));
    free(values);
}
