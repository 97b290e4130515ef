/**
 * @file test_wisdom.c
 * Wisdom: what is learned and used, its text, hostile texts, and files that several processes write
 * at the same time.
 */
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "convoy/convoy.h"
#include "plan/wisdom.h"
#include "support/check.h"
#include "support/layers.h"
#include "support/place.h"
#include "support/wisdom_text.h"
#include "support/random.h"

#define ALL_MAX 64
#define PROBLEM "n1c16h12w12_k16r3s3_pd1"

static convoy_wisdom *create(void)
{
    convoy_wisdom *wisdom;
    assert_ok(convoy_wisdom_create(&wisdom));
    return wisdom;
}

static convoy_wisdom *create_with(const char *lines)
{
    convoy_wisdom *wisdom = create();
    char *text = make_wisdom_text(lines);
    assert_ok(convoy_wisdom_parse(wisdom, text, strlen(text), NULL));
    free(text);
    return wisdom;
}

static void expect_text(const convoy_wisdom *wisdom, const char *lines)
{
    char *expected = make_wisdom_text(lines), *text;
    assert_ok(convoy_wisdom_print(wisdom, &text));
    assert_string_equal(text, expected);
    free(text);
    free(expected);
}

/* The algorithm that a layer gets, and why. */
static const char *chosen(const convoy_layer *layer, const convoy_options *options,
                          char why[sizeof((convoy_description *)0)->why])
{
    convoy_description all[ALL_MAX];
    assert_ok(convoy_layer_explain(layer, options, all));
    for (size_t a = 0; a < convoy_algorithm_count(); a++) {
        if (all[a].chosen) {
            strcpy(why, all[a].why);
            return all[a].algorithm;
        }
    }
    return NULL;
}

static void test_what_is_measured_is_known(void **state)
{
    convoy_layer layer = parse_layer(PROBLEM);
    convoy_wisdom *wisdom = create();
    convoy_options measure = {.effort = CONVOY_MEASURE, .wisdom = wisdom, .threads = 1};
    convoy_options use = {.wisdom = wisdom, .threads = 1};
    char why[320];
    (void)state;
    chosen(&layer, &use, why);
    assert_contains(why, "the wisdom does not know this layer; it is predicted");
    const char *measured = chosen(&layer, &measure, why);
    assert_contains(why, "it was measured");
    assert_int_equal(convoy_wisdom_count(wisdom), 1);
    assert_string_equal(chosen(&layer, &use, why), measured);
    assert_contains(why, "the wisdom says that it was the fastest when measured: ");
    assert_string_equal(chosen(&layer, &measure, why), measured);
    assert_contains(why, "the wisdom says");
    /* the same with an activation, but not with other threads */
    layer.epilogue.activation = CONVOY_RELU;
    chosen(&layer, &use, why);
    assert_contains(why, "the wisdom says");
    use.threads = 2;
    chosen(&layer, &use, why);
    assert_contains(why, "does not know");
    assert_int_equal(convoy_wisdom_count(wisdom), 1);
    convoy_wisdom_destroy(wisdom);
}

/* Plans obey; but not where tolerance or limit forbid it, nor against a name. */
static void test_what_is_known_is_used(void **state)
{
    char lines[400], why[320];
    const char *isa = convoy_isa_name(convoy_isa_best());
    convoy_layer layer = parse_layer(PROBLEM);
    convoy_description description;
    (void)state;
    snprintf(lines, sizeof lines,
             "%s nchw %s 1 bound=1e-07 none naive 1.000\n%s nchw %s 1 default none naive 12.500\n"
             "%s nchw %s 1 default relu reordered 13.000\n%s nchw %s 1 fast none im2col 2.000\n",
             PROBLEM, isa, PROBLEM, isa, PROBLEM, isa, PROBLEM, isa);
    convoy_wisdom *wisdom = create_with(lines);
    convoy_options options = {.wisdom = wisdom, .threads = 1};
    struct operand_set set = operands_create(&layer, 1);
    convoy_plan *plan = create_plan(&layer, &set, &options);
    assert_ok(convoy_plan_describe(plan, &description));
    assert_string_equal(description.algorithm, "naive");
    assert_string_equal(description.why,
                        "the wisdom says that it was the fastest when measured: 0.0125 ms");
    convoy_plan_destroy(plan);
    operands_destroy(&set);
    layer.epilogue.activation = CONVOY_RELU;
    assert_string_equal(chosen(&layer, &options, why), "reordered");
    layer.epilogue.activation = CONVOY_RELU6;
    assert_string_equal(chosen(&layer, &options, why), "naive");
    options.algorithm = "direct";
    assert_string_equal(chosen(&layer, &options, why), "direct");
    options.algorithm = NULL;
    options.tolerance = CONVOY_TOLERANCE_FAST;
    options.workspace_limit_bytes = 1;
    assert_string_not_equal(chosen(&layer, &options, why), "im2col");
    options.workspace_limit_bytes = 0;
    options.tolerance = CONVOY_TOLERANCE_BOUND;
    options.error_bound = 1e-7; /* naive is not as accurate */
    assert_string_equal(chosen(&layer, &options, why), "reference");
    convoy_wisdom_destroy(wisdom);
}

/* With a limit another may be the fastest: that is nobody else's wisdom. */
static void test_limits_are_not_learned(void **state)
{
    convoy_layer layer = parse_layer(PROBLEM);
    convoy_wisdom *wisdom = create();
    char why[320];
    (void)state;
    chosen(&layer,
           &(convoy_options){
               .effort = CONVOY_MEASURE, .wisdom = wisdom, .workspace_limit_bytes = 1 << 20},
           why);
    assert_contains(why, "it was measured");
    assert_int_equal(convoy_wisdom_count(wisdom), 0);
    convoy_wisdom_destroy(wisdom);
}

#define GOOD                                                                                       \
    PROBLEM " nchw avx2 12 default none direct 812.431\n" PROBLEM                                  \
            " nhwc portable 1 bound=1e-05 residual+relu6 winograd-f4x4-3x3 0.001\n"

static void test_text_there_and_back(void **state)
{
    convoy_wisdom *wisdom = create_with("# a comment\n\n" GOOD "\r\n");
    (void)state;
    assert_int_equal(convoy_wisdom_count(wisdom), 2);
    expect_text(wisdom, GOOD);
    convoy_wisdom_destroy(wisdom);
}

/* Numbers are written with a point, whatever the program's locale has. */
static void test_locale(void **state)
{
    convoy_layer layer = parse_layer(PROBLEM);
    convoy_wisdom *wisdom = create();
    char why[320], *text;
    (void)state;
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8")) {
        print_message("no locale with a decimal comma here: tested without\n");
    }
    chosen(&layer,
           &(convoy_options){.effort = CONVOY_MEASURE,
                             .wisdom = wisdom,
                             .tolerance = CONVOY_TOLERANCE_BOUND,
                             .error_bound = 0.0625},
           why);
    assert_ok(convoy_wisdom_print(wisdom, &text));
    setlocale(LC_NUMERIC, "C");
    assert_contains(text, " bound=0.0625 none ");
    convoy_wisdom *again = create();
    convoy_wisdom_report report;
    assert_ok(convoy_wisdom_parse(again, text, strlen(text), &report));
    assert_int_equal(report.lines, 1);
    assert_int_equal(report.skipped, 0);
    free(text);
    convoy_wisdom_destroy(again);
    convoy_wisdom_destroy(wisdom);
}

static void test_corrupt_lines_are_skipped_and_named(void **state)
{
    static const struct {
        const char *line, *reason;
    } cases[] = {
        {PROBLEM " nchw avx2 1 default none direct\n", "eight words"},
        {PROBLEM " nchw avx2 1 default none direct 1.0 more\n", "eight words"},
        {"n1c16h12w12_k16r3s3_pd1x1 nchw avx2 1 default none direct 1.0\n", "problem"},
        {"n1c16h12w12 nchw avx2 1 default none direct 1.0\n", "problem"},
        {PROBLEM " chwn avx2 1 default none direct 1.0\n", "layout"},
        {PROBLEM " nchw best 1 default none direct 1.0\n", "ISA"},
        {PROBLEM " nchw avx2 0 default none direct 1.0\n", "threads"},
        {PROBLEM " nchw avx2 99999 default none direct 1.0\n", "threads"},
        {PROBLEM " nchw avx2 1 bound= none direct 1.0\n", "tolerance"},
        {PROBLEM " nchw avx2 1 bound=%n none direct 1.0\n", "tolerance"},
        {PROBLEM " nchw avx2 1 default relu+residual direct 1.0\n", "epilogue"},
        {PROBLEM " nchw avx2 1 default none diract 1.0\n", "algorithm"},
        {PROBLEM " nchw avx2 1 default none direct 1.0.0\n", "time"},
        {PROBLEM " nchw avx2 1 default none direct nan\n", "time"},
        {PROBLEM " nchw avx2 1 default none direct 0.000\n", "time"},
        {PROBLEM " nchw avx2 1 default none direct -1\n", "time"},
        {PROBLEM " nchw avx2 1 default none direct 1234567890123456\n", "time"},
        /* printed with three decimals it would not be read again */
        {PROBLEM " nchw avx2 1 default none direct 123456789012\n", "time"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        convoy_wisdom *wisdom = create();
        convoy_wisdom_report report;
        char lines[600], *text, detail[600];
        snprintf(lines, sizeof lines, "%s%s%s", GOOD, cases[i].line, cases[i].line);
        text = make_wisdom_text(lines);
        snprintf(detail, sizeof detail, "%s", convoy_error_detail());
        assert_ok(convoy_wisdom_parse(wisdom, text, strlen(text), &report));
        assert_string_equal(convoy_error_detail(), detail);
        assert_int_equal(report.lines, 2);
        assert_int_equal(report.skipped, 2);
        assert_int_equal(report.first_skipped_line, 6);
        assert_contains(report.first_reason, cases[i].reason);
        assert_int_equal(convoy_wisdom_count(wisdom), 2);
        free(text);
        convoy_wisdom_destroy(wisdom);
    }
}

static void test_long_lines_and_zero_bytes(void **state)
{
    convoy_wisdom *wisdom = create();
    convoy_wisdom_report report;
    char *head = make_wisdom_text(""), *text = calloc(1, 5000);
    (void)state;
    size_t length = strlen(head);
    memcpy(text, head, length);
    memset(text + length, 'x', 3000);
    text[length + 3000] = '\n';
    strcpy(text + length + 3001, "a\n" GOOD);
    text[length + 3001] = '\0';
    assert_ok(convoy_wisdom_parse(wisdom, text, length + 3003 + strlen(GOOD), &report));
    assert_int_equal(report.lines, 2);
    assert_int_equal(report.skipped, 2);
    assert_contains(report.first_reason, "too long");
    free(head);
    free(text);
    convoy_wisdom_destroy(wisdom);
}

static void test_foreign_wisdom_is_refused(void **state)
{
    convoy_wisdom *wisdom = create();
    char text[400], machine[HEADED_MACHINE_SIZE];
    (void)state;
    headed_machine(machine);
    const char *const none[] = {
        "", "\n\n", "convoy-wisdom 2\n", "convoy-wisdom 1\n", "convoy-wisdom 1\nversion\n", "PNG"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_status(convoy_wisdom_parse(wisdom, none[i], strlen(none[i]), NULL),
                      CONVOY_ERROR_FORMAT);
    }
    snprintf(text, sizeof text, "convoy-wisdom 1\nversion 0.0.9\nmachine %s\n", machine);
    assert_status(convoy_wisdom_parse(wisdom, text, strlen(text), NULL), CONVOY_ERROR_UNSUPPORTED);
    assert_contains(convoy_error_detail(),
                    "another version of Convoy: '0.0.9', and here it is '0.");
    snprintf(text, sizeof text, "convoy-wisdom 1\nversion %s\nmachine Pentium, portable\n" GOOD,
             convoy_version());
    assert_status(convoy_wisdom_parse(wisdom, text, strlen(text), NULL), CONVOY_ERROR_UNSUPPORTED);
    assert_contains(convoy_error_detail(), "another machine: 'Pentium, portable', and here");
    assert_int_equal(convoy_wisdom_count(wisdom), 0);
    convoy_wisdom_destroy(wisdom);
}

/* Bytes changed at random: nothing happens but refusals and skipped lines. */
static void test_mutations(void **state)
{
    uint64_t seed = test_seed(1), random = seed;
    char *text = make_wisdom_text(GOOD GOOD GOOD);
    size_t length = strlen(text);
    (void)state;
    for (int i = 0; i < 3000; i++) {
        convoy_wisdom *wisdom = create();
        char *mutated = malloc(length);
        memcpy(mutated, text, length);
        for (int64_t n = random_between(&random, 1, 8); n > 0; n--) {
            int64_t from = i % 2 ? (int64_t)length / 3 : 0;
            mutated[random_between(&random, from, (int64_t)length - 1)] =
                (char)random_between(&random, 0, 255);
        }
        size_t size = (size_t)random_between(&random, 1, (int64_t)length);
        convoy_status status = convoy_wisdom_parse(wisdom, mutated, i % 3 ? length : size, NULL);
        if (status && status != CONVOY_ERROR_FORMAT && status != CONVOY_ERROR_UNSUPPORTED) {
            fail_msg("seed %llu: %s", (unsigned long long)seed, convoy_status_name(status));
        }
        assert_true(convoy_wisdom_count(wisdom) <= 6);
        free(mutated);
        convoy_wisdom_destroy(wisdom);
    }
    free(text);
}

static void test_null_pointers(void **state)
{
    convoy_wisdom *wisdom = create();
    char *text;
    (void)state;
    assert_status(convoy_wisdom_create(NULL), CONVOY_ERROR_NULL);
    assert_status(convoy_wisdom_parse(NULL, "", 0, NULL), CONVOY_ERROR_NULL);
    assert_status(convoy_wisdom_parse(wisdom, NULL, 0, NULL), CONVOY_ERROR_NULL);
    assert_status(convoy_wisdom_print(NULL, &text), CONVOY_ERROR_NULL);
    assert_status(convoy_wisdom_print(wisdom, NULL), CONVOY_ERROR_NULL);
    assert_status(convoy_wisdom_import(NULL, "x", NULL), CONVOY_ERROR_NULL);
    assert_status(convoy_wisdom_import(wisdom, NULL, NULL), CONVOY_ERROR_NULL);
    assert_status(convoy_wisdom_export(NULL, "x", NULL), CONVOY_ERROR_NULL);
    assert_status(convoy_wisdom_export(wisdom, NULL, NULL), CONVOY_ERROR_NULL);
    assert_int_equal(convoy_wisdom_count(NULL), 0);
    convoy_wisdom_destroy(NULL);
    convoy_wisdom_destroy(wisdom);
}

static void write_lines(const char *path, const char *lines)
{
    char *text = make_wisdom_text(lines);
    place_write(path, text, strlen(text));
    free(text);
}

/* What a file knows stays, but for what was measured here; a corrupt line goes, and is named. */
static void test_export_merges(void **state)
{
    convoy_wisdom *wisdom = create_with(PROBLEM " nchw avx2 1 default none direct 1.000\n" PROBLEM
                                                " nchw avx2 2 default none direct 2.000\n");
    convoy_wisdom_report report;
    (void)state;
    assert_ok(convoy_wisdom_export(wisdom, "new.txt", &report));
    assert_int_equal(report.lines, 0);
    write_lines("old.txt", PROBLEM " nchw avx2 2 default none naive 20.000\ncorrupt\n" PROBLEM
                                   " nchw avx2 3 default none naive 30.000\n");
    struct wisdom_entry mine = {(char *)PROBLEM " nchw avx2 3 default none", &algorithm_direct, 3,
                                true};
    assert_ok(wisdom_add(wisdom, &mine));
    assert_ok(convoy_wisdom_export(wisdom, "old.txt", &report));
    assert_int_equal(report.lines, 2);
    assert_int_equal(report.skipped, 1);
    assert_int_equal(report.first_skipped_line, 5);
    convoy_wisdom_destroy(wisdom);
    wisdom = create();
    assert_ok(convoy_wisdom_import(wisdom, "old.txt", &report));
    assert_int_equal(report.skipped, 0);
    expect_text(wisdom, PROBLEM " nchw avx2 1 default none direct 1.000\n" PROBLEM
                                " nchw avx2 2 default none naive 20.000\n" PROBLEM
                                " nchw avx2 3 default none direct 3.000\n");
    convoy_wisdom_destroy(wisdom);
    place_expect("new.txt old.txt");
    remove("new.txt");
    remove("old.txt");
}

static void test_foreign_files_stay(void **state)
{
    convoy_wisdom *wisdom = create_with(GOOD);
    const char *foreign = "convoy-wisdom 1\nversion 0.0.1\nmachine none\n";
    convoy_wisdom_report report = {.lines = 77, .skipped = 78};
    size_t size;
    (void)state;
    place_write("foreign.txt", foreign, strlen(foreign));
    place_write("other.txt", "precious", 8);
    place_write("empty.txt", "", 0);
    assert_status(convoy_wisdom_export(wisdom, "foreign.txt", &report), CONVOY_ERROR_UNSUPPORTED);
    assert_contains(convoy_error_detail(), "foreign.txt: ");
    assert_status(convoy_wisdom_export(wisdom, "other.txt", &report), CONVOY_ERROR_FORMAT);
    assert_status(convoy_wisdom_export(wisdom, "none/new.txt", &report), CONVOY_ERROR_IO);
    assert_status(convoy_wisdom_export(wisdom, ".", &report), CONVOY_ERROR_IO);
    assert_true(report.lines == 77 && report.skipped == 78); /* errors change no outputs */
    assert_status(convoy_wisdom_import(wisdom, "none.txt", NULL), CONVOY_ERROR_IO);
    assert_ok(convoy_wisdom_export(wisdom, "empty.txt", NULL));
    char *text = place_read("other.txt", &size);
    assert_string_equal(text, "precious");
    free(text);
    place_expect("empty.txt foreign.txt other.txt");
    remove("empty.txt");
    remove("foreign.txt");
    remove("other.txt");
    convoy_wisdom_destroy(wisdom);
}

#define PROCESSES 4
#define ROUNDS    12

/* A process that learns a layer after the other and exports after each. */
static int export_many(int process)
{
    convoy_wisdom *wisdom;
    int failed = convoy_wisdom_create(&wisdom) != CONVOY_OK;
    for (int i = 0; i < ROUNDS && !failed; i++) {
        char key[WISDOM_KEY_SIZE];
        struct wisdom_entry entry = {key, &algorithm_direct, 1, true};
        snprintf(key, sizeof key, "n%dc%dh9w9_k8r3s3 nchw avx2 1 default none", i + 1, process + 1);
        failed = wisdom_add(wisdom, &entry) || convoy_wisdom_export(wisdom, "shared.txt", NULL);
    }
    convoy_wisdom_destroy(wisdom);
    return failed;
}

static void test_processes_lose_nothing(void **state)
{
    pid_t children[PROCESSES];
    convoy_wisdom *wisdom = create();
    convoy_wisdom_report report;
    (void)state;
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            _exit(export_many(i));
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_ok(convoy_wisdom_import(wisdom, "shared.txt", &report));
    assert_int_equal(report.lines, PROCESSES * ROUNDS);
    assert_int_equal(report.skipped, 0);
    place_expect("shared.txt");
    remove("shared.txt");
    convoy_wisdom_destroy(wisdom);
}

/* What is read in the moment in which others learn the same does not undo it. */
static bool read_naive(convoy_wisdom *wisdom, const char *key)
{
    char line[WISDOM_KEY_SIZE + 20];
    snprintf(line, sizeof line, "%s naive 1.000\n", key);
    char *text = make_wisdom_text(line);
    convoy_status status = convoy_wisdom_parse(wisdom, text, strlen(text), NULL);
    free(text);
    return status == CONVOY_OK;
}

/* One of the threads below. */
static void *use_wisdom(void *argument)
{
    convoy_wisdom *wisdom = argument;
    for (int i = 0; i < 200; i++) {
        char key[WISDOM_KEY_SIZE], *text = NULL;
        struct wisdom_entry known, entry = {key, &algorithm_direct, 1 + i, true};
        snprintf(key, sizeof key, "n%dc8h9w9_k8r3s3 nchw avx2 1 default none", i % 40 + 1);
        if ((i % 4 == 0 && !read_naive(wisdom, key)) || wisdom_add(wisdom, &entry) != CONVOY_OK ||
            !wisdom_find(wisdom, key, &known) || known.algorithm != &algorithm_direct) {
            return argument;
        }
        if (i % 50 == 0 && convoy_wisdom_print(wisdom, &text) != CONVOY_OK) {
            return argument;
        }
        free(text);
    }
    return NULL;
}

/* One wisdom under many threads, which read, learn, look up and print. */
static void test_threads(void **state)
{
    pthread_t threads[4];
    convoy_wisdom *wisdom = create();
    void *failed;
    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, use_wisdom, wisdom), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(convoy_wisdom_count(wisdom), 40);
    convoy_wisdom_destroy(wisdom);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_processes_lose_nothing), /* forks: before there are threads */
        cmocka_unit_test(test_what_is_measured_is_known),
        cmocka_unit_test(test_what_is_known_is_used),
        cmocka_unit_test(test_limits_are_not_learned),
        cmocka_unit_test(test_text_there_and_back),
        cmocka_unit_test(test_locale),
        cmocka_unit_test(test_corrupt_lines_are_skipped_and_named),
        cmocka_unit_test(test_long_lines_and_zero_bytes),
        cmocka_unit_test(test_foreign_wisdom_is_refused),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_null_pointers),
        cmocka_unit_test(test_export_merges),
        cmocka_unit_test(test_foreign_files_stay),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, place_setup, place_teardown);
}
