/**
 * @file run.c
 * `convoy run`: one layer on files, or on random operands for its time. Chains are in chain_run.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"
#include "cli/errors.h"
#include "cli/progress.h"
#include "cli/run_job.h"
#include "cli/text.h"
#include "cli/times.h"

/* Executions of a layer on random operands, which are there for the time, if nothing else is asked
   for: the first also starts OpenMP's threads. */
#define TIMED_MOST    10
#define TIMED_SECONDS 0.2

static convoy_status create(struct job *job)
{
    const convoy_weights weights = {job->filter.data, job->bias.data};
    double started = seconds_now();
    convoy_status status = convoy_plan_create(&job->layer, &weights, &job->options, &job->plan);
    job->create_seconds = seconds_now() - started;
    if (!status) {
        status = convoy_plan_describe(job->plan, &job->description);
    }
    if (!status) {
        status = convoy_workspace_create(convoy_plan_workspace_bytes(job->plan), &job->workspace);
    }
    if (!status) {
        status = convoy_tensor_create(CONVOY_FLOAT32, job->layer.layout, job->layer.N, job->layer.K,
                                      job->P, job->Q, &job->y);
    }
    return status;
}

static convoy_status execute(struct job *job, size_t most)
{
    struct progress progress;
    convoy_status status = CONVOY_OK;
    double begun = seconds_now();
    bool enough = false;
    progress_begin(&progress, most, (double)most, job->given->globals.quiet);
    for (size_t i = 0; i < most && !enough && !status; i++) {
        progress_step(&progress, "executing");
        double started = seconds_now();
        status = job->residual.data
                     ? convoy_plan_execute_residual(job->plan, &job->x, &job->residual, &job->y,
                                                    job->workspace)
                     : convoy_plan_execute(job->plan, &job->x, &job->y, job->workspace);
        double ended = seconds_now();
        job->seconds[job->repeats++] = ended - started;
        enough = !job->given->repeat && ended - begun > TIMED_SECONDS;
        progress_done(&progress, 1);
    }
    progress_hide(&progress);
    times_sort(job->seconds, job->repeats);
    return status;
}

static int compute(struct job *job)
{
    size_t most = job->given->repeat  ? (size_t)job->given->repeat
                  : job->given->input ? 1
                                      : TIMED_MOST;
    job->seconds = calloc(most, sizeof *job->seconds);
    if (!job->seconds) {
        return report_no_memory();
    }
    convoy_status status = create(job);
    status = status ? status : execute(job, most);
    return status ? report_status(status, NULL) : EXIT_GOOD;
}

static void destroy(struct job *job)
{
    convoy_tensor *const tensors[] = {&job->x, &job->filter, &job->bias, &job->residual, &job->y};
    for (size_t i = 0; i < sizeof tensors / sizeof tensors[0]; i++) {
        convoy_tensor_destroy(tensors[i]);
    }
    convoy_plan_destroy(job->plan);
    plan_choice_close(&job->options);
    convoy_workspace_destroy(job->workspace);
    free(job->seconds);
}

convoy_options run_plan_options(const struct run_options *given)
{
    return (convoy_options){.algorithm = given->algorithm,
                            .isa = given->globals.isa,
                            .threads = (int)given->globals.threads};
}

static int run(const struct arguments *arguments, const void *options)
{
    const struct run_options *given = options;
    struct job job = {.given = given, .options = run_plan_options(given)};
    if (given->chain || given->versus) {
        return chain_run(arguments, given);
    }
    if (arguments->count > 1) {
        return report_usage("unexpected argument '%s'; usage: convoy run %s",
                            arguments->items[1].text, command_run.usage);
    }
    int code = given->output ? output_check_path(given->output) : EXIT_GOOD;
    code = code ? code : plan_choice_open(&given->choice, &job.options);
    code = code ? code : job_load(&job, arguments->count ? arguments->items[0].text : NULL);
    code = code ? code : output_check_layer(&job);
    code = code ? code : compute(&job);
    code = code ? code : output_write(&job);
    code = code ? code : job_print(&job);
    destroy(&job);
    return code;
}

#define FIELD(name) offsetof(struct run_options, name)

static const struct option_row rows[] = {
    {"input", OPTION_TEXT, FIELD(input), "X", "x: .npy (axes as --layout) or PNG, JPEG, PPM, PGM",
     0, 0},
    {"filter", OPTION_TEXT, FIELD(filter), "W", "w: .npy (K, C/groups, R, S), or a named filter", 0,
     0},
    {"bias", OPTION_TEXT, FIELD(bias), "B", ".npy (K)", 0, 0},
    {"residual", OPTION_TEXT, FIELD(residual), "Z", "as x, of y's extents: added before activation",
     0, 0},
    {"output", OPTION_TEXT, FIELD(output), "Y", ".npy, or a picture of 1 or 3 channels", 0, 0},
    {"stride", OPTION_TEXT, FIELD(stride), "2|2x1", "height x width (1)", 0, 0},
    {"pad", OPTION_TEXT, FIELD(pad), "P", "1, 1x3, top,bottom,left,right, same, same_lower, valid",
     0, 0},
    {"dilation", OPTION_TEXT, FIELD(dilation), "2|2x1", "height x width (1)", 0, 0},
    {"groups", OPTION_INTEGER, FIELD(groups), "G", "of channels (1)", 1, INT32_MAX},
    {"activation", OPTION_TEXT, FIELD(activation), "A",
     "relu, relu6, leaky_relu[:SLOPE], clip:LOW:HIGH", 0, 0},
    {"layout", OPTION_TEXT, FIELD(layout), "nchw|nhwc", "of x, y and residual (nchw)", 0, 0},
    {"algorithm", OPTION_TEXT, FIELD(algorithm), "A", "by name, see 'convoy list' (auto)", 0, 0},
    PLAN_CHOICE_ROWS(struct run_options),
    {"repeat", OPTION_INTEGER, FIELD(repeat), "N",
     "execute N times, for the time (1; on random operands up to 10, for a fifth of a second)", 1,
     1000000},
    {"chain", OPTION_TEXT, FIELD(chain), "FILE", "run layers one after another, from a chain file",
     0, 0},
    {"versus", OPTION_TEXT, FIELD(versus), "FILE", "a second chain, timed in turns with the first",
     0, 0},
    {"scale", OPTION_NUMBER, FIELD(scale), "F", "factor on the values of a picture (1)", 0, 0},
    {"offset", OPTION_NUMBER, FIELD(offset), "V", "then added to them (0)", 0, 0},
    {"grey", OPTION_FLAG, FIELD(grey), NULL, "read pictures as one channel", 0, 0},
    {"rgb", OPTION_FLAG, FIELD(rgb), NULL, "read pictures as three channels", 0, 0},
    {NULL, OPTION_FLAG, 0, NULL, NULL, 0, 0},
};

const struct command command_run = {
    .name = "run",
    .summary =
        "Compute a layer or a chain on .npy files or pictures, or time it on random operands",
    .usage = "--input X --filter W [--output Y] [options] | PROBLEM [options] | --chain FILE "
             "[--versus FILE] [options]",
    .details =
        "Pictures are feature maps of 1 or 3 channels, 0 to 255; results are rounded and "
        "clipped to that.\nNamed filters are applied to each channel, with padding 'same' "
        "unless --pad says otherwise.\n"
        "A chain file has a line a layer: name, problem, then filter=FILE, bias=FILE and\n"
        "activation=A as wanted (files are .npy, seen from the chain file); what is not given "
        "is random.",
    .examples =
        "  convoy run --input photo.png --filter gaussian:9 --output soft.png\n"
        "  convoy run --input photo.jpg --filter sobel-x --grey --scale 0.5 --offset 128 \\\n"
        "      --output edges.png\n"
        "  convoy run --input x.npy --filter w.npy --bias b.npy --pad 1 --activation relu "
        "\\\n"
        "      --layout nhwc --algorithm direct --output y.npy\n"
        "  convoy run n1c128h100w100_k256r5s5_pd2 --repeat 10 --threads 1\n"
        "  convoy run --chain examples/chains/wide.txt --versus examples/chains/bottleneck.txt\n",
    .rows = rows,
    .options_bytes = sizeof(struct run_options),
    .run = run,
};
