/**
 * @file chain_run.c
 * `convoy run --chain`: the layers of a chain file one after another; with --versus, two chains in
 * turns, so that what else the machine does meets both alike.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/chain_job.h"
#include "cli/command.h"
#include "cli/errors.h"
#include "cli/layers.h"
#include "cli/plan_choice.h"
#include "cli/progress.h"
#include "cli/text.h"

/* Without --repeat. */
#define VERSUS_REPEATS 15

static int check_options(const struct arguments *arguments, const struct run_options *given)
{
    if (!given->chain) {
        return report_usage("--versus compares with a first chain; give that as --chain FILE");
    }
    if (arguments->count > 0 || given->filter || given->bias || given->residual || given->stride ||
        given->pad || given->dilation || given->groups || given->activation) {
        return report_usage("--chain reads problems, filters, biases and activations from its "
                            "file; leave out the problem, --filter, --bias, --residual, --stride, "
                            "--pad, --dilation, --groups and --activation");
    }
    if (given->versus && (given->input || given->output)) {
        return report_usage("--versus times two chains on random input; leave out --input and "
                            "--output");
    }
    if (given->grey && given->rgb) {
        return report_usage("--grey and --rgb exclude each other; give one of them");
    }
    return given->output ? output_check_path(given->output) : EXIT_GOOD;
}

/* One run of a chain; number `repeat` is kept, unless it is the warm-up. */
static convoy_status execute_once(struct chain_side *side, const size_t *repeat)
{
    double *seconds = repeat ? side->seconds + *repeat * side->count : side->seconds;
    double started = seconds_now();
    convoy_status status =
        convoy_chain_execute(side->chain, &side->x, &side->y, side->arena, seconds);
    if (repeat) {
        side->run_seconds[*repeat] = seconds_now() - started;
    }
    return status;
}

static int execute(struct chain_job *job)
{
    struct progress progress;
    convoy_status status = CONVOY_OK;
    for (size_t s = 0; s < job->side_count && job->repeats > 1 && !status; s++) {
        status = execute_once(&job->sides[s], NULL);
    }
    progress_begin(&progress, job->repeats, (double)job->repeats, job->given->globals.quiet);
    for (size_t i = 0; i < job->repeats && !status; i++) {
        progress_step(&progress, "executing");
        for (size_t s = 0; s < job->side_count && !status; s++) {
            status = execute_once(&job->sides[s], &i);
        }
        progress_done(&progress, 1);
    }
    progress_hide(&progress);
    return status ? report_status(status, NULL) : EXIT_GOOD;
}

/* The last output, as that of a layer. */
static int write_output(const struct chain_job *job, bool check_only)
{
    const struct chain_side *side = &job->sides[0];
    struct job single = {.given = job->given,
                         .layer = side->file.entries[side->count - 1].named.layer,
                         .y = side->y};
    return check_only ? output_check_layer(&single) : output_write(&single);
}

static void destroy_side(struct chain_side *side)
{
    for (size_t i = 0; i < side->count && side->layers; i++) {
        convoy_tensor_destroy(&side->layers[i].filter);
        convoy_tensor_destroy(&side->layers[i].bias);
    }
    convoy_chain_destroy(side->chain);
    convoy_workspace_destroy(side->arena);
    convoy_tensor_destroy(&side->x);
    convoy_tensor_destroy(&side->y);
    chain_file_destroy(&side->file);
    free(side->layers);
    free(side->seconds);
    free(side->run_seconds);
}

int chain_run(const struct arguments *arguments, const struct run_options *given)
{
    struct chain_job job = {.given = given,
                            .options = run_plan_options(given),
                            .sides = {{.path = given->chain}, {.path = given->versus}},
                            .side_count = given->versus ? 2 : 1,
                            .repeats = given->repeat   ? (size_t)given->repeat
                                       : given->versus ? VERSUS_REPEATS
                                                       : 1};
    int code = check_options(arguments, given);
    code = code ? code : layout_of_option(given->layout, &job.layout);
    code = code ? code : plan_choice_open(&given->choice, &job.options);
    code = code ? code : chain_load(&job);
    code = code ? code : write_output(&job, true);
    code = code ? code : execute(&job);
    code = code ? code : write_output(&job, false);
    if (!code) {
        chain_summarise(&job);
        code = chain_print(&job);
    }
    destroy_side(&job.sides[0]);
    destroy_side(&job.sides[1]);
    plan_choice_close(&job.options);
    free(job.column);
    return code;
}
