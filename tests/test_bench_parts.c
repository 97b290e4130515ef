/**
 * @file test_bench_parts.c
 * The parts of convoy-bench that measure nothing: options, names, samples, verdicts, caches, JSON.
 */
#include <math.h>
#include <stdlib.h>

#include "bench/caches.h"
#include "bench/compare.h"
#include "bench/names.h"
#include "bench/options.h"
#include "bench/progress.h"
#include "bench/results.h"
#include "bench/samples.h"
#include "bench/table.h"
#include "io/nearest.h"
#include "support/check.h"

static void options_are_read(void **state)
{
    (void)state;
    struct options options;
    char *arguments[] = {"convoy-bench", "--layers=a,b",   "--cache", "cold-weights", "--check",
                         "--compare",    "im2col",         "direct",  "--pairs=7",    "--threads",
                         "1,2",          "--baseline=x.y", NULL};
    assert_ok(options_parse(12, arguments, &options));
    assert_string_equal(options.layers, "a,b");
    assert_int_equal(options.cache, CACHE_COLD_WEIGHTS);
    assert_true(options.check);
    assert_null(options.check_file);
    assert_string_equal(options.compare[0], "im2col");
    assert_string_equal(options.compare[1], "direct");
    assert_int_equal(options.pairs, 7);
    assert_string_equal(options.threads, "1,2");
    assert_string_equal(options.baseline, "x.y");
    assert_null(options.algorithms);
    options_defaults(&options);
    assert_string_equal(options.algorithms, "auto");
    char *stages[] = {"convoy-bench", "--stages", NULL};
    assert_ok(options_parse(2, stages, &options));
    options_defaults(&options);
    assert_string_equal(options.algorithms, "auto,im2col");
}

static void bad_options_are_refused_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *argument, *words;
    } bad[] = {{"--layer=core", "--layers"},  {"--cache=warm", "hot, cold-weights, cold"},
               {"--compare", "needs"},        {"--pairs=0", "from 1"},
               {"--check=", "needs a value"}, {"--full=1", "takes no value"},
               {"core", "--layers=core"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct options options;
        char *arguments[] = {"convoy-bench", (char *)bad[i].argument, NULL};
        assert_status(options_parse(2, arguments, &options), CONVOY_ERROR_ARGUMENT);
        assert_contains(convoy_error_detail(), bad[i].words);
    }
}

static void nearest_names_come_first(void **state)
{
    (void)state;
    static const char *const names[] = {"reference", "naive", "direct", "im2col", NULL};
    char text[64];
    nearest_names("dirct", names, text, sizeof text);
    assert_int_equal(strncmp(text, "direct, ", 8), 0);
    nearest_names("im2row", names, text, sizeof text);
    assert_int_equal(strncmp(text, "im2col, ", 8), 0);
}

static void algorithms_are_expanded(void **state)
{
    (void)state;
    struct name_list names;
    assert_ok(names_algorithms("all", &names));
    assert_int_equal(names.count, convoy_algorithm_count());
    assert_ok(names_algorithms("auto,direct,direct", &names));
    assert_int_equal(names.count, 2);
    assert_status(names_algorithms("dirct", &names), CONVOY_ERROR_ARGUMENT);
    assert_contains(convoy_error_detail(), "direct");
    assert_status(names_algorithms("direct,,naive", &names), CONVOY_ERROR_ARGUMENT);
}

static void samples_give_order_statistics(void **state)
{
    (void)state;
    static struct samples samples;
    assert_int_equal(samples_summary(&samples).count, 0);
    for (int i = 9; i >= 1; i--) {
        samples_add(&samples, i);
    }
    struct summary summary = samples_summary(&samples);
    assert_float_equal(summary.least, 1, 0);
    assert_float_equal(summary.low, 3, 1e-12);
    assert_float_equal(summary.median, 5, 1e-12);
    assert_float_equal(summary.high, 7, 1e-12);
}

static struct verdict verdict_of(const double *ratios, size_t count)
{
    static struct samples samples;
    samples.count = 0;
    for (size_t i = 0; i < count; i++) {
        samples_add(&samples, ratios[i]);
    }
    return compare_pairs(&samples);
}

static void noise_is_no_difference(void **state)
{
    (void)state;
    static const double noise[] = {0.98, 1.03, 0.99, 1.02, 1.01, 0.97, 1.04};
    static const double faster[] = {1.28, 1.31, 1.33, 1.30, 0.90, 1.29, 1.32};
    static const double slower[] = {0.78, 0.81, 0.83, 0.80, 1.20, 0.79, 0.82};
    assert_false(verdict_of(noise, 7).differs);
    assert_true(verdict_of(faster, 7).differs);
    assert_true(verdict_of(faster, 7).ratio.median > 1);
    assert_true(verdict_of(slower, 7).differs);
    assert_true(verdict_of(slower, 7).ratio.median < 1);
}

/* Latencies of a made-up machine: 32 KiB, 512 KiB, a shared level of 8 MiB that fades. */
static void caches_are_found_in_latencies(void **state)
{
    (void)state;
    double sizes[64], latency_ns[64];
    int count = 0;
    for (double size = 4096; size <= 0x1p27; size *= 1.189207115) {
        double kib = size / 1024;
        double past = log2(fmax(1, kib / 4096));
        sizes[count] = size;
        latency_ns[count++] = kib <= 32 ? 1 : kib <= 512 ? 4 : fmin(12 * pow(2, past), 120);
    }
    struct limits limits = {0};
    caches_from_latencies(sizes, latency_ns, count, &limits);
    assert_true(limits.cache_bytes[LEVEL_L1] > 26e3 && limits.cache_bytes[LEVEL_L1] <= 32768);
    assert_true(limits.cache_bytes[LEVEL_L2] > 420e3 && limits.cache_bytes[LEVEL_L2] <= 524288);
    assert_true(limits.cache_bytes[LEVEL_L3] > 8e6 && limits.cache_bytes[LEVEL_L3] < 17e6);
    assert_true(limits.cold_bytes >= 0x1p26);

    /* No level at all: nothing is invented. */
    for (int i = 0; i < count; i++) {
        latency_ns[i] = 2;
    }
    limits = (struct limits){0};
    caches_from_latencies(sizes, latency_ns, count, &limits);
    assert_true(limits.cache_bytes[LEVEL_L1] == 0);
    assert_true(limits.cold_bytes == 0x1p26);
}

/* Every ISA on as many numbers of threads as a list may have. */
static void there_is_room_for_every_limit(void **state)
{
    static struct limits limits;
    (void)state;
    for (int isa = CONVOY_ISA_PORTABLE; isa < CONVOY_ISA_COUNT; isa++) {
        for (int threads = 1; threads <= NAMES_MAX; threads++) {
            limits_want(&limits, (convoy_isa)isa, threads);
            limits_want(&limits, (convoy_isa)isa, threads);
        }
    }
    assert_int_equal(limits.peak_count, (CONVOY_ISA_COUNT - 1) * NAMES_MAX);
    assert_int_equal(limits.bandwidth_count, NAMES_MAX);
}

static void names_and_labels_are_split(void **state)
{
    (void)state;
    struct line line = {0};
    line_set_name(&line, "a/b/direct/avx2/nhwc/threads:12");
    assert_string_equal(line.layer, "a/b");
    assert_string_equal(line.algorithm, "direct");
    assert_string_equal(line.isa, "avx2");
    assert_string_equal(line.layout, "nhwc");
    assert_int_equal(line.threads, 12);
    line_set_label(&line, "algorithm=im2col min_us=2 low_us=3 median_us=4 high_us=5 samples=9 "
                          "compared=10/20 error_bound=1e-3");
    assert_string_equal(line.chosen, "im2col");
    assert_float_equal(line.median_seconds, 4e-6, 1e-18);
    assert_float_equal(line.compared, 10, 0);
    assert_float_equal(line.outputs, 20, 0);
    assert_true(isnan(line.batch4_seconds));
    struct line odd = {0};
    line_set_name(&odd, "direct/avx2/nhwc/threads:1");
    assert_int_equal(odd.threads, 0);
    line_set_name(&odd, "x/direct/avx2/nhwc/threads:1x");
    assert_int_equal(odd.threads, 0);
}

static void broken_json_is_refused(void **state)
{
    (void)state;
    struct results results;
    static const char *const broken[] = {"", "{", "[]", "{\"benchmarks\": 3}", "nonsense"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        assert_status(results_parse(broken[i], &results), CONVOY_ERROR_FORMAT);
    }
    assert_status(results_read("/nowhere/at/all.json", &results), CONVOY_ERROR_IO);
    assert_ok(results_parse("{\"benchmarks\": [{\"name\": 4}, {}, 7]}", &results));
    assert_int_equal(results.count, 0);
    results_destroy(&results);
}

static void numbers_fit_their_columns(void **state)
{
    (void)state;
    char text[16];
    assert_string_equal(time_text(1.234e-9, text), "1.234ns");
    assert_string_equal(time_text(12.344e-6, text), "12.34us");
    assert_string_equal(time_text(0.99999, text), "1.000s");
    assert_string_equal(time_text(123.45e-3, text), "123.5ms");
    assert_string_equal(bytes_text(0, text), "0");
    assert_string_equal(bytes_text(1023, text), "1023");
    assert_string_equal(bytes_text(1536, text), "1.5K");
    assert_string_equal(bytes_text(0x1p30, text), "1.0G");
    for (double seconds = 1e-9; seconds < 1e4; seconds *= 1.07) {
        assert_true(strlen(time_text(seconds, text)) <= 7);
    }
    for (double bytes = 1; bytes < 1e13; bytes *= 1.07) {
        assert_true(strlen(bytes_text(bytes, text)) <= 5);
    }
}

/* Every line of the table, with the widest numbers, keeps within 120 columns. */
static void the_table_fits_120_columns(void **state)
{
    (void)state;
    struct line lines[2] = {{.threads = 128,
                             .seconds = 999.9,
                             .flops = 99999e9,
                             .executed_flops = 99999e9,
                             .peak_fraction = 9.999,
                             .bound_fraction = 9.999,
                             .error_rms = 1.234e-105,
                             .workspace_bytes = 1e12,
                             .packed_bytes = 1e12,
                             .create_us = 999e6,
                             .chosen = "winograd-of-a-name-as-long-as-there-may-ever-be",
                             .input_share = 1,
                             .multiply_share = 1,
                             .output_share = 1,
                             .min_seconds = 999.9,
                             .low_seconds = 1,
                             .median_seconds = 999.9,
                             .high_seconds = 99999},
                            {.error = "a reason that is so long that it would run far past the end "
                                      "of the table if nobody cut it where the table ends"}};
    for (int i = 0; i < 2; i++) {
        line_set_name(&lines[i], "layer/an-algorithm-of-a-long-name/portable/nhwc/threads:128");
    }
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    table_print_head(file);
    table_print_lines(file, lines, 2);
    fclose(file);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (strlen(line) > 120) {
            fail_msg("%zu columns: %s", strlen(line), line);
        }
    }
    free(text);
}

static void durations_are_readable(void **state)
{
    (void)state;
    char text[32];
    static const struct {
        double seconds;
        const char *text;
    } examples[] = {{0.31, "0.3 s"}, {59.2, "59 s"}, {200, "3 min 20 s"}, {3900, "1 h 5 min"}};
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        duration_print(examples[i].seconds, text, sizeof text);
        assert_string_equal(text, examples[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_read),
        cmocka_unit_test(bad_options_are_refused_in_words),
        cmocka_unit_test(nearest_names_come_first),
        cmocka_unit_test(algorithms_are_expanded),
        cmocka_unit_test(samples_give_order_statistics),
        cmocka_unit_test(noise_is_no_difference),
        cmocka_unit_test(caches_are_found_in_latencies),
        cmocka_unit_test(there_is_room_for_every_limit),
        cmocka_unit_test(names_and_labels_are_split),
        cmocka_unit_test(broken_json_is_refused),
        cmocka_unit_test(numbers_fit_their_columns),
        cmocka_unit_test(the_table_fits_120_columns),
        cmocka_unit_test(durations_are_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
