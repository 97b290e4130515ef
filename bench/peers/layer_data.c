/**
 * @file layer_data.c
 * convoy-layer-data: the layers of a list, and the data of a layer with its reference output, as
 * the files and the request line that peers are given (docs/peers.md).
 *
 *   convoy-layer-data list LAYERS...             one JSON object a layer: name, problem, macs
 *   convoy-layer-data write DIRECTORY PROBLEM    writes the files; two request lines, NCHW and NHWC
 *   convoy-layer-data peak THREADS               the multiply-add peak as a JSON object
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/machine_limits.h"
#include "convoy/convoy.h"
#include "core/error.h"
#include "core/file.h"
#include "io/layer_file.h"

enum { SEED_X = 1, SEED_FILTER = 2, SEED_BIAS = 3 };

static int list_layers(int count, char **what)
{
    struct layer_list list = {0};
    convoy_status status = CONVOY_OK;
    for (int i = 0; status == CONVOY_OK && i < count; i++) {
        status = layer_list_append(what[i], &list);
    }
    for (size_t i = 0; status == CONVOY_OK && i < list.count; i++) {
        char problem[CONVOY_PROBLEM_SIZE];
        convoy_counts counts;
        convoy_layer_print(&list.layers[i].layer, problem, sizeof problem);
        status = convoy_layer_count(&list.layers[i].layer, NULL, &counts);
        if (status == CONVOY_OK) {
            printf("{\"layer\": \"%s\", \"problem\": \"%s\", \"macs\": %lld}\n",
                   list.layers[i].name, problem, (long long)counts.macs);
        }
    }
    layer_list_destroy(&list);
    return status == CONVOY_OK ? 0 : 1;
}

/* The path of one of the layer's files, e.g. DIRECTORY/n1c8h8w8_k8r3s3.x.nhwc.f32. */
static char *path_of(const char *directory, const char *problem, const char *what)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s.%s.f32", directory, problem, what) < 0 ? NULL : path;
}

static bool exists(const char *path, size_t bytes)
{
    struct stat about;
    return stat(path, &about) == 0 && about.st_size == (off_t)bytes;
}

static convoy_status write_floats(const char *path, const void *data, size_t bytes)
{
    struct file_writer writer;
    convoy_status status = file_create(path, &writer);
    if (status != CONVOY_OK) {
        return status;
    }
    if (fwrite(data, 1, bytes, writer.stream) != bytes) {
        file_abandon(&writer);
        return fail(CONVOY_ERROR_IO, "%s: only a part of %zu bytes could be written", path, bytes);
    }
    return file_commit(&writer);
}

/* Write the tensor, dense in the layout, to the layer's file of that name. */
static convoy_status write_as(const char *directory, const char *problem, const char *what,
                              const convoy_tensor *tensor, convoy_layout layout)
{
    convoy_tensor dense = {0};
    convoy_status status = convoy_tensor_create(CONVOY_FLOAT32, layout, tensor->N, tensor->C,
                                                tensor->H, tensor->W, &dense);
    if (status == CONVOY_OK) {
        status = convoy_tensor_copy(tensor, &dense);
    }
    char *path = path_of(directory, problem, what);
    if (status == CONVOY_OK && !path) {
        status = fail(CONVOY_ERROR_MEMORY, "no memory for a path");
    }
    size_t bytes = 0;
    if (status == CONVOY_OK) {
        status =
            convoy_tensor_bytes(CONVOY_FLOAT32, tensor->N, tensor->C, tensor->H, tensor->W, &bytes);
    }
    if (status == CONVOY_OK) {
        status = write_floats(path, dense.data, bytes);
    }
    free(path);
    convoy_tensor_destroy(&dense);
    return status;
}

struct layer_data {
    convoy_tensor x, filter, bias, y;
};

static void layer_data_destroy(struct layer_data *data)
{
    convoy_tensor_destroy(&data->x);
    convoy_tensor_destroy(&data->filter);
    convoy_tensor_destroy(&data->bias);
    convoy_tensor_destroy(&data->y);
}

/* Normal numbers, scaled so that the outputs have an rms near the square root of 2. */
static convoy_status layer_data_fill(const convoy_layer *layer, struct layer_data *data)
{
    int64_t Cg = layer->C / layer->groups, P, Q;
    double deviation = 1.0 / sqrt((double)Cg * (double)layer->R * (double)layer->S);
    convoy_status status = convoy_layer_output(layer, &P, &Q);
    if (status == CONVOY_OK) {
        status = convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, layer->N, layer->C, layer->H,
                                      layer->W, &data->x);
    }
    if (status == CONVOY_OK) {
        status = convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, layer->K, Cg, layer->R, layer->S,
                                      &data->filter);
    }
    if (status == CONVOY_OK) {
        status = convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, 1, layer->K, 1, 1, &data->bias);
    }
    if (status == CONVOY_OK) {
        status =
            convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, layer->N, layer->K, P, Q, &data->y);
    }
    if (status == CONVOY_OK) {
        status = convoy_tensor_fill_normal(&data->x, SEED_X, 0.0, 1.0);
    }
    if (status == CONVOY_OK) {
        status = convoy_tensor_fill_normal(&data->filter, SEED_FILTER, 0.0, deviation);
    }
    if (status == CONVOY_OK) {
        status = convoy_tensor_fill_normal(&data->bias, SEED_BIAS, 0.0, 1.0);
    }
    return status;
}

static convoy_status compute_reference(const convoy_layer *layer, struct layer_data *data)
{
    convoy_plan *plan = NULL;
    void *workspace = NULL;
    convoy_weights weights = {.filter = data->filter.data, .bias = data->bias.data};
    convoy_options options = {.algorithm = "reference"};
    convoy_status status = convoy_plan_create(layer, &weights, &options, &plan);
    if (status == CONVOY_OK) {
        status = convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace);
    }
    if (status == CONVOY_OK) {
        status = convoy_plan_execute(plan, &data->x, &data->y, workspace);
    }
    convoy_workspace_destroy(workspace);
    convoy_plan_destroy(plan);
    return status;
}

/* The last file to be written is the first to be looked for. */
static bool is_written(const convoy_layer *layer, const char *directory, const char *problem)
{
    size_t bytes = 0;
    int64_t P, Q;
    char *path = path_of(directory, problem, "y.nhwc");
    bool written =
        path && convoy_layer_output(layer, &P, &Q) == CONVOY_OK &&
        convoy_tensor_bytes(CONVOY_FLOAT32, layer->N, layer->K, P, Q, &bytes) == CONVOY_OK &&
        exists(path, bytes);
    free(path);
    return written;
}

static convoy_status write_data(const convoy_layer *layer, const char *directory,
                                const char *problem)
{
    struct layer_data data = {0};
    convoy_status status = layer_data_fill(layer, &data);
    if (status == CONVOY_OK) {
        status = compute_reference(layer, &data);
    }
    const struct {
        const char *what;
        const convoy_tensor *tensor;
        convoy_layout layout;
    } files[] = {
        {"filter", &data.filter, CONVOY_NCHW}, {"bias", &data.bias, CONVOY_NCHW},
        {"x.nchw", &data.x, CONVOY_NCHW},      {"x.nhwc", &data.x, CONVOY_NHWC},
        {"y.nchw", &data.y, CONVOY_NCHW},      {"y.nhwc", &data.y, CONVOY_NHWC},
    };
    for (size_t i = 0; status == CONVOY_OK && i < sizeof files / sizeof files[0]; i++) {
        status = write_as(directory, problem, files[i].what, files[i].tensor, files[i].layout);
    }
    layer_data_destroy(&data);
    return status;
}

static void print_request(const convoy_layer *layer, const char *directory, const char *problem,
                          const char *layout)
{
    int64_t P = 0, Q = 0;
    if (convoy_layer_output(layer, &P, &Q) != CONVOY_OK) {
        return; /* a layer that was parsed has an output */
    }
    const struct {
        const char *key;
        int64_t value;
    } fields[] = {
        {"N", layer->N},
        {"C", layer->C},
        {"H", layer->H},
        {"W", layer->W},
        {"K", layer->K},
        {"R", layer->R},
        {"S", layer->S},
        {"P", P},
        {"Q", Q},
        {"stride_h", layer->stride_h},
        {"stride_w", layer->stride_w},
        {"pad_top", layer->pad_top},
        {"pad_left", layer->pad_left},
        {"pad_bottom", layer->pad_bottom},
        {"pad_right", layer->pad_right},
        {"dilation_h", layer->dilation_h},
        {"dilation_w", layer->dilation_w},
        {"groups", layer->groups},
    };
    printf("problem=%s\tlayout=%s", problem, layout);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        printf("\t%s=%lld", fields[i].key, (long long)fields[i].value);
    }
    printf("\tfilter_path=%s/%s.filter.f32\tbias_path=%s/%s.bias.f32", directory, problem,
           directory, problem);
    printf("\tx_path=%s/%s.x.%s.f32\ty_path=%s/%s.y.%s.f32\n", directory, problem, layout,
           directory, problem, layout);
}

static int write_layer(const char *directory, const char *text)
{
    convoy_layer layer;
    char problem[CONVOY_PROBLEM_SIZE];
    convoy_status status = convoy_layer_parse(text, &layer);
    if (status == CONVOY_OK) {
        convoy_layer_print(&layer, problem, sizeof problem);
        if (!is_written(&layer, directory, problem)) {
            status = write_data(&layer, directory, problem);
        }
    }
    if (status == CONVOY_OK) {
        print_request(&layer, directory, problem, "nchw");
        print_request(&layer, directory, problem, "nhwc");
    }
    return status == CONVOY_OK ? 0 : 1;
}

static int measure_peak(const char *text)
{
    struct limits limits = {.peak_count = 1}, measured;
    int threads = atoi(text);
    limits.peaks[0] = (struct peak_limit){.isa = convoy_isa_best(), .threads = threads};
    limits_measure_again(&limits, &measured);
    printf("{\"threads\": %d, \"isa\": \"%s\", \"gflops\": %.2f}\n", threads,
           convoy_isa_name(measured.peaks[0].isa), 1e-9 * measured.peaks[0].flops);
    return 0;
}

int main(int count, char **arguments)
{
    const char *command = count > 1 ? arguments[1] : "";
    int code;
    if (strcmp(command, "list") == 0 && count > 2) {
        code = list_layers(count - 2, arguments + 2);
    } else if (strcmp(command, "write") == 0 && count == 4) {
        code = write_layer(arguments[2], arguments[3]);
    } else if (strcmp(command, "peak") == 0 && count == 3 && atoi(arguments[2]) > 0) {
        return measure_peak(arguments[2]);
    } else {
        fprintf(stderr, "usage: convoy-layer-data list LAYERS... | write DIRECTORY PROBLEM | "
                        "peak THREADS\n");
        return 2;
    }
    if (code != 0) {
        fprintf(stderr, "convoy-layer-data: %s\n", convoy_error_detail());
    }
    return code;
}
