/**
 * @file test_tensor.c
 * Tensors: creation, views, slices, elements, and tensors that are not what they claim.
 */
#include "convoy/tensor.h"
#include "support/check.h"

static void bytes_are_checked(void **state)
{
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

static void a_new_tensor_is_zero_dense_and_aligned(void **state)
{
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

static void creation_refuses_bad_arguments(void **state)
{
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

static void a_view_borrows_the_memory(void **state)
{
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

static void a_slice_is_a_window_on_channels(void **state)
{
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
static void assert_unusable(const convoy_tensor *wrong, convoy_status expected)
{
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

static void tensors_that_lie_are_refused(void **state)
{
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

static void a_broadcast_view_can_be_read_but_not_written(void **state)
{
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

static void types_and_layouts_have_names(void **state)
{
    (void)state;
    assert_string_equal(convoy_type_name(CONVOY_FLOAT32), "f32");
    assert_string_equal(convoy_type_name(CONVOY_FLOAT64), "f64");
    assert_string_equal(convoy_type_name((convoy_type)7), "unknown");
    assert_string_equal(convoy_layout_name(CONVOY_NCHW), "nchw");
    assert_string_equal(convoy_layout_name(CONVOY_NHWC), "nhwc");
    assert_string_equal(convoy_layout_name((convoy_layout)7), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_checked),
        cmocka_unit_test(a_new_tensor_is_zero_dense_and_aligned),
        cmocka_unit_test(creation_refuses_bad_arguments),
        cmocka_unit_test(a_view_borrows_the_memory),
        cmocka_unit_test(a_slice_is_a_window_on_channels),
        cmocka_unit_test(tensors_that_lie_are_refused),
        cmocka_unit_test(a_broadcast_view_can_be_read_but_not_written),
        cmocka_unit_test(types_and_layouts_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
