/**
 * @file calibrate.c
 * `convoy calibrate`: what predictions are made of, measured on this machine and kept in a file.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"
#include "cli/errors.h"
#include "cli/json.h"
#include "cli/layers.h"
#include "cli/run_job.h"
#include "cli/table.h"
#include "cli/text.h"
#include "convoy/calibration.h"

struct calibrate_options {
    struct globals globals;
    const char *calibration;
};

/* A rate, as it is told. */
static const struct rate_text {
    const char *name, *what;
    size_t offset;
    bool of_isa;
} rates_told[] = {
    {"multiply", "vector multiply-add", offsetof(convoy_rates, multiply), true},
    {"transform", "unit of a transform", offsetof(convoy_rates, transform), true},
    {"copy", "unit of a copy", offsetof(convoy_rates, copy), true},
    {"blas", "multiply-add of the BLAS", offsetof(convoy_rates, blas), false},
    {"call", "call of the BLAS", offsetof(convoy_rates, call), false},
    {"near_byte", "byte from behind L2", offsetof(convoy_rates, near_byte), false},
    {"far_byte", "byte from memory", offsetof(convoy_rates, far_byte), false},
    {"shared_byte", "byte from memory, all threads", offsetof(convoy_rates, shared_byte), false},
    {"execution", "execution", offsetof(convoy_rates, execution), false},
    {"fork", "doubling of the threads", offsetof(convoy_rates, fork), false},
};
enum { RATES = sizeof rates_told / sizeof rates_told[0] };

struct calibrating {
    const struct calibrate_options *given;
    convoy_calibration *measured; /* owned */
    double seconds;
};

static double rate_of(const struct calibrating *job, convoy_isa isa, const struct rate_text *told)
{
    convoy_rates rates = {0};
    convoy_calibration_rates(job->measured, isa, &rates);
    return *(const double *)((const char *)&rates + told->offset);
}

static void json_rates(struct json *json, const struct calibrating *job, convoy_isa isa)
{
    for (int i = 0; i < RATES; i++) {
        if (rates_told[i].of_isa != (isa == CONVOY_ISA_BEST)) {
            json_number(json, rates_told[i].name, rate_of(job, isa, &rates_told[i]));
        }
    }
}

static int print_json(const struct calibrating *job)
{
    struct json json;
    json_begin(&json);
    json_string(&json, "calibration", job->given->calibration);
    json_number(&json, "seconds", job->seconds);
    json_integer(&json, "threads", convoy_calibration_threads(job->measured));
    json_object(&json, "machine");
    json_rates(&json, job, CONVOY_ISA_BEST);
    json_end(&json);
    for (int i = CONVOY_ISA_PORTABLE; i < CONVOY_ISA_COUNT; i++) {
        if (convoy_isa_usable((convoy_isa)i)) {
            json_object(&json, convoy_isa_name((convoy_isa)i));
            json_rates(&json, job, (convoy_isa)i);
            json_end(&json);
        }
    }
    return json_print(&json);
}

/* The rates that all ISAs have in common, or those of one, beside what holds without a file. */
static void add_rates(struct table *table, const struct calibrating *job, convoy_isa isa)
{
    const struct calibrating without = {.measured = NULL};
    for (int i = 0; i < RATES; i++) {
        if (rates_told[i].of_isa != (isa == CONVOY_ISA_BEST)) {
            table_cell(table, "%s", isa == CONVOY_ISA_BEST ? "" : convoy_isa_name(isa));
            table_cell(table, "%s", rates_told[i].what);
            table_cell(table, "%.3g ns", 1e9 * rate_of(job, isa, &rates_told[i]));
            table_cell(table, "%.3g ns", 1e9 * rate_of(&without, isa, &rates_told[i]));
        }
    }
}

static int print_table(const struct calibrating *job)
{
    static const char *const heads[] = {"ISA", "what", "takes", "built in"};
    struct table table;
    char duration[TEXT_SIZE];
    int threads = convoy_calibration_threads(job->measured);
    table_begin(&table, "llrr");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        table_cell(&table, "%s", heads[i]);
    }
    for (int i = CONVOY_ISA_PORTABLE; i < CONVOY_ISA_COUNT; i++) {
        if (convoy_isa_usable((convoy_isa)i)) {
            add_rates(&table, job, (convoy_isa)i);
        }
    }
    add_rates(&table, job, CONVOY_ISA_BEST);
    int code = table_print(&table);
    if (!code) {
        printf("\nmeasured on %d thread%s in %s; %s%s\n", threads, threads == 1 ? "" : "s",
               text_duration(job->seconds, duration),
               job->given->calibration ? "written to " : "not kept (no --calibration)",
               job->given->calibration ? job->given->calibration : "");
    }
    return code;
}

static int measure(struct calibrating *job)
{
    double started = seconds_now();
    convoy_status status =
        convoy_calibration_measure((int)job->given->globals.threads, &job->measured);
    job->seconds = seconds_now() - started;
    return status ? report_status(status, NULL) : EXIT_GOOD;
}

static int save(const struct calibrating *job)
{
    const char *path = job->given->calibration;
    convoy_status status = path ? convoy_calibration_export(job->measured, path) : CONVOY_OK;
    return status ? report_write_status(status) : EXIT_GOOD;
}

static int run(const struct arguments *arguments, const void *options)
{
    struct calibrating job = {.given = options};
    const char *path = job.given->calibration;
    int code = no_arguments(&command_calibrate, arguments);
    code = !code && path ? output_check_directory(path) : code;
    code = code ? code : measure(&job);
    code = code ? code : save(&job);
    if (!code && job.given->globals.json) {
        code = print_json(&job);
    } else if (!code && !job.given->globals.quiet) {
        code = print_table(&job);
    }
    convoy_calibration_destroy(job.measured);
    return code;
}

#define FIELD(name) offsetof(struct calibrate_options, name)

static const struct option_row rows[] = {
    {"calibration", OPTION_TEXT, FIELD(calibration), "FILE", "written, replaced if it is there", 0,
     0},
    {NULL, OPTION_FLAG, 0, NULL, NULL, 0, 0},
};

const struct command command_calibrate = {
    .name = "calibrate",
    .summary = "Measure in a second what predictions of time are made of",
    .usage = "[--calibration FILE] [options]",
    .details = "'convoy run', 'convoy explain' and 'convoy tune' take the file with --calibration. "
               "It holds for\nthis machine and version. Let the machine do nothing else "
               "meanwhile.\nUnits of transforms and copies take a vector multiply-add's time on "
               "the machine that the built-in\nrates are of.",
    .examples = "  convoy calibrate --calibration here.calibration\n"
                "  convoy explain n1c64h56w56_k64r3s3_pd1 --calibration here.calibration\n",
    .rows = rows,
    .ignores = "isa seed",
    .options_bytes = sizeof(struct calibrate_options),
    .run = run,
};
