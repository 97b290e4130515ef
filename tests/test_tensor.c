/**
 * @file test_tensor.c
 * Tensors: creation, views, slices, elements, copies, and tensors that are not what they claim.
 */
#include <stdlib.h>

#include "convoy/tensor.h"
#include "core/tensor_checked.h"
#include "support/check.h"
#include "support/random.h"

static void bytes_are_checked(void **state) {
    (void)state;
    size_t bytes = 7;
    const int64_t most = INT32_MAX;

    assert_status(convoy_tensor_bytes(CONVOY_FLOAT32, 1, 1, 1, 1, NULL), CONVOY_ERROR_NULL);
    assert_status(convoy_tensor_bytes((convoy_type)2, 1, 1, 1, 1, &bytes), CONVOY_ERROR_TYPE);
    assert_status(convoy_tensor_bytes(CONVOY_FLOAT32, 0, 1, 1, 1, &bytes), CONVOY_ERROR_EXTENT);
    assert_status(convoy_tensor_bytes(CONVOY_FLOAT32, 1, -1, 1, 1, &bytes), CONVOY_ERROR_EXTENT);
    assert_status(convoy_tensor_bytes(CONVOY_FLOAT32, 1, 1, INT64_MIN, 1, &bytes),
                  CONVOY_ERROR_EXTENT);
    assert_status(convoy_tensor_bytes(CONVOY_FLOAT32, 1, 1, 1, most + 1, &bytes),
                  CONVOY_ERROR_EXTENT);
    assert_contains(convoy_error_detail(), "extent W is 2147483648");
    assert_status(convoy_tensor_bytes(CONVOY_FLOAT32, most, most, most, most, &bytes),
                  CONVOY_ERROR_OVERFLOW);
    assert_status(convoy_tensor_bytes(CONVOY_FLOAT64, most, most, 1, 1, &bytes),
                  CONVOY_ERROR_OVERFLOW);
    assert_int_equal(bytes, 7);
    assert_ok(convoy_tensor_bytes(CONVOY_FLOAT32, 2, 3, 4, 5, &bytes));
    assert_int_equal(bytes, 480);
    assert_ok(convoy_tensor_bytes(CONVOY_FLOAT64, 2, 3, 4, 5, &bytes));
    assert_int_equal(bytes, 960);
}

static void a_new_tensor_is_zero_dense_and_aligned(void **state) {
    (void)state;
    for (int layout = CONVOY_NCHW; layout <= CONVOY_NHWC; layout++) {
        for (int type = CONVOY_FLOAT32; type <= CONVOY_FLOAT64; type++) {
            convoy_tensor t;
            assert_ok(
                convoy_tensor_create((convoy_type)type, (convoy_layout)layout, 2, 3, 4, 5, &t));
            assert_true(t.owned);
            assert_int_equal((uintptr_t)t.data % CONVOY_ALIGNMENT, 0);
            assert_int_equal(t.stride_n, 60);
            assert_int_equal(t.stride_c, layout == CONVOY_NCHW ? 20 : 1);
            assert_int_equal(t.stride_h, layout == CONVOY_NCHW ? 5 : 15);
            assert_int_equal(t.stride_w, layout == CONVOY_NCHW ? 1 : 3);
            for (int i = 0; i < 120; i++) {
                assert_true(convoy_tensor_get(&t, i / 60, i / 20 % 3, i / 5 % 4, i % 5) == 0);
            }
            convoy_tensor_destroy(&t);
            assert_null(t.data);
            assert_false(t.owned);
            convoy_tensor_destroy(&t);
        }
    }
    convoy_tensor_destroy(NULL);
}

static void creation_refuses_bad_arguments(void **state) {
    (void)state;
    convoy_tensor t, untouched;
    memset(&t, 0x55, sizeof t);
    untouched = t;

    assert_status(convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, 1, 1, 1, 1, NULL),
                  CONVOY_ERROR_NULL);
    assert_status(convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, 1, 0, 1, 1, &t),
                  CONVOY_ERROR_EXTENT);
    assert_status(convoy_tensor_create((convoy_type)9, CONVOY_NCHW, 1, 1, 1, 1, &t),
                  CONVOY_ERROR_TYPE);
    assert_status(convoy_tensor_create(CONVOY_FLOAT32, (convoy_layout)-1, 1, 1, 1, 1, &t),
                  CONVOY_ERROR_LAYOUT);
    assert_status(convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, 1, 1, 1 << 27, INT32_MAX, &t),
                  CONVOY_ERROR_TOO_LARGE);
    assert_memory_equal(&t, &untouched, sizeof t);
}

static void a_view_borrows_the_memory(void **state) {
    (void)state;
    float data[24];
    convoy_tensor t, before;

    for (int i = 0; i < 24; i++) {
        data[i] = (float)i;
    }
    assert_ok(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, 1, 2, 3, 4, data, &t));
    assert_false(t.owned);
    assert_true(convoy_tensor_get(&t, 0, 1, 2, 3) == 23);
    assert_true(convoy_tensor_get(&t, 0, 1, 0, 2) == 14);
    convoy_tensor_set(&t, 0, 1, 0, 2, 0.1);
    assert_true(data[14] == 0.1f);
    assert_ok(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NHWC, 1, 2, 3, 4, data, &t));
    assert_true(convoy_tensor_get(&t, 0, 1, 2, 3) == 23);
    assert_true(convoy_tensor_get(&t, 0, 1, 0, 2) == 5);
    before = t;
    assert_status(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, 1, 1, 1, 1, NULL, &t),
                  CONVOY_ERROR_NULL);
    assert_status(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, 1, 1, 1, 1, data, NULL),
                  CONVOY_ERROR_NULL);
    assert_status(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, 1, 1, 1, 1, (char *)data + 2, &t),
                  CONVOY_ERROR_ALIGNMENT);
    assert_status(convoy_tensor_view(CONVOY_FLOAT32, (convoy_layout)5, 1, 1, 1, 1, data, &t),
                  CONVOY_ERROR_LAYOUT);
    assert_memory_equal(&t, &before, sizeof t);
    convoy_tensor_destroy(&t); /* does not free what it does not own */
}

static void a_slice_is_a_window_on_channels(void **state) {
    (void)state;
    for (int layout = CONVOY_NCHW; layout <= CONVOY_NHWC; layout++) {
        convoy_tensor t, slice, inner;
        assert_ok(convoy_tensor_create(CONVOY_FLOAT32, (convoy_layout)layout, 2, 7, 3, 4, &t));
        assert_ok(convoy_tensor_fill_ramp(&t, 0, 1));
        assert_ok(convoy_tensor_slice(&t, 2, 6, &slice));
        assert_int_equal(slice.C, 4);
        assert_false(slice.owned);
        assert_true(convoy_tensor_get(&slice, 1, 3, 2, 1) == convoy_tensor_get(&t, 1, 5, 2, 1));
        assert_ok(convoy_tensor_slice(&slice, 1, 2, &inner)); /* a slice of a slice */
        assert_true(convoy_tensor_get(&inner, 1, 0, 0, 3) == convoy_tensor_get(&t, 1, 3, 0, 3));
        convoy_tensor_set(&inner, 0, 0, 1, 1, -5);
        assert_true(convoy_tensor_get(&t, 0, 3, 1, 1) == -5);
        assert_status(convoy_tensor_slice(&t, -1, 2, &slice), CONVOY_ERROR_ARGUMENT);
        assert_status(convoy_tensor_slice(&t, 3, 3, &slice), CONVOY_ERROR_ARGUMENT);
        assert_status(convoy_tensor_slice(&t, 4, 3, &slice), CONVOY_ERROR_ARGUMENT);
        assert_status(convoy_tensor_slice(&t, 0, 8, &slice), CONVOY_ERROR_ARGUMENT);
        assert_status(convoy_tensor_slice(&t, 0, 1, NULL), CONVOY_ERROR_NULL);
        assert_status(convoy_tensor_slice(NULL, 0, 1, &slice), CONVOY_ERROR_NULL);
        assert_int_equal(slice.C, 4);
        convoy_tensor_destroy(&t);
    }
}

/* Every public function that takes a tensor refuses this one with the status. */
static void assert_unusable(const convoy_tensor *wrong, convoy_status expected) {
    float data[8] = {0};
    convoy_tensor good, slice;
    convoy_difference difference;

    assert_ok(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, 1, 2, 2, 2, data, &good));
    assert_status(convoy_tensor_slice(wrong, 0, 1, &slice), expected);
    assert_status(convoy_tensor_copy(wrong, &good), expected);
    assert_status(convoy_tensor_copy(&good, wrong), expected);
    assert_status(convoy_tensor_fill_value(wrong, 1), expected);
    assert_status(convoy_tensor_fill_ramp(wrong, 1, 1), expected);
    assert_status(convoy_tensor_fill_uniform(wrong, 1, 0, 1), expected);
    assert_status(convoy_tensor_fill_normal(wrong, 1, 0, 1), expected);
    assert_status(convoy_tensor_fill_integers(wrong, 1, 0, 1), expected);
    assert_status(convoy_tensor_fill_impulse(wrong, 0, 0, 0, 0, 1), expected);
    assert_status(convoy_tensor_compare(wrong, &good, &difference), expected);
    assert_status(convoy_tensor_compare(&good, wrong, &difference), expected);
}

static void tensors_that_lie_are_refused(void **state) {
    (void)state;
    double data[8] = {0};
    convoy_tensor good, t;

    assert_ok(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, 1, 2, 2, 2, data, &good));
    assert_unusable(NULL, CONVOY_ERROR_NULL);
    t = (convoy_tensor){0};
    assert_unusable(&t, CONVOY_ERROR_NULL);
    int64_t *const extents[] = {&t.N, &t.C, &t.H, &t.W};
    int64_t *const strides[] = {&t.stride_n, &t.stride_c, &t.stride_h, &t.stride_w};
    for (int axis = 0; axis < 4; axis++) {
        static const int64_t wrong[] = {0, -1, (int64_t)INT32_MAX + 1, INT64_MAX, INT64_MIN};
        for (int i = 0; i < 5; i++) {
            t = good;
            *extents[axis] = wrong[i];
            assert_unusable(&t, CONVOY_ERROR_EXTENT);
        }
        t = good;
        *strides[axis] = -1;
        assert_unusable(&t, CONVOY_ERROR_LAYOUT);
        t = good;
        *extents[axis] = 3;
        *strides[axis] = INT64_MAX / 2;
        assert_unusable(&t, CONVOY_ERROR_OVERFLOW);
    }
    t = good;
    t.type = (convoy_type)2;
    assert_unusable(&t, CONVOY_ERROR_TYPE);
    t = good;
    t.layout = (convoy_layout)2;
    assert_unusable(&t, CONVOY_ERROR_LAYOUT);
    t = good;
    t.data = (char *)t.data + 1;
    assert_unusable(&t, CONVOY_ERROR_ALIGNMENT);
    t = good;
    t.type = CONVOY_FLOAT64;
    t.data = (char *)t.data + 4;
    assert_unusable(&t, CONVOY_ERROR_ALIGNMENT);
}

static void a_broadcast_view_can_be_read_but_not_written(void **state) {
    (void)state;
    float one = 3;
    float data[8] = {0};
    convoy_tensor t, broadcast;

    assert_ok(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, 1, 2, 2, 2, data, &t));
    assert_ok(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, 1, 1, 1, 1, &one, &broadcast));
    broadcast.C = broadcast.H = broadcast.W = 2;
    broadcast.stride_c = broadcast.stride_h = broadcast.stride_w = 0;
    assert_ok(convoy_tensor_copy(&broadcast, &t));
    for (int i = 0; i < 8; i++) {
        assert_true(data[i] == 3);
    }
    assert_status(convoy_tensor_copy(&t, &broadcast), CONVOY_ERROR_LAYOUT);
    assert_contains(convoy_error_detail(), "stride of 0");
    assert_status(convoy_tensor_fill_value(&broadcast, 1), CONVOY_ERROR_LAYOUT);
    assert_true(one == 3);
}

/* A tensor with gaps between its rows: a random slice of a random, wider tensor. */
static convoy_tensor random_tensor(uint64_t *random, const int64_t extents[4],
                                   convoy_tensor *parent) {
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

static void copies_move_every_element_and_no_gap(void **state) {
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

static void copies_round_to_nearest(void **state) {
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

static void copies_refuse_other_extents_and_shared_memory(void **state) {
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

static void slices_side_by_side_can_be_copied(void **state) {
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
static bool touch(const convoy_tensor *t, const char *memory, unsigned char *marks, bool ask) {
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

static void overlap_is_what_marking_every_byte_finds(void **state) {
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

static void types_and_layouts_have_names(void **state) {
    (void)state;
    assert_string_equal(convoy_type_name(CONVOY_FLOAT32), "f32");
    assert_string_equal(convoy_type_name(CONVOY_FLOAT64), "f64");
    assert_string_equal(convoy_type_name((convoy_type)7), "unknown");
    assert_string_equal(convoy_layout_name(CONVOY_NCHW), "nchw");
    assert_string_equal(convoy_layout_name(CONVOY_NHWC), "nhwc");
    assert_string_equal(convoy_layout_name((convoy_layout)7), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_checked),
        cmocka_unit_test(a_new_tensor_is_zero_dense_and_aligned),
        cmocka_unit_test(creation_refuses_bad_arguments),
        cmocka_unit_test(a_view_borrows_the_memory),
        cmocka_unit_test(a_slice_is_a_window_on_channels),
        cmocka_unit_test(tensors_that_lie_are_refused),
        cmocka_unit_test(a_broadcast_view_can_be_read_but_not_written),
        cmocka_unit_test(copies_move_every_element_and_no_gap),
        cmocka_unit_test(copies_round_to_nearest),
        cmocka_unit_test(copies_refuse_other_extents_and_shared_memory),
        cmocka_unit_test(slices_side_by_side_can_be_copied),
        cmocka_unit_test(overlap_is_what_marking_every_byte_finds),
        cmocka_unit_test(types_and_layouts_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
