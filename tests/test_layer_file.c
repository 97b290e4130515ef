/**
 * @file test_layer_file.c
 * Layer files: what a line may be, what is said of the others; finding the lists of Convoy.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/layer_file.h"
#include "support/check.h"
#include "support/place.h"

static void write_text(const char *text)
{
    place_write("layers.txt", text, strlen(text));
}

static void expect_layer(const struct named_layer *entry, const char *name, const char *problem)
{
    char printed[CONVOY_PROBLEM_SIZE];
    convoy_layer_print(&entry->layer, printed, sizeof printed);
    assert_string_equal(entry->name, name);
    assert_string_equal(printed, problem);
}

static void reads_names_problems_and_comments(void **state)
{
    struct layer_list list = {0};
    (void)state;
    write_text("# head\n\n"
               "first n1c3h8w8_k4r3s3_pd1\n"
               "  second\t c3h8w8_k4r1s1   # one image is left out\r\n"
               "first n1c3h8w8_k4r3s3_same\n"
               "last n2c4h5w6_k7r1s1_st2#no blank, no end of line");
    assert_ok(layer_file_read("layers.txt", &list));
    assert_int_equal(list.count, 4);
    expect_layer(&list.layers[0], "first", "n1c3h8w8_k4r3s3_pd1");
    expect_layer(&list.layers[1], "second", "n1c3h8w8_k4r1s1");
    expect_layer(&list.layers[2], "first", "n1c3h8w8_k4r3s3_pd1");
    expect_layer(&list.layers[3], "last", "n2c4h5w6_k7r1s1_st2");
    layer_list_destroy(&list);
    assert_null(list.layers);
    assert_int_equal(list.count, 0);
}

static void bad_lines_are_named(void **state)
{
    static const struct {
        const char *text;
        convoy_status status;
        const char *words;
    } cases[] = {
        {"a n1c3h8w8_k4r3s3\nlonely\n", CONVOY_ERROR_SYNTAX, "layers.txt:2: there is no problem"},
        {"a n1c3h8w8_k4r3s3 more\n", CONVOY_ERROR_SYNTAX, "layers.txt:1: there is more"},
        {"#\n#\na n1c3h8w8\n", CONVOY_ERROR_SYNTAX, "layers.txt:3: "},
        {"a n1c3h8w8_k4r3s3_g2\n", CONVOY_ERROR_GROUPS, "layers.txt:1: "},
        {"a n1c3h0w8_k4r3s3\n", CONVOY_ERROR_EXTENT, "layers.txt:1: "},
        {"a n1c3h2w2_k4r3s3\n", CONVOY_ERROR_EMPTY_OUTPUT, "layers.txt:1: "},
        {"# nothing\n\n", CONVOY_ERROR_SYNTAX, "layers.txt has no layer"},
        {"", CONVOY_ERROR_SYNTAX, "layers.txt has no layer"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct layer_list list = {0};
        write_text(cases[i].text);
        assert_status(layer_file_read("layers.txt", &list), cases[i].status);
        assert_contains(convoy_error_detail(), cases[i].words);
        assert_null(list.layers);
    }
}

static void long_lines_and_zero_bytes_are_refused(void **state)
{
    struct layer_list list = {0};
    char text[1200];
    (void)state;
    /* a name of 95 characters is the longest */
    memset(text, 'x', sizeof text);
    strcpy(text + 95, " n1c3h8w8_k4r3s3\n");
    write_text(text);
    assert_ok(layer_file_read("layers.txt", &list));
    assert_int_equal(strlen(list.layers[0].name), 95);
    layer_list_destroy(&list);
    memset(text, 'x', sizeof text);
    strcpy(text + 96, " n1c3h8w8_k4r3s3\n");
    write_text(text);
    assert_status(layer_file_read("layers.txt", &list), CONVOY_ERROR_SYNTAX);
    assert_contains(convoy_error_detail(), "more than 95 characters");
    /* a line of 1023 bytes is the longest, comments included */
    memset(text, 'x', sizeof text);
    memcpy(text, "a n1c3h8w8_k4r3s3 #", 19);
    strcpy(text + 1023, "\n");
    write_text(text);
    assert_ok(layer_file_read("layers.txt", &list));
    layer_list_destroy(&list);
    text[1023] = 'x';
    strcpy(text + 1024, "\n");
    write_text(text);
    assert_status(layer_file_read("layers.txt", &list), CONVOY_ERROR_SYNTAX);
    assert_contains(convoy_error_detail(), "layers.txt:1: the line has more than 1023 bytes");
    place_write("layers.txt", "a n1c3h8w8_k4r3s3\nb n1c3h8w8_k4r3s3\0garbage", 43);
    assert_status(layer_file_read("layers.txt", &list), CONVOY_ERROR_SYNTAX);
    assert_contains(convoy_error_detail(), "layers.txt:2: ");
    /* without end and without lines */
    assert_status(layer_file_read("/dev/zero", &list), CONVOY_ERROR_SYNTAX);
    assert_null(list.layers);
}

static void unreadable_files_are_errors_of_the_system(void **state)
{
    struct layer_list list = {0};
    (void)state;
    assert_status(layer_file_read("nowhere.txt", &list), CONVOY_ERROR_IO);
    assert_status(layer_file_read(".", &list), CONVOY_ERROR_IO);
    assert_status(layer_file_read("/proc/self/mem", &list), CONVOY_ERROR_IO);
    assert_null(list.layers);
}

static void appends_files_lists_and_problems(void **state)
{
    struct layer_list list = {0};
    (void)state;
    write_text("mine n1c3h8w8_k4r3s3\n");
    assert_ok(layer_list_append("c5h4w4_k6r2s2", &list));
    assert_ok(layer_list_append("layers.txt", &list));
    assert_ok(layer_list_append("./layers.txt", &list));
    assert_int_equal(list.count, 3);
    assert_ok(layer_list_append("alexnet", &list));
    assert_int_equal(list.count, 8);
    expect_layer(&list.layers[0], "c5h4w4_k6r2s2", "n1c5h4w4_k6r2s2");
    expect_layer(&list.layers[2], "mine", "n1c3h8w8_k4r3s3");
    expect_layer(&list.layers[4], "light_bvlc_alexnet_r4", "n1c96h26w26_k256r5s5_pd2_g2");
    layer_list_destroy(&list);
}

static void what_cannot_be_appended_changes_nothing(void **state)
{
    struct layer_list list = {0};
    (void)state;
    assert_ok(layer_list_append("c5h4w4_k6r2s2", &list));
    assert_status(layer_list_append("alexnat", &list), CONVOY_ERROR_ARGUMENT);
    assert_contains(convoy_error_detail(), "the nearest lists are alexnet");
    assert_status(layer_list_append("./alexnet", &list), CONVOY_ERROR_IO);
    assert_status(layer_list_append("", &list), CONVOY_ERROR_ARGUMENT);
    /* what begins as a problem is told why it is none */
    assert_status(layer_list_append("n1c5h4w4", &list), CONVOY_ERROR_SYNTAX);
    assert_status(layer_list_append("n1c5h4w4_k6r9s9", &list), CONVOY_ERROR_EMPTY_OUTPUT);
    write_text("good n1c3h8w8_k4r3s3\nbad\n");
    assert_status(layer_list_append("layers.txt", &list), CONVOY_ERROR_SYNTAX);
    assert_int_equal(list.count, 1);
    layer_list_destroy(&list);
}

static bool has(char **names, const char *name)
{
    for (; *names; names++) {
        if (strcmp(*names, name) == 0) {
            return true;
        }
    }
    return false;
}

static void lists_of_the_environment_come_first(void **state)
{
    struct layer_list list = {0};
    char **names;
    (void)state;
    assert_int_equal(mkdir("../lists", 0755), 0);
    place_write("../lists/alexnet.txt", "own n1c3h8w8_k4r3s3\n", 20);
    place_write("../lists/zz.txt", "zz n1c3h8w8_k4r3s3\n", 19);
    place_write("../lists/notes.md", "no list\n", 8);
    setenv("CONVOY_LAYERS", "../lists", 1);
    assert_ok(layer_list_append("alexnet", &list));
    assert_ok(layer_list_append("zz", &list));
    assert_int_equal(list.count, 2);
    expect_layer(&list.layers[0], "own", "n1c3h8w8_k4r3s3");
    layer_list_destroy(&list);
    assert_ok(layer_list_names(&names));
    assert_true(has(names, "zz") && has(names, "alexnet") && has(names, "core"));
    assert_false(has(names, "notes"));
    for (char **name = names; name[1]; name++) {
        assert_true(strcmp(name[0], name[1]) < 0); /* sorted, and none twice */
    }
    layer_list_names_destroy(names);
    unsetenv("CONVOY_LAYERS");
}

static void every_list_of_convoy_reads(void **state)
{
    char **names;
    int count = 0;
    (void)state;
    assert_ok(layer_list_names(&names));
    for (char **name = names; *name; name++, count++) {
        struct layer_list list = {0};
        assert_ok(layer_list_append(*name, &list));
        assert_true(list.count > 0);
        layer_list_destroy(&list);
    }
    assert_true(count >= 15);
    layer_list_names_destroy(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_names_problems_and_comments),
        cmocka_unit_test(bad_lines_are_named),
        cmocka_unit_test(long_lines_and_zero_bytes_are_refused),
        cmocka_unit_test(unreadable_files_are_errors_of_the_system),
        cmocka_unit_test(appends_files_lists_and_problems),
        cmocka_unit_test(what_cannot_be_appended_changes_nothing),
        cmocka_unit_test(lists_of_the_environment_come_first),
        cmocka_unit_test(every_list_of_convoy_reads),
    };
    unsetenv("CONVOY_LAYERS");
    return cmocka_run_group_tests_name("layer_file", tests, place_setup, place_teardown);
}
