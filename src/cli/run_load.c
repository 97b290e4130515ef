/**
 * @file run_load.c
 * Operands from files, from named filters or from random numbers; and the layer that they make.
 */
#include "cli/run_job.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/activation.h"
#include "cli/command.h"
#include "cli/errors.h"
#include "cli/filters.h"
#include "cli/layers.h"
#include "cli/text.h"

/* A named filter for each channel of x. */
static int make_named_filter(struct job *job)
{
    struct filter named;
    int64_t C = job->x.C;
    if (job->given->groups && job->given->groups != C) {
        return report_usage("--groups %" PRId64 " cannot be used; the filter '%s' is applied to "
                            "each of the %" PRId64 " channels, leave out --groups",
                            job->given->groups, job->given->filter, C);
    }
    int code = filter_make(job->given->filter, &named);
    if (code) {
        return code;
    }
    convoy_status status =
        convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, C, 1, named.R, named.S, &job->filter);
    for (int64_t c = 0; c < C && !status; c++) {
        size_t floats = (size_t)(named.R * named.S);
        memcpy((float *)job->filter.data + (size_t)c * floats, named.values,
               floats * sizeof(float));
    }
    filter_destroy(&named);
    job->layer.groups = C;
    return status ? report_status(status, NULL) : EXIT_GOOD;
}

static int load_filter(struct job *job)
{
    const char *text = job->given->filter;
    const char *nearest = filter_nearest(text);
    job->layer.groups = job->given->groups ? job->given->groups : 1;
    if (filter_is_name(text)) {
        return make_named_filter(job);
    }
    if (access(text, F_OK) == 0 || strchr(text, '/') || strstr(text, ".npy")) {
        return operand_read_parameters(text, "filter", 4, &job->filter);
    }
    if (nearest) {
        return report_usage("there is no file and no filter '%s'; did you mean %s?", text, nearest);
    }
    return report_usage("there is no file and no filter '%s'; 'convoy list filters' shows the "
                        "filters",
                        text);
}

/* The problem string is the one place that knows how stride, padding and dilation are written: the
   text is read as part of one whose 1 x 1 filter allows anything. */
static int read_geometry(const char *option, const char *text, const char *word, const char *forms,
                         convoy_layer *probe)
{
    char problem[128];
    int length = snprintf(problem, sizeof problem, "c1h1w1_k1r1s1_%s%s", word, text);
    if ((size_t)length < sizeof problem && !strchr(text, '_') &&
        convoy_layer_parse(problem, probe) == CONVOY_OK) {
        return EXIT_GOOD;
    }
    return report_usage("--%s '%s' cannot be used; it is written %s", option, text, forms);
}

static int read_padding(const char *text, convoy_layer *layer)
{
    static const struct {
        const char *name;
        convoy_padding rule;
    } rules[] = {{"same", CONVOY_SAME}, {"same_lower", CONVOY_SAME_LOWER}, {"valid", CONVOY_VALID}};
    convoy_layer probe;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (strcmp(text, rules[i].name) == 0) {
            convoy_status status = convoy_layer_pad(layer, rules[i].rule);
            return status ? report_status(status, NULL) : EXIT_GOOD;
        }
    }
    int code = read_geometry("pad", text, "pd",
                             "1, 1x3 (height x width), 0,1,0,1 (top,bottom,left,right), same, "
                             "same_lower or valid",
                             &probe);
    if (!code) {
        layer->pad_top = probe.pad_top;
        layer->pad_bottom = probe.pad_bottom;
        layer->pad_left = probe.pad_left;
        layer->pad_right = probe.pad_right;
    }
    return code;
}

/* Stride, dilation and padding; the padding last, because its rules need the others. */
static int set_geometry(struct job *job)
{
    const struct run_options *given = job->given;
    convoy_layer *layer = &job->layer, probe;
    const char *forms = "2 or 2x1 (height x width), each from 1 to 2147483647";
    const char *pad = given->pad ? given->pad : filter_is_name(given->filter) ? "same" : "valid";
    int code = read_geometry("stride", given->stride ? given->stride : "1", "st", forms, &probe);
    if (!code) {
        layer->stride_h = probe.stride_h;
        layer->stride_w = probe.stride_w;
        code =
            read_geometry("dilation", given->dilation ? given->dilation : "1", "dl", forms, &probe);
    }
    if (!code) {
        layer->dilation_h = probe.dilation_h;
        layer->dilation_w = probe.dilation_w;
        code = read_padding(pad, layer);
    }
    return code;
}

static int check_channels(const struct job *job)
{
    const convoy_layer *layer = &job->layer;
    int64_t wanted = job->filter.C * layer->groups;
    if (wanted == layer->C) {
        return EXIT_GOOD;
    }
    bool fits = layer->C % job->filter.C == 0 && layer->K % (layer->C / job->filter.C) == 0;
    if (fits) {
        return report_usage("the filter is for %" PRId64 " channels (%" PRId64 " x %" PRId64
                            "), but the input has %" PRId64 "; --groups %" PRId64 " would fit",
                            wanted, layer->groups, job->filter.C, layer->C,
                            layer->C / job->filter.C);
    }
    return report_usage("the filter is for %" PRId64 " channels (%" PRId64 " x %" PRId64
                        "), but the input has %" PRId64 "; give a filter of K, C/groups, R, S",
                        wanted, layer->groups, job->filter.C, layer->C);
}

static int load_files(struct job *job)
{
    convoy_layer *layer = &job->layer;
    int code = operand_read_map(job->given->input, job->given, job->layer.layout, &job->x);
    code = code ? code : load_filter(job);
    if (code) {
        return code;
    }
    layer->N = job->x.N;
    layer->C = job->x.C;
    layer->H = job->x.H;
    layer->W = job->x.W;
    layer->K = job->filter.N;
    layer->R = job->filter.H;
    layer->S = job->filter.W;
    code = set_geometry(job);
    code = code ? code : check_channels(job);
    if (!code && job->given->bias) {
        code = operand_read_parameters(job->given->bias, "bias", 1, &job->bias);
    }
    if (!code && job->bias.data && job->bias.N != layer->K) {
        return report_usage("the bias in %s has %" PRId64 " values; the filter has %" PRId64
                            " output channels, and each needs one",
                            job->given->bias, job->bias.N, layer->K);
    }
    if (!code && job->given->residual) {
        layer->epilogue.residual = true;
        code = operand_read_map(job->given->residual, job->given, layer->layout, &job->residual);
    }
    return code;
}

/* Counts and output extents; and what the tensors need together is refused before more of them are
   allocated. */
static int measure(struct job *job)
{
    convoy_count_options options = {.bias = job->bias.data != NULL};
    convoy_machine machine;
    char needed[TEXT_SIZE], there[TEXT_SIZE];
    convoy_status status = convoy_layer_count(&job->layer, &options, &job->counts);
    status = status ? status : convoy_layer_output(&job->layer, &job->P, &job->Q);
    status = status ? status : convoy_machine_describe(&machine);
    if (status) {
        return report_status(status, NULL);
    }
    uint64_t bytes = (uint64_t)job->counts.bytes_least;
    if (machine.memory_bytes == 0 || bytes <= machine.memory_bytes) {
        return EXIT_GOOD;
    }
    return report_system("input, filter and output need %s, but the machine has %s; take a "
                         "smaller layer",
                         text_bytes(bytes, needed), text_bytes(machine.memory_bytes, there));
}

/* A problem string instead of files: uniform random operands. */
static int load_random(struct job *job, const char *problem)
{
    const struct run_options *given = job->given;
    struct arguments arguments = {&(struct argument){ARGUMENT_TEXT, problem}, 1};
    convoy_layout layout = job->layer.layout;
    convoy_epilogue epilogue = job->layer.epilogue;
    convoy_layer *layer = &job->layer;
    if (given->input || given->filter || given->bias || given->residual || given->stride ||
        given->pad || given->dilation || given->groups) {
        return report_usage("a problem stands for random operands; leave out --input, --filter, "
                            "--bias, --residual, --stride, --pad, --dilation and --groups, or the "
                            "problem");
    }
    int code = layer_of_command(&command_run, &arguments, layer);
    if (code) {
        return code;
    }
    layer->layout = layout;
    layer->epilogue = epilogue;
    code = measure(job);
    if (code) {
        return code;
    }
    convoy_status status = convoy_tensor_create(CONVOY_FLOAT32, layout, layer->N, layer->C,
                                                layer->H, layer->W, &job->x);
    if (!status) {
        status = convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, layer->K,
                                      layer->C / layer->groups, layer->R, layer->S, &job->filter);
    }
    if (!status) {
        status = convoy_tensor_fill_uniform(&job->x, given->globals.seed, -1, 1);
    }
    if (!status) {
        status = convoy_tensor_fill_uniform(&job->filter, given->globals.seed + 1, -1, 1);
    }
    return status ? report_status(status, NULL) : EXIT_GOOD;
}

int job_load(struct job *job, const char *problem)
{
    const struct run_options *given = job->given;
    int code = layout_of_option(given->layout, &job->layer.layout);
    code = code ? code : activation_read(given->activation, &job->layer.epilogue);
    if (code) {
        return code;
    }
    if (given->grey && given->rgb) {
        return report_usage("--grey and --rgb exclude each other; give one of them");
    }
    if (!problem && (!given->input || !given->filter)) {
        return report_usage("--%s is missing; usage: convoy run %s",
                            given->input ? "filter" : "input", command_run.usage);
    }
    code = problem ? load_random(job, problem) : load_files(job);
    return code ? code : measure(job);
}
