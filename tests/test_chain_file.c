/**
 * @file test_chain_file.c
 * Chain files: what a line may hold, where its files are, and what is said of bad lines.
 */
#include <sys/stat.h>

#include "io/chain_file.h"
#include "support/check.h"
#include "support/place.h"

static void write_text(const char *path, const char *text)
{
    place_write(path, text, strlen(text));
}

static void reads_layers_and_their_words(void **state)
{
    struct chain_file file;
    (void)state;
    write_text("chain.txt", "# head\n\nfirst c3h8w8_k4r3s3_pd1 filter=w.npy activation=relu\n"
                            "second c4h8w8_k4r1s1\tbias=/b/c.npy filter=../w2.npy # end\r\n"
                            "third c4h8w8_k4r1s1");
    assert_ok(chain_file_read("chain.txt", &file));
    assert_int_equal(file.count, 3);
    assert_string_equal(file.entries[0].named.name, "first");
    assert_int_equal(file.entries[0].named.layer.pad_top, 1);
    assert_string_equal(file.entries[0].filter, "w.npy");
    assert_null(file.entries[0].bias);
    assert_string_equal(file.entries[0].activation, "relu");
    assert_string_equal(file.entries[1].filter, "../w2.npy");
    assert_string_equal(file.entries[1].bias, "/b/c.npy");
    assert_null(file.entries[2].filter);
    assert_null(file.entries[2].activation);
    chain_file_destroy(&file);
    assert_null(file.entries);
    assert_int_equal(file.count, 0);
}

static void files_lie_beside_the_chain(void **state)
{
    struct chain_file file;
    (void)state;
    assert_int_equal(mkdir("sub", 0777), 0);
    write_text("sub/chain.txt", "a c3h8w8_k4r3s3 filter=w.npy bias=/b.npy");
    assert_ok(chain_file_read("sub/chain.txt", &file));
    assert_string_equal(file.entries[0].filter, "sub/w.npy");
    assert_string_equal(file.entries[0].bias, "/b.npy");
    chain_file_destroy(&file);
}

static void bad_lines_are_named(void **state)
{
    static const struct {
        const char *text;
        convoy_status status;
        const char *words;
    } cases[] = {
        {"a c3h8w8_k4r3s3\nlonely\n", CONVOY_ERROR_SYNTAX, "chain.txt:2: there is no problem"},
        {"a c3h8w8_k4r3s3 more\n", CONVOY_ERROR_SYNTAX, "chain.txt:1: 'more' is not understood"},
        {"a c3h8w8_k4r3s3 filter=\n", CONVOY_ERROR_SYNTAX, "'filter=' is not understood"},
        {"a c3h8w8_k4r3s3 bias=a bias=b\n", CONVOY_ERROR_SYNTAX, ":1: there is a second bias"},
        {"#\na c3h8w8\n", CONVOY_ERROR_SYNTAX, "chain.txt:2: "},
        {"a c3h8w8_k4r3s3_g2\n", CONVOY_ERROR_GROUPS, "chain.txt:1: "},
        {"# nothing\n", CONVOY_ERROR_SYNTAX, "chain.txt has no layer"},
        {"", CONVOY_ERROR_SYNTAX, "chain.txt has no layer"},
    };
    char text[2000];
    struct chain_file file = {.entries = NULL};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_text("chain.txt", cases[i].text);
        assert_status(chain_file_read("chain.txt", &file), cases[i].status);
        assert_contains(convoy_error_detail(), cases[i].words);
        assert_null(file.entries);
    }
    memset(text, 'x', sizeof text);
    place_write("chain.txt", text, sizeof text);
    assert_status(chain_file_read("chain.txt", &file), CONVOY_ERROR_SYNTAX);
    place_write("chain.txt", "a\0b", 3);
    assert_status(chain_file_read("chain.txt", &file), CONVOY_ERROR_SYNTAX);
    assert_contains(convoy_error_detail(), "zero byte");
    assert_status(chain_file_read("none.txt", &file), CONVOY_ERROR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_layers_and_their_words),
        cmocka_unit_test(files_lie_beside_the_chain),
        cmocka_unit_test(bad_lines_are_named),
    };
    return cmocka_run_group_tests(tests, place_setup, place_teardown);
}
