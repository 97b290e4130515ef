/**
 * @file check_kernels.c
 * Every algorithm x usable ISA x layout x thread count on layers at the edges of tiles and blocks,
 * against the reference (see src/verify/verify.h for what is compared); and the same on the `wide`
 * kernels (see kernels/meson.build). A failure prints the problem, the case and the seed;
 * CONVOY_SEED=n repeats a run with other data.
 *
 * usage: check_kernels [--quick]
 *   --quick  every third layer, the algorithms that have vector kernels, and the best ISA alone:
 *            for an emulated processor
 */
#include <inttypes.h>
#include <stdio.h>

#include "kernels/kernel.h"
#include "plan/algorithms.h"
#include "plan/plan.h"
#include "support/check.h"
#include "support/layers.h"
#include "verify/pages.h"
#include "verify/verify.h"

#define QUICK_STEP        3
#define RANDOM_LAYERS     120
#define RANDOM_MACS       400000
#define RANDOM_MACS_SMALL 50000

static uint64_t seed = 20;
static bool quick;
static int64_t cases, layers;
static struct verify_case worst;
static double worst_fraction;

#ifdef CHECK_WIDE
extern const struct isa_kernels isa_kernels_wide;

static convoy_status create_wide(const convoy_layer *layer, const convoy_weights *weights,
                                 const convoy_options *options, convoy_plan **plan)
{
    return plan_create_on(layer, weights, options, &isa_kernels_wide, plan);
}

static bool has_wide(void)
{
    return convoy_isa_usable(CONVOY_ISA_AVX2);
}
#else
static bool has_wide(void)
{
    return false;
}
#define create_wide NULL
#endif

static void print_isas(void)
{
    for (int i = CONVOY_ISA_PORTABLE; i < CONVOY_ISA_COUNT; i++) {
        convoy_isa isa = (convoy_isa)i;
        print_message("ISA %-8s %s\n", convoy_isa_name(isa),
                      convoy_isa_usable(isa)     ? "runs"
                      : convoy_isa_compiled(isa) ? "skipped: this machine cannot run it"
                                                 : "skipped: not compiled for this machine");
    }
    print_message("     wide     %s\n", has_wide() ? "runs" : "skipped: needs AVX2");
}

static void check_options(const convoy_layer *layer, const struct verify_options *options,
                          const char *kernels)
{
    struct verify_result result;
    char problem[CONVOY_PROBLEM_SIZE];
    convoy_layer_print(layer, problem, sizeof problem);
    convoy_status status = verify_layer(layer, options, &result);
    if (status) {
        fail_msg("%s%s: %s: %s", problem, kernels, convoy_status_name(status),
                 convoy_error_detail());
    }
    cases += result.cases;
    if (result.worst_fraction > worst_fraction) {
        worst_fraction = result.worst_fraction;
        worst = result.worst;
    }
    if (result.failed) {
        fail_msg("%s%s%s activation %s, seed %" PRIu64 ": %" PRId64 " of %" PRId64
                 " cases failed; first %s",
                 problem, kernels, layer->epilogue.residual ? " with residual," : "",
                 convoy_activation_name(layer->epilogue.activation), seed, result.failed,
                 result.cases, result.failure);
    }
}

/* The algorithms that have kernels of an ISA. */
static size_t list_vector_algorithms(const char *names[])
{
    size_t count = 0;
    for (size_t i = 0; algorithms[i]; i++) {
        if (!algorithms[i]->portable) {
            names[count++] = algorithms[i]->name;
        }
    }
    return count;
}

static void check_layer(const convoy_layer *layer, bool dense)
{
    static const convoy_isa once = CONVOY_ISA_AVX2;
    const convoy_isa best = convoy_isa_best();
    struct verify_options options = {.seed = seed, .dense = dense};
    const char *names[64];
    assert_true(convoy_algorithm_count() <= sizeof names / sizeof names[0]);
    if (quick && layers++ % QUICK_STEP) {
        return;
    }
    if (quick) {
        options.algorithm_count = list_vector_algorithms(names);
        options.algorithms = names;
        options.isas = &best;
        options.isa_count = 1;
    }
    check_options(layer, &options, "");
    if (has_wide()) {
        options.algorithm_count = list_vector_algorithms(names);
        options.algorithms = names;
        options.isas = &once;
        options.isa_count = 1;
        options.create = create_wide;
        check_options(layer, &options, " on wide kernels,");
    }
}

static void check_problem(const char *problem)
{
    convoy_layer layer = parse_layer(problem);
    check_layer(&layer, false);
}

/* Pixels of a row around the widths of register tiles, with and without padding. */
static void test_pixels(void **state)
{
    (void)state;
    for (int width = 1; width <= 27; width++) {
        char problem[CONVOY_PROBLEM_SIZE];
        snprintf(problem, sizeof problem, "n1c5h2w%d_k9r1s1", width);
        check_problem(problem);
        snprintf(problem, sizeof problem, "n1c3h3w%d_k17r3s3_pd1", width);
        check_problem(problem);
    }
}

/* Output channels around the widths of one to four vectors. */
static void test_output_channels(void **state)
{
    (void)state;
    for (int K = 1; K <= 70; K++) {
        char problem[CONVOY_PROBLEM_SIZE];
        snprintf(problem, sizeof problem, "n1c4h3w4_k%dr3s3_pd1", K);
        check_problem(problem);
    }
}

static void test_input_channels(void **state)
{
    (void)state;
    for (int C = 1; C <= 35; C++) {
        char problem[CONVOY_PROBLEM_SIZE];
        snprintf(problem, sizeof problem, "n1c%dh4w5_k10r3s3_pd1", C);
        check_problem(problem);
        snprintf(problem, sizeof problem, "n2c%dh3w3_k7r1s1", C);
        check_problem(problem);
    }
}

/* Layers that are odd in one way each. */
static void test_odd_layers(void **state)
{
    static const char *const problems[] = {
        "n1c1h1w1_k1r1s1",
        "n1c3h7w7_k4r3s3_st2",
        "n1c3h8w9_k4r3s3_st2x3_pd1",
        "n1c3h9w5_k4r2s2",                  /* even filter */
        "n1c3h9w5_k4r4s6_pd1,2,3,2",        /* even filter, every padding another */
        "n1c3h9w9_k4r3s3_dl2",              /* dilation */
        "n1c3h9w12_k4r3s3_dl2x3_pd2x3",     /* dilation, as "same" */
        "n1c3h9w12_k4r3s3_st2_dl3_pd2",     /* stride and dilation */
        "n1c9h12w75_k21r3s3_dl2_pd2",       /* phases of more columns than a vector */
        "n1c2h5w4_k3r3s3_pd4",              /* padding above the filter: outputs of padding only */
        "n2c2h3w3_k3r3s3_pd3x5",            /* the same with several images */
        "n3c7h18w24_k3r5s1_pd0,0,1,0_dl3",  /* phases of a dilated layer without a last column */
        "n1c2h3w3_k3r7s7_pd3",              /* filter larger than the input */
        "n1c2h2w1_k3r11s11_pd5",            /* the same, larger */
        "n1c2h12w10_k3r1s7_pd0x3",          /* one-dimensional filters */
        "n1c2h12w10_k3r5s1_pd2x0",          /* ... */
        "n1c6h6w6_k5r3s3_pd1,0,0,1",        /* padding on two sides */
        "n1c6h20w20_k5r3s3_st5",            /* stride above the filter: inputs that nobody sees */
        "n1c6h10w10_k5r1s1_st3",            /* 1x1 with stride */
        "n1c6h6w5_k5r1s1_pd1",              /* 1x1 with padding */
        "n3c5h4w4_k6r3s3_pd1",              /* images share a strip */
        "n1c4h1w50_k5r1s9_pd0x4",           /* height 1: a 1-d convolution */
        "n1c4h50w1_k5r9s1_pd4x0",           /* width 1 */
        "n1c1h30w30_k1r3s3_pd1",            /* one channel to one */
        "n1c7h14w14_k6r3s3_same",           /* named paddings */
        "n1c7h14w13_k6r4s4_st2_same",       /* ... the odd one at the end */
        "n1c7h14w13_k6r4s4_st2_same_lower", /* ... at the start */
    };
    (void)state;
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        check_problem(problems[i]);
    }
}

/* Filters that Winograd cuts into pieces: phases of strides, runs of long filters, both; each tile
   and vector remainder, and padding up to that of the whole filter. */
static void test_pieces(void **state)
{
    static const char *const problems[] = {
        "n1c5h9w9_k3r5s5_st2",          "n2c17h13w10_k9r7s7_st2_pd3",
        "n2c3h41w44_k18r7s7_st2_pd3",   "n1c4h38w40_k7r5s7_st2x3_pd2",
        "n1c3h24w22_k5r11s11_st4_pd2",  "n1c4h15w14_k3r9s9_pd8",
        "n1c9h12w17_k4r8s10_pd3,4,5,1", "n1c3h16w12_k2r11s11_pd5",
        "n1c6h11w12_k7r3s5_pd1x2",      "n1c6h11w12_k7r3s3_st2x1_pd1",
        "n1c6h17w19_k5r5s3_st3_pd2x1",  "n1c5h13w20_k4r3s3_st2_dl3_pd2",
        "n2c4h9w20_k3r9s9_dl2_pd8",     "n1c48h9w8_k20r5s5_st2_pd2_g2",
        "n1c50h7w7_k3r7s7_pd3",         "n1c100h6w6_k5r3s3_st2_pd1",
        "n1c7h1w40_k6r1s9_pd0x4",       "n1c7h12w2_k6r7s1_st2x1_pd3x0",
        "n1c3h4w30_k4r3s3_st1x3_pd1x2", "n1c2h45w20_k2r36s3_st12x1",
    };
    (void)state;
    for (int extent = 1; extent <= 13; extent++) {
        char problem[CONVOY_PROBLEM_SIZE];
        snprintf(problem, sizeof problem, "n1c%dh%dw%d_k5r3s3_st2_pd%d", extent + 7, extent,
                 14 - extent, extent % 3 + 1);
        check_problem(problem);
        snprintf(problem, sizeof problem, "n1c3h%dw%d_k%dr9s9_pd4", 14 - extent, extent,
                 extent + 7);
        check_problem(problem);
    }
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        check_problem(problems[i]);
    }
}

static void test_groups(void **state)
{
    static const char *const problems[] = {
        "n1c6h5w5_k4r3s3_pd1_g2",
        "n1c6h5w5_k6r3s3_pd1_g3",
        "n1c32h4w4_k32r3s3_pd1_g4",
        "n1c34h4w4_k66r3s3_pd1_g2",
        "n1c64h4w4_k32r1s1_g4",
        "n2c24h5w5_k48r3s3_st2_pd1_g8",
        "n1c1h6w6_k5r3s3_pd1",
        "n1c7h6w6_k7r3s3_pd1_g7",
        "n1c16h6w7_k16r3s3_pd1_g16",
        "n1c33h9w9_k33r3s3_st2_pd1_g33",
        "n1c17h9w9_k17r5s5_pd2_g17",
        "n1c5h8w8_k15r3s3_pd1_g5",
        "n1c20h7w7_k40r3s3_dl2_pd2_g20",
        "n2c9h1w20_k18r1s5_pd0x2_g9",
        "n1c12h6w6_k36r1s1_g12",
        "n2c128h5w6_k72r3s3_pd1_g8",     /* pixels whose groups are copied, with tails */
        "n1c384h4w5_k384r3s3_pd1_g32",   /* ... the last fewer together than the others */
        "n1c128h6w5_k40r3s3_st2_pd1_g8", /* parts of vectors */
        "n1c20h6w7_k26r3s3_pd1_g2",
        "n2c8h6w5_k12r1s1_st1x2_g4", /* x of a vector's groups in one of its own */
        "n1c12h5w4_k8r3s3_pd1_g4",   /* ... and in more */
        "n1c15h6w4_k10r2s3_pd1_g5",
        "n1c40h5w5_k56r3s3_pd1_g4", /* Winograd: groups that fill no vector */
    };
    (void)state;
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        check_problem(problems[i]);
    }
}

/* NCHW: columns in the lanes, where a vector of x and y ends in another channel, or another row, if
   the tensor has no gaps. */
static const char *const planes[] = {
    "n2c6h4w4_k6r3s3_pd1_g6", /* two, or four, channels side by side, and tails of them */
    "n1c2h7w8_k2r3s3_pd1_g2",
    "n2c3h8w7_k3r3s3_pd1_g3",
    "n1c7h6w8_k7r3s3_dl2x1_pd2x1_g7",
    "n1c5h14w14_k5r3s3_st2_pd1_g5",
    "n1c6h13w15_k6r3s3_st2_pd0,1,1,2_g6",
    "n1c7h9w9_k7r3s3_g7",
    "n1c4h3w4_k4r3s3_pd2,1,4,3_g4",
    "n3c5h12w11_k5r3s3_pd1_g5",
    "n1c3h16w29_k3r3s3_st2_pd1_g3",
    "n1c40h7w3_k40r3s3_pd1_g40",
    "n1c2h9w44_k2r3s3_pd1_g2", /* three vectors, and four */
    "n1c2h9w60_k2r3s3_pd1_g2",
    "n1c2h9w113_k2r3s3_pd2,0,1,1_g2",
    "n2c3h12w24_k3r5s5_pd2_g3", /* 5x5 */
    "n1c3h40w47_k3r5s5_pd2_g3",
    "n1c3h5w90_k3r5s5_pd4,3,1,0_g3",
    "n1c3h37w38_k3r5s5_st2_pd2_g3",
    "n1c2h20w130_k2r5s5_st2_pd1,2,2,1_g2",
    "n1c2h21w60_k2r5s5_dl2x3_pd4x6_g2",
    "n1c2h2w28_k2r5s5_pd2_g2",
    "n1c2h4w28_k2r5s5_pd2_g2",
    "n1c2h5w28_k2r5s5_pd2_g2",
};

static void test_planes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof planes / sizeof planes[0]; i++) {
        convoy_layer layer = parse_layer(planes[i]);
        check_layer(&layer, false);
        check_layer(&layer, true);
    }
}

/* Planes that padding keeps as large as they are: rows of so many vectors and lanes, columns of so
   many rows at the end that none is left over, or some. */
static void test_same_planes(void **state)
{
    static const struct {
        const char *problem;
        int first, last, step, lowest, highest; /* widths, heights */
    } shapes[] = {
        {"n1c5h%dw%d_k5r3s3_pd1_g5", 5, 33, 1, 2, 4}, /* short rows, of all lanes */
        {"n1c9h%dw%d_k9r3s3_pd1_g9", 7, 56, 7, 1, 9},
        {"n1c2h%dw%d_k2r3s3_pd1_g2", 57, 75, 1, 4, 5}, /* long rows */
        {"n1c2h%dw%d_k2r3s3_pd1_g2", 64, 72, 8, 1, 9},
        {"n1c2h%dw%d_k2r5s5_pd2_g2", 24, 57, 1, 5, 6}, /* 5x5 */
        {"n1c2h%dw%d_k2r5s5_pd2_g2", 25, 33, 8, 4, 15},
        {"n1c1h%dw%d_k1r5s5_pd2_g1", 44, 44, 1, 3000, 3000}, /* taller than L2 */
        {"n1c2h%dw%d_k2r3s3_pd1_g2", 44, 44, 1, 3000, 3000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        for (int width = shapes[i].first; width <= shapes[i].last; width += shapes[i].step) {
            for (int height = shapes[i].lowest; height <= shapes[i].highest; height++) {
                char problem[CONVOY_PROBLEM_SIZE];
                snprintf(problem, sizeof problem, shapes[i].problem, height, width);
                convoy_layer layer = parse_layer(problem);
                layer.epilogue.activation = height % 3 == 0 ? CONVOY_RELU6 : CONVOY_IDENTITY;
                layer.epilogue.residual = width % 8 == 7;
                check_layer(&layer, width % 2 == 0 || layer.W < 8);
            }
        }
    }
}

/* Depthwise and narrow groups around the widths of sweeps, tiles and vectors. */
static void test_depthwise(void **state)
{
    static const char *const problems[] = {
        "n1c16h9w9_k16r3s3_dl2_pd2_g16",           /* dilated: phases of rows and columns */
        "n1c18h11w10_k18r3s3_dl3x2_pd1x3_g18",     /* ... different ones */
        "n1c16h13w14_k16r3s3_st2_dl2_pd2_g16",     /* ... with stride */
        "n1c16h13w14_k16r3s3_st2x4_dl1x2_pd2_g16", /* ... of twice the dilation */
        "n1c17h6w9_k17r3s3_st1x2_pd1_g17",         /* strides that differ */
        "n1c16h4w4_k16r3s3_pd4_g16",               /* outputs of padding only */
        "n1c16h1w1_k16r3s3_pd1_g16",               /* nothing but edges */
        "n1c16h2w3_k16r3s3_st2_pd1_g16",
        "n1c20h9w31_k20r1s3_pd0x1_g20", /* other filters with known taps */
        "n1c20h31w9_k20r3s1_pd1x0_g20",
        "n1c24h17w16_k24r5s5_st2_pd2_g24",
        "n1c24h9w9_k24r7s7_pd3_g24",
        "n1c8h1w9_k8r3s3_pd2,2,1,1_g8",
        "n1c8h2w9_k8r5s5_st2_pd4,4,2,2_g8",
        "n1c8h20w11_k8r5s5_st3x1_pd2_g8",
        "n1c24h11w17_k24r3s5_st1x2_pd1,0,1,2_g24",
        "n1c16h12w26_k16r5s5_st2_pd1,2,1,2_g16",
        "n1c17h9w21_k17r5s7_dl2x1_pd4,3,2,5_g17",
        "n1c9h8w15_k9r7s7_st2_pd3_g9",
        "n1c16h9w13_k16r2s5_pd0,1,4,3_g16",
        "n1c8h13w4_k8r5s5_pd2_g8",
        "n1c24h9w19_k24r4s6_pd1,2,3,0_g24",
        "n1c20h7w7_k20r7s7_g20",        /* one output: as global pooling */
        "n1c260h5w5_k260r3s3_pd1_g260", /* many vectors of channels */
        "n1c40h90w101_k40r3s3_pd1_g40", /* several bands of rows that are swept */
        "n1c16h61w13_k16r3s3_pd1_g16",
        "n1c20h61w30_k20r3s3_dl2_pd2_g20",
        "n1c16h20w40_k16r3s3_dl2_pd2_g16", /* phases of columns for tiles of rows */
        "n1c32h33w33_k32r3s3_dl12_pd12_g32",
        "n1c16h9w33_k16r5s5_dl3_pd6_g16",
        "n1c32h101w150_k32r3s3_st2_pd1_g32",
        "n1c16h20w70_k16r3s3_pd1_g16",  /* several blocks of columns */
        "n2c3h14w33_k3r3s3_pd1_g3",     /* NCHW: columns in the lanes, from 9 on */
        "n1c3h40w33_k3r3s3_pd1_g3",     /* several tiles of rows, and strips of them */
        "n2c3h65w90_k3r3s3_st2_pd1_g3", /* the same with stride */
        "n1c3h16w34_k3r3s3_st2_pd1,1,0,0_g3",
        "n1c9h14w14_k9r3s3_pd1_g9", /* two vectors with an edge each, which overlap */
        "n1c9h7w7_k9r3s3_pd1_g9",   /* rows that fill no vector */
        "n1c9h2w7_k9r3s3_pd1_g9",
        "n1c2h130w300_k2r3s3_pd1_g2",     /* several blocks of rows, and of columns */
        "n1c2h131w600_k2r3s3_st2_pd1_g2", /* ... with stride */
        "n1c3h9w49_k3r3s3_dl2x3_pd2x3_g3",
        "n1c3h5w40_k3r3s3_pd0,3,20,5_g3",   /* whole vectors of padding */
        "n1c3h3w64_k3r3s3_dl1x16_pd2x9_g3", /* taps a vector apart */
        "n1c3h1w36_k3r3s3_dl4_pd4_g3",
        "n1c3h20w40_k3r3s3_pd500000000,500000000,1,1_dl500000000x1_g3", /* rows far apart */
        "n1c32h6w9_k32r3s3_pd1_g16",                                    /* two channels a group */
        "n1c36h6w9_k36r3s3_st2_pd1_g9",                                 /* four */
        "n1c40h6w16_k40r3s3_pd1_g5",                                    /* eight */
        "n1c48h5w9_k48r3s3_pd1_g3",                                     /* sixteen */
        "n1c12h6w9_k48r3s3_pd1_g6", /* more outputs than inputs in a group */
        "n1c10h6w9_k40r2s4_dl2_pd1_g10",
        "n1c36h10w9_k36r17s17_pd8_g36", /* deeper than the depthwise kernels go */
        "n1c36h19w20_k36r17s17_g36",    /* ... in place, but for the last vector */
        "n1c7h6w20_k7r1s260_pd0x130_g7",
    };
    (void)state;
    for (int width = 1; width <= 33; width++) {
        char problem[CONVOY_PROBLEM_SIZE];
        snprintf(problem, sizeof problem, "n1c17h%dw%d_k17r3s3_pd1_g17", width % 11 + 1, width);
        check_problem(problem);
        snprintf(problem, sizeof problem, "n1c9h7w%d_k9r3s3_st2_pd1,0,1,1_g9", width);
        check_problem(problem);
        snprintf(problem, sizeof problem, "n1c16h%dw%d_k16r3s3_pd1_g16", width % 7 + 1, width);
        check_problem(problem);
        snprintf(problem, sizeof problem, "n1c16h%dw%d_k16r3s3_st2_pd1_g16", width % 7 + 1, width);
        check_problem(problem);
        snprintf(problem, sizeof problem, "n1c16h5w%d_k16r7s7_pd3_g16", width);
        check_problem(problem);
        snprintf(problem, sizeof problem, "n1c18h3w%d_k18r5s5_pd2_g18", width);
        check_problem(problem);
        snprintf(problem, sizeof problem, "n1c18h5w%d_k18r5s5_st2_pd2_g18", width);
        check_problem(problem);
        snprintf(problem, sizeof problem, "n1c16h3w%d_k16r3s3_pd1_g4", width);
        check_problem(problem);
    }
    /* NCHW with stride: two to four vectors of columns at once, and more of them; one padded side
       or two, or none */
    static const char *const paddings[] = {"1", "1,1,0,1", "0", "1,1,2,0", "1,1,1,0"};
    for (int width = 34; width <= 150; width++) {
        char problem[CONVOY_PROBLEM_SIZE];
        snprintf(problem, sizeof problem, "n1c2h%dw%d_k2r3s3_st2_pd%s_g2", 3 + width % 9, width,
                 paddings[width % 5]);
        convoy_layer layer = parse_layer(problem);
        layer.epilogue.residual = width % 4 == 0;
        layer.epilogue.activation = width % 3 == 0 ? CONVOY_RELU6 : CONVOY_IDENTITY;
        check_layer(&layer, width / 2 % 2 == 0);
    }
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        check_problem(problems[i]);
    }
}

static void check_with_residual(const char *problem)
{
    convoy_layer layer = parse_layer(problem);
    for (int i = 0; i < 4; i++) {
        layer.epilogue.residual = i % 2;
        check_layer(&layer, i < 2);
    }
}

/* NCHW with pixels in the lanes: around the widths of panels and of their register tiles. */
static void test_panels(void **state)
{
    static const char *const problems[] = {
        "n2c70h20w31_k5r1s1",     /* several strips; the last panels are of two widths */
        "n1c600h5w9_k4r1s1",      /* partial sums */
        "n1c300h3w50_k7r1s1_st2", /* ... with stride */
        "n1c2h30w41_k9r3s3_pd1",  /* panels begin and end within rows */
        "n1c3h37w64_k6r7s7_st2_pd3",
        "n1c3h20w60_k5r3s3_st3_pd2,1,1,2",
        "n1c1h9w80_k3r3s5_dl2x9_pd2,2,30,30", /* vectors of padding */
        "n1c4h2w3_k2r5s5_pd6",                /* panels of padding */
        "n1c1h11w90_k5r5s20_st2",             /* taps that see the same columns */
        "n1c2h17w83_k3r4s8_st4_pd2",
        "n1c2h12w70_k3r3s7_st3_dl2_pd3", /* ... and that never do */
        "n1c3h6w300_k5r3s3_st6_dl4_pd4",
        "n1c2h9w41_k5r3s1_st2_pd1", /* single taps of a row */
        "n2c5h13w50_k9r1s1_st5_pd1",
        "n1c3h9w29_k5r7s1_pd3x0",
        "n1c3h4w700_k5r3s3_pd1", /* rows of several strips */
        "n2c96h9w13_k60r1s1_g4", /* groups */
        "n1c40h7w33_k76r1s1_st2_g4",
        "n1c1200h3w20_k36r1s1_g2", /* ... with partial sums */
        "n1c6h9w24_k100r2s2_g2",
        "n3c600h6w11_k41r1s1",        /* panel after panel; ... in pieces of the depth */
        "n1c384h7w16_k56r1s1_g2",     /* ... of groups */
        "n1c128h25w40_k24r1s1",       /* ... in several strips of two threads */
        "n1c2h6w3000_k16r3s3_pd1_g2", /* ... of one channel, a vector of output channels each */
    };
    (void)state;
    for (int pixels = 1; pixels <= 100; pixels++) {
        char problem[CONVOY_PROBLEM_SIZE];
        snprintf(problem, sizeof problem, "n1c3h1w%d_k%dr1s1", pixels, pixels % 13 + 1);
        check_problem(problem);
    }
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        check_with_residual(problems[i]);
    }
}

/* Few output channels: terms of the depth in the lanes, where they are many enough. */
static void test_dots(void **state)
{
    static const char *const problems[] = {
        "n2c37h9w8_k3r5s5_st2_pd2",
        "n1c40h12w11_k2r3s3_dl2_pd2", /* each tap a run of its own, with a tail */
        "n1c32h12w11_k1r3s3_dl2_pd2", /* ... without */
        "n1c800h4w5_k2r3s3_pd1",      /* partial sums */
        "n1c1603h4w5_k1r3s3_pd1",     /* ... of runs that begin anywhere */
        "n1c100h3w9_k1r1s7_pd0x3",
        "n1c100h9w3_k2r7s1_pd3x0",
        "n1c64h1w1_k2r3s3_pd1",
        "n1c64h2w2_k1r3s3_pd4,3,2,5", /* outputs of padding only */
        "n3c48h3w2_k2r3s3_pd1",       /* several images in a strip */
        "n1c5h9w30_k1r9s9_pd4",
        "n1c1h20w40_k2r15s15_pd7",
        "n1c64h30w90_k2r3s3_pd1", /* several strips */
        "n1c64h10w9_k2r5s3_st3x1_dl1x2_pd2,1,3,0",
        "n1c20h17w9_k2r3s3_dl2x1_pd2x1", /* rows between taps are copied too */
        "n1c20h40w9_k2r3s3_dl8x1_pd8x1", /* ... too many, or between outputs: no dots */
        "n1c20h33w30_k1r3s3_st8_pd1",
        "n1c20h5w4_k1r3s3_pd9",
    };
    (void)state;
    for (int K = 1; K <= 9; K++) {
        char problem[CONVOY_PROBLEM_SIZE];
        snprintf(problem, sizeof problem, "n1c96h6w13_k%dr3s3_pd1", K);
        check_with_residual(problem);
        snprintf(problem, sizeof problem, "n1c91h6w13_k%dr3s3_pd1", K);
        check_with_residual(problem);
    }
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        check_with_residual(problems[i]);
    }
}

/* NHWC, where pixels share few sets of L1: x is copied. */
static void test_depthwise_colliding_pixels(void **state)
{
    static const char *const problems[] = {
        "n1c1024h5w6_k1024r3s3_pd1_g1024",
        "n2c512h7w7_k512r3s3_pd1_g512",
        "n1c1024h9w5_k1024r3s3_st2_pd0,1,1,2_g1024",
        "n1c256h9w11_k256r5s5_pd2_g256",
        "n1c1024h6w9_k1024r3s3_dl2_pd2_g1024",
        "n1c1024h2w7_k1024r3s3_pd4_g1024",    /* outputs of padding only */
        "n1c256h60w90_k256r3s3_st2_pd1_g256", /* several strips of rows */
    };
    (void)state;
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        check_with_residual(problems[i]);
    }
}

/* Every activation with and without a residual, on a layer with tails in all directions. */
static void test_epilogues(void **state)
{
    static const convoy_epilogue epilogues[] = {
        {.activation = CONVOY_RELU},
        {.activation = CONVOY_RELU6},
        {.activation = CONVOY_LEAKY_RELU, .slope = 0.25f},
        {.activation = CONVOY_LEAKY_RELU, .slope = 0.1f},
        {.activation = CONVOY_LEAKY_RELU, .slope = -3.0f},
        {.activation = CONVOY_CLIP, .low = -5.5f, .high = 7.25f},
        {.activation = CONVOY_IDENTITY},
    };
    static const char *const problems[] = {"n2c5h5w7_k19r3s3_pd1",      "n1c18h5w4_k18r3s3_pd1_g18",
                                           "n1c5h6w6_k21r1s1",          "n1c18h4w9_k18r5s5_pd2_g18",
                                           "n1c24h6w5_k24r3s3_pd1_g6",  "n1c5h7w37_k5r3s3_pd1_g5",
                                           "n1c5h7w75_k21r3s3_dl2_pd2", "n1c37h5w7_k3r5s5_pd2"};
    (void)state;
    for (size_t i = 0; i < sizeof epilogues / sizeof epilogues[0]; i++) {
        for (size_t j = 0; j < sizeof problems / sizeof problems[0]; j++) {
            convoy_layer layer = parse_layer(problems[j]);
            layer.epilogue = epilogues[i];
            check_layer(&layer, false);
            layer.epilogue.residual = true;
            check_layer(&layer, false);
        }
    }
}

/* Each kernel of depthwise and of narrow groups has epilogues of its own, for whole and partial
   vectors of channels, at the edges and between them. */
static void test_depthwise_epilogues(void **state)
{
    static const char *const shapes[] = {
        "n1c33h%dw31_k33r3s3_pd1_g33",     "n1c33h%dw29_k33r3s3_st2_pd1_g33",
        "n1c33h%dw23_k33r1s3_pd0x1_g33",   "n1c33h%dw23_k33r5s5_pd2_g33",
        "n1c33h%dw37_k33r5s5_st2_pd2_g33", "n1c33h%dw23_k33r7s7_pd3_g33",
        "n1c33h%dw23_k33r4s4_pd2_g33",     "n1c36h%dw23_k36r3s3_pd1_g9",
        "n1c36h%dw37_k36r3s3_st2_pd1_g9",  "n1c36h%dw23_k36r2s4_pd1_g9",
        "n1c18h%dw23_k36r3s3_pd1_g18",     "n1c3h%dw70_k3r3s3_pd1_g3",
        "n1c3h%dw140_k3r3s3_st2_pd1x0_g3", "n1c3h%dw70_k3r3s3_pd0_g3",
        "n1c3h%dw140_k3r3s3_st2_pd0x1_g3", "n1c5h%dw7_k5r3s3_pd1_g5",
        "n1c6h%dw4_k6r3s3_pd1_g6",         "n1c7h%dw15_k7r3s3_st2_pd1_g7",
        "n1c5h%dw13_k5r3s3_pd1_g5",        "n1c3h%dw60_k3r3s3_pd1_g3",
        "n1c3h%dw28_k3r5s5_pd2_g3",        "n1c3h%dw75_k3r5s5_st2_pd2_g3",
        "n1c2h%dw43_k2r5s5_pd0x2_g2",      "n1c2h%dw43_k2r5s5_pd2_g2",
    };
    static const convoy_epilogue epilogues[] = {
        {.activation = CONVOY_LEAKY_RELU, .slope = 0.25f, .residual = true},
        {.activation = CONVOY_RELU6, .residual = true},
        {.activation = CONVOY_RELU},
    };
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        for (int height = 7; height <= 10; height++) {
            char problem[CONVOY_PROBLEM_SIZE];
            snprintf(problem, sizeof problem, shapes[i], height);
            convoy_layer layer = parse_layer(problem);
            layer.epilogue = epilogues[height % 3];
            check_layer(&layer, false);
        }
    }
}

/* Layers of several blocks in one direction: pixels, depth, output channels. */
static void test_many_blocks(void **state)
{
    static const char *const problems[] = {
        "n1c16h33w65_k24r3s3_pd1", "n1c4200h2w3_k5r1s1",
        "n1c500h3w3_k3r3s3_pd1",   "n1c3h2w2_k4200r1s1",
        "n1c3h3w700_k9r3s3_pd1",   "n9c3h5w5_k70r3s3_pd1",
        "n1c40h12w12_k140r3s3",    "n1c1h90w90_k1r5s5_pd2",
        "n2c3h2w1000_k9r3s3_pd1", /* as many strips of columns as of rows */
    };
    (void)state;
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        check_problem(problems[i]);
    }
}

/* Sums of all channel blocks for one piece of the depth after the other: where x of few pixels fits
   into L2. So are the layers without padding with one of up to 2 MiB, the others of up to 1. */
static void test_depth_first(void **state)
{
    static const char *const problems[] = {
        "n1c2100h8w24_k88r1s1",
        "n9c2100h5w5_k88r1s1",
        "n1c2100h15w47_k88r1s1_st2",
        "n1c520h12w24_k72r3s3_pd1",
        "n1c700h9w20_k75r3s2_pd0,1,1,0_dl2",
    };
    static const char *const direct[] = {"direct"};
    (void)state;
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        convoy_layer layer = parse_layer(problems[i]);
        struct verify_options options = {
            .seed = seed, .algorithms = direct, .algorithm_count = 1, .dense = i % 2 == 1};
        layer.epilogue.residual = i != 0;
        check_options(&layer, &options, "");
    }
    convoy_description description;
    convoy_layer layer = parse_layer(problems[0]);
    layer.layout = CONVOY_NHWC;
    assert_ok(
        convoy_layer_estimate(&layer, &(convoy_options){.algorithm = "direct"}, &description));
    assert_contains(description.blocking, "one after the other");
}

/* Plans whose tiles ask for the packed w that comes next, however little that is; depthwise for x,
   of several images for rows of x and y. */
static convoy_status create_asking(const convoy_layer *layer, const convoy_weights *weights,
                                   const convoy_options *options, convoy_plan **plan)
{
    convoy_status status = convoy_plan_create(layer, weights, options, plan);
    if (!status) {
        struct blocking *b = &(*plan)->blocking;
        b->streams = !b->lanes && !b->dots && !b->panels && !b->depthwise;
        if (b->depthwise && !b->planes) {
            b->asks_for_x = true;
            b->y_far = layer->N > 1;
        }
    }
    return status;
}

/* Tiles ask for what comes next, packed w, x of a 1x1 filter, or (the last ones) depthwise x and y:
   each end of a tile, one chunk of the depth and many, groups, blocks of two widths, several
   strips.
 */
static void test_asking(void **state)
{
    static const struct {
        const char *problem;
        convoy_activation activation;
        bool residual;
    } layers_asking[] = {
        {"n1c256h5w5_k700r1s1", CONVOY_RELU, false},
        {"n2c250h4w6_k704r1s1", CONVOY_IDENTITY, false},
        {"n1c520h5w5_k272r3s3_pd1", CONVOY_RELU6, false},
        {"n1c600h9w2_k360r3s1", CONVOY_IDENTITY, false},
        {"n1c512h5w4_k512r3s3_pd1_g2", CONVOY_IDENTITY, false},
        {"n1c260h4w6_k600r1s1", CONVOY_LEAKY_RELU, true},
        {"n1c520h9w9_k264r2s2", CONVOY_RELU, true},
        {"n1c46h120w115_k48r1s1", CONVOY_RELU, false},
        {"n3c200h54w50_k48r1s1", CONVOY_IDENTITY, true},
        {"n1c256h30w30_k600r1s1", CONVOY_IDENTITY, false},
        {"n2c37h8w21_k37r3s3_pd1_g37", CONVOY_IDENTITY, false}, /* dense: only then for rows */
        {"n1c40h9w23_k40r3s3_pd1_g40", CONVOY_RELU, true},
        {"n2c41h14w31_k41r3s3_st2_pd1_g41", CONVOY_RELU6, true},
        {"n1c24h13w27_k24r3s3_st2_pd1_g24", CONVOY_IDENTITY, false},
        {"n2c16h12w22_k16r5s5_pd2_g16", CONVOY_IDENTITY, true},
        {"n1c33h11w19_k33r5s5_pd2_g33", CONVOY_RELU, false},
        {"n3c16h16w23_k16r5s5_st2_pd2_g16", CONVOY_IDENTITY, false},
        {"n1c25h15w33_k25r5s5_st2_pd2_g25", CONVOY_IDENTITY, false},
        {"n1c128h9w25_k128r3s3_st2_pd1_g128", CONVOY_IDENTITY, false},
    };
    static const char *const direct[] = {"direct"};
    (void)state;
    for (size_t i = 0; i < sizeof layers_asking / sizeof layers_asking[0]; i++) {
        convoy_layer layer = parse_layer(layers_asking[i].problem);
        struct verify_options options = {
            .seed = seed, .algorithms = direct, .algorithm_count = 1, .dense = i % 2 == 0};
        layer.epilogue.activation = layers_asking[i].activation;
        layer.epilogue.slope = 0.1f;
        layer.epilogue.residual = layers_asking[i].residual;
        check_options(&layer, &options, "");
        options.create = create_asking;
        check_options(&layer, &options, " asking for packed w or x,");
    }
}

/* Tensors without gaps take other paths: rows that follow each other are one. */
static void test_dense(void **state)
{
    static const char *const problems[] = {
        "n1c5h7w9_k18r1s1",
        "n2c12h8w8_k20r1s1_g2",
        "n1c4h9w9_k17r3s3_pd1",
        "n2c3h6w5_k33r3s3",
        "n1c6h9w7_k6r3s3_pd1_g6",
        "n1c3h20w20_k8r7s7_st2_pd3",
        "n1c3h61w57_k5r11s11_st4_pd2", /* Winograd: pieces whose pixels lie side by side */
        "n1c20h30w31_k6r3s3_st2_pd1",
        "n2c3h41w44_k18r7s7_st2_pd3",
        "n1c4h38w40_k7r5s7_st2x3_pd2",
        "n1c16h5w5_k16r3s3",
        "n1c9h7w7_k9r3s3_pd1_g9", /* NCHW: rows that fill no vector, of several channels */
        "n1c9h2w7_k9r3s3_pd1_g9",
        "n1c2h1300w7_k2r3s3_pd1_g2",    /* ... in strips for several threads */
        "n1c800h7w7_k800r3s3_pd1_g800", /* ... in parts of the channels for them */
    };
    (void)state;
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        convoy_layer layer = parse_layer(problems[i]);
        check_layer(&layer, true);
        layer.epilogue.residual = true;
        check_layer(&layer, true);
    }
}

static void test_random(void **state)
{
    uint64_t random = seed;
    (void)state;
    for (int i = 0; i < RANDOM_LAYERS; i++) {
        convoy_layer layer;
        random_layer(&random, RANDOM_MACS, &layer);
        check_layer(&layer, i % 4 == 0);
        random_small_layer(&random, RANDOM_MACS_SMALL, &layer);
        check_layer(&layer, i % 4 == 0);
    }
}

/* One pixel, of which a register tile takes more vectors, and few. */
static void test_single_pixels(void **state)
{
    static const char *const problems[] = {"n1c300h1w1_k40r1s1",  "n2c9h1w1_k77r1s1",
                                           "n1c3h5w4_k33r5s4",    "n1c12h1w1_k60r1s1_g3",
                                           "n1c5h1w1_k9r3s3_pd1", "n3c7h1w1_k50r1s1",
                                           "n1c7h3w3_k130r3s3",   "n1c128h1w1_k20r3s3_pd1_g4"};
    (void)state;
    for (int channels = 1; channels <= 300; channels += channels < 140 ? 5 : 23) {
        char problem[CONVOY_PROBLEM_SIZE];
        snprintf(problem, sizeof problem, "n1c%dh1w1_k%dr1s1", 1 + channels % 7, channels);
        check_problem(problem);
    }
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        check_with_residual(problems[i]);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pixels),
        cmocka_unit_test(test_output_channels),
        cmocka_unit_test(test_input_channels),
        cmocka_unit_test(test_odd_layers),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_depthwise),
        cmocka_unit_test(test_depthwise_colliding_pixels),
        cmocka_unit_test(test_same_planes),
        cmocka_unit_test(test_panels),
        cmocka_unit_test(test_planes),
        cmocka_unit_test(test_epilogues),
        cmocka_unit_test(test_depthwise_epilogues),
        cmocka_unit_test(test_many_blocks),
        cmocka_unit_test(test_depth_first),
        cmocka_unit_test(test_dense),
        cmocka_unit_test(test_single_pixels),
        cmocka_unit_test(test_dots),
        cmocka_unit_test(test_asking),
        cmocka_unit_test(test_random),
    };
    char text[128] = "none";
    quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
    if (argc > 1 && !quick) {
        fputs("usage: check_kernels [--quick]\n", stderr);
        return 2;
    }
    seed = test_seed(seed);
    print_message("seed %" PRIu64 "\n", seed);
    if (convoy_set_allocator(&pages_allocator)) {
        fprintf(stderr, "%s\n", convoy_error_detail());
        return 1;
    }
    print_isas();
    if (quick) {
        print_message("quick: one layer of %d, vector kernels of %s only\n", QUICK_STEP,
                      convoy_isa_name(convoy_isa_best()));
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (worst.algorithm) {
        verify_case_print(&worst, text, sizeof text);
    }
    print_message("%" PRId64 " cases; largest error %.3f of its bound: %s\n", cases, worst_fraction,
                  text);
    return failed;
}
