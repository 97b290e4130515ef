/**
 * @file test_tensor_copy.c
 * Copies between layouts, strides and types, and which tensors share memory.
 */
#include "convoy/tensor.h"
#include "core/tensor_checked.h"
#include "support/check.h"
#include "support/random.h"
#include "support/strides.h"

/* A tensor with gaps between its rows: a random slice of a random, wider tensor. */
static convoy_tensor random_tensor(uint64_t *random, const int64_t extents[4],
                                   convoy_tensor *parent)
{
    convoy_tensor t;
    int64_t before = random_between(random, 0, 3), after = random_between(random, 0, 3);
    int64_t more_rows = random_between(random, 0, 2), more_columns = random_between(random, 0, 2);

    assert_ok(convoy_tensor_create((convoy_type)random_between(random, 0, 1),
                                   (convoy_layout)random_between(random, 0, 1), extents[0],
                                   before + extents[1] + after, extents[2] + more_rows,
                                   extents[3] + more_columns, parent));
    assert_ok(convoy_tensor_slice(parent, before, before + extents[1], &t));
    t.H = extents[2];
    t.W = extents[3];
    return t;
}

static void copies_move_every_element_and_no_gap(void **state)
{
    (void)state;
    uint64_t random = 21;

    for (int i = 0; i < 500; i++) {
        const int64_t most = i % 10 == 0 ? 40 : 5;
        const int64_t extents[] = {random_between(&random, 1, 3), random_between(&random, 1, most),
                                   random_between(&random, 1, 5), random_between(&random, 1, most)};
        convoy_tensor from, into;
        convoy_tensor source = random_tensor(&random, extents, &from);
        convoy_tensor target = random_tensor(&random, extents, &into);
        int64_t others = 0;
        assert_ok(convoy_tensor_fill_value(&from, -1));
        assert_ok(convoy_tensor_fill_ramp(&source, 1, 1));
        assert_ok(convoy_tensor_fill_value(&into, -2));
        assert_ok(convoy_tensor_copy(&source, &target));
        double index = 1;
        for (int64_t n = 0; n < extents[0]; n++) {
            for (int64_t c = 0; c < extents[1]; c++) {
                for (int64_t h = 0; h < extents[2]; h++) {
                    for (int64_t w = 0; w < extents[3]; w++) {
                        assert_true(convoy_tensor_get(&target, n, c, h, w) == index++);
                    }
                }
            }
        }
        int64_t elements = into.N * into.C * into.H * into.W;
        for (int64_t e = 0; e < elements; e++) {
            others += (into.type == CONVOY_FLOAT32 ? (double)((float *)into.data)[e]
                                                   : ((double *)into.data)[e]) == -2;
        }
        assert_int_equal(others, elements - (int64_t)index + 1);
        convoy_tensor_destroy(&from);
        convoy_tensor_destroy(&into);
    }
}

static void copies_round_to_nearest(void **state)
{
    (void)state;
    double wide[4] = {0.1, 16777217, -1e-300, 1.0 / 3};
    float narrow[4];
    convoy_tensor source, target;

    assert_ok(convoy_tensor_view(CONVOY_FLOAT64, CONVOY_NCHW, 1, 1, 1, 4, wide, &source));
    assert_ok(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, 1, 1, 1, 4, narrow, &target));
    assert_ok(convoy_tensor_copy(&source, &target));
    for (int i = 0; i < 4; i++) {
        assert_true(narrow[i] == (float)wide[i]);
    }
    assert_ok(convoy_tensor_copy(&target, &source));
    for (int i = 0; i < 4; i++) {
        assert_true(wide[i] == (double)narrow[i]);
    }
}

static void copies_refuse_other_extents_and_shared_memory(void **state)
{
    (void)state;
    float data[40] = {0};
    convoy_tensor a, b;

    assert_ok(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, 1, 2, 3, 4, data, &a));
    assert_ok(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, 1, 2, 4, 3, data, &b));
    assert_status(convoy_tensor_copy(&a, &b), CONVOY_ERROR_SHAPE);
    assert_contains(convoy_error_detail(), "1 x 2 x 3 x 4");
    assert_contains(convoy_error_detail(), "1 x 2 x 4 x 3");
    assert_status(convoy_tensor_copy(&a, &a), CONVOY_ERROR_OVERLAP);
    assert_ok(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NHWC, 1, 2, 3, 4, data + 16, &b));
    assert_status(convoy_tensor_copy(&a, &b), CONVOY_ERROR_OVERLAP);
}

static void slices_side_by_side_can_be_copied(void **state)
{
    (void)state;
    for (int layout = CONVOY_NCHW; layout <= CONVOY_NHWC; layout++) {
        convoy_tensor t, left, right, middle;
        assert_ok(convoy_tensor_create(CONVOY_FLOAT32, (convoy_layout)layout, 3, 8, 5, 4, &t));
        assert_ok(convoy_tensor_fill_ramp(&t, 0, 1));
        assert_ok(convoy_tensor_slice(&t, 0, 4, &left));
        assert_ok(convoy_tensor_slice(&t, 4, 8, &right));
        assert_ok(convoy_tensor_slice(&t, 3, 7, &middle));
        assert_ok(convoy_tensor_copy(&left, &right));
        assert_true(convoy_tensor_get(&t, 2, 7, 4, 3) == convoy_tensor_get(&t, 2, 3, 4, 3));
        assert_status(convoy_tensor_copy(&left, &middle), CONVOY_ERROR_OVERLAP);
        convoy_tensor_destroy(&t);
    }
}

/* Mark the bytes of a tensor, or ask whether one of them is marked. */
static bool touch(const convoy_tensor *t, const char *memory, unsigned char *marks, bool ask)
{
    for (int64_t n = 0; n < t->N; n++) {
        for (int64_t c = 0; c < t->C; c++) {
            for (int64_t h = 0; h < t->H; h++) {
                for (int64_t w = 0; w < t->W; w++) {
                    int64_t element =
                        n * t->stride_n + c * t->stride_c + h * t->stride_h + w * t->stride_w;
                    int64_t bytes = t->type == CONVOY_FLOAT32 ? 4 : 8;
                    int64_t place = (const char *)t->data - memory + element * bytes;
                    for (int64_t byte = place; byte < place + bytes; byte++) {
                        if (ask && marks[byte]) {
                            return true;
                        }
                        marks[byte] |= !ask;
                    }
                }
            }
        }
    }
    return false;
}

/* No step is taken along an extent of 1: its stride may be any number. */
static void spoil_unused_strides(convoy_tensor *t, uint64_t *random)
{
    for (int axis = 0; axis < 4; axis++) {
        int64_t *stride = unused_stride(t, axis);
        if (stride && random_between(random, 0, 1) == 0) {
            *stride = INT64_MAX - random_between(random, 0, 9);
        }
    }
}

static void overlap_is_what_marking_every_byte_finds(void **state)
{
    (void)state;
    static double memory[1000];
    uint64_t random = 22;
    int disjoint = 0, shared = 0, cautious = 0;

    for (int i = 0; i < 20000; i++) {
        static unsigned char marks[sizeof memory];
        convoy_tensor t[2];
        bool alike = random_between(&random, 0, 3) > 0;
        for (int j = 0; j < 2; j++) {
            t[j] = j == 1 && alike
                       ? t[0]
                       : (convoy_tensor){.stride_n = random_between(&random, 0, 60),
                                         .stride_c = random_between(&random, 0, 40),
                                         .stride_h = random_between(&random, 0, 20),
                                         .stride_w = random_between(&random, 1, 4),
                                         .type = (convoy_type)random_between(&random, 0, 1)};
            t[j].N = random_between(&random, 1, 3);
            t[j].C = random_between(&random, 1, 3);
            t[j].H = random_between(&random, 1, 4);
            t[j].W = random_between(&random, 1, 4);
            t[j].data = memory + random_between(&random, 0, 200);
        }
        spoil_unused_strides(&t[0], &random);
        spoil_unused_strides(&t[1], &random);
        memset(marks, 0, sizeof marks);
        touch(&t[0], (const char *)memory, marks, false);
        bool meets = touch(&t[1], (const char *)memory, marks, true);
        bool answer = tensors_overlap(&t[0], &t[1]);
        assert_int_equal(tensors_overlap(&t[1], &t[0]), answer);
        if (meets || alike) {
            assert_int_equal(answer, meets);
        } else {
            cautious += answer;
        }
        shared += meets;
        disjoint += !meets;
    }
    assert_true(shared > 3000 && disjoint > 3000 && cautious > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_move_every_element_and_no_gap),
        cmocka_unit_test(copies_round_to_nearest),
        cmocka_unit_test(copies_refuse_other_extents_and_shared_memory),
        cmocka_unit_test(slices_side_by_side_can_be_copied),
        cmocka_unit_test(overlap_is_what_marking_every_byte_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
