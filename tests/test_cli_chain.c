/**
 * @file test_cli_chain.c
 * The real `convoy run --chain`: the result is that of its layers one by one; two chains side by
 * side; and what is refused.
 */
#include <stdio.h>
#include <stdlib.h>

#include "support/check.h"
#include "support/cli.h"
#include "support/place.h"

static void write_text(const char *path, const char *text)
{
    place_write(path, text, strlen(text));
}

static int setup(void **state)
{
    if (place_setup(state)) {
        return -1;
    }
    cli_write_npy("x.npy", 4, (int64_t[]){1, 4, 6, 5}, -1.0f, 0.03125f);
    cli_write_npy("w1.npy", 4, (int64_t[]){6, 4, 3, 3}, 1.0f, -0.0078125f);
    cli_write_npy("w2.npy", 4, (int64_t[]){2, 6, 1, 1}, -1.0f, 0.25f);
    cli_write_npy("b2.npy", 1, (int64_t[]){2}, 0.5f, 0.25f);
    write_text("chain.txt", "first c4h6w5_k6r3s3_pd1 filter=w1.npy activation=relu\n"
                            "last c6h6w5_k2r1s1 filter=w2.npy bias=b2.npy\n");
    write_text("small.txt", "only c4h6w5_k2r1s1 # random\n");
    return 0;
}

#define FILES "b2.npy chain.txt small.txt w1.npy w2.npy x.npy"

static void the_result_is_that_of_the_layers(void **state)
{
    size_t size, chain_size;
    (void)state;
    cli_expect("run --chain chain.txt --input x.npy --output chain.npy --algorithm direct", 0,
               "end to end");
    cli_expect("run --input x.npy --filter w1.npy --pad 1 --activation relu --output y1.npy "
               "--algorithm direct --quiet",
               0, "");
    cli_expect("run --input y1.npy --filter w2.npy --bias b2.npy --output y2.npy "
               "--algorithm direct --quiet",
               0, "");
    char *expected = place_read("y2.npy", &size), *actual = place_read("chain.npy", &chain_size);
    assert_int_equal(size, chain_size);
    assert_memory_equal(actual, expected, size);
    free(expected);
    free(actual);
    remove("chain.npy");
    remove("y1.npy");
    remove("y2.npy");
    place_expect(FILES);
}

static void two_chains_are_compared(void **state)
{
    (void)state;
    cli_expect("run --chain chain.txt --versus small.txt --repeat 3", 0, "measured time");
    cli_expect("run --chain chain.txt --versus small.txt --repeat 2 --layout nhwc --threads 1", 0,
               "why: ");
    cli_expect("run --chain chain.txt --quiet", 0, "");
    cli_expect_json("run --chain chain.txt --versus small.txt --json --repeat 2 --layout nhwc",
                    (const char *[]){"\"name\":\"first\",\"problem\":\"n1c4h6w5_k6r3s3_pd1\"",
                                     "\"layout\":\"nhwc\"", "\"flops\":13680,", "\"repeats\":2",
                                     "\"analytic\":28.5,", "\"reason\":\"", NULL});
    place_expect(FILES);
}

static const struct {
    const char *arguments, *words;
    int code;
} bad_cases[] = {
    {"--chain none.txt", "none.txt cannot be read", 2},
    {"--versus small.txt", "give that as --chain", 2},
    {"--chain small.txt c3h8w8_k1r1s1", "leave out the problem", 2},
    {"--chain small.txt --pad 1", "leave out the problem", 2},
    {"--chain small.txt --versus chain.txt --input x.npy", "leave out --input", 2},
    {"--chain small.txt --versus none.txt", "none.txt cannot be read", 2},
    {"--chain apart.txt", "gives n1c6h6w5, which is not the input of layer 2, n1c6h5w5_k2r1s1", 2},
    {"--chain swish.txt", "there is no activation 'swish'", 2},
    {"--chain w.txt", "a: the filter in w1.npy is 6 x 4 x 3 x 3; the layer needs 6 x 4 x 1 x 1", 2},
    {"--chain b.txt", "a: the bias in b2.npy has 2 values; the layer has 6", 2},
    {"--chain small.txt --input w2.npy", "the layer needs 1 4 6 5", 2},
    {"--chain small.txt --output y.png", "a picture is n = 1 with 1 or 3", 2},
    {"--chain small.txt --output y.gif", "no known ending", 2},
    {"--chain small.txt --algorithm dirct", "there is no algorithm 'dirct'", 2},
    {"--chain small.txt --scale 2", "leave them out", 2},
};

static void bad_input_leaves_nothing(void **state)
{
    (void)state;
    write_text("apart.txt", "a c4h6w5_k6r1s1\nb c6h5w5_k2r1s1\n");
    write_text("swish.txt", "a c4h6w5_k6r1s1 activation=swish\n");
    write_text("w.txt", "a c4h6w5_k6r1s1 filter=w1.npy\n");
    write_text("b.txt", "a c4h6w5_k6r1s1 bias=b2.npy\n");
    for (size_t i = 0; i < sizeof bad_cases / sizeof bad_cases[0]; i++) {
        char arguments[256];
        snprintf(arguments, sizeof arguments, "run %s", bad_cases[i].arguments);
        cli_expect(arguments, bad_cases[i].code, bad_cases[i].words);
    }
    place_expect("apart.txt b.txt b2.npy chain.txt small.txt swish.txt w.txt w1.npy w2.npy x.npy");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_result_is_that_of_the_layers),
        cmocka_unit_test(two_chains_are_compared),
        cmocka_unit_test(bad_input_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, setup, place_teardown);
}
