/**
 * @file test_cli_tune.c
 * The real `convoy tune` and `convoy calibrate`, and --wisdom and --calibration of run and explain.
 */
#include <stdio.h>
#include <stdlib.h>

#include "support/check.h"
#include "support/cli.h"
#include "support/place.h"

#define FIRST  "n1c16h12w12_k16r3s3_pd1"
#define SECOND "n1c24h7w7_k8r1s1"

static size_t lines_of(const char *path)
{
    size_t size, lines = 0;
    char *text = place_read(path, &size);
    for (const char *c = text; *c; c++) {
        lines += *c == '\n';
    }
    free(text);
    return lines;
}

static void layers_are_tuned_and_used(void **state)
{
    (void)state;
    place_write("list.txt", "a " FIRST "\nb " SECOND "\n", strlen(FIRST SECOND) + 6);
    cli_expect("tune --layers list.txt --wisdom w.txt --threads 1 --time-limit 20", 0,
               "2 measured, 0 known before");
    assert_int_equal(lines_of("w.txt"), 5);
    cli_expect("tune --layers list.txt --wisdom w.txt --threads 1 --layout both", 0,
               "2 measured, 2 known before");
    assert_int_equal(lines_of("w.txt"), 7);
    cli_expect_json("tune " FIRST " --wisdom w.txt --threads 1 --json",
                    (const char *[]){"\"problem\":\"" FIRST "\"", "\"known\":true", NULL});
    cli_expect_json("tune " FIRST " --wisdom w.txt --threads 1 --json --again --time-limit 20",
                    (const char *[]){"\"known\":false", "\"estimate\":", NULL});
    cli_expect("tune " FIRST " --wisdom w.txt --threads 2 --quiet", 0, "");
    assert_int_equal(lines_of("w.txt"), 8);
    cli_expect("explain " FIRST " --wisdom w.txt --threads 1", 0,
               "chosen: the wisdom says that it was the fastest");
    cli_expect_json("explain " FIRST " --wisdom w.txt --threads 1 --json",
                    (const char *[]){"\"origin\":\"known\"", NULL});
    cli_expect_json("explain " FIRST " --json", (const char *[]){"\"origin\":\"estimated\"", NULL});
    cli_expect("explain " FIRST " --wisdom w.txt --threads 3", 0, "the wisdom does not know");
    cli_expect("run " SECOND " --wisdom w.txt --threads 1 --layout nhwc", 0, "the wisdom says");
    place_expect("list.txt w.txt");
}

/* What the time limit cuts short is told apart, and not kept. */
static void unfinished_measurements_are_not_kept(void **state)
{
    (void)state;
    cli_expect("tune n1c32h20w20_k32r3s3_pd1 --wisdom short.txt --threads 1 --time-limit 1e-9", 0,
               "not kept: the time limit is too short to compare");
    cli_expect_json("tune n1c32h20w20_k32r3s3_pd1 --wisdom short.txt --json --time-limit 1e-9",
                    (const char *[]){"\"known\":false", "\"measured\":false", NULL});
    assert_int_equal(lines_of("short.txt"), 3);
    assert_int_equal(remove("short.txt"), 0);
}

/* A line that is not understood: a warning, and the rest is used. */
static void corrupt_lines_are_told(void **state)
{
    struct outcome outcome;
    (void)state;
    assert_int_equal(system("sed -i '4s/ 1 / one /' w.txt"), 0);
    outcome = cli_run("explain " FIRST " --wisdom w.txt --threads 1 --layout nhwc");
    assert_int_equal(outcome.code, 0);
    assert_string_equal(outcome.err, "convoy: w.txt: 1 line skipped, the first is line 4: its "
                                     "threads are no number\n");
    assert_contains(outcome.out, "the wisdom says");
    outcome_destroy(&outcome);
}

static const struct {
    const char *arguments, *words;
    int code;
} bad_cases[] = {
    {"tune " FIRST, "--wisdom is missing", 2},
    {"tune --wisdom new.txt", "no layer was given", 2},
    {"tune " FIRST " --wisdom foreign.txt", "another version of Convoy: '0.0.1'", 2},
    {"tune " FIRST " --wisdom list.txt", "this is no wisdom", 2},
    {"tune " FIRST " --wisdom none/new.txt", "none/new.txt", 3},
    {"tune " FIRST " --wisdom new.txt --time-limit 0", "above 0 seconds", 2},
    {"tune " FIRST " --wisdom new.txt --layout chwn", "it is nchw or nhwc", 2},
    {"tune " FIRST " --wisdom new.txt --tolerance 1e-30", "no algorithm can be used", 2},
    {"run " FIRST " --wisdom none.txt", "none.txt cannot be read", 2},
    {"explain " FIRST " --wisdom foreign.txt", "measure anew with convoy tune", 2},
    {"run " FIRST " --wisdom foreign.txt", "measure anew with convoy tune", 2},
};

static void bad_input_leaves_nothing(void **state)
{
    const char *foreign = "convoy-wisdom 1\nversion 0.0.1\nmachine none\n";
    (void)state;
    place_write("foreign.txt", foreign, strlen(foreign));
    for (size_t i = 0; i < sizeof bad_cases / sizeof bad_cases[0]; i++) {
        cli_expect(bad_cases[i].arguments, bad_cases[i].code, bad_cases[i].words);
    }
    place_expect("foreign.txt list.txt w.txt");
}

static void a_calibration_is_made_and_used(void **state)
{
    (void)state;
    cli_expect("calibrate --calibration c.txt --threads 1", 0, "written to c.txt");
    cli_expect_json("calibrate --calibration c.txt --threads 2 --json",
                    (const char *[]){"\"threads\":2", "\"near_byte\":", "\"multiply\":", NULL});
    cli_expect("calibrate --quiet --threads 1", 0, "");
    cli_expect("explain " FIRST " --calibration c.txt", 0, "predicted ");
    cli_expect("run " FIRST " --calibration c.txt", 0, "it is predicted to be the fastest");
    cli_expect("tune " FIRST " --calibration c.txt --wisdom d.txt --threads 1", 0, "1 measured");
    assert_int_equal(remove("d.txt"), 0);
    cli_expect("calibrate more", 2, "unexpected argument");
    cli_expect("calibrate --calibration none/c.txt", 3, "directory of none/c.txt");
    cli_expect("explain " FIRST " --calibration none.txt", 2, "none.txt");
    assert_int_equal(system("sed -i 's/^machine blas .*/machine blas nan/' c.txt"), 0);
    cli_expect("run " FIRST " --calibration c.txt", 2, "c.txt: line 5 of the calibration");
    assert_int_equal(system("sed -i 's/^version .*/version 0.0.1/' c.txt"), 0);
    cli_expect("run " FIRST " --calibration c.txt", 2, "another version of Convoy");
    assert_int_equal(remove("c.txt"), 0);
}

static void limits_lead_elsewhere(void **state)
{
    (void)state;
    cli_expect("explain n1c64h20w20_k64r3s3_pd1 --packed-limit 150000", 0, "keep the limits");
    cli_expect("run n1c64h20w20_k64r3s3_pd1 --packed-limit 150000", 0, "keep the limits");
    cli_expect("run n1c64h20w20_k64r3s3_pd1 --packed-limit 100", 2,
               "the smallest that work are 147456 bytes of packed weights and 0 bytes");
    cli_expect("run n1c64h20w20_k64r3s3_pd1 --workspace-limit 1", 0, "keep the limits");
    cli_expect("explain n1c64h20w20_k64r3s3_pd1 --executions 1", 0, "predicted");
    cli_expect("explain " FIRST " --executions 0", 2, "--executions");
    cli_expect("explain " FIRST " --packed-limit -5", 2, "--packed-limit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_are_tuned_and_used),
        cmocka_unit_test(unfinished_measurements_are_not_kept),
        cmocka_unit_test(corrupt_lines_are_told),
        cmocka_unit_test(bad_input_leaves_nothing),
        cmocka_unit_test(a_calibration_is_made_and_used),
        cmocka_unit_test(limits_lead_elsewhere),
    };
    return cmocka_run_group_tests(tests, place_setup, place_teardown);
}
