/**
 * @file onnx_case.c
 * From protocol buffers to a layer. The meaning of the attributes is in the ONNX operator
 * specification, Conv, versions 1 and 11.
 */
#include "onnx_case.h"

#include <stdio.h>
#include <stdlib.h>

#include "onnx.pb-c.h"
#include "support/check.h"

#define PATH_SIZE 4096

static uint8_t *read_bytes(const char *path, size_t *length)
{
    FILE *stream = fopen(path, "rb");
    if (!stream) {
        fail_msg("cannot open %s", path);
    }
    assert_int_equal(fseek(stream, 0, SEEK_END), 0);
    long end = ftell(stream);
    assert_true(end >= 0);
    rewind(stream);
    uint8_t *bytes = malloc((size_t)end + 1);
    assert_non_null(bytes);
    *length = fread(bytes, 1, (size_t)end, stream);
    assert_int_equal(*length, end);
    fclose(stream);
    return bytes;
}

static Onnx__ModelProto *read_model(const char *directory)
{
    char path[PATH_SIZE];
    size_t length;
    snprintf(path, sizeof path, "%s/model.onnx", directory);
    uint8_t *bytes = read_bytes(path, &length);
    Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, length, bytes);
    free(bytes);
    if (!model || !model->graph) {
        fail_msg("%s is not an ONNX model", path);
    }
    return model;
}

static Onnx__TensorProto *read_tensor(const char *directory, int set, const char *kind, int index)
{
    char path[PATH_SIZE];
    size_t length;
    snprintf(path, sizeof path, "%s/test_data_set_%d/%s_%d.pb", directory, set, kind, index);
    uint8_t *bytes = read_bytes(path, &length);
    Onnx__TensorProto *tensor = onnx__tensor_proto__unpack(NULL, length, bytes);
    free(bytes);
    if (!tensor) {
        fail_msg("%s is not an ONNX tensor", path);
    }
    return tensor;
}

/* Where the tensors of a case are. */
struct source {
    const char *directory;
    int set;
    const Onnx__GraphProto *graph;
};

/* A tensor of the model or of its data set. */
struct values {
    Onnx__TensorProto *tensor; /* NULL: another node computes it */
    bool owned;
};

static const Onnx__TensorProto *find_initializer(const Onnx__GraphProto *graph, const char *name)
{
    for (size_t i = 0; i < graph->n_initializer; i++) {
        if (strcmp(graph->initializer[i]->name, name) == 0) {
            return graph->initializer[i];
        }
    }
    return NULL;
}

/* Files number the graph's inputs without those that have an initializer. */
static struct values find_input(const struct source *source, const char *name)
{
    const Onnx__TensorProto *initializer = find_initializer(source->graph, name);
    if (initializer) {
        return (struct values){(Onnx__TensorProto *)initializer, false};
    }
    int index = 0;
    for (size_t i = 0; i < source->graph->n_input; i++) {
        const char *input = source->graph->input[i]->name;
        if (strcmp(input, name) == 0) {
            return (struct values){read_tensor(source->directory, source->set, "input", index),
                                   true};
        }
        index += find_initializer(source->graph, input) == NULL;
    }
    return (struct values){NULL, false};
}

static struct values find_output(const struct source *source, const char *name)
{
    for (size_t i = 0; i < source->graph->n_output; i++) {
        if (strcmp(source->graph->output[i]->name, name) == 0) {
            return (struct values){read_tensor(source->directory, source->set, "output", (int)i),
                                   true};
        }
    }
    return (struct values){NULL, false};
}

static void release(struct values *values)
{
    if (values->owned) {
        onnx__tensor_proto__free_unpacked(values->tensor, NULL);
    }
}

static int64_t tensor_elements(const Onnx__TensorProto *tensor)
{
    int64_t elements = 1;
    for (size_t i = 0; i < tensor->n_dims; i++) {
        elements *= tensor->dims[i];
    }
    return elements;
}

/* The elements in a new array; raw_data is little-endian, as are the machines Convoy runs on. */
static float *copy_floats(const Onnx__TensorProto *tensor)
{
    size_t elements = (size_t)tensor_elements(tensor);
    float *floats = malloc(elements * sizeof *floats);
    assert_non_null(floats);
    if (tensor->has_raw_data) {
        assert_int_equal(tensor->raw_data.len, elements * sizeof *floats);
        memcpy(floats, tensor->raw_data.data, tensor->raw_data.len);
    } else {
        assert_int_equal(tensor->n_float_data, elements);
        memcpy(floats, tensor->float_data, elements * sizeof *floats);
    }
    return floats;
}

static const Onnx__AttributeProto *find_attribute(const Onnx__NodeProto *node, const char *name)
{
    for (size_t i = 0; i < node->n_attribute; i++) {
        if (strcmp(node->attribute[i]->name, name) == 0) {
            return node->attribute[i];
        }
    }
    return NULL;
}

/* Element i of a list with one number an axis (pads: two), or the value it has when left out. */
static int64_t list_element(const Onnx__NodeProto *node, const char *name, size_t count, size_t i,
                            int64_t absent)
{
    const Onnx__AttributeProto *attribute = find_attribute(node, name);
    if (!attribute) {
        return absent;
    }
    assert_int_equal(attribute->n_ints, count);
    return attribute->ints[i];
}

static void set_padding(const Onnx__NodeProto *node, int axes, convoy_layer *layer)
{
    const Onnx__AttributeProto *attribute = find_attribute(node, "auto_pad");
    const char *rule = attribute ? (const char *)attribute->s.data : "NOTSET";
    size_t length = attribute ? attribute->s.len : strlen(rule);
    static const struct {
        const char *name;
        convoy_padding padding;
    } rules[] = {
        {"VALID", CONVOY_VALID}, {"SAME_UPPER", CONVOY_SAME}, {"SAME_LOWER", CONVOY_SAME_LOWER}};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (length == strlen(rules[i].name) && memcmp(rule, rules[i].name, length) == 0) {
            assert_ok(convoy_layer_pad(layer, rules[i].padding));
            return;
        }
    }
    assert_true(length == 6 && memcmp(rule, "NOTSET", length) == 0);
    size_t w = (size_t)axes - 1, count = 2 * (size_t)axes; /* starts of all axes, then ends */
    layer->pad_left = list_element(node, "pads", count, w, 0);
    layer->pad_right = list_element(node, "pads", count, w + (size_t)axes, 0);
    if (axes == 2) {
        layer->pad_top = list_element(node, "pads", count, 0, 0);
        layer->pad_bottom = list_element(node, "pads", count, 2, 0);
    }
}

/* The layer of a Conv node on x[N][C][(H)][W] with filter[K][Cg][(R)][S]. */
static void set_layer(const Onnx__NodeProto *node, const Onnx__TensorProto *x,
                      const Onnx__TensorProto *filter, convoy_layer *layer)
{
    size_t axes = x->n_dims - 2, w = axes - 1;
    const Onnx__AttributeProto *group = find_attribute(node, "group");
    *layer = (convoy_layer){.N = x->dims[0],
                            .C = x->dims[1],
                            .H = axes == 2 ? x->dims[2] : 1,
                            .W = x->dims[x->n_dims - 1],
                            .K = filter->dims[0],
                            .R = axes == 2 ? filter->dims[2] : 1,
                            .S = filter->dims[filter->n_dims - 1],
                            .stride_h = 1,
                            .stride_w = list_element(node, "strides", axes, w, 1),
                            .dilation_h = 1,
                            .dilation_w = list_element(node, "dilations", axes, w, 1),
                            .groups = group ? group->i : 1};
    if (axes == 2) {
        layer->stride_h = list_element(node, "strides", axes, 0, 1);
        layer->dilation_h = list_element(node, "dilations", axes, 0, 1);
    }
    set_padding(node, (int)axes, layer);
    assert_int_equal(layer->C, filter->dims[1] * layer->groups);
    for (size_t i = 0; i < axes; i++) {
        assert_int_equal(list_element(node, "kernel_shape", axes, i, filter->dims[i + 2]),
                         filter->dims[i + 2]);
    }
}

/* Why the tensors of a Conv node cannot be used, or NULL. */
static const char *refuse(const struct values *x, const struct values *filter,
                          const struct values *y)
{
    if (!x->tensor || !filter->tensor || !y->tensor) {
        return "the convolution is in the middle of a larger graph";
    }
    if (x->tensor->data_type != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT ||
        filter->tensor->data_type != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT) {
        return "the tensors are not float32";
    }
    if (x->tensor->n_dims == 5) {
        return "3-d convolution: Convoy's layers are 2-d";
    }
    if (x->tensor->n_dims != 3 && x->tensor->n_dims != 4) {
        return "neither a 1-d nor a 2-d convolution";
    }
    return NULL;
}

static enum onnx_found load_node(const struct source *source, const Onnx__NodeProto *node,
                                 struct onnx_case *loaded)
{
    bool has_bias = node->n_input > 2 && node->input[2][0];
    struct values x = find_input(source, node->input[0]);
    struct values filter = find_input(source, node->input[1]);
    struct values bias = {NULL, false};
    struct values y = find_output(source, node->output[0]);
    const char *reason = refuse(&x, &filter, &y);
    if (!reason && has_bias) {
        bias = find_input(source, node->input[2]);
        reason = bias.tensor ? NULL : "the bias is computed by another node";
    }
    if (reason) {
        snprintf(loaded->reason, sizeof loaded->reason, "%s", reason);
    } else {
        const Onnx__TensorProto *out = y.tensor;
        assert_int_equal(out->n_dims, x.tensor->n_dims);
        set_layer(node, x.tensor, filter.tensor, &loaded->layer);
        assert_int_equal(out->dims[0], loaded->layer.N);
        assert_int_equal(out->dims[1], loaded->layer.K);
        loaded->P = out->n_dims == 4 ? out->dims[2] : 1;
        loaded->Q = out->dims[out->n_dims - 1];
        loaded->x = copy_floats(x.tensor);
        loaded->filter = copy_floats(filter.tensor);
        if (has_bias) {
            assert_int_equal(tensor_elements(bias.tensor), loaded->layer.K);
            loaded->bias = copy_floats(bias.tensor);
        }
        loaded->y = copy_floats(out);
    }
    release(&x);
    release(&filter);
    release(&bias);
    release(&y);
    return reason ? ONNX_SKIPPED : ONNX_LOADED;
}

enum onnx_found onnx_case_load(const char *directory, int set, struct onnx_case *loaded)
{
    *loaded = (struct onnx_case){0};
    Onnx__ModelProto *model = read_model(directory);
    struct source source = {directory, set, model->graph};
    enum onnx_found found = ONNX_OTHER;
    for (size_t i = 0; i < model->graph->n_node && found != ONNX_LOADED; i++) {
        const Onnx__NodeProto *node = model->graph->node[i];
        if (strcmp(node->op_type, "Conv") == 0) {
            found = load_node(&source, node, loaded);
        }
    }
    onnx__model_proto__free_unpacked(model, NULL);
    return found;
}

void onnx_case_destroy(struct onnx_case *loaded)
{
    free(loaded->x);
    free(loaded->filter);
    free(loaded->bias);
    free(loaded->y);
    *loaded = (struct onnx_case){0};
}
