/**
 * @file chain_job.h
 * What `convoy run --chain` works on: one chain, or two side by side; and its steps.
 */
#ifndef CONVOY_CLI_CHAIN_JOB_H
#define CONVOY_CLI_CHAIN_JOB_H

#include "cli/run_job.h"
#include "io/chain_file.h"

/** A layer of a chain. */
struct chain_layer {
    convoy_tensor filter, bias; /* owned; no data: not there */
    convoy_counts counts;
    convoy_description description;
    double median_seconds;
};

/** One chain. */
struct chain_side {
    const char *path;
    struct chain_file file;     /* owned */
    size_t count;               /* of layers */
    struct chain_layer *layers; /* owned */
    convoy_chain *chain;        /* owned */
    convoy_tensor x, y;         /* owned */
    void *arena;                /* owned */
    double create_seconds;
    double *seconds;                    /* of each run, count layers after another; owned */
    double *run_seconds;                /* of each run, end to end; owned */
    double min_seconds, median_seconds; /* end to end */
    int64_t flops, executed_flops;
    double predicted_seconds;
};

struct chain_job {
    const struct run_options *given;
    convoy_options options;
    convoy_layout layout;
    struct chain_side sides[2];
    size_t side_count;
    size_t repeats;
    double *column; /* room for `repeats` times; owned */
};

/** How two chains compare: first / second. */
struct chain_ratios {
    double analytic;  /* FLOPs of the layers */
    double executed;  /* FLOPs that the algorithms do */
    double predicted; /* time */
    double measured;  /* time: the median over the runs, each against its neighbour */
    char reason[720]; /* why measured is not analytic */
};

/* Each step returns EXIT_GOOD, or the exit code of the error that it reported. */

/** Read the chain files, make what they do not give, create the chains. */
int chain_load(struct chain_job *job);
/** The medians of the times, and the sums over the layers. */
void chain_summarise(struct chain_job *job);
/** What two chains, executed and summarised, tell about each other. */
void chain_compare(const struct chain_job *job, struct chain_ratios *ratios);
/** The summary on stdout, for a person or as JSON. */
int chain_print(const struct chain_job *job);

#endif
