/**
 * @file test_cli.c
 * The real `convoy`: help, shape, count, explain, info, list; errors, exit codes, JSON.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/check.h"
#include "support/cli.h"
#include "support/json_check.h"
#include "support/place.h"

#define EXAMPLE "n1c128h100w100_k256r5s5_pd2"

static void the_json_checker_can_fail(void **state)
{
    static const char *const good[] = {"{}", " [1, -0.5e+3, \"a\\u00e4\\n\", null] ",
                                       "{\"a\":{\"b\":[true,false]}}", "\"\xc3\xa4\""};
    static const char *const bad[] = {
        "",         "{",        "{}{}",  "[1,]",         "{\"a\" 1}", "nan",     "01",   "1.",
        "\"\x01\"", "\"\xff\"", "[inf]", "\"\xc0\xaf\"", "{a:1}",     "\"\\x\"", "[1 2]"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_null(json_check(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_non_null(json_check(bad[i]));
    }
}

static void help_is_everywhere(void **state)
{
    static const char *const commands[] = {"shape", "count",     "run",  "verify", "explain",
                                           "tune",  "calibrate", "info", "list"};
    char arguments[64];
    (void)state;
    cli_expect("--help", 0, "examples:");
    cli_expect("-h", 0, "usage: convoy COMMAND");
    cli_expect("help", 0, "usage: convoy COMMAND");
    cli_expect("--version", 0, "convoy 0.");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        snprintf(arguments, sizeof arguments, "%s --help", commands[i]);
        cli_expect(arguments, 0, "examples:");
        snprintf(arguments, sizeof arguments, "help %s", commands[i]);
        cli_expect(arguments, 0, commands[i]);
        /* help wins over what else is given */
        snprintf(arguments, sizeof arguments, "%s -h --json more", commands[i]);
        cli_expect(arguments, 0, "examples:");
    }
    /* General options that do nothing are taken, but not shown. */
    struct outcome shape = cli_run("shape --help --seed 3");
    assert_contains(shape.out, "--json");
    assert_null(strstr(shape.out, "--seed"));
    outcome_destroy(&shape);
    struct outcome alone = cli_run("");
    assert_int_equal(alone.code, 2);
    assert_contains(alone.out, "commands:");
    assert_contains(alone.err, "convoy: no command was given; ");
    outcome_destroy(&alone);
}

static void shapes_are_the_worked_ones(void **state)
{
    (void)state;
    cli_expect("shape " EXAMPLE, 0, "1 x 256 x 100 x 100");
    cli_expect_json("shape --json n1c1h7w7_k1r3s3",
                    (const char *[]){"\"p\":5,\"q\":5,",
                                     "{\"problem\":\"n1c1h7w7_k1r3s3\",\"n\":1,"
                                     "\"k\":1,\"p\":",
                                     NULL});
    cli_expect_json("shape --json n1c1h7w7_k1r3s3_st2", (const char *[]){"\"p\":3,\"q\":3,", NULL});
    cli_expect_json("shape --json n1c1h4w4_k1r3s3", (const char *[]){"\"p\":2,\"q\":2,", NULL});
    cli_expect_json("shape --json n2c1h28w28_k9r3s3_same",
                    (const char *[]){"\"n\":2,\"k\":9,\"p\":28,\"q\":28,",
                                     "\"pad\":{\"top\":1,\"bottom\":1,\"left\":1,\"right\":1}",
                                     NULL});
    cli_expect_json("shape --json n1c1h5w6_k1r2s3_pd0,1,2,3",
                    (const char *[]){"\"pad\":{\"top\":0,\"bottom\":1,\"left\":2,\"right\":3}",
                                     "\"p\":5,\"q\":9", NULL});
    cli_expect_json("shape --json c1h9w9_k1r3s3 c1h8w8_k1r3s3",
                    (const char *[]){"{\"layers\":[{\"problem\":\"n1c1h9w9_k1r3s3\"",
                                     "{\"problem\":\"n1c1h8w8_k1r3s3\"", NULL});
    cli_expect_json("shape --json --layers resnet50,vgg19",
                    (const char *[]){"{\"layers\":[{\"name\":\"", "vgg_19_conv5_1_x4", NULL});
}

static void counts_are_the_worked_ones(void **state)
{
    (void)state;
    cli_expect("count --bias " EXAMPLE, 0, "8,192,000,000");
    cli_expect("count --bias " EXAMPLE, 0, "819,456");
    cli_expect_json(
        "count --json --bias " EXAMPLE,
        (const char *[]){
            "{\"layers\":[{\"problem\":\"" EXAMPLE "\",\"macs\":8192000000,\"macs_valid\":"
            "7996571648,\"flops\":16384000000,\"flops_valid\":15993143296,\"bias_adds\":2560000,"
            "\"parameters\":{\"weights\":819200,\"bias\":256,\"batch_norm\":0,\"total\":819456},"
            "\"bytes\":{\"input\":5120000,\"filter\":3277824,\"output\":10240000,\"least\":"
            "18637824},\"intensity\":",
            "\"total\":{\"macs\":8192000000,", NULL});
    cli_expect_json(
        "count --json --bias --batch-norm c3h9w9_k8r3s3 c8h7w7_k5r1s1",
        (const char *[]){"\"parameters\":{\"weights\":216,\"bias\":8,\"batch_norm\":16,"
                         "\"total\":240}",
                         "\"total\":{\"macs\":12544,",
                         "{\"weights\":256,\"bias\":13,\"batch_norm\":26,\"total\":295}", NULL});
    cli_expect("count c3h9w9_k8r3s3 c8h7w7_k5r1s1", 0, "12,544");
    cli_expect("count --layers core", 0, "example_5x5_narrow");
}

static void chains_stand_side_by_side(void **state)
{
    (void)state;
    cli_expect("count --bias " EXAMPLE
               " --versus n1c128h100w100_k32r1s1 n1c32h100w100_k256r5s5_pd2",
               0, "8,192,000,000  2,088,960,000   3.92\n");
    cli_expect_json(
        "count --json " EXAMPLE " --versus n1c128h100w100_k32r1s1 n1c32h100w100_k256r5s5_pd2",
        (const char *[]){"{\"chains\":[{\"layers\":[{\"problem\":\"" EXAMPLE, "\"macs\":40960000,",
                         "\"macs\":2048000000,", "\"total\":{\"macs\":2088960000,",
                         "],\"ratio\":3.921568627", NULL});
    cli_expect("count c1h9w9_k1r3s3 --versus c1h9w9_k1r1s1 --versus c1h9w9_k2r3s3", 0, "chain 3");
    cli_expect("count --versus c1h9w9_k1r3s3", 2, "a chain has no layer; ");
    cli_expect("count c1h9w9_k1r3s3 --versus", 2, "a chain has no layer; ");
}

static void the_planner_and_the_machine_are_shown(void **state)
{
    (void)state;
    cli_expect("explain n1c64h56w56_k64r3s3_pd1", 0, "* ");
    cli_expect("explain n1c64h56w56_k64r3s3_pd1 --algorithm naive", 0, "* naive");
    cli_expect("explain n1c64h56w56_k64r3s3_pd1 --isa portable --threads 1", 0,
               "nchw, portable, 1 thread: ");
    cli_expect_json("explain n1c64h56w56_k64r3s3_pd1 --json --algorithm direct --layout nhwc",
                    (const char *[]){"\"layout\":\"nhwc\"", "\"algorithm\":\"reference\"",
                                     "\"chosen\":true", "\"applies\":false,\"reason\":\"", NULL});
    cli_expect("explain n1c16h12w12_k16r3s3_pd1 --measure --threads 1", 0,
               "chosen: it was measured");
    cli_expect_json("explain n1c16h12w12_k16r3s3_pd1 --measure --json --time-limit 0.1",
                    (const char *[]){"\"measured_seconds\":", "\"predicted\":{\"seconds\":", NULL});
    cli_expect("explain " EXAMPLE " --tolerance 1e-30", 2, "no algorithm can be used");
    cli_expect_json("info --json", (const char *[]){"\"isas\":[{\"name\":\"portable\",\"compiled\":"
                                                    "true,\"usable\":true}",
                                                    "\"caches\":{", "\"memory_bytes\":", NULL});
    cli_expect("info", 0, "OpenBLAS");
    cli_expect("list", 0, "gaussian[:SIZE[:SIGMA]]");
    cli_expect("list algorithms", 0, "reordered");
    cli_expect_json("list --json", (const char *[]){"\"algorithms\":[{\"name\":\"reference\"",
                                                    "\"filters\":[", "{\"name\":\"sobel-x\"",
                                                    "{\"name\":\"core\",\"layers\":42}", NULL});
}

/* Everything wrong on a command line. */
static void bad_usage_is_told_in_a_line(void **state)
{
    static const struct {
        const char *arguments, *words;
    } cases[] = {
        {"shap", "did you mean shape?"},
        {"frobnicate", "it is shape, count"},
        {"help shap", "did you mean shape?"},
        {"--json shape", "stands before the command"},
        {"shape", "no layer was given; usage: convoy shape"},
        {"shape ''", "character 1, at its end"},
        {"shape c3h8", "at its end: expected 'w'"},
        {"shape c3h8w8_k4r3s3_zz2", "expected st (stride)"},
        {"shape c0h8w8_k4r3s3", "must be 1 to 2147483647"},
        {"shape c-3h8w8_k4r3s3", "must be 1 to 2147483647"},
        {"shape c3h99999999999999999999w8_k4r3s3", "must be 1 to 2147483647"},
        {"shape c3h8w8_k4r3s3_g2", "do not divide"},
        {"shape c3h8w8_k4r9s9", "but the padded input has 8"},
        {"shape c2147483647h2147483647w2147483647_k1r1s1", "2^63"},
        {"count c1000000h1000000w1_k1000000r1000s1", "2^63"},
        {"shape vgg19", "give it as --layers vgg19"},
        {"shape --layers nothing", "no layer list"},
        {"shape --layers /nonexistent/list.txt", "No such file"},
        {"shape --layers .", "cannot be read"},
        {"shape --layers", "--layers has no value; it is written --layers FILE|LIST"},
        {"shape --lyers x", "did you mean --layers?"},
        {"shape --xyzzy", "see 'convoy shape --help'"},
        {"shape -x", "unknown option '-x'"},
        {"shape --json=1 c3h8w8_k4r3s3", "--json takes no value; "},
        {"shape --threads 0 c3h8w8_k4r3s3", "a whole number from 1 to 1024"},
        {"shape --threads 2x c3h8w8_k4r3s3", "a whole number from 1 to 1024"},
        {"shape --seed -1 c3h8w8_k4r3s3", "a whole number from 0 to"},
        {"shape --isa sse c3h8w8_k4r3s3", "known are best, portable"},
        {"explain", "0 problems were given, and explain takes one"},
        {"explain c3h8w8_k4r3s3 c3h8w8_k4r3s3", "2 problems were given"},
        {"explain c3h8w8_k4r3s3 --layout nchv", "it is nchw or nhwc"},
        {"explain c3h8w8_k4r3s3 --tolerance nan", "an error bound such as 1e-5"},
        {"explain c3h8w8_k4r3s3 --tolerance -1", "an error bound such as 1e-5"},
        {"explain c3h8w8_k4r3s3 --algorithm nothing", "there is no algorithm 'nothing'"},
        {"explain c3h8w8_k4r3s3 --time-limit 1", "it is of --measure"},
        {"explain c3h8w8_k4r3s3 --measure --time-limit -1", "above 0 seconds"},
        {"explain c3h8w8_k4r3s3 --activation clip:1:nan", "with finite LOW <= HIGH"},
        {"explain c3h8w8_k4r3s3 --activation clip:2:1", "with finite LOW <= HIGH"},
        {"explain c3h8w8_k4r3s3 --activation relu:2", "there is no activation 'relu:2'; "},
        {"info more", "unexpected argument 'more'; "},
        {"list filter", "did you mean filters?"},
        {"list everything", "it is algorithms, filters or layers"},
        {"shape \"$(printf 'a\\nb')\"", "a?b"},
    };
    char json[512];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cli_expect(cases[i].arguments, 2, cases[i].words);
        if (strncmp(cases[i].arguments, "help", 4) != 0) {
            snprintf(json, sizeof json, "%s --json", cases[i].arguments);
            struct outcome outcome = cli_run(json);
            assert_int_equal(outcome.code, 2);
            assert_string_equal(outcome.out, "");
            outcome_destroy(&outcome);
        }
    }
}

static void layer_files_are_read_and_refused(void **state)
{
    static const struct {
        const char *text, *words;
    } bad[] = {
        {"", "has no layer"},
        {"# nothing\n\n", "has no layer"},
        {"a c3h8w8_k4r3s3\nb\n", "bad.txt:2: there is no problem"},
        {"a c3h8w8_k4r3s3 more\n", "bad.txt:1: there is more"},
        {"a c3h8w8_k4r3s3\nb c3h8w8_k4r9s9\n", "bad.txt:2: "},
        {"a c3h8w8_q4r3s3\n", "bad.txt:1: "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        place_write("bad.txt", bad[i].text, strlen(bad[i].text));
        cli_expect("count --layers bad.txt", 2, bad[i].words);
    }
    static const char good[] = "# two\nfirst c3h8w8_k4r3s3 # a comment\r\nsecond c4h6w6_k1r1s1\n";
    place_write("a,b.txt", good, sizeof good - 1);
    cli_expect_json("count --json --layers a,b.txt",
                    (const char *[]){"{\"name\":\"first\",\"problem\":\"n1c3h8w8_k4r3s3\"",
                                     "\"total\":{\"macs\":4032,", NULL});
    remove("bad.txt");
    remove("a,b.txt");
}

static void no_colours_in_files(void **state)
{
    static const char *const arguments[] = {"list", "explain " EXAMPLE, "count " EXAMPLE, "info"};
    (void)state;
    for (size_t i = 0; i < sizeof arguments / sizeof arguments[0]; i++) {
        struct outcome outcome = cli_run(arguments[i]);
        assert_int_equal(outcome.code, 0);
        assert_null(strchr(outcome.out, '\033'));
        outcome_destroy(&outcome);
    }
}

static void a_full_disk_behind_stdout_fails(void **state)
{
    (void)state;
    cli_expect("list >/dev/full", 3, "standard output cannot be written");
    cli_expect("count --json --layers core >/dev/full", 3, "standard output cannot be written");
    cli_expect("--help >/dev/full", 3, "standard output cannot be written");
}

/* A signal in the middle of long work. */
static void an_interrupt_ends_it(void **state)
{
    static const struct {
        int signal, code;
    } cases[] = {{SIGINT, 130}, {SIGTERM, 143}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            signal(SIGINT, SIG_DFL);
            execl(CONVOY_COMMAND, "convoy", "run", "n8c256h200w200_k256r7s7", "--algorithm",
                  "naive", "--output", "y.npy", "--quiet", NULL);
            _exit(99);
        }
        nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
        assert_int_equal(kill(child, cases[i].signal), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), cases[i].code);
    }
    char *files = place_files();
    assert_string_equal(files, "");
    free(files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_json_checker_can_fail),
        cmocka_unit_test(help_is_everywhere),
        cmocka_unit_test(shapes_are_the_worked_ones),
        cmocka_unit_test(counts_are_the_worked_ones),
        cmocka_unit_test(chains_stand_side_by_side),
        cmocka_unit_test(the_planner_and_the_machine_are_shown),
        cmocka_unit_test(bad_usage_is_told_in_a_line),
        cmocka_unit_test(layer_files_are_read_and_refused),
        cmocka_unit_test(no_colours_in_files),
        cmocka_unit_test(a_full_disk_behind_stdout_fails),
        cmocka_unit_test(an_interrupt_ends_it),
    };
    return cmocka_run_group_tests(tests, place_setup, place_teardown);
}
