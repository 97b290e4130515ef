/**
 * @file test_bench_cli.c
 * The real convoy-bench: names, counters, exit codes, errors in words, Ctrl-C, a report.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "convoy/convoy.h"
#include "support/check.h"

#define SMALL "--layers=n1c8h12w12_k8r3s3_pd1"
#define SHORT "--quiet --benchmark_min_time=0.005"

static char directory[] = "/tmp/convoy-bench-cli-XXXXXX";

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command);
}

/* Run the program; what it prints, errors too, is in text, to be freed. @return exit code */
static int run(const char *arguments, char **text)
{
    char command[1024];
    size_t size = 0;
    snprintf(command, sizeof command, "cd %s && %s %s 2>&1", directory, BENCH_PROGRAM, arguments);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    *text = NULL;
    if (getdelim(text, &size, '\0', pipe) < 0) {
        free(*text);
        *text = strdup("");
    }
    int state = pclose(pipe);
    return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

static void expect(const char *arguments, int code, const char *words)
{
    char *text;
    int actual = run(arguments, &text);
    if (actual != code || !strstr(text, words)) {
        fail_msg("%s: exit %d, expected %d and \"%s\":\n%s", arguments, actual, code, words, text);
    }
    free(text);
}

static void names_are_exact(void **state)
{
    (void)state;
    char *text, expected[256];
    const char *isa = convoy_isa_name(convoy_isa_best());
    assert_int_equal(run(SMALL " --algorithms=naive,direct --threads=1,2 --layouts=nhwc "
                               "--benchmark_list_tests",
                         &text),
                     0);
    int length = 0;
    expected[0] = '\0';
    for (int threads = 1; threads <= 2; threads++) {
        static const char *const algorithms[] = {"naive", "direct"};
        for (int i = 0; i < 2; i++) {
            length += snprintf(expected + length, sizeof expected - (size_t)length,
                               "n1c8h12w12_k8r3s3_pd1/%s/%s/nhwc/threads:%d\n", algorithms[i], isa,
                               threads);
        }
    }
    assert_string_equal(text, expected);
    free(text);
    expect(SMALL " --algorithms=all --benchmark_list_tests "
                 "--benchmark_filter='^n1c8.*/naive/.*/nchw/threads:1$'",
           0, "/naive/");
}

static void the_json_has_exactly_the_counters(void **state)
{
    (void)state;
    static const char *const counters[] = {"flops",          "executed_flops", "peak_fraction",
                                           "bound_fraction", "error",          "workspace_bytes",
                                           "packed_bytes",   "create_us",      NULL};
    static const char *const own[] = {"name",
                                      "family_index",
                                      "per_family_instance_index",
                                      "run_name",
                                      "run_type",
                                      "iterations",
                                      "repetitions",
                                      "repetition_index",
                                      "threads",
                                      "real_time",
                                      "cpu_time",
                                      "time_unit",
                                      "label",
                                      NULL};
    char *text;
    assert_int_equal(run(SMALL " --algorithms=direct --layouts=nhwc --benchmark_format=json "
                               "2>/dev/null " SHORT,
                         &text),
                     0);
    json_t *document = json_loads(text, 0, NULL);
    json_t *line = json_array_get(json_object_get(document, "benchmarks"), 0);
    assert_non_null(line);
    for (int i = 0; counters[i]; i++) {
        assert_true(json_is_number(json_object_get(line, counters[i])));
    }
    const char *key;
    json_t *value;
    json_object_foreach(line, key, value)
    {
        bool known = false;
        for (int i = 0; counters[i]; i++) {
            known |= strcmp(key, counters[i]) == 0;
        }
        for (int i = 0; own[i]; i++) {
            known |= strcmp(key, own[i]) == 0;
        }
        if (!known) {
            fail_msg("an unexpected key \"%s\"", key);
        }
    }
    json_decref(document);
    free(text);
}

static double number_of(const json_t *line, const char *key)
{
    return json_number_value(json_object_get(line, key));
}

static void stages_share_the_time_of_winograd(void **state)
{
    (void)state;
    char *text;
    assert_int_equal(run("--layers=n1c64h12w12_k64r3s3_pd1,n1c8h48w48_k8r3s3_pd1 --layouts=nchw "
                         "--algorithms=winograd-f4x4-3x3,direct --stages --threads=2 "
                         "--benchmark_format=json 2>/dev/null " SHORT,
                         &text),
                     0);
    json_t *document = json_loads(text, 0, NULL), *lines = json_object_get(document, "benchmarks");
    assert_int_equal(json_array_size(lines), 4);
    for (size_t i = 0; i < 4; i += 2) {
        const json_t *line = json_array_get(lines, i);
        double input = number_of(line, "input_share"), output = number_of(line, "output_share");
        assert_true(input > 0 && output > 0);
        assert_float_equal(input + output + number_of(line, "multiply_share"), 1, 1e-9);
        assert_null(json_object_get(json_array_get(lines, i + 1), "input_share"));
    }
    /* The transforms' cost for each output falls with the channels, the multiply's does not. */
    assert_true(number_of(json_array_get(lines, 0), "multiply_share") >
                number_of(json_array_get(lines, 2), "multiply_share"));
    json_decref(document);
    free(text);
    expect(SMALL " --algorithms=winograd-f2x2-3x3 --stages " SHORT, 0,
           "winograd-f2x2-3x3: input transform ");
}

static void other_formats_work_too(void **state)
{
    (void)state;
    char *text;
    assert_int_equal(run(SMALL " --algorithms=direct --layouts=nhwc --benchmark_format=csv "
                               "2>/dev/null " SHORT,
                         &text),
                     0);
    assert_contains(text, "name,iterations,real_time");
    assert_contains(text, "/nhwc/threads:1\",");
    assert_null(strstr(text, "/real_time"));
    free(text);
    expect(SMALL " --algorithms=direct --layouts=nhwc --benchmark_repetitions=3 "
                 "--benchmark_report_aggregates_only=true " SHORT,
           0, "* direct");
    expect(SMALL " --check --benchmark_format=csv", 2, "--check shows nothing");
}

static void what_is_named_twice_runs_once(void **state)
{
    (void)state;
    expect(SMALL " --layouts=nhwc,nhwc --threads=1,2,1 --isas=best,best --dry-run", 0,
           "\n2 lines, about");
}

static void mistakes_are_told_in_words(void **state)
{
    (void)state;
    expect("--layers=n1c8h8w8_k8 " SHORT, 2, "convoy-bench: ");
    expect("--layers=core:vgg_3_3 " SHORT, 2, "vgg_3_2");
    expect(SMALL " --algorithms=dirct " SHORT, 2, "direct");
    expect(SMALL " --isas=avx3 " SHORT, 2, "avx2");
    expect(SMALL " --threads=0 " SHORT, 2, "threads");
    expect(SMALL " --layouts=hwc " SHORT, 2, "nhwc");
    expect(SMALL " --layouts=nhwc,nchw,hwc " SHORT, 2, "'hwc' is neither");
    expect(SMALL " --benchmark_filter=nothing " SHORT, 2, "nothing to run");
    expect(SMALL " --algorithms=all --benchmark_filter=/naiv/ " SHORT, 2, "/naive/");
    expect(SMALL " --nonsense", 2, "--");
    expect(SMALL " --benchmark_out=/nowhere/at/all.json " SHORT, 3, "/nowhere/at/all.json");
    expect("--check=/nowhere.json", 3, "/nowhere.json");
}

static void what_does_not_apply_is_told(void **state)
{
    (void)state;
    char *text;
    assert_int_equal(run("--layers=n1c8h8w8_k8r1s1 --algorithms=all --dry-run", &text), 0);
    assert_contains(text, "left out: winograd");
    assert_contains(text, "on n1c8h8w8_k8r1s1");
    assert_contains(text, "lines, about");
    free(text);
    /* 3 TiB of output: refused before anything is allocated. */
    expect("--layers=n1c1h900000w900000_k1r1s1 " SHORT, 2, "left out: ");
}

static void comparisons_give_a_verdict(void **state)
{
    (void)state;
    char *text;
    assert_int_equal(run("--layers=n1c32h28w28_k32r3s3_pd1 --layouts=nhwc --pairs=9 "
                         "--compare naive direct --quiet",
                         &text),
                     0);
    assert_contains(text, "x faster");
    free(text);
    expect(SMALL " --compare direct", 2, "--compare needs two");
    expect(SMALL " --compare direct dirct", 2, "direct");
    expect("--layers=n1c8h8w8_k8r1s1 --compare direct winograd-f4x4-3x3", 2, "nothing to run");
}

static void a_baseline_is_compared_line_by_line(void **state)
{
    (void)state;
    expect(SMALL " --algorithms=direct --layouts=nhwc --benchmark_out=before.json " SHORT, 0,
           "direct");
    expect(SMALL " --algorithms=direct --layouts=nhwc --baseline=before.json " SHORT, 0,
           "baseline before.json");
    expect("--check=before.json", 0, "1 lines checked, 0 failed");
    expect(SMALL " --algorithms=naive --layouts=nhwc --baseline=before.json " SHORT, 2,
           "no line of this run");
}

static void the_ladder_tells_what_changed(void **state)
{
    (void)state;
    char *text;
    assert_int_equal(run("--ladder n1c16h24w24_k16r3s3_pd1", &text), 0);
    static const char *const parts[] = {"naive",    "reordered",       "im2col", "direct",
                                        "winograd", "The seven loops", " x "};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        assert_contains(text, parts[i]);
    }
    free(text);
}

static void a_sweep_walks_around_a_layer(void **state)
{
    (void)state;
    char *text;
    assert_int_equal(
        run("--sweep n1c8h6w6_k8r3s3_pd1 --algorithms=direct,im2col "
            "--benchmark_filter='c(4|8|16)h6w6_k8r3s3_pd1' --benchmark_out=sweep.json " SHORT,
            &text),
        0);
    assert_contains(text, "direct around n1c8h6w6_k8r3s3_pd1");
    assert_contains(text, "im2col around n1c8h6w6_k8r3s3_pd1");
    assert_contains(text, "points lie more than 15 % below");
    free(text);
    expect("--check=sweep.json", 0, "0 failed");
    expect("--sweep n1c8h6w6_k8r3s3_pd1 --dry-run", 0, "n1c9h6w6_k8r3s3_pd1/direct/");
    expect("--sweep n1c8h6w6_k8r3s3_pd1 " SMALL, 2, "no --layers");
    expect("--plot=sweep.svg " SMALL, 2, "--sweep PROBLEM");
    expect("--sweep nonsense", 2, "convoy-bench: ");
}

static void all_modes_of_the_caches_run(void **state)
{
    (void)state;
    char arguments[256];
    static const char *const modes[] = {"hot", "cold-weights", "cold"};
    for (int i = 0; i < 3; i++) {
        snprintf(arguments, sizeof arguments,
                 "--layers=n1c256h14w14_k256r3s3_pd1 --algorithms=direct --layouts=nhwc --cache=%s "
                 "--check " SHORT,
                 modes[i]);
        expect(arguments, 0, "1 lines checked, 0 failed");
    }
    expect(SMALL " --cache=cool", 2, "cold-weights");
}

/* Start a long run whose output goes to the pipe. */
static pid_t start_long_run(const char *path, int output)
{
    pid_t child = fork();
    if (child == 0) {
        char out[160];
        snprintf(out, sizeof out, "--benchmark_out=%s", path);
        dup2(output, STDOUT_FILENO);
        execl(BENCH_PROGRAM, BENCH_PROGRAM, "--layers=small_awkward", "--algorithms=direct",
              "--layouts=nhwc", "--quiet", "--benchmark_min_time=1", out, (char *)NULL);
        _exit(1);
    }
    return child;
}

/* Ctrl-C after the first block of results: exit 130, and what is done is printed and written. */
static void an_interrupt_keeps_what_is_measured(void **state)
{
    (void)state;
    char path[128], line[1024];
    int ends[2], status;
    snprintf(path, sizeof path, "%s/interrupted.json", directory);
    assert_int_equal(pipe(ends), 0);
    pid_t child = start_long_run(path, ends[1]);
    assert_true(child > 0);
    close(ends[1]);
    FILE *output = fdopen(ends[0], "r");
    assert_non_null(output);
    while (fgets(line, sizeof line, output) && line[0] != '*') {
    }
    kill(child, SIGINT);
    while (fgets(line, sizeof line, output)) {
    }
    fclose(output);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 130);
    json_t *document = json_load_file(path, 0, NULL);
    json_t *lines = json_object_get(document, "benchmarks");
    assert_true(json_array_size(lines) > 0);
    assert_true(json_array_size(lines) < 55);
    for (size_t i = 0; i < json_array_size(lines); i++) {
        assert_null(json_object_get(json_array_get(lines, i), "error_occurred"));
    }
    json_decref(document);
}

/* Whether every line keeps the rules of --check is not asked: with so many, a busy machine breaks
   one now and then. */
static void a_report_of_all_isas_has_one_time_for_each_size(void **state)
{
    static const int sizes[] = {7, 14, 28, 56, 112, 224};
    char path[128], family[32], *text;
    int size, lines = 0;
    double ms;
    (void)state;
    if (system("gnuplot --version >/dev/null 2>&1") != 0) {
        print_message("skipped: gnuplot is not installed\n");
        skip();
    }
    int code = run("--report isas --layers=n1c16h20w20_k16r3s3_pd1 --algorithms=im2col,direct "
                   "--isas=all " SHORT,
                   &text);
    assert_in_range(code, 0, 1);
    assert_contains(text, "report: isas/index.html");
    free(text);
    snprintf(path, sizeof path, "%s/isas/data/size.tsv", directory);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fscanf(file, "%31s %d %lf", family, &size, &ms) == 3) {
        assert_int_equal(size, sizes[lines++ % 6]);
        assert_true(ms > 0);
    }
    assert_int_equal(lines, 2 * 6);
    fclose(file);
}

static void a_report_is_one_page_with_all_plots(void **state)
{
    (void)state;
    char path[128], *text = NULL;
    size_t size = 0;
    if (system("gnuplot --version >/dev/null 2>&1") != 0) {
        print_message("skipped: gnuplot is not installed\n");
        skip();
    }
    expect("--report page --layers=n1c16h20w20_k16r3s3_pd1 --algorithms=im2col,direct " SHORT, 0,
           "report: page/index.html");
    snprintf(path, sizeof path, "%s/page/index.html", directory);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(getdelim(&text, &size, '\0', file) > 0);
    fclose(file);
    int plots = 0;
    for (const char *at = text; (at = strstr(at, "<svg")); at++) {
        plots++;
    }
    assert_int_equal(plots, 6);
    assert_null(strstr(text, "{{"));
    assert_null(strstr(text, "src=\"http"));
    assert_contains(text, "n1c16h20w20_k16r3s3_pd1");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_exact),
        cmocka_unit_test(the_json_has_exactly_the_counters),
        cmocka_unit_test(stages_share_the_time_of_winograd),
        cmocka_unit_test(other_formats_work_too),
        cmocka_unit_test(what_is_named_twice_runs_once),
        cmocka_unit_test(mistakes_are_told_in_words),
        cmocka_unit_test(what_does_not_apply_is_told),
        cmocka_unit_test(comparisons_give_a_verdict),
        cmocka_unit_test(a_baseline_is_compared_line_by_line),
        cmocka_unit_test(the_ladder_tells_what_changed),
        cmocka_unit_test(a_sweep_walks_around_a_layer),
        cmocka_unit_test(all_modes_of_the_caches_run),
        cmocka_unit_test(an_interrupt_keeps_what_is_measured),
        cmocka_unit_test(a_report_is_one_page_with_all_plots),
        cmocka_unit_test(a_report_of_all_isas_has_one_time_for_each_size),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
