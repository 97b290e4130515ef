/**
 * @file run_job.h
 * What `convoy run` works on, and its steps: load, execute, write, print.
 */
#ifndef CONVOY_CLI_RUN_JOB_H
#define CONVOY_CLI_RUN_JOB_H

#include "cli/options.h"
#include "cli/plan_choice.h"
#include "convoy/convoy.h"

struct run_options {
    struct globals globals;
    const char *input, *filter, *bias, *residual, *output;
    const char *stride, *pad, *dilation;
    int64_t groups; /* 0: not given */
    const char *activation, *layout, *algorithm;
    const char *chain, *versus; /* chain files */
    struct plan_choice choice;
    int64_t repeat; /* 0: not given */
    struct number scale, offset;
    bool grey, rgb;
};

struct job {
    const struct run_options *given;
    convoy_layer layer;
    convoy_options options;
    convoy_counts counts;
    int64_t P, Q;
    convoy_tensor x, filter, bias, residual, y; /* owned; no data: not there */
    convoy_plan *plan;                          /* owned */
    void *workspace;                            /* owned */
    convoy_description description;
    double create_seconds;
    double *seconds; /* of each execution, ascending; owned */
    size_t repeats;  /* executions */
};

/** The options of plans, without the choice. */
convoy_options run_plan_options(const struct run_options *given);

/** x or a residual from .npy (axes in the layout's order) or a picture (--grey, --rgb). */
int operand_read_map(const char *path, const struct run_options *given, convoy_layout layout,
                     convoy_tensor *tensor);
/** Weights, whose axes do not depend on the layout: an array of exactly `rank` axes, 4 or 1.
 *  @param what  "filter" or "bias" */
int operand_read_parameters(const char *path, const char *what, int rank, convoy_tensor *tensor);

/* Each step returns EXIT_GOOD, or the exit code of the error that it reported. */

/** Read what the options name, or make random operands for the problem string; set the layer. */
int job_load(struct job *job, const char *problem);

/** Can the output be written where it is asked for? Nothing is created. */
int output_check_path(const char *path);
/** Can anything be written into its directory? */
int output_check_directory(const char *path);
/** Can its format hold a result of this layer, and do --scale and --offset belong to it? */
int output_check_layer(const struct job *job);
/** Write y, if an output was named. */
int output_write(struct job *job);

/** `convoy run --chain`: all of it. */
int chain_run(const struct arguments *arguments, const struct run_options *given);

/** The summary on stdout, for a person or as JSON. */
int job_print(const struct job *job);

#endif
