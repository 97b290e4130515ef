/**
 * @file cli.c
 * Output goes to files beside the directory, so that the directory shows only what convoy left.
 */
#include "support/cli.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/npy.h"
#include "support/check.h"
#include "support/json_check.h"

static char place[] = "/tmp/convoy-cli-XXXXXX";

int cli_setup(void **state)
{
    (void)state;
    if (!mkdtemp(place) || chdir(place) != 0 || mkdir("work", 0755) != 0) {
        return -1;
    }
    return chdir("work");
}

int cli_teardown(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", place);
    return chdir("/") == 0 ? system(command) : -1;
}

static char *read_text(const char *path)
{
    char *text = NULL;
    size_t room = 0;
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    if (getdelim(&text, &room, '\0', stream) < 0) {
        free(text);
        text = strdup("");
    }
    fclose(stream);
    return text;
}

struct outcome cli_run(const char *arguments)
{
    char *command;
    struct outcome outcome = {.code = -1};
    /* Redirections among the arguments are inside of these, and so win. */
    assert_true(asprintf(&command, "{ '%s' %s\n} >../out 2>../err", CONVOY_COMMAND, arguments) > 0);
    int status = system(command);
    free(command);
    if (WIFEXITED(status)) {
        outcome.code = WEXITSTATUS(status);
    }
    outcome.out = read_text("../out");
    outcome.err = read_text("../err");
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

static int not_hidden(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

char *cli_files(void)
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

void cli_write(const char *path, const void *bytes, size_t size)
{
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, size, stream), size);
    assert_int_equal(fclose(stream), 0);
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
