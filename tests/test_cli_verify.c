/**
 * @file test_cli_verify.c
 * The real `convoy verify`; and its code with a verifier in place of the real one that finds what
 * a test tells it to find.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "support/check.h"
#include "support/cli.h"
#include "support/json_check.h"
#include "support/place.h"
#include "verify/verify.h"

#define SMALL "n1c5h7w6_k6r3s3_pd1"

/* The verifier that the linker finds before the real one. */
static convoy_status fake_status;
static uint64_t seeds_seen[8];
static int calls;

convoy_status verify_layer(const convoy_layer *layer, const struct verify_options *options,
                           struct verify_result *result)
{
    (void)layer;
    seeds_seen[calls++ % 8] = options->seed;
    struct verify_case which = {"direct", CONVOY_ISA_PORTABLE, CONVOY_NHWC, 2};
    *result = (struct verify_result){.cases = 12,
                                     .failed = 3,
                                     .worst_fraction = 2.5,
                                     .worst = which,
                                     .first_failed = which,
                                     .failure = "y is \"wrong\""};
    return fake_status;
}

int verify_case_print(const struct verify_case *which, char *text, size_t size)
{
    return snprintf(text, size, "%s", which->algorithm);
}

/* Run the command's code here, its stdout into the text; @return the exit code */
static int run_here(char **argv, char **text)
{
    struct arguments arguments;
    void *options = calloc(1, command_verify.options_bytes);
    int argc = 0, code, saved = dup(STDOUT_FILENO);
    size_t room = 0;
    while (argv[argc]) {
        argc++;
    }
    fflush(stdout);
    assert_non_null(freopen("../here", "w+", stdout));
    code = options_parse(&command_verify, argc, argv, options, &arguments);
    code = code ? code : command_verify.run(&arguments, options);
    fflush(stdout);
    rewind(stdout);
    *text = NULL;
    if (getdelim(text, &room, '\0', stdout) < 0) {
        free(*text);
        *text = strdup("");
    }
    dup2(saved, STDOUT_FILENO);
    close(saved);
    arguments_destroy(&arguments);
    free(options);
    return code;
}

static void a_failure_is_told_with_its_command(void **state)
{
    char *text, *end;
    (void)state;
    int code = run_here((char *[]){"verify", SMALL, "--activation", "leaky_relu:0.3", "--residual",
                                   "--seed", "77", "--threads", "1,2", NULL},
                        &text);
    assert_int_equal(code, EXIT_CHECK_FAILED);
    assert_contains(text, "FAILED");
    assert_contains(text, "y is \"wrong\"");
    assert_contains(text, "3 cases failed on 1 layers");
    char *again = strstr(text, "again: convoy verify " SMALL
                               " --algorithms direct --isas portable --layouts nhwc --threads 1,2 "
                               "--seed 77 --activation leaky_relu:0.3 --residual\n");
    assert_non_null(again);
    /* It is a command: the real program, which is right, runs it. */
    again += strlen("again: convoy ");
    end = strchr(again, '\n');
    *end = '\0';
    cli_expect(again, 0, "none failed");
    free(text);

    code = run_here((char *[]){"verify", SMALL, "--json", "--no-bias", NULL}, &text);
    assert_int_equal(code, EXIT_CHECK_FAILED);
    assert_null(json_check(text));
    assert_contains(text, "\"failure\": \"y is \\\"wrong\\\"\"");
    assert_contains(text, " --no-bias\"");
    assert_contains(text, "\"passed\": false");
    free(text);

    code = run_here((char *[]){"verify", SMALL, "--quiet", NULL}, &text);
    assert_int_equal(code, EXIT_CHECK_FAILED);
    assert_contains(text, "again: ");
    free(text);
}

static void random_layers_have_seeds_of_their_own(void **state)
{
    char *text;
    (void)state;
    calls = 0;
    assert_int_equal(
        run_here((char *[]){"verify", "--random", "3", "--seed", "40", SMALL, NULL}, &text),
        EXIT_CHECK_FAILED);
    assert_int_equal(calls, 4);
    assert_int_equal(seeds_seen[0], 40);
    assert_int_equal(seeds_seen[1], 40);
    assert_int_equal(seeds_seen[2], 41);
    assert_int_equal(seeds_seen[3], 42);
    assert_contains(text, "random-3 ");
    free(text);
}

static void layers_that_do_not_fit_are_skipped(void **state)
{
    char *text;
    (void)state;
    fake_status = CONVOY_ERROR_TOO_LARGE;
    assert_int_equal(run_here((char *[]){"verify", SMALL, NULL}, &text), EXIT_SYSTEM_FAILED);
    assert_contains(text, "skipped " SMALL);
    free(text);
    fake_status = CONVOY_OK;
}

static void the_real_one_finds_nothing(void **state)
{
    (void)state;
    cli_expect("verify " SMALL " --algorithms all", 0, "none failed");
    cli_expect("verify " SMALL " --algorithms winograd --isa portable --threads 1", 0,
               "none failed");
    cli_expect("verify --random 8 --small --seed 3 --quiet", 0, "8 layers, ");
    cli_expect("verify --random 2 --small --seed 3", 0, "random-2 n");
    cli_expect_json("verify " SMALL " --json --algorithms direct,naive --isas portable --layouts "
                    "nchw --threads 1,2",
                    (const char *[]){"{\"layers\":[{\"problem\":\"" SMALL "\",",
                                     "\"passed\":true,\"cases\":12,\"failed\":0,",
                                     "\"total\":{\"passed\":true,\"layers\":1,", NULL});
    cli_expect("verify --layers large_padding --algorithms direct", 0, "large_padding_3 ");
    cli_expect("verify --layers large_padding --algorithms direct --max-macs 60000", 0,
               "skipped large_padding_3 n2c1h1w100_k64r1s5_st1x2_pd0x50: 62,720 ");
}

static void bad_usage_is_told(void **state)
{
    static const struct {
        const char *arguments, *words;
    } cases[] = {
        {"", "no layer was given; usage: convoy verify"},
        {"--random 0", "a whole number from 1 to"},
        {"--random 3 --max-macs 5", "is too small for random layers; "},
        {SMALL " --algorithms dirct", "did you mean direct?"},
        {SMALL " --algorithms auto", "there is no algorithm 'auto'"},
        {SMALL " --algorithms ''", "there is no algorithm ''"},
        {SMALL " --isas sse", "known are best"},
        {SMALL " --isas neon,avx2,avx512", "the best here is"},
        {SMALL " --layouts chwn", "it is nchw or nhwc"},
        {SMALL " --threads 1,0", "a list of numbers from 1 to 1024"},
        {SMALL " --activation swish", "there is no activation"},
    };
    char arguments[128];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(arguments, sizeof arguments, "verify %s", cases[i].arguments);
        cli_expect(arguments, 2, cases[i].words);
    }
    struct outcome outcome = cli_run("verify " SMALL " --algorithms winograd-f4x4-5x5");
    assert_int_equal(outcome.code, 2); /* nothing was verified: not a success */
    assert_contains(outcome.err, "nothing was verified; ");
    outcome_destroy(&outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_is_told_with_its_command),
        cmocka_unit_test(random_layers_have_seeds_of_their_own),
        cmocka_unit_test(layers_that_do_not_fit_are_skipped),
        cmocka_unit_test(the_real_one_finds_nothing),
        cmocka_unit_test(bad_usage_is_told),
    };
    return cmocka_run_group_tests(tests, place_setup, place_teardown);
}
