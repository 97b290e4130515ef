/**
 * @file test_cli_signals.c
 * A command that is stopped, at whatever moment, leaves files that are whole: the old one or the
 * new one, and nothing beside but the lock of a wisdom, which stops nobody.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "io/npy.h"
#include "support/check.h"
#include "support/cli.h"
#include "support/place.h"
#include "support/random.h"

#define TRIES 25

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

/* Start the command and stop it after a random part of `most_ms`. @return its wait status */
static int stop_somewhere(const char *const *arguments, uint64_t *random, int64_t most_ms)
{
    int64_t ns = random_between(random, 0, most_ms * 1000000);
    struct timespec time = {ns / 1000000000, ns % 1000000000};
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        /* The shell that started the test may have had them ignored. */
        for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
            signal(signals[i], SIG_DFL);
        }
        if (freopen("../out", "w", stdout) && freopen("../err", "w", stderr)) {
            execv(CONVOY_COMMAND, (char *const *)arguments);
        }
        _exit(99);
    }
    nanosleep(&time, NULL);
    kill(child, signals[random_between(random, 0, 2)]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* Done, stopped by the command's own handler, or by the system before there was one. */
static bool ended_well(int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return code == 0 || code == 128 + SIGINT || code == 128 + SIGTERM || code == 128 + SIGHUP;
}

/* The output of `run` is not there, or is read as what it must be. */
static void an_output_is_whole_or_not_there(void **state)
{
    static const int64_t x_extents[] = {1, 8, 120, 120}, w_extents[] = {8, 8, 3, 3};
    const char *const arguments[] = {"convoy",  "run",      "--input", "x.npy",    "--filter",
                                     "w.npy",   "--pad",    "1",       "--output", "y.npy",
                                     "--quiet", "--repeat", "3",       NULL};
    uint64_t random = 1;
    int whole = 0;
    (void)state;
    cli_write_npy("x.npy", 4, x_extents, 0, 0.001f);
    cli_write_npy("w.npy", 4, w_extents, -1, 0.01f);
    for (int i = 0; i < TRIES; i++) {
        struct stat what;
        struct npy y;
        int status = stop_somewhere(arguments, &random, 120);
        if (!ended_well(status)) {
            fail_msg("wait status %#x", status);
        }
        bool there = stat("y.npy", &what) == 0;
        place_expect(there ? "w.npy x.npy y.npy" : "w.npy x.npy");
        if (there) {
            assert_ok(npy_read("y.npy", &y));
            assert_int_equal(y.extents[3], 120);
            npy_destroy(&y);
            assert_int_equal(unlink("y.npy"), 0);
            whole++;
        }
    }
    print_message("stopped %d times before and %d times after the output was there\n",
                  TRIES - whole, whole);
    unlink("x.npy");
    unlink("w.npy");
}

/* Wisdom that is being added to stays readable. */
static void wisdom_is_old_or_new(void **state)
{
    const char *const arguments[] = {"convoy",
                                     "tune",
                                     "n1c8h9w9_k8r3s3_pd1",
                                     "n1c8h8w8_k8r3s3_pd1",
                                     "--wisdom",
                                     "w",
                                     "--again",
                                     "--time-limit",
                                     "0.02",
                                     "--threads",
                                     "1",
                                     "--quiet",
                                     NULL};
    uint64_t random = 2;
    (void)state;
    cli_expect("tune n1c9h7w7_k9r3s3_pd1 --wisdom w --threads 1", 0, "");
    for (int i = 0; i < TRIES; i++) {
        int status = stop_somewhere(arguments, &random, 150);
        if (!ended_well(status)) {
            fail_msg("wait status %#x", status);
        }
        unlink("w.lock"); /* of a command that was stopped while it held it */
        place_expect("w");
        cli_expect("run n1c9h7w7_k9r3s3_pd1 --wisdom w --threads 1", 0, "the wisdom says");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_output_is_whole_or_not_there),
        cmocka_unit_test(wisdom_is_old_or_new),
    };
    return cmocka_run_group_tests(tests, place_setup, place_teardown);
}
