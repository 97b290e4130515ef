/**
 * @file test_npy.c
 * .npy files that NumPy wrote (tests/data/io/make.py), files made to mislead, and round trips.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/npy.h"
#include "support/check.h"
#include "support/place.h"

#define DATA(name) TEST_DATA "/io/" name

static void expect_extents(const struct npy *array, int rank, const int64_t *extents)
{
    assert_int_equal(array->rank, rank);
    for (int axis = 0; axis < rank; axis++) {
        assert_int_equal(array->extents[axis], extents[axis]);
    }
}

static void reads_what_numpy_wrote(void **state)
{
    struct npy array;
    (void)state;
    assert_ok(npy_read(DATA("f4.npy"), &array));
    assert_int_equal(array.type, CONVOY_FLOAT32);
    expect_extents(&array, 2, (const int64_t[]){2, 3});
    assert_int_equal((uintptr_t)array.data % CONVOY_ALIGNMENT, 0);
    for (int i = 0; i < 6; i++) {
        assert_true(((const float *)array.data)[i] == -1 + 0.5f * (float)i);
    }
    npy_destroy(&array);
    assert_null(array.data);
    assert_ok(npy_read(DATA("f8_v2.npy"), &array));
    assert_int_equal(array.type, CONVOY_FLOAT64);
    expect_extents(&array, 4, (const int64_t[]){1, 2, 2, 3});
    for (int i = 0; i < 12; i++) {
        assert_true(((const double *)array.data)[i] == -1 + 0.5 * i + 1e-9);
    }
    npy_destroy(&array);
    assert_ok(npy_read(DATA("f4_v3.npy"), &array));
    expect_extents(&array, 3, (const int64_t[]){3, 2, 2});
    assert_true(((const float *)array.data)[11] == 4.5f);
    npy_destroy(&array);
    assert_ok(npy_read(DATA("scalar.npy"), &array));
    expect_extents(&array, 0, NULL);
    assert_true(((const float *)array.data)[0] == 2.5f);
    npy_destroy(&array);
}

static void refuses_other_types_with_the_way_out(void **state)
{
    static const struct {
        const char *path, *words;
    } cases[] = {
        {DATA("big_endian.npy"), "big-endian numbers ('>f4')"},
        {DATA("object.npy"), "Python objects ('|O')"},
        {DATA("structured.npy"), "structures ('[('a', '<f4')"},
        {DATA("integer.npy"), "integers ('<i8')"},
        {DATA("bool.npy"), "integers ('|b1')"},
        {DATA("complex.npy"), "complex numbers ('<c8')"},
        {DATA("half.npy"), "numbers of another kind ('<f2')"},
        {DATA("text.npy"), "text ('<U1')"},
    };
    struct npy array = {.rank = 77};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_status(npy_read(cases[i].path, &array), CONVOY_ERROR_UNSUPPORTED);
        assert_contains(convoy_error_detail(), cases[i].words);
        assert_contains(convoy_error_detail(), "numpy.ascontiguousarray(a");
        assert_contains(convoy_error_detail(), "dtype='<f4'))");
    }
    assert_status(npy_read(DATA("fortran.npy"), &array), CONVOY_ERROR_UNSUPPORTED);
    assert_contains(convoy_error_detail(), "Fortran order");
    assert_status(npy_read(DATA("empty.npy"), &array), CONVOY_ERROR_UNSUPPORTED);
    assert_contains(convoy_error_detail(), "extent 0 is 0");
    assert_status(npy_read(DATA("rank9.npy"), &array), CONVOY_ERROR_FORMAT);
    assert_contains(convoy_error_detail(), "at most 8 extents");
    assert_int_equal(array.rank, 77); /* untouched */
}

/* A version 1.0 file of a header and bytes of data, the header's length as it is. */
static void write_npy(const char *header, size_t data_bytes)
{
    static const char zeros[64];
    char file[1024] = "\x93NUMPY\x01";
    size_t length = strlen(header);
    assert_true(length + 10 + data_bytes <= sizeof file && data_bytes <= sizeof zeros);
    file[8] = (char)(length & 255);
    file[9] = (char)(length >> 8);
    memcpy(file + 10, header, length);
    memcpy(file + 10 + length, zeros, data_bytes);
    place_write("a.npy", file, 10 + length + data_bytes);
}

static void headers_may_be_written_freely(void **state)
{
    static const char *const headers[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n",
        "{'shape':(2,3),'fortran_order':False,'descr':'<f4'}",
        "  {  \"fortran_order\" : False ,\n\t'descr' : \"<f4\" , 'shape' : ( 2 , 3 , ) }   \n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L)}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct npy array;
        write_npy(headers[i], 24);
        assert_ok(npy_read("a.npy", &array));
        expect_extents(&array, 2, (const int64_t[]){2, 3});
        npy_destroy(&array);
    }
    /* One axis has both orders. */
    struct npy array;
    write_npy("{'descr': '<f4', 'fortran_order': True, 'shape': (6,)}", 24);
    assert_ok(npy_read("a.npy", &array));
    npy_destroy(&array);
}

static void broken_headers_are_refused(void **state)
{
    static const char *const headers[] = {
        "",
        "   ",
        "{",
        "{}",
        "(2, 3)",
        "{'descr'",
        "{'descr': '<f4",
        "{'descr': '<f4'}",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} more",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'extra': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'shape': (2, 3)}",
        "{'descr': '<f4' 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': Falsehood, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': [2, 3]}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 6}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2, -3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (+2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2.0, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,,3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': [('a', '<f4'), 'fortran_order': False, 'shape': (2, 3)}",
    };
    struct npy array = {.rank = 77};
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        write_npy(headers[i], 24);
        if (npy_read("a.npy", &array) != CONVOY_ERROR_FORMAT) {
            fail_msg("this header was not refused as it should be: %s", headers[i]);
        }
        assert_int_equal(array.rank, 77);
    }
}

static void sizes_are_checked_before_anything_is_allocated(void **state)
{
    static const struct {
        const char *shape;
        convoy_status status;
        const char *words;
    } cases[] = {
        {"(2, 4)", CONVOY_ERROR_FORMAT, "is truncated: its header promises 32 bytes"},
        {"(5,)", CONVOY_ERROR_FORMAT, "is too long: its header promises 20 bytes"},
        {"()", CONVOY_ERROR_FORMAT, "is too long"},
        /* far more than the machine has, but the length shows the lie first */
        {"(1000000, 1000000, 100000)", CONVOY_ERROR_FORMAT, "is truncated"},
        {"(4294967296, 4294967296)", CONVOY_ERROR_OVERFLOW, "2^63 - 1"},
        {"(2305843009213693952,)", CONVOY_ERROR_OVERFLOW, "2^63 - 1"},
        {"(3, 0)", CONVOY_ERROR_UNSUPPORTED, "extent 1 is 0"},
    };
    struct npy array = {.rank = 77};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char header[128];
        snprintf(header, sizeof header, "{'descr': '<f4', 'fortran_order': False, 'shape': %s}",
                 cases[i].shape);
        write_npy(header, 24);
        assert_status(npy_read("a.npy", &array), cases[i].status);
        assert_contains(convoy_error_detail(), cases[i].words);
    }
    assert_int_equal(array.rank, 77);
}

static void every_prefix_of_a_file_is_refused(void **state)
{
    size_t size;
    char *bytes = place_read(DATA("f4_v3.npy"), &size);
    struct npy array;
    (void)state;
    for (size_t length = 0; length < size; length++) {
        place_write("a.npy", bytes, length);
        assert_status(npy_read("a.npy", &array), CONVOY_ERROR_FORMAT);
    }
    char *longer = malloc(size + 1);
    memcpy(longer, bytes, size + 1);
    place_write("a.npy", longer, size + 1);
    assert_status(npy_read("a.npy", &array), CONVOY_ERROR_FORMAT);
    assert_contains(convoy_error_detail(), "too long");
    free(longer);
    free(bytes);
}

static void headers_that_lie_about_their_length_are_refused(void **state)
{
    struct npy array;
    (void)state;
    place_write("a.npy", "\x93NUMPY\x01\0\xff\xff{'descr'", 18);
    assert_status(npy_read("a.npy", &array), CONVOY_ERROR_FORMAT);
    place_write("a.npy", "\x93NUMPY\x02\0\xff\xff\xff\xff{'descr'", 20);
    assert_status(npy_read("a.npy", &array), CONVOY_ERROR_FORMAT);
    assert_contains(convoy_error_detail(), "claims a header of 4294967295 bytes");
    place_write("a.npy", "\x93NUMPY\x01\0\x04\0{\0}\n", 14);
    assert_status(npy_read("a.npy", &array), CONVOY_ERROR_FORMAT);
    assert_contains(convoy_error_detail(), "not text");
    place_write("a.npy", "\x93NUMPY\x04\0\x02\0{}", 12);
    assert_status(npy_read("a.npy", &array), CONVOY_ERROR_UNSUPPORTED);
    assert_contains(convoy_error_detail(), "version 4.0");
    place_write("a.npy", "PK\x03\x04 an .npz is an archive", 24);
    assert_status(npy_read("a.npy", &array), CONVOY_ERROR_FORMAT);
    assert_contains(convoy_error_detail(), "is not a .npy file");
    assert_status(npy_read("nowhere.npy", &array), CONVOY_ERROR_IO);
    assert_status(npy_read(".", &array), CONVOY_ERROR_IO);
    assert_status(npy_read("/proc/self/mem", &array), CONVOY_ERROR_IO);
}

/* Let a child write bytes into a pipe, and read that. */
static convoy_status read_pipe(const char *bytes, size_t size, struct npy *array)
{
    int status;
    assert_int_equal(mkfifo("pipe", 0600), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGPIPE, SIG_IGN);
        FILE *stream = fopen("pipe", "wb");
        fwrite(bytes, 1, size, stream);
        fclose(stream);
        _exit(0);
    }
    convoy_status result = npy_read("pipe", array);
    assert_int_equal(waitpid(child, &status, 0), child);
    unlink("pipe");
    return result;
}

static void pipes_are_read_and_bounded(void **state)
{
    struct npy array;
    size_t size;
    char *bytes = place_read(DATA("f4.npy"), &size);
    (void)state;
    assert_ok(read_pipe(bytes, size, &array));
    assert_true(((const float *)array.data)[5] == 1.5f);
    npy_destroy(&array);
    assert_status(read_pipe(bytes, size - 1, &array), CONVOY_ERROR_FORMAT);
    assert_contains(convoy_error_detail(), "truncated");
    assert_status(read_pipe(bytes, size + 1, &array), CONVOY_ERROR_FORMAT);
    assert_contains(convoy_error_detail(), "too long");
    free(bytes);
    write_npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 1000000)}", 8);
    bytes = place_read("a.npy", &size);
    assert_status(read_pipe(bytes, size, &array), CONVOY_ERROR_TOO_LARGE);
    free(bytes);
}

static void writes_the_bytes_that_numpy_writes(void **state)
{
    struct npy array;
    size_t expected_size, size;
    char *expected = place_read(DATA("f4.npy"), &expected_size);
    (void)state;
    assert_ok(npy_read(DATA("f4.npy"), &array));
    assert_ok(npy_write("a.npy", array.type, array.rank, array.extents, array.data));
    npy_destroy(&array);
    char *bytes = place_read("a.npy", &size);
    assert_int_equal(size, expected_size);
    assert_memory_equal(bytes, expected, size);
    free(bytes);
    free(expected);
}

static void arrays_of_every_rank_come_back(void **state)
{
    const int64_t extents[NPY_MAX_RANK] = {2, 1, 3, 1, 2, 1, 1, 2};
    double values[24];
    (void)state;
    for (int i = 0; i < 24; i++) {
        values[i] = 1.0 / (i + 1);
    }
    for (int type = CONVOY_FLOAT32; type <= CONVOY_FLOAT64; type++) {
        int64_t count = 1;
        for (int rank = 0; rank <= NPY_MAX_RANK; rank++) {
            struct npy array;
            assert_ok(npy_write("a.npy", (convoy_type)type, rank, extents, values));
            assert_ok(npy_read("a.npy", &array));
            assert_int_equal(array.type, type);
            expect_extents(&array, rank, extents);
            assert_memory_equal(array.data, values, (size_t)count * (type ? 8 : 4));
            npy_destroy(&array);
            count *= rank < NPY_MAX_RANK ? extents[rank] : 1;
        }
    }
}

static void axes_are_in_the_order_of_the_layout(void **state)
{
    convoy_tensor tensor;
    (void)state;
    /* 3 x 2 x 2 is C H W, or H W C */
    assert_ok(npy_read_tensor(DATA("f4_v3.npy"), CONVOY_NCHW, &tensor));
    assert_true(tensor.N == 1 && tensor.C == 3 && tensor.H == 2 && tensor.W == 2);
    assert_true(convoy_tensor_get(&tensor, 0, 2, 0, 1) == -1 + 0.5 * 9);
    convoy_tensor_destroy(&tensor);
    assert_ok(npy_read_tensor(DATA("f4_v3.npy"), CONVOY_NHWC, &tensor));
    assert_true(tensor.N == 1 && tensor.C == 2 && tensor.H == 3 && tensor.W == 2);
    assert_true(convoy_tensor_get(&tensor, 0, 1, 2, 0) == -1 + 0.5 * 9);
    convoy_tensor_destroy(&tensor);
    /* two axes are H W in both */
    assert_ok(npy_read_tensor(DATA("f4.npy"), CONVOY_NHWC, &tensor));
    assert_true(tensor.N == 1 && tensor.C == 1 && tensor.H == 2 && tensor.W == 3);
    assert_true(convoy_tensor_get(&tensor, 0, 0, 1, 2) == 1.5);
    convoy_tensor_destroy(&tensor);
    /* float64 is rounded to float32 */
    assert_ok(npy_read_tensor(DATA("f8_v2.npy"), CONVOY_NHWC, &tensor));
    assert_true(tensor.N == 1 && tensor.C == 3 && tensor.H == 2 && tensor.W == 2);
    assert_int_equal(tensor.type, CONVOY_FLOAT32);
    assert_true(convoy_tensor_get(&tensor, 0, 2, 1, 1) == (float)(4.5 + 1e-9));
    assert_true(convoy_tensor_get(&tensor, 0, 2, 0, 0) == (float)1e-9);
    convoy_tensor_destroy(&tensor);
    tensor = (convoy_tensor){.N = 77};
    assert_status(npy_read_tensor(DATA("scalar.npy"), CONVOY_NCHW, &tensor), CONVOY_ERROR_SHAPE);
    assert_status(npy_read_tensor("nowhere.npy", CONVOY_NCHW, &tensor), CONVOY_ERROR_IO);
    assert_int_equal(tensor.N, 77);
}

static void tensors_come_back(void **state)
{
    (void)state;
    for (int layout = CONVOY_NCHW; layout <= CONVOY_NHWC; layout++) {
        convoy_tensor whole, slice, read;
        convoy_difference difference;
        assert_ok(convoy_tensor_create(CONVOY_FLOAT32, (convoy_layout)layout, 2, 7, 3, 5, &whole));
        assert_ok(convoy_tensor_fill_uniform(&whole, 7, -1, 1));
        assert_ok(convoy_tensor_slice(&whole, 2, 5, &slice)); /* with gaps */
        const convoy_tensor *written[] = {&whole, &slice};
        for (int i = 0; i < 2; i++) {
            assert_ok(npy_write_tensor("a.npy", written[i]));
            assert_ok(npy_read_tensor("a.npy", (convoy_layout)layout, &read));
            assert_ok(convoy_tensor_compare(&read, written[i], &difference));
            assert_int_equal(difference.different, 0);
            convoy_tensor_destroy(&read);
        }
        convoy_tensor_destroy(&whole);
    }
}

static void full_disks_leave_nothing(void **state)
{
    const int64_t extents[] = {100, 100};
    float *values = calloc(10000, sizeof *values);
    struct rlimit usual, tight;
    (void)state;
    unlink("a.npy");
    assert_status(npy_write("/dev/full", CONVOY_FLOAT32, 2, extents, values), CONVOY_ERROR_IO);
    assert_contains(convoy_error_detail(), strerror(ENOSPC));
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
    tight = (struct rlimit){20000, usual.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    convoy_status status = npy_write("a.npy", CONVOY_FLOAT32, 2, extents, values);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
    assert_status(status, CONVOY_ERROR_IO);
    assert_contains(convoy_error_detail(), strerror(EFBIG));
    place_expect("");
    free(values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_numpy_wrote),
        cmocka_unit_test(refuses_other_types_with_the_way_out),
        cmocka_unit_test(headers_may_be_written_freely),
        cmocka_unit_test(broken_headers_are_refused),
        cmocka_unit_test(sizes_are_checked_before_anything_is_allocated),
        cmocka_unit_test(every_prefix_of_a_file_is_refused),
        cmocka_unit_test(headers_that_lie_about_their_length_are_refused),
        cmocka_unit_test(pipes_are_read_and_bounded),
        cmocka_unit_test(writes_the_bytes_that_numpy_writes),
        cmocka_unit_test(arrays_of_every_rank_come_back),
        cmocka_unit_test(axes_are_in_the_order_of_the_layout),
        cmocka_unit_test(tensors_come_back),
        cmocka_unit_test(full_disks_leave_nothing),
    };
    return cmocka_run_group_tests_name("npy", tests, place_setup, place_teardown);
}
