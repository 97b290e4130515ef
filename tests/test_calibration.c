/**
 * @file test_calibration.c
 * Calibrations: measured, used, as text, in files, and hostile texts.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "convoy/convoy.h"
#include "plan/headed_text.h"
#include "support/check.h"
#include "support/layers.h"
#include "support/place.h"
#include "support/random.h"

static convoy_calibration *shared; /* measured once */

static char *print(const convoy_calibration *calibration)
{
    char *text;
    assert_ok(convoy_calibration_print(calibration, &text));
    return text;
}

/* What parsing says of a text; nothing is written on an error. */
static convoy_status parse(const char *text)
{
    convoy_calibration *untouched = shared, *calibration = untouched;
    convoy_status status = convoy_calibration_parse(text, strlen(text), &calibration);
    if (status) {
        assert_ptr_equal(calibration, untouched);
    } else {
        convoy_calibration_destroy(calibration);
    }
    return status;
}

static void test_measured_rates(void **state)
{
    convoy_rates best;
    (void)state;
    assert_int_equal(convoy_calibration_threads(shared), 2);
    for (int i = CONVOY_ISA_BEST; i < CONVOY_ISA_COUNT; i++) {
        convoy_rates rates, built_in;
        if (!convoy_isa_usable((convoy_isa)i)) {
            assert_status(convoy_calibration_rates(shared, (convoy_isa)i, &rates),
                          CONVOY_ERROR_ISA);
            continue;
        }
        assert_ok(convoy_calibration_rates(shared, (convoy_isa)i, &rates));
        assert_ok(convoy_calibration_rates(NULL, (convoy_isa)i, &built_in));
        /* Machines differ, and this one may be an emulator: but not by what a slip would make. */
        assert_true(rates.multiply > 1e-11 && rates.multiply < 1e-6);
        assert_true(rates.transform > 1e-12 && rates.copy > 1e-12);
        assert_true(rates.near_byte > 1e-13 && rates.near_byte <= rates.far_byte);
        assert_true(rates.execution > 1e-9 && rates.fork > 1e-9);
        assert_true(built_in.multiply > 1e-11 && built_in.multiply < 1e-9);
    }
    assert_ok(convoy_calibration_rates(shared, CONVOY_ISA_BEST, &best));
    assert_true(best.call > 0 && best.blas > 0);
}

static void test_text_there_and_back(void **state)
{
    char *text = print(shared), *again;
    convoy_calibration *read;
    (void)state;
    assert_ok(convoy_calibration_parse(text, strlen(text), &read));
    again = print(read);
    assert_string_equal(text, again);
    assert_int_equal(convoy_calibration_threads(read), 2);
    free(text);
    free(again);
    convoy_calibration_destroy(read);
}

/* The text with a line of another wording; owned. */
static char *with_line(const char *begin, const char *instead)
{
    char *text, *changed;
    assert_ok(convoy_calibration_print(shared, &text));
    char *at = strstr(text, begin);
    assert_non_null(at);
    char *end = strchr(at, '\n');
    *at = '\0';
    assert_true(asprintf(&changed, "%s%s%s", text, instead, *instead ? end : end + 1) > 0);
    free(text);
    return changed;
}

static void test_bad_lines_are_named(void **state)
{
    static const struct {
        const char *begin, *instead, *reason;
    } cases[] = {
        {"threads 2", "threads", "line 4 of the calibration cannot be used: it is not 'threads'"},
        {"threads 2", "threads 0", "it is not 'threads'"},
        {"threads 2", "threads 99999", "it is not 'threads'"},
        {"threads 2", "threads 1.5", "it is not 'threads'"},
        {"threads 2", "", "line 4"},
        {"machine blas", "machine blas", "line 5 of the calibration cannot be used: it has not"},
        {"machine blas", "machine blas 1.0 2.0", "it has not three words"},
        {"machine blas", "machine multiply 1.0", "its rate is none"},
        {"machine blas", "best multiply 1.0", "its first word is neither"},
        {"machine blas", "vax multiply 1.0", "its first word is neither"},
        {"machine blas", "portable blas 1.0", "its rate is none"},
        {"machine blas", "machine blas nan", "its time is none"},
        {"machine blas", "machine blas -1", "its time is none"},
        {"machine blas", "machine blas 0.000", "its time is none"},
        {"machine blas", "machine blas 1e3", "its time is none"},
        {"machine blas", "machine blas 9999999999999", "its time is none"},
        {"machine blas", "machine call 1.0", "its rate came before"},
        {"machine blas", "", "the calibration has no line 'machine blas'"},
        {"portable copy", "", "the calibration has no line 'portable copy'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = with_line(cases[i].begin, cases[i].instead);
        assert_status(parse(text), CONVOY_ERROR_FORMAT);
        assert_contains(convoy_error_detail(), cases[i].reason);
        free(text);
    }
}

static void test_foreign_texts_are_refused(void **state)
{
    static const char *const none[] = {
        "", "\n", "PNG", "convoy-wisdom 1\n", "convoy-calibration 2\n", "convoy-calibration 1\n"};
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_status(parse(none[i]), CONVOY_ERROR_FORMAT);
    }
    char *old = with_line("version", "version 0.0.9"),
         *other = with_line("machine ", "machine VAX");
    assert_status(parse(old), CONVOY_ERROR_UNSUPPORTED);
    assert_contains(convoy_error_detail(), "another version of Convoy: '0.0.9', and here it is");
    assert_contains(convoy_error_detail(), "convoy calibrate");
    assert_status(parse(other), CONVOY_ERROR_UNSUPPORTED);
    assert_contains(convoy_error_detail(), "another machine: 'VAX', and here it is");
    free(old);
    free(other);
    char *large = calloc(1, 1 << 20);
    convoy_calibration *calibration;
    assert_status(convoy_calibration_parse(large, 1 << 20, &calibration), CONVOY_ERROR_FORMAT);
    free(large);
}

/* Bytes changed at random: what is read has rates that a time can be made of. */
static void test_mutations(void **state)
{
    uint64_t seed = test_seed(1), random = seed;
    char *text = print(shared);
    size_t length = strlen(text);
    (void)state;
    for (int i = 0; i < 3000; i++) {
        convoy_calibration *calibration;
        char *mutated = malloc(length);
        memcpy(mutated, text, length);
        for (int64_t n = random_between(&random, 1, 4); n > 0; n--) {
            int64_t from = i % 2 ? (int64_t)length / 3 : 0;
            mutated[random_between(&random, from, (int64_t)length - 1)] =
                (char)random_between(&random, i % 4 < 2 ? 0 : '0', i % 4 < 2 ? 255 : '9');
        }
        size_t size = i % 5 ? length : (size_t)random_between(&random, 0, (int64_t)length);
        convoy_status status = convoy_calibration_parse(mutated, size, &calibration);
        if (!status) {
            convoy_rates rates;
            assert_ok(convoy_calibration_rates(calibration, CONVOY_ISA_BEST, &rates));
            assert_true(rates.multiply > 0 && rates.fork > 0 && isfinite(rates.far_byte));
            convoy_calibration_destroy(calibration);
        } else if (status != CONVOY_ERROR_FORMAT && status != CONVOY_ERROR_UNSUPPORTED) {
            fail_msg("seed %llu: %s", (unsigned long long)seed, convoy_status_name(status));
        }
        free(mutated);
    }
    free(text);
}

/* The planner predicts by it: twice the time where everything takes twice as long. */
static void test_plans_use_it(void **state)
{
    char *text = print(shared), *slower = NULL, *line, *rest = NULL;
    size_t size;
    FILE *stream = open_memstream(&slower, &size);
    convoy_layer layer = parse_layer("n1c64h20w20_k64r3s3_pd1");
    convoy_description before, after;
    convoy_calibration *half;
    (void)state;
    for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char owner[20], name[20];
        double time;
        if (sscanf(line, "%19s %19s %lf", owner, name, &time) == 3 && strchr(line, '.') &&
            !strchr(line, ',')) {
            fprintf(stream, "%s %s %.3f\n", owner, name, 2 * time);
        } else {
            fprintf(stream, "%s\n", line);
        }
    }
    fclose(stream);
    assert_ok(convoy_calibration_parse(slower, size, &half));
    convoy_options options = {.algorithm = "direct", .calibration = shared};
    assert_ok(convoy_layer_estimate(&layer, &options, &before));
    options.calibration = half;
    assert_ok(convoy_layer_estimate(&layer, &options, &after));
    assert_true(fabs(after.predicted.seconds / before.predicted.seconds - 2) < 0.01);
    free(text);
    free(slower);
    convoy_calibration_destroy(half);
}

static void test_files(void **state)
{
    convoy_calibration *read = NULL;
    struct stat what;
    (void)state;
    assert_ok(convoy_calibration_export(shared, "here.calibration"));
    assert_ok(convoy_calibration_export(shared, "here.calibration"));
    assert_ok(convoy_calibration_import("here.calibration", &read));
    convoy_calibration_destroy(read);
    place_expect("here.calibration");
    place_write("here.calibration", "x", 1);
    assert_status(convoy_calibration_import("here.calibration", &read), CONVOY_ERROR_FORMAT);
    assert_contains(convoy_error_detail(), "here.calibration: this is no calibration");
    assert_status(convoy_calibration_import("none", &read), CONVOY_ERROR_IO);
    assert_status(convoy_calibration_export(shared, "none/here"), CONVOY_ERROR_IO);
    assert_int_equal(stat("none", &what), -1);
    assert_int_equal(remove("here.calibration"), 0);
}

static void test_bad_arguments(void **state)
{
    convoy_calibration *calibration;
    convoy_rates rates;
    char *text;
    (void)state;
    assert_status(convoy_calibration_measure(0, NULL), CONVOY_ERROR_NULL);
    assert_status(convoy_calibration_measure(-1, &calibration), CONVOY_ERROR_ARGUMENT);
    assert_status(convoy_calibration_measure(100000, &calibration), CONVOY_ERROR_ARGUMENT);
    assert_status(convoy_calibration_parse(NULL, 0, &calibration), CONVOY_ERROR_NULL);
    assert_status(convoy_calibration_parse("", 0, NULL), CONVOY_ERROR_NULL);
    assert_status(convoy_calibration_print(NULL, &text), CONVOY_ERROR_NULL);
    assert_status(convoy_calibration_print(shared, NULL), CONVOY_ERROR_NULL);
    assert_status(convoy_calibration_import(NULL, &calibration), CONVOY_ERROR_NULL);
    assert_status(convoy_calibration_import("x", NULL), CONVOY_ERROR_NULL);
    assert_status(convoy_calibration_export(NULL, "x"), CONVOY_ERROR_NULL);
    assert_status(convoy_calibration_export(shared, NULL), CONVOY_ERROR_NULL);
    assert_status(convoy_calibration_rates(shared, CONVOY_ISA_BEST, NULL), CONVOY_ERROR_NULL);
    assert_ok(convoy_calibration_rates(NULL, CONVOY_ISA_BEST, &rates));
    assert_int_equal(convoy_calibration_threads(NULL), 0);
    convoy_calibration_destroy(NULL);
}

static int setup(void **state)
{
    return place_setup(state) || convoy_calibration_measure(2, &shared) != CONVOY_OK;
}

static int teardown(void **state)
{
    convoy_calibration_destroy(shared);
    return place_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measured_rates),
        cmocka_unit_test(test_text_there_and_back),
        cmocka_unit_test(test_bad_lines_are_named),
        cmocka_unit_test(test_foreign_texts_are_refused),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_plans_use_it),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_bad_arguments),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
