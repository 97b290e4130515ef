/**
 * @file test_large.c
 * Tensors past 2^31 elements and past 4 GiB, in virtual memory of which little is ever real:
 *
 *   strides   a few elements, 2^31 and more apart along each axis in turn: the bits of dense
 * tensors corners   (--long) dense x and y of more than 2^31 elements. Of x all but some windows is
 * the page of zeros; all but those windows of y is one and the same piece of memory. sizes     what
 * fits no machine: the numbers of plans for it
 *
 * and the 32-bit integers of OpenBLAS, with a shim before it (the linker's --wrap) that looks at
 * them.
 *
 * usage: test_large [--long]
 */
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernels/algorithm.h"
#include "kernels/kernel.h"
#include "plan/algorithms.h"
#include "support/check.h"
#include "support/layers.h"

/* Elements: more than 31 bits count, and no multiple of a vector. */
#define FAR ((int64_t)INT32_MAX + 9)

#ifdef CONVOY_HAVE_OPENBLAS
#include <cblas.h>

static int64_t gemm_calls;

void __real_cblas_sgemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE trans_a,
                        enum CBLAS_TRANSPOSE trans_b, blasint m, blasint n, blasint k, float alpha,
                        const float *a, blasint lda, const float *b, blasint ldb, float beta,
                        float *c, blasint ldc);
void __wrap_cblas_sgemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE trans_a,
                        enum CBLAS_TRANSPOSE trans_b, blasint m, blasint n, blasint k, float alpha,
                        const float *a, blasint lda, const float *b, blasint ldb, float beta,
                        float *c, blasint ldc);

/* A number that was cut to 32 bits is negative, or less than the row that it steps over. */
void __wrap_cblas_sgemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE trans_a,
                        enum CBLAS_TRANSPOSE trans_b, blasint m, blasint n, blasint k, float alpha,
                        const float *a, blasint lda, const float *b, blasint ldb, float beta,
                        float *c, blasint ldc)
{
    if (m < 1 || n < 1 || k < 1 || lda < k || ldb < n || ldc < n || order != CblasRowMajor) {
        print_error("cblas_sgemm was called with m %d n %d k %d lda %d ldb %d ldc %d\n", (int)m,
                    (int)n, (int)k, (int)lda, (int)ldb, (int)ldc);
        abort();
    }
#pragma omp atomic
    gemm_calls++;
    __real_cblas_sgemm(order, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
#endif

/* Addresses without memory behind them: zeros until written. Skips the test where there are none.
 */
static void *reserve(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        print_message("skipped: this system gives no %zu GiB of addresses\n", bytes >> 30);
        skip();
    }
    return memory;
}

/* Bytes from the first to behind the last element. */
static size_t reach_bytes(const convoy_tensor *t)
{
    return (size_t)((t->N - 1) * t->stride_n + (t->C - 1) * t->stride_c + (t->H - 1) * t->stride_h +
                    (t->W - 1) * t->stride_w + 1) *
           sizeof(float);
}

/* A copy of a tensor whose outermost axes from `axis` on are FAR apart: 0 the innermost that may
   have a gap, 1 the next, 2 the images. */
static convoy_tensor spread(const convoy_tensor *dense, int axis)
{
    convoy_tensor far = *dense;
    bool nchw = dense->layout == CONVOY_NCHW;
    int64_t *const strides[] = {nchw ? &far.stride_h : &far.stride_w,
                                nchw ? &far.stride_c : &far.stride_h, &far.stride_n};
    const int64_t extents[] = {nchw ? far.H : far.W, nchw ? far.C : far.H};
    *strides[axis] = FAR;
    for (int outer = axis + 1; outer < 3; outer++) {
        *strides[outer] = *strides[outer - 1] * extents[outer - 1];
    }
    far.owned = false;
    far.data = reserve(reach_bytes(&far));
    assert_ok(convoy_tensor_copy(dense, &far));
    return far;
}

static void release(const convoy_tensor *far)
{
    assert_int_equal(munmap(far->data, reach_bytes(far)), 0);
}

static void check_strides(convoy_layer layer, const convoy_options *options, int axis)
{
    struct operand_set set = operands_create(&layer, 3);
    convoy_plan *plan = create_plan(&layer, &set, options);
    convoy_difference difference;
    void *workspace;
    assert_ok(convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace));
    convoy_tensor x = spread(&set.x, axis), y = spread(&set.y, axis),
                  residual = spread(&set.residual, axis);
    assert_ok(convoy_plan_execute_residual(plan, &set.x, &set.residual, &set.y, workspace));
    assert_ok(convoy_plan_execute_residual(plan, &x, &residual, &y, workspace));
    assert_ok(convoy_tensor_compare(&y, &set.y, &difference));
    if (difference.different) {
        char problem[CONVOY_PROBLEM_SIZE];
        convoy_layer_print(&layer, problem, sizeof problem);
        fail_msg("%s %s, %s, axis %d: %" PRId64 " elements differ from those of dense tensors",
                 problem, convoy_layout_name(layer.layout), options->algorithm, axis,
                 difference.different);
    }
    release(&x);
    release(&y);
    release(&residual);
    convoy_workspace_destroy(workspace);
    convoy_plan_destroy(plan);
    operands_destroy(&set);
}

static void strides_past_32_bits(void **state)
{
    static const char *const problems[] = {
        "n2c5h6w7_k4r3s3_pd1",      "n2c4h4w5_k18r1s1",          "n2c6h5w7_k6r3s3_pd1_g6",
        "n2c8h6w5_k8r3s3_pd1_g4",   "n2c3h17w19_k5r5s5_st2_pd2", "n2c18h5w6_k18r3s3_st2_pd1_g18",
        "n2c4h6w20_k4r3s3_dl2_pd2",
    };
    (void)state;
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        for (int run = 0; run < 6; run++) {
            convoy_layer layer = parse_layer(problems[i]);
            layer.layout = run % 2 ? CONVOY_NHWC : CONVOY_NCHW;
            layer.epilogue.residual = true;
            for (size_t a = 0; a < convoy_algorithm_count(); a++) {
                convoy_options options = {.algorithm = convoy_algorithm_name(a), .threads = 2};
                if (algorithm_applies(&layer, a)) {
                    check_strides(layer, &options, run / 2);
                }
            }
        }
    }
#ifdef CONVOY_HAVE_OPENBLAS
    assert_true(gemm_calls > 0);
#endif
}

/* Numbers that must stay in order, whatever the layer. */
static void check_sizes(const struct convoy_plan *plan, const char *problem)
{
    const struct blocking *b = &plan->blocking;
    int64_t weights =
        plan->layer.K * plan->layer.C / plan->layer.groups * plan->layer.R * plan->layer.S;
    if (plan->packed_w_bytes / sizeof(float) < (uint64_t)weights && !plan->algorithm->transforms) {
        fail_msg("%s, %s: %zu bytes do not hold the weights", problem, plan->algorithm->name,
                 plan->packed_w_bytes);
    }
    if (b->thread_bytes < 0 || plan->workspace_bytes < (size_t)b->thread_bytes ||
        plan->executed_flops < 0 || b->k_blocks < 0 || b->strip_columns < 0 || b->strip_rows < 0 ||
        b->depth_block < 0 || !(plan->cost >= 0)) {
        fail_msg("%s, %s: a number of its plan is negative", problem, plan->algorithm->name);
    }
    if (plan->algorithm == &algorithm_im2col) {
        int64_t channels = (plan->layer.K / plan->layer.groups + b->k_blocks - 1) / b->k_blocks;
        assert_true(b->strip_columns <= INT_MAX && b->depth_block <= INT_MAX &&
                    channels <= INT_MAX);
    }
}

static void sizes_that_fit_no_machine(void **state)
{
    static const char *const problems[] = {
        "n1c1h1w2147483647_k1r1s1",           "n2147483647c1h1w1_k500000000r1s1",
        "n1c2147483647h1w1_k1073741823r1s1",  "n1c65536h3w3_k65536r3s3_pd1",
        "n1c46341h3w3_k46341r3s3_pd1_g46341", "n1c2147483647h3w3_k2147483647r3s3_pd1_g2147483647",
        "n1c3h2147483647w3_k3r3s3_pd1",       "n1c3h46341w46341_k70000r7s7_pd3_st2",
        "n1c8h70000w70000_k8r3s3_pd1_g8",     "n1c3h1w1_k1r1s1_pd2147483647,0,0,0_st65537",
        "n1c1h2147483647w1_k1r2147483647s1",  "n1c1h9w9_k1r3s3_pd1073741823_st4194304_dl1048576",
        "n4096c2048h7w7_k2147483647r1s1",     "n1073741824c2h8220w8192_k1r30s1",
        "n1073741824c1h8220w8192_k1r30s2",
    };
    (void)state;
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        for (int layout = CONVOY_NCHW; layout <= CONVOY_NHWC; layout++) {
            convoy_layer layer = parse_layer(problems[i]);
            layer.layout = (convoy_layout)layout;
            for (size_t a = 0; a < convoy_algorithm_count(); a++) {
                for (int isa = CONVOY_ISA_PORTABLE; isa < CONVOY_ISA_COUNT; isa++) {
                    const struct algorithm *algorithm = algorithms[a];
                    struct convoy_plan plan = {
                        .layer = layer, .algorithm = algorithm, .threads = 64};
                    plan.kernels = isa_kernels_find((convoy_isa)isa);
                    assert_ok(convoy_layer_output(&layer, &plan.P, &plan.Q));
                    if (plan.kernels && !algorithm->refuse(algorithm, &layer)) {
                        algorithm->prepare(&plan);
                        check_sizes(&plan, problems[i]);
                    }
                }
            }
        }
    }
}

#define WINDOW_BYTES ((size_t)4 << 20)
#define SHARED_BYTES ((size_t)64 << 20)
enum { WINDOWS = 4 };

/* The windows of a tensor: its beginning, around 2^32 bytes and 2^31 elements, and its end. */
static size_t window_at(size_t bytes, int window)
{
    const size_t middles[] = {0, (size_t)1 << 32, (size_t)1 << 33};
    size_t end = (bytes + 4095) / 4096 * 4096;
    if (window == WINDOWS - 1) {
        return end - WINDOW_BYTES;
    }
    size_t middle = middles[window];
    return middle == 0 ? 0 : middle - WINDOW_BYTES / 2;
}

/* So many bytes of addresses: memory of their own in the windows, elsewhere one piece again and
   again. */
static void *reserve_shared(size_t bytes)
{
    char *memory = reserve(bytes);
    int file = memfd_create("shared", MFD_CLOEXEC);
    assert_true(file >= 0 && ftruncate(file, SHARED_BYTES) == 0);
    for (size_t at = 0; at < bytes; at += SHARED_BYTES) {
        size_t part = bytes - at < SHARED_BYTES ? bytes - at : SHARED_BYTES;
        assert_ptr_equal(
            mmap(memory + at, part, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0),
            memory + at);
    }
    for (int window = 0; window < WINDOWS; window++) {
        char *own = memory + window_at(bytes, window);
        assert_ptr_equal(mmap(own, WINDOW_BYTES, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
                         own);
    }
    close(file);
    return memory;
}

/* y[p][q] of one channel in, one out. */
static double expected(const convoy_layer *l, const convoy_tensor *x, const float *w, int64_t n,
                       int64_t p, int64_t q)
{
    double sum = 0;
    for (int64_t r = 0; r < l->R; r++) {
        for (int64_t s = 0; s < l->S; s++) {
            int64_t h = p - l->pad_top + r, column = q - l->pad_left + s;
            if (h >= 0 && h < l->H && column >= 0 && column < l->W) {
                sum += convoy_tensor_get(x, n, 0, h, column) * w[r * l->S + s];
            }
        }
    }
    return sum;
}

static void run_corners(const convoy_layer *layer, const char *algorithm)
{
    static const float w[] = {2, -1, 3, 1, -2, 1, 4, 1, -3};
    const size_t count = (size_t)(layer->N * layer->H * layer->W), bytes = count * sizeof(float);
    float *x_data = reserve(bytes), *y_data = reserve_shared(bytes);
    convoy_tensor x, y;
    convoy_plan *plan;
    convoy_description description;
    void *workspace;
    for (int window = 0; window < WINDOWS; window++) {
        size_t first = window_at(bytes, window) / sizeof(float);
        for (size_t i = first; i < first + WINDOW_BYTES / sizeof(float) && i < count; i++) {
            x_data[i] = (float)((int)(i * 7 % 13) - 6);
        }
    }
    assert_ok(convoy_tensor_view(CONVOY_FLOAT32, layer->layout, layer->N, 1, layer->H, layer->W,
                                 x_data, &x));
    y = x;
    y.data = y_data;
    assert_ok(convoy_plan_create(layer, &(convoy_weights){.filter = w},
                                 &(convoy_options){.algorithm = algorithm}, &plan));
    assert_ok(convoy_plan_describe(plan, &description));
    assert_ok(convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace));
    assert_ok(convoy_plan_execute(plan, &x, &y, workspace));
    double tolerance = description.error_bound * 6 * 18;
    for (int window = 0; window < WINDOWS; window++) {
        size_t first = window_at(bytes, window) / sizeof(float);
        for (size_t i = first; i < first + WINDOW_BYTES / sizeof(float) && i < count; i++) {
            int64_t image = layer->H * layer->W, n = (int64_t)i / image, in = (int64_t)i % image;
            double right = expected(layer, &x, w, n, in / layer->W, in % layer->W);
            if (!(fabs(y_data[i] - right) <= tolerance)) {
                fail_msg("%s, %s: element %zu is %g, not %g", algorithm,
                         convoy_layout_name(layer->layout), i, (double)y_data[i], right);
            }
        }
    }
    convoy_workspace_destroy(workspace);
    convoy_plan_destroy(plan);
    munmap(x_data, bytes);
    munmap(y_data, bytes);
}

static void corners_of_dense_tensors(void **state)
{
    static const char *const problems[] = {"n1c1h46342w46342_k1r1s1", "n1c1h46342w46342_k1r3s3_pd1",
                                           "n2097409c1h32w32_k1r3s3_pd1"};
    (void)state;
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        convoy_layer layer = parse_layer(problems[i]);
        for (size_t a = 0; a < convoy_algorithm_count(); a++) {
            const struct algorithm *algorithm = algorithms[a];
            bool fast = algorithm->transforms || algorithm == &algorithm_direct;
            bool minutes = algorithm == &algorithm_reference;
            layer.layout = a % 2 ? CONVOY_NHWC : CONVOY_NCHW;
            if ((i == 0 || fast) && !minutes && algorithm_applies(&layer, a)) {
                print_message("%s %s %s\n", problems[i], convoy_layout_name(layer.layout),
                              algorithm->name);
                run_corners(&layer, algorithm->name);
            }
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strides_past_32_bits),
        cmocka_unit_test(sizes_that_fit_no_machine),
        cmocka_unit_test(corners_of_dense_tensors),
    };
    bool all = argc > 1 && strcmp(argv[1], "--long") == 0;
    if (!all) {
        cmocka_set_skip_filter("corners_*");
    }
    return cmocka_run_group_tests_name("large", tests, NULL, NULL);
}
