/**
 * @file test_file.c
 * Output files appear whole or not at all: on success, on errors of the system, on interrupts.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "support/check.h"
#include "support/place.h"

static void expect_text(const char *path, const char *text)
{
    size_t size;
    char *bytes = place_read(path, &size);
    assert_int_equal(size, strlen(text));
    assert_string_equal(bytes, text);
    free(bytes);
}

static mode_t mode_of(const char *path)
{
    struct stat what;
    assert_int_equal(stat(path, &what), 0);
    return what.st_mode & 07777;
}

static void appears_at_the_commit(void **state)
{
    struct file_writer writer;
    (void)state;
    umask(022);
    assert_ok(file_create("out", &writer));
    assert_int_equal(access("out", F_OK), -1);
    fputs("new", writer.stream);
    assert_ok(file_commit(&writer));
    assert_null(writer.stream);
    expect_text("out", "new");
    assert_int_equal(mode_of("out"), 0644);
    file_abandon(&writer); /* fine after a commit */
    place_expect("out");
    unlink("out");
}

static void replaces_at_the_commit_and_keeps_the_mode(void **state)
{
    struct file_writer writer;
    (void)state;
    place_write("out", "old", 3);
    chmod("out", 0600);
    assert_ok(file_create("out", &writer));
    fputs("newer", writer.stream);
    fflush(writer.stream);
    expect_text("out", "old");
    assert_ok(file_commit(&writer));
    expect_text("out", "newer");
    assert_int_equal(mode_of("out"), 0600);
    place_expect("out");
    unlink("out");
}

/* In the place of the C library's, to see who calls it. */
static int umask_calls;
mode_t umask(mode_t mask)
{
    umask_calls++;
    return (mode_t)syscall(SYS_umask, mask);
}

/* Asking for the umask changes it for a moment, and another thread's new file would feel that. */
static void the_umask_is_left_alone(void **state)
{
    struct file_writer writer;
    (void)state;
    umask(027);
    umask_calls = 0;
    assert_ok(file_create("out", &writer));
    assert_ok(file_commit(&writer));
    assert_int_equal(mode_of("out"), 0640);
    assert_int_equal(umask_calls, 0);
    umask(022);
    place_expect("out");
    unlink("out");
}

static void abandoned_leaves_the_old_file(void **state)
{
    struct file_writer writer;
    (void)state;
    place_write("out", "old", 3);
    assert_ok(file_create("out", &writer));
    fputs("new", writer.stream);
    file_abandon(&writer);
    expect_text("out", "old");
    place_expect("out");
    unlink("out");
    file_abandon(&writer); /* fine on a cleared writer */
}

static void a_link_stays_a_link(void **state)
{
    struct file_writer writer;
    struct stat what;
    (void)state;
    place_write("target", "old", 3);
    assert_int_equal(symlink("target", "link"), 0);
    assert_ok(file_create("link", &writer));
    fputs("new", writer.stream);
    assert_ok(file_commit(&writer));
    assert_int_equal(lstat("link", &what), 0);
    assert_true(S_ISLNK(what.st_mode));
    expect_text("target", "new");
    unlink("link");
    unlink("target");
}

static void refuses_what_cannot_be_written(void **state)
{
    struct file_writer writer;
    char longest[300];
    (void)state;
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_status(file_create(".", &writer), CONVOY_ERROR_IO);
    assert_contains(convoy_error_detail(), "is a directory");
    assert_status(file_create("nowhere/out", &writer), CONVOY_ERROR_IO);
    assert_contains(convoy_error_detail(), strerror(ENOENT));
    assert_status(file_create(longest, &writer), CONVOY_ERROR_IO);
    assert_contains(convoy_error_detail(), strerror(ENAMETOOLONG));
    assert_status(file_create("", &writer), CONVOY_ERROR_IO);
    place_expect("");
}

static void refuses_a_file_that_is_read_only(void **state)
{
    struct file_writer writer;
    (void)state;
    if (geteuid() == 0) {
        print_message("skipped: root may write every file\n");
        skip();
    }
    place_write("out", "old", 3);
    chmod("out", 0444);
    assert_status(file_create("out", &writer), CONVOY_ERROR_IO);
    assert_contains(convoy_error_detail(), strerror(EACCES));
    expect_text("out", "old");
    unlink("out");
}

static void a_full_disk_leaves_the_old_file(void **state)
{
    struct file_writer writer;
    struct rlimit usual, tight;
    (void)state;
    place_write("out", "old", 3);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
    tight = (struct rlimit){100, usual.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    assert_ok(file_create("out", &writer));
    for (int i = 0; i < 200; i++) {
        putc('x', writer.stream); /* into the buffer: the system hears of it at the commit */
    }
    convoy_status status = file_commit(&writer);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
    assert_status(status, CONVOY_ERROR_IO);
    assert_contains(convoy_error_detail(), strerror(EFBIG));
    expect_text("out", "old");
    place_expect("out");
    unlink("out");
}

static void devices_are_written_as_they_are(void **state)
{
    struct file_writer writer;
    struct stat what;
    (void)state;
    assert_ok(file_create("/dev/null", &writer));
    fputs("gone", writer.stream);
    assert_ok(file_commit(&writer));
    assert_int_equal(stat("/dev/null", &what), 0);
    assert_true(S_ISCHR(what.st_mode));
    assert_ok(file_create("/dev/full", &writer));
    fputs("too much", writer.stream);
    assert_status(file_commit(&writer), CONVOY_ERROR_IO);
    assert_contains(convoy_error_detail(), strerror(ENOSPC));
}

static void on_signal(int number)
{
    file_abandon_all();
    _exit(number);
}

static void an_interrupt_removes_all_open_files(void **state)
{
    int status;
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct file_writer writers[3];
        signal(SIGTERM, on_signal);
        for (int i = 0; i < 3; i++) {
            char path[] = {'o', (char)('0' + i), '\0'};
            if (file_create(path, &writers[i]) != CONVOY_OK) {
                _exit(100);
            }
        }
        if (file_commit(&writers[1]) != CONVOY_OK) {
            _exit(101);
        }
        raise(SIGTERM);
        _exit(102);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), SIGTERM);
    place_expect("o1");
    unlink("o1");
}

static void sixteen_may_be_open_and_then_sixteen_more(void **state)
{
    struct file_writer writers[17];
    char path[16];
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 16; i++) {
            snprintf(path, sizeof path, "f%d", i);
            assert_ok(file_create(path, &writers[i]));
        }
        assert_status(file_create("one-more", &writers[16]), CONVOY_ERROR_IO);
        assert_contains(convoy_error_detail(), strerror(EMFILE));
        for (int i = 0; i < 16; i++) {
            file_abandon(&writers[i]);
        }
    }
    place_expect("");
}

static void reading_says_why_not(void **state)
{
    FILE *stream;
    (void)state;
    assert_status(file_open("nowhere", &stream), CONVOY_ERROR_IO);
    assert_contains(convoy_error_detail(), strerror(ENOENT));
    assert_status(file_open(".", &stream), CONVOY_ERROR_IO);
    assert_contains(convoy_error_detail(), strerror(EISDIR));
    place_write("in", "text", 4);
    assert_ok(file_open("in", &stream));
    assert_int_equal(getc(stream), 't');
    assert_status(file_close("in", stream, CONVOY_ERROR_SYNTAX), CONVOY_ERROR_SYNTAX);
    /* its first page is mapped nowhere, so reading fails after opening succeeds */
    assert_ok(file_open("/proc/self/mem", &stream));
    assert_int_equal(getc(stream), EOF);
    assert_status(file_close("/proc/self/mem", stream, CONVOY_OK), CONVOY_ERROR_IO);
    unlink("in");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appears_at_the_commit),
        cmocka_unit_test(replaces_at_the_commit_and_keeps_the_mode),
        cmocka_unit_test(the_umask_is_left_alone),
        cmocka_unit_test(abandoned_leaves_the_old_file),
        cmocka_unit_test(a_link_stays_a_link),
        cmocka_unit_test(refuses_what_cannot_be_written),
        cmocka_unit_test(refuses_a_file_that_is_read_only),
        cmocka_unit_test(a_full_disk_leaves_the_old_file),
        cmocka_unit_test(devices_are_written_as_they_are),
        cmocka_unit_test(an_interrupt_removes_all_open_files),
        cmocka_unit_test(sixteen_may_be_open_and_then_sixteen_more),
        cmocka_unit_test(reading_says_why_not),
    };
    return cmocka_run_group_tests_name("file", tests, place_setup, place_teardown);
}
