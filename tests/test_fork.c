/**
 * @file test_fork.c
 * The child of a process that has used the library goes on using it: the plans of its parent, and
 * new ones, with the same bits. What needs several threads is refused.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "convoy/convoy.h"
#include "support/check.h"
#include "support/layers.h"

#define PATIENCE_SECONDS 60

static convoy_layer layer;
static struct operand_set set;
static float *expected;
static size_t bytes;

static int setup(void **state)
{
    (void)state;
    layer = parse_layer("n1c24h20w20_k32r3s3_pd1");
    set = operands_create(&layer, 3);
    bytes = (size_t)(set.y.N * set.y.stride_n) * sizeof(float);
    expected = malloc(bytes);
    return expected ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(expected);
    operands_destroy(&set);
    return 0;
}

/* 0: the plan gives the bits that are expected. */
static int execute(const convoy_plan *plan)
{
    void *workspace;
    if (convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace)) {
        return 1;
    }
    convoy_status status = convoy_plan_execute(plan, &set.x, &set.y, workspace);
    convoy_workspace_destroy(workspace);
    return status || memcmp(set.y.data, expected, bytes) != 0;
}

/* In the child: the parent's plan, and one of its own; the exit code tells what went wrong. */
static int use_both(const convoy_plan *parents, const convoy_options *options)
{
    convoy_weights weights = operand_weights(&set);
    convoy_plan *own;
    if (execute(parents)) {
        return 1;
    }
    if (convoy_plan_create(&layer, &weights, options, &own)) {
        return 2;
    }
    int code = execute(own) ? 3 : 0;
    convoy_plan_destroy(own);
    return code;
}

static void a_child_executes_with_the_same_bits(void **state)
{
    (void)state;
    for (size_t a = 0; a < convoy_algorithm_count(); a++) {
        convoy_options options = {.algorithm = convoy_algorithm_name(a), .threads = 3};
        int status;
        if (!algorithm_applies(&layer, a)) {
            continue;
        }
        run_layer(&layer, &set, &options);
        memcpy(expected, set.y.data, bytes);
        convoy_plan *plan = create_plan(&layer, &set, &options);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            signal(SIGALRM, SIG_DFL);
            alarm(PATIENCE_SECONDS); /* it may wait for threads that it does not have */
            _exit(use_both(plan, &options));
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        if (status != 0) {
            fail_msg("%s: the child ended with %s %d", options.algorithm,
                     WIFSIGNALED(status) ? "signal" : "code",
                     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        }
        assert_int_equal(execute(plan), 0); /* and the parent has all its threads */
        convoy_plan_destroy(plan);
    }
}

/* What several threads would take cannot be measured there; it is said, and not waited for. */
static void a_child_refuses_to_measure_several_threads(void **state)
{
    int status;
    convoy_options options = {.algorithm = "direct", .threads = 2};
    (void)state;
    run_layer(&layer, &set, &options);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        convoy_calibration *calibration = NULL;
        signal(SIGALRM, SIG_DFL);
        alarm(PATIENCE_SECONDS);
        convoy_status refused = convoy_calibration_measure(2, &calibration);
        _exit(refused != CONVOY_ERROR_UNSUPPORTED || calibration);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_executes_with_the_same_bits),
        cmocka_unit_test(a_child_refuses_to_measure_several_threads),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
