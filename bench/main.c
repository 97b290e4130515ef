/**
 * @file main.c
 * convoy-bench: measure, check, compare, report.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/check.h"
#include "bench/compare.h"
#include "bench/context.h"
#include "bench/ladder.h"
#include "bench/peers_table.h"
#include "bench/regret.h"
#include "bench/report.h"
#include "bench/reporter.h"
#include "bench/run.h"
#include "bench/sweep.h"
#include "bench/table.h"
#include "core/error.h"
#include "core/file.h"

enum exit_code {
    EXIT_GOOD = 0,
    EXIT_CHECK = 1,
    EXIT_USAGE = 2,
    EXIT_SYSTEM = 3,
    EXIT_INTERRUPTED = 130
};

#define MIN_SECONDS 0.1
/* A sweep compares the least times of points that were measured one after the other. */
#define SWEEP_SECONDS 0.3
/* A report has many points, and should not take long. */
#define REPORT_SECONDS 0.04

static int complain(convoy_status status)
{
    fprintf(stderr, "convoy-bench: %s\n", convoy_error_detail());
    bool system = status == CONVOY_ERROR_MEMORY || status == CONVOY_ERROR_TOO_LARGE ||
                  status == CONVOY_ERROR_IO;
    return system ? EXIT_SYSTEM : EXIT_USAGE;
}

static int check_file(const char *path, bool quiet)
{
    struct results results;
    convoy_status status = results_read(path, &results);
    if (status) {
        return complain(status);
    }
    size_t failed = check_results(&results, quiet);
    printf("%zu lines checked, %zu failed\n", results.count, failed);
    results_destroy(&results);
    return failed ? EXIT_CHECK : EXIT_GOOD;
}

static double estimate(const struct selection *selection, const struct options *options)
{
    double seconds = 0;
    for (size_t i = 0; i < selection->count; i++) {
        seconds += case_seconds(&selection->cases[i], options);
    }
    return seconds;
}

static int dry_run(const struct selection *selection, const struct options *options)
{
    char text[32];
    for (size_t i = 0; i < selection->count; i++) {
        duration_print(case_seconds(&selection->cases[i], options), text, sizeof text);
        printf("%-70s %10s\n", selection->cases[i].name, text);
    }
    duration_print(estimate(selection, options), text, sizeof text);
    printf("%zu lines, about %s\n", selection->count, text);
    return EXIT_GOOD;
}

/* The results as JSON, to the file or the terminal that the flags name. */
static convoy_status write_json(const struct results *results)
{
    const struct gbench_flags *flags = gbench_flags();
    bool shown = strcmp(flags->format, "json") == 0;
    if (!flags->out && !shown) {
        return CONVOY_OK;
    }
    char *text = results_print(results);
    if (!text) {
        return fail(CONVOY_ERROR_MEMORY, "no memory for the results as JSON");
    }
    if (shown) {
        puts(text);
    }
    convoy_status status = flags->out ? file_write_text(flags->out, text) : CONVOY_OK;
    free(text);
    return status;
}

/* The command line as it was, before the flags are taken out of it. */
static const char *command_line(int argc, char **argv)
{
    static char text[2048] = "convoy-bench";
    size_t length = strlen(text);
    for (int i = 1; i < argc && length < sizeof text; i++) {
        bool quoted = strpbrk(argv[i], " *?()[]|&;<>$'\"") != NULL;
        length += (size_t)snprintf(text + length, sizeof text - length, quoted ? " '%s'" : " %s",
                                   argv[i]);
    }
    return text;
}

struct session {
    const struct options *options;
    const char *command;
    struct sweep sweep; /* with --sweep: what the selection was made of */
    struct selection selection;
    struct limits before, after;
    bool table; /* the console shows the table */
};

/* A sweep alone; beside a report it is a part of that. */
static bool is_sweep(const struct options *options)
{
    return options->sweep && !options->report;
}

/* What there is to say when everything is measured. @return exit code */
static int finish(struct session *session, struct results *results)
{
    const struct options *options = session->options;
    size_t failed = 0;
    if (options->check) {
        failed = check_results(results, options->quiet);
    }
    if (session->table && is_sweep(options)) {
        sweep_print(stdout, &session->sweep, results);
    } else if (session->table && options->check) {
        reporter_print(stdout, results);
    }
    if (session->table) {
        context_print_after(stdout, &session->before, &session->after);
    }
    convoy_status status = write_json(results);
    if (!status && options->peers && session->table) {
        json_t *peers;
        status = peers_read(options->peers, &peers);
        if (!status) {
            peers_print(stdout, peers, results);
            json_decref(peers);
        }
    }
    if (!status && options->baseline) {
        status = compare_baseline(stdout, options->baseline, results);
    }
    if (!status && options->plot && is_sweep(options) && results->count > 0) {
        status = sweep_plot(options->plot, &session->sweep, results);
    }
    if (!status && options->report && !interrupted()) {
        if (results->count == 0 || failed < results->count) {
            status = report_write(options, results, &session->before, &session->after);
        } else {
            fputs("convoy-bench: no report: every line failed its check\n", stderr);
        }
    }
    if (status) {
        return complain(status);
    }
    if (options->check) {
        fprintf(session->table ? stdout : stderr, "%zu lines checked, %zu failed\n", results->count,
                failed);
    }
    return interrupted() ? EXIT_INTERRUPTED : failed ? EXIT_CHECK : EXIT_GOOD;
}

/* Everything that is selected; the table of a run that is not checked is printed meanwhile. */
static convoy_status measure(struct session *session, struct runner *runner)
{
    const struct options *options = session->options;
    if (is_sweep(options) && !gbench_flags()->list_only) {
        return sweep_measure(runner, &session->selection, &session->sweep, options);
    }
    bool told = session->table && !options->check && !gbench_flags()->list_only;
    struct reporter reporter = {.file = told ? stdout : NULL,
                                .runner = runner,
                                .selection = &session->selection,
                                .options = options};
    struct gbench_listener listener = reporter_listener(&reporter);
    convoy_status status = runner_register(runner, &session->selection);
    if (status) {
        return status;
    }
    if (told) {
        table_print_head(stdout);
    }
    progress_begin(&runner->progress, session->selection.count,
                   estimate(&session->selection, options), options->quiet);
    gbench_run(&listener);
    reporter_end(&reporter);
    return CONVOY_OK;
}

static int run(struct session *session)
{
    const struct options *options = session->options;
    static struct runner runner;
    bool list_only = gbench_flags()->list_only;
    if (!list_only) {
        context_register(&session->before, options, &session->selection, session->command);
    }
    if (session->table && !list_only) {
        context_print(stdout, &session->before, options);
    }
    runner_begin(&runner, &session->before, options);
    convoy_status status = measure(session, &runner);
    runner_end(&runner);
    if (status) {
        return complain(status);
    }
    if (list_only) {
        return EXIT_GOOD;
    }
    limits_measure_again(&session->before, &session->after);
    context_register_after(&session->before, &session->after);

    struct results results = {0};
    char *json = gbench_json();
    status = json ? results_parse(json, &results)
                  : fail(CONVOY_ERROR_MEMORY, "no memory for the results");
    free(json);
    if (status) {
        return complain(status);
    }
    results_drop(&results, INTERRUPTED);
    int code = finish(session, &results);
    results_destroy(&results);
    return code;
}

static convoy_status select_sweep(const struct options *options, struct session *session)
{
    struct options walked = *options;
    char *layers = sweep_layers(&session->sweep);
    if (!layers) {
        return fail(CONVOY_ERROR_MEMORY, "no memory for the layers of a sweep");
    }
    walked.layers = layers;
    convoy_status status = select_cases(&walked, &session->selection);
    free(layers);
    return status;
}

static int select_and_run(const struct options *options, const char *command)
{
    static struct session session;
    session.options = options;
    session.command = command;
    session.table = strcmp(gbench_flags()->format, "console") == 0;
    convoy_status status =
        options->sweep ? sweep_create(options->sweep, &session.sweep) : CONVOY_OK;
    if (!status) {
        status = is_sweep(options) ? select_sweep(options, &session)
                                   : select_cases(options, &session.selection);
    }
    if (status) {
        return complain(status);
    }
    int code;
    if (options->dry_run) {
        code = dry_run(&session.selection, options);
    } else {
        for (size_t i = 0; i < session.selection.count; i++) {
            limits_want(&session.before, session.selection.cases[i].isa,
                        session.selection.cases[i].threads);
        }
        if (!gbench_flags()->list_only) {
            limits_measure(&session.before);
        }
        code = run(&session);
    }
    selection_destroy(&session.selection);
    return code;
}

int main(int argc, char **argv)
{
    static struct options options;
    double min_seconds = MIN_SECONDS;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            options_print_help();
            return EXIT_GOOD;
        }
        if (strncmp(argv[i], "--sweep", strlen("--sweep")) == 0) {
            min_seconds = SWEEP_SECONDS;
        }
        if (strncmp(argv[i], "--report", strlen("--report")) == 0) {
            min_seconds = REPORT_SECONDS;
        }
    }
    const char *command = command_line(argc, argv);
    gbench_initialize(&argc, argv, min_seconds);
    convoy_status status = options_parse(argc, argv, &options);
    if (status) {
        return complain(status);
    }
    interrupt_install();
    if (options.check_file) {
        return check_file(options.check_file, options.quiet);
    }
    if (options.report) {
        report_defaults(&options);
    } else if (options.sweep || options.plot) {
        status = sweep_defaults(&options);
    }
    if (status) {
        return complain(status);
    }
    options_defaults(&options);
    if (options.check && gbench_flags()->unchecked) {
        fprintf(stderr, "convoy-bench: --check shows nothing before it is verified, so its output "
                        "is the table or JSON, not CSV or a text file\n");
        return EXIT_USAGE;
    }
    if (options.compare[0]) {
        status = compare_algorithms(&options);
    } else if (options.regret) {
        status = regret_print(&options);
    } else if (options.ladder && !options.report) {
        status = ladder_print(&options);
    } else {
        return select_and_run(&options, command);
    }
    return status ? complain(status) : interrupted() ? EXIT_INTERRUPTED : EXIT_GOOD;
}
