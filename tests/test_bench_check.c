/**
 * @file test_bench_check.c
 * convoy-bench --check on honest results, and on the same results doctored: each lie is caught.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench/check.h"
#include "bench/counted.h"
#include "support/check.h"

#define FEW    "n1c32h28w28_k32r3s3_pd1"
#define OTHER  "n1c16h40w40_k24r3s3_pd1"
#define DIRECT "/direct/"

static char *honest; /* JSON of a short run of the real program */

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t size = 0;
    assert_non_null(file);
    assert_true(getdelim(&text, &size, '\0', file) > 0);
    fclose(file);
    return text;
}

static int run_program(void **state)
{
    (void)state;
    char path[] = "/tmp/convoy-bench-test-XXXXXX", command[512];
    int file = mkstemp(path);
    if (file < 0) {
        return -1;
    }
    snprintf(command, sizeof command,
             "%s --layers=" FEW "," OTHER " --algorithms=all --layouts=nhwc --check --quiet "
             "--benchmark_min_time=0.05 --benchmark_out=%s >/dev/null 2>&1",
             BENCH_PROGRAM, path);
    int code = system(command);
    honest = read_file(path);
    remove(path);
    return code == 0 ? 0 : -1;
}

static int forget(void **state)
{
    (void)state;
    free(honest);
    return 0;
}

/* A line of FEW by the algorithm whose name holds the part. */
static struct line *find(struct results *results, const char *part)
{
    for (size_t i = 0; i < results->count; i++) {
        struct line *line = &results->lines[i];
        if (strstr(line->name, part) && strcmp(line->layer, FEW) == 0) {
            return line;
        }
    }
    return NULL;
}

static void scale(struct line *line, const char *key, double factor)
{
    json_t *value = json_object_get(line->object, key);
    assert_true(json_is_number(value));
    json_object_set_new(line->object, key, json_real(factor * json_number_value(value)));
}

static void set_text(json_t *object, const char *key, const char *text)
{
    json_object_set_new(object, key, json_string(text));
}

/* key=value in the label becomes another value. */
static void set_label(struct line *line, const char *key, const char *value)
{
    const char *label = json_string_value(json_object_get(line->object, "label"));
    const char *at = strstr(label, key);
    char text[640];
    assert_non_null(at);
    const char *rest = strchr(at, ' ');
    snprintf(text, sizeof text, "%.*s%s=%s%s", (int)(at - label), label, key, value,
             rest ? rest : "");
    set_text(line->object, "label", text);
}

static void scale_label(struct line *line, const char *key, double factor)
{
    const char *label = json_string_value(json_object_get(line->object, "label"));
    char value[32];
    const char *at = strstr(label, key);
    assert_non_null(at);
    snprintf(value, sizeof value, "%.9g", factor * strtod(at + strlen(key) + 1, NULL));
    set_label(line, key, value);
}

/* What the check says of the doctored line: it must fail for the reason given. */
static void caught(struct results *results, const char *name_part, const char *reason_part)
{
    char reason[320];
    char *text = results_print(results);
    struct results read;
    assert_non_null(text);
    assert_ok(results_parse(text, &read));
    struct line *line = find(&read, name_part);
    assert_non_null(line);
    bool passed = check_line(&read, line, reason, sizeof reason);
    assert_false(passed);
    assert_contains(reason, reason_part);
    results_destroy(&read);
    free(text);
}

static struct results doctored(const char *part, struct line **line)
{
    struct results results;
    assert_ok(results_parse(honest, &results));
    *line = find(&results, part);
    assert_non_null(*line);
    return results;
}

static void honest_results_pass(void **state)
{
    (void)state;
    struct results results;
    assert_ok(results_parse(honest, &results));
    assert_true(results.count >= 8);
    assert_int_equal(check_results(&results, true), 0);
    results_destroy(&results);
}

static void double_throughput_is_caught(void **state)
{
    (void)state;
    struct line *line;
    struct results results = doctored(DIRECT, &line);
    scale(line, "flops", 2);
    caught(&results, DIRECT, "flops is");
    results_destroy(&results);

    /* The same lie told in every counter and in the time, but not in the samples. */
    results = doctored(DIRECT, &line);
    scale(line, "real_time", 0.5);
    scale(line, "flops", 2);
    scale(line, "executed_flops", 2);
    scale(line, "peak_fraction", 2);
    scale(line, "bound_fraction", 2);
    caught(&results, DIRECT, "the clocks around it");
    results_destroy(&results);

    /* And in the clocks beside it, but not in the samples. */
    results = doctored(DIRECT, &line);
    scale(line, "real_time", 0.01);
    scale_label(line, "inner_us", 0.01);
    scale_label(line, "outer_us", 0.01);
    scale(line, "flops", 100);
    scale(line, "executed_flops", 100);
    scale(line, "peak_fraction", 100);
    caught(&results, DIRECT, "below the least sample");
    results_destroy(&results);
}

static void more_than_the_peak_is_caught(void **state)
{
    (void)state;
    struct line *line;
    struct results results = doctored(DIRECT, &line);
    static const char *const rates[] = {"flops", "executed_flops", "peak_fraction",
                                        "bound_fraction"};
    static const char *const times[] = {"inner_us", "outer_us",  "min_us",
                                        "low_us",   "median_us", "high_us"};
    scale(line, "real_time", 1e-3);
    for (int i = 0; i < 4; i++) {
        scale(line, rates[i], 1e3);
    }
    for (int i = 0; i < 6; i++) {
        scale_label(line, times[i], 1e-3);
    }
    caught(&results, DIRECT, "the measured peak");
    results_destroy(&results);
}

static void halved_counts_are_caught(void **state)
{
    (void)state;
    static const char *const parts[] = {DIRECT, "/naive/", "/im2col/"};
    for (int i = 0; i < 3; i++) {
        struct line *line;
        struct results results = doctored(parts[i], &line);
        scale(line, "executed_flops", 0.5);
        caught(&results, parts[i], "the plan executes");
        results_destroy(&results);
    }
}

static void a_wrong_layer_is_caught(void **state)
{
    (void)state;
    struct line *line;
    struct results results = doctored(DIRECT, &line);
    set_text(json_object_get(results.document, "context"), "layer/" FEW, OTHER);
    caught(&results, DIRECT, "flops is");
    results_destroy(&results);

    /* A smaller layer that claims the work of the one it is named after. */
    results = doctored(DIRECT, &line);
    set_label(line, "compared", "100/12544");
    caught(&results, DIRECT, "outputs were compared");
    results_destroy(&results);
}

static void a_wrong_algorithm_is_caught(void **state)
{
    (void)state;
    struct line *line;
    struct results results = doctored(DIRECT, &line);
    set_label(line, "algorithm", "naive");
    caught(&results, DIRECT, "is named direct and ran naive");
    results_destroy(&results);
}

static void a_batch_that_costs_nothing_is_caught(void **state)
{
    (void)state;
    struct line *line;
    struct results results = doctored("/naive/", &line);
    char same[32];
    snprintf(same, sizeof same, "%.6g", 1.1e6 * line->batch1_seconds);
    set_label(line, "batch4_us", same);
    caught(&results, "/naive/", "four times the batch");
    results_destroy(&results);
}

static void an_error_beyond_the_bound_is_caught(void **state)
{
    (void)state;
    struct line *line;
    struct results results = doctored(DIRECT, &line);
    json_object_set_new(line->object, "error", json_real(0.5));
    caught(&results, DIRECT, "beyond the algorithm's bound");
    results_destroy(&results);
}

static void saved_work_without_an_error_is_caught(void **state)
{
    (void)state;
    struct line *line;
    struct results results = doctored("/winograd", &line);
    json_object_set_new(line->object, "error", json_real(0));
    caught(&results, "/winograd", "it did something else");
    results_destroy(&results);
}

static void more_than_the_bandwidth_is_caught(void **state)
{
    (void)state;
    struct line *line;
    struct results results = doctored(DIRECT, &line);
    json_t *context = json_object_get(results.document, "context");
    const char *key;
    void *next;
    json_t *value;
    json_object_foreach_safe(context, next, key, value)
    {
        if (strstr(key, "read/") || strstr(key, "copy/")) {
            json_object_set_new(context, key, json_string("1e3"));
        }
    }
    caught(&results, DIRECT, "bytes/s, more than");
    results_destroy(&results);
}

static void fractions_that_do_not_follow_are_caught(void **state)
{
    (void)state;
    struct line *line;
    struct results results = doctored(DIRECT, &line);
    scale(line, "peak_fraction", 1.1);
    caught(&results, DIRECT, "peak_fraction is");
    results_destroy(&results);
}

static void missing_numbers_are_caught(void **state)
{
    (void)state;
    static const char *const keys[] = {"real_time", "flops", "executed_flops", "peak_fraction",
                                       "error",     "label", "bound_fraction", "name"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0] - 1; i++) {
        struct line *line;
        struct results results = doctored(DIRECT, &line);
        json_object_del(line->object, keys[i]);
        caught(&results, DIRECT, "");
        results_destroy(&results);
    }
}

/* Lines that fail lose their numbers, in memory and in the JSON that is written. */
static void refused_lines_show_no_time(void **state)
{
    (void)state;
    struct line *line;
    struct results results = doctored(DIRECT, &line), read;
    scale(line, "flops", 2);
    char *text = results_print(&results);
    assert_ok(results_parse(text, &read));
    free(text);
    assert_int_equal(check_results(&read, true), 1);
    line = find(&read, DIRECT);
    assert_contains(line->error, "check failed");
    assert_null(json_object_get(line->object, "real_time"));
    assert_null(json_object_get(line->object, "flops"));
    results_destroy(&read);
    results_destroy(&results);
}

/* What the kernels count is what the formula says, and no less than the sums need. */
static void counted_runs_agree_with_formulas(void **state)
{
    (void)state;
    static const char *const problems[] = {"n1c3h17w19_k5r3s3_pd1", "n2c20h9w9_k33r1s1",
                                           "n1c8h15w15_k12r5s5_st2_pd2_g4",
                                           "n1c16h12w12_k16r3s3_pd1_g16", "n1c7h20w6_k9r3s3_dl2"};
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        convoy_layer layer;
        convoy_counts counts;
        int64_t planned, counted;
        assert_ok(convoy_layer_parse(problems[i], &layer));
        assert_ok(convoy_layer_count(&layer, NULL, &counts));
        for (int layout = CONVOY_NCHW; layout <= CONVOY_NHWC; layout++) {
            layer.layout = (convoy_layout)layout;
            assert_ok(counted_run(&layer, "direct", &planned, &counted));
            assert_int_equal(planned, counted);
            assert_true(counted >= counts.flops_valid);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(honest_results_pass),
        cmocka_unit_test(double_throughput_is_caught),
        cmocka_unit_test(more_than_the_peak_is_caught),
        cmocka_unit_test(halved_counts_are_caught),
        cmocka_unit_test(a_wrong_layer_is_caught),
        cmocka_unit_test(a_wrong_algorithm_is_caught),
        cmocka_unit_test(a_batch_that_costs_nothing_is_caught),
        cmocka_unit_test(an_error_beyond_the_bound_is_caught),
        cmocka_unit_test(saved_work_without_an_error_is_caught),
        cmocka_unit_test(more_than_the_bandwidth_is_caught),
        cmocka_unit_test(fractions_that_do_not_follow_are_caught),
        cmocka_unit_test(missing_numbers_are_caught),
        cmocka_unit_test(refused_lines_show_no_time),
        cmocka_unit_test(counted_runs_agree_with_formulas),
    };
    return cmocka_run_group_tests(tests, run_program, forget);
}
