/**
 * @file command_line.c
 * Command lines, an argument a line. All commands read theirs; those run that neither compute for
 * long nor write files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "fuzz/fuzz.h"

enum { ARGUMENTS_MAX = 24 };

static const struct {
    const struct command *command;
    bool runs;
} commands[] = {{&command_shape, true}, {&command_count, true},   {&command_explain, true},
                {&command_list, true},  {&command_info, false},   {&command_run, false},
                {&command_tune, false}, {&command_verify, false}, {&command_calibrate, false}};

/* Options that compute, or that read what the input did not bring. */
static bool is_safe(char *const *argv)
{
    for (; *argv; argv++) {
        if (strchr(*argv, '/') || strncmp(*argv, "--m", 3) == 0) {
            return false;
        }
    }
    return true;
}

static void run(const struct command *command, bool runs, int argc, char **argv)
{
    struct arguments arguments;
    void *options = calloc(1, command->options_bytes);
    EXPECT(options != NULL);
    int code = options_parse(command, argc, argv, options, &arguments);
    EXPECT(code >= EXIT_GOOD && code <= EXIT_SYSTEM_FAILED);
    if (code == EXIT_GOOD && ((struct globals *)options)->help) {
        options_print_help(command);
    } else if (code == EXIT_GOOD && runs) {
        code = command->run(&arguments, options);
        EXPECT(code >= EXIT_GOOD && code <= EXIT_SYSTEM_FAILED);
    }
    arguments_destroy(&arguments);
    free(options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *argv[ARGUMENTS_MAX + 1] = {0}, *rest = text;
    int argc = 0;
    while (rest && argc < ARGUMENTS_MAX) {
        argv[argc++] = strsep(&rest, "\n");
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[0], commands[i].command->name) == 0) {
            run(commands[i].command, commands[i].runs && is_safe(argv), argc, argv);
        }
    }
    free(text);
    return 0;
}
