/**
 * @file onnx_case.h
 * One case of the ONNX project's backend tests: a model with a convolution, its input, and the
 * output that the ONNX project published for it.
 */
#ifndef CONVOY_TESTS_ONNX_CASE_H
#define CONVOY_TESTS_ONNX_CASE_H

#include "convoy/layer.h"

enum onnx_found {
    ONNX_OTHER,   /* the model has no Conv node */
    ONNX_SKIPPED, /* it has one, and `reason` says why it is not run */
    ONNX_LOADED
};

struct onnx_case {
    char reason[320];
    convoy_layer layer; /* layout NCHW, as every ONNX tensor; 1-d convolutions have H = R = 1 */
    int64_t P, Q;       /* of the published output */
    float *x;           /* dense, owned */
    float *filter;
    float *bias; /* NULL: none */
    float *y;    /* as published */
};

/**
 * Read directory/model.onnx and the numbered set of directory/test_data_set_<set>. A file that
 * cannot be read or does not fit the model fails the running test.
 */
enum onnx_found onnx_case_load(const char *directory, int set, struct onnx_case *loaded);

void onnx_case_destroy(struct onnx_case *loaded);

#endif
