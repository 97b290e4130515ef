/**
 * @file main.c
 * The command `convoy`: finds the subcommand, reads its options, runs it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/errors.h"
#include "convoy/version.h"
#include "core/file.h"
#include "io/nearest.h"

static const struct command *const commands[] = {
    &command_shape, &command_count,     &command_run,  &command_verify, &command_explain,
    &command_tune,  &command_calibrate, &command_info, &command_list,   NULL,
};
enum { COMMANDS = sizeof commands / sizeof commands[0] - 1 };

static void print_help(void)
{
    puts("usage: convoy COMMAND [options]\n"
         "Convolution layers on the CPU: shapes, counts, results, and the proof that they are "
         "right.\n\ncommands:");
    for (int i = 0; i < COMMANDS; i++) {
        printf("  %-9s  %s\n", commands[i]->name, commands[i]->summary);
    }
    puts(
        "\nA layer is written as a problem string: n1c128h100w100_k256r5s5_pd2 is a batch of 1,\n"
        "128 channels of 100 x 100, 256 filters of 5 x 5, padding 2. Also, each optional: _st2 or\n"
        "_st2x1 (stride), _pd1x3, _pd0,1,0,1 (top,bottom,left,right), _same, _same_lower, _valid,\n"
        "_dl2 (dilation), _g32 (groups).\n"
        "\nexamples:\n"
        "  convoy count --bias n1c128h100w100_k256r5s5_pd2\n"
        "  convoy run --input photo.png --filter sobel-x --output edges.png\n"
        "  convoy verify --random 100\n"
        "\n'convoy COMMAND --help' tells more; 'convoy --version' the version.\n"
        "exit: 0 good, 1 a check failed, 2 bad usage or bad input, 3 memory or disk failed");
}

/* Nothing is left behind by an interrupted command. */
static void stop(int signal_number)
{
    file_abandon_all();
    _exit(128 + signal_number);
}

static void handle_signals(void)
{
    static const int stopping[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof stopping / sizeof stopping[0]; i++) {
        struct sigaction before;
        /* What whoever started us wants ignored (nohup) stays ignored. */
        if (sigaction(stopping[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            sigaction(stopping[i], &(struct sigaction){.sa_handler = stop}, NULL);
        }
    }
    /* A file size limit then fails the write, which is reported and cleaned up after. */
    signal(SIGXFSZ, SIG_IGN);
}

static const struct command *find_command(const char *name)
{
    for (int i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

static int report_unknown_command(const char *name)
{
    const char *names[COMMANDS + 1] = {NULL};
    for (int i = 0; i < COMMANDS; i++) {
        names[i] = commands[i]->name;
    }
    const char *nearest = nearest_name(name, names);
    if (nearest) {
        return report_usage("unknown command '%s'; did you mean %s?", name, nearest);
    }
    return report_usage("unknown command '%s'; it is shape, count, run, verify, explain, tune, "
                        "calibrate, info or list",
                        name);
}

static int run_command(const struct command *command, int argc, char **argv)
{
    struct arguments arguments;
    void *options = calloc(1, command->options_bytes);
    if (!options) {
        return report_no_memory();
    }
    int code = options_parse(command, argc, argv, options, &arguments);
    if (!code && ((struct globals *)options)->help) {
        options_print_help(command);
    } else if (!code) {
        code = command->run(&arguments, options);
    }
    arguments_destroy(&arguments);
    free(options);
    return code;
}

static int help(int argc, char **argv)
{
    const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;
    if (argc > 1 && !command) {
        return report_unknown_command(argv[1]);
    }
    if (command) {
        options_print_help(command);
    } else {
        print_help();
    }
    return EXIT_GOOD;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        print_help();
        return report_usage("no command was given; try 'convoy count --help'");
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        return help(argc - 1, argv + 1);
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf("convoy %s\n", convoy_version());
        return EXIT_GOOD;
    }
    if (*name == '-') {
        return report_usage("the option '%s' stands before the command; it is written convoy "
                            "COMMAND [options]",
                            name);
    }
    const struct command *command = find_command(name);
    return command ? run_command(command, argc - 1, argv + 1) : report_unknown_command(name);
}

int main(int argc, char **argv)
{
    handle_signals();
    int code = dispatch(argc, argv);
    /* Results that could not be written (a full disk behind a redirection) are no results. */
    if ((ferror(stdout) || fflush(stdout) != 0) && code != EXIT_BAD_INPUT) {
        return report_system("standard output cannot be written: %s; make room or write elsewhere",
                             strerror(errno));
    }
    return code;
}
