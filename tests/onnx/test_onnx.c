/**
 * @file test_onnx.c
 * Every float Conv case of the ONNX project's backend tests, by every algorithm, in both layouts,
 * on every usable ISA, against the published output.
 *
 * An output may be as far from the published one as the algorithm's error bound allows, plus the
 * published one's own float32 rounding, for which PUBLISHED_ERROR of its root mean square stands.
 */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "convoy/convoy.h"
#include "onnx_case.h"
#include "support/check.h"

#define PATH_SIZE       4096
#define PUBLISHED_ERROR 1e-5
#define MOST_ALGORITHMS 128

struct tally {
    int run, skipped;
    int algorithm_runs[MOST_ALGORITHMS]; /* case, layout and ISA */
    int algorithm_refusals[MOST_ALGORITHMS];
};

/* One way to compute a case. */
struct variant {
    const char *name; /* of the case */
    const char *algorithm;
    convoy_isa isa;
    convoy_layer layer; /* with the variant's layout */
};

static double largest(const float *values, int64_t count)
{
    double most = 0;
    for (int64_t i = 0; i < count; i++) {
        most = fmax(most, fabs((double)values[i]));
    }
    return most;
}

/* max|x| * sum|w_k| + |bias_k|: what the error bound is relative to. */
static double error_scale(const struct onnx_case *expected, int64_t k)
{
    const convoy_layer *layer = &expected->layer;
    int64_t terms = layer->C / layer->groups * layer->R * layer->S;
    double sum = 0;
    for (int64_t i = 0; i < terms; i++) {
        sum += fabs((double)expected->filter[k * terms + i]);
    }
    double bias = expected->bias ? fabs((double)expected->bias[k]) : 0;
    return largest(expected->x, layer->N * layer->C * layer->H * layer->W) * sum + bias;
}

static void check_output(const struct variant *variant, const struct onnx_case *expected,
                         double error_bound, const convoy_tensor *y, const convoy_tensor *published)
{
    convoy_difference difference;
    assert_ok(convoy_tensor_compare(y, published, &difference));
    double published_error = PUBLISHED_ERROR * difference.rms;
    for (int64_t k = 0; k < y->C; k++) {
        double allowed = error_bound * error_scale(expected, k) + published_error;
        convoy_tensor y_k, published_k;
        assert_ok(convoy_tensor_slice(y, k, k + 1, &y_k));
        assert_ok(convoy_tensor_slice(published, k, k + 1, &published_k));
        assert_ok(convoy_tensor_compare(&y_k, &published_k, &difference));
        if (!(difference.max_absolute <= allowed)) {
            char problem[CONVOY_PROBLEM_SIZE], text[512];
            convoy_layer_print(&variant->layer, problem, sizeof problem);
            convoy_difference_print(&difference, text, sizeof text);
            fail_msg("%s: %s by %s on %s in %s, output channel %d: allowed is %g, but %s",
                     variant->name, problem, variant->algorithm, convoy_isa_name(variant->isa),
                     convoy_layout_name(variant->layer.layout), (int)k, allowed, text);
        }
    }
}

/* Run the variant; false if the algorithm does not apply. */
static bool check_variant(const struct variant *variant, const struct onnx_case *expected)
{
    const convoy_layer *layer = &variant->layer;
    convoy_weights weights = {.filter = expected->filter, .bias = expected->bias};
    convoy_options options = {.algorithm = variant->algorithm, .isa = variant->isa};
    convoy_plan *plan;
    convoy_status status = convoy_plan_create(layer, &weights, &options, &plan);
    if (status == CONVOY_ERROR_ALGORITHM) {
        return false;
    }
    if (status) {
        fail_msg("%s: %s: %s", variant->name, variant->algorithm, convoy_error_detail());
    }
    convoy_tensor given, x, y, published;
    convoy_description description;
    void *workspace;
    assert_ok(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, layer->N, layer->C, layer->H,
                                 layer->W, expected->x, &given));
    assert_ok(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, layer->N, layer->K, expected->P,
                                 expected->Q, expected->y, &published));
    assert_ok(convoy_tensor_create(CONVOY_FLOAT32, layer->layout, layer->N, layer->C, layer->H,
                                   layer->W, &x));
    assert_ok(convoy_tensor_create(CONVOY_FLOAT32, layer->layout, layer->N, layer->K, expected->P,
                                   expected->Q, &y));
    assert_ok(convoy_tensor_copy(&given, &x));
    assert_ok(convoy_tensor_fill_value(&y, NAN)); /* to notice what is not written */
    assert_ok(convoy_plan_describe(plan, &description));
    assert_ok(convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace));
    assert_ok(convoy_plan_execute(plan, &x, &y, workspace));
    check_output(variant, expected, description.error_bound, &y, &published);
    convoy_workspace_destroy(workspace);
    convoy_tensor_destroy(&x);
    convoy_tensor_destroy(&y);
    convoy_plan_destroy(plan);
    return true;
}

/* These take any layer by their contract. */
static bool is_general(const char *algorithm)
{
    static const char *const general[] = {"reference", "naive", "reordered", "direct"};
    for (size_t i = 0; i < sizeof general / sizeof general[0]; i++) {
        if (strcmp(algorithm, general[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void check_case(const char *name, const struct onnx_case *expected, struct tally *tally)
{
    int64_t P = 0, Q = 0;
    assert_ok(convoy_layer_output(&expected->layer, &P, &Q));
    if (P != expected->P || Q != expected->Q) {
        fail_msg("%s: the output is %dx%d, expected %dx%d", name, (int)P, (int)Q, (int)expected->P,
                 (int)expected->Q);
    }
    for (size_t a = 0; a < convoy_algorithm_count(); a++) {
        struct variant variant = {name, convoy_algorithm_name(a), 0, expected->layer};
        for (int isa = CONVOY_ISA_PORTABLE; isa < CONVOY_ISA_COUNT; isa++) {
            variant.isa = (convoy_isa)isa;
            for (int layout = CONVOY_NCHW; layout <= CONVOY_NHWC; layout++) {
                variant.layer.layout = (convoy_layout)layout;
                if (!convoy_isa_usable(variant.isa)) {
                    continue;
                }
                bool ran = check_variant(&variant, expected);
                if (!ran && is_general(variant.algorithm)) {
                    fail_msg("%s: %s: %s", name, variant.algorithm, convoy_error_detail());
                }
                tally->algorithm_runs[a] += ran;
                tally->algorithm_refusals[a] += !ran;
            }
        }
    }
}

static void check_model(const char *directory, const char *name, struct tally *tally)
{
    for (int set = 0;; set++) {
        char path[PATH_SIZE + 64];
        snprintf(path, sizeof path, "%s/test_data_set_%d", directory, set);
        struct stat status;
        if (stat(path, &status) != 0) {
            return;
        }
        struct onnx_case loaded;
        switch (onnx_case_load(directory, set, &loaded)) {
        case ONNX_OTHER:
            break;
        case ONNX_SKIPPED:
            print_message("  skipped %s: %s\n", name, loaded.reason);
            tally->skipped++;
            break;
        case ONNX_LOADED:
            check_case(name, &loaded, tally);
            tally->run++;
        }
        onnx_case_destroy(&loaded);
    }
}

static void print_tally(const char *collection, const struct tally *tally)
{
    int idle = 0;
    print_message("%s: %d cases run, %d skipped\n", collection, tally->run, tally->skipped);
    for (size_t a = 0; a < convoy_algorithm_count(); a++) {
        if (tally->algorithm_runs[a]) {
            print_message("  %-20s %4d runs, does not apply to %d\n", convoy_algorithm_name(a),
                          tally->algorithm_runs[a], tally->algorithm_refusals[a]);
        }
        idle += !tally->algorithm_runs[a];
    }
    print_message("  %d other algorithms apply to none of them\n", idle);
}

static void check_collection(const char *collection)
{
    char path[PATH_SIZE / 2];
    snprintf(path, sizeof path, "%s/%s", ONNX_DATA, collection);
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0) {
        fail_msg("cannot read %s", path);
    }
    assert_true(convoy_algorithm_count() <= MOST_ALGORITHMS);
    struct tally tally = {0};
    for (int i = 0; i < count; i++) {
        char directory[PATH_SIZE];
        snprintf(directory, sizeof directory, "%s/%s", path, entries[i]->d_name);
        if (strncmp(entries[i]->d_name, "test_", 5) == 0) {
            check_model(directory, entries[i]->d_name, &tally);
        }
        free(entries[i]);
    }
    free(entries);
    print_tally(collection, &tally);
    assert_true(tally.run > 0);
}

static void cases_of_single_nodes_hold(void **state)
{
    (void)state;
    check_collection("node");
}

static void cases_converted_from_pytorch_hold(void **state)
{
    (void)state;
    check_collection("pytorch-converted");
}

static void cases_of_pytorch_operators_hold(void **state)
{
    (void)state;
    check_collection("pytorch-operator");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_of_single_nodes_hold),
        cmocka_unit_test(cases_converted_from_pytorch_hold),
        cmocka_unit_test(cases_of_pytorch_operators_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
