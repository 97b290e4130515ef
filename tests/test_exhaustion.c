/**
 * @file test_exhaustion.c
 * The process runs out of memory while a file is read or written: whichever allocation fails, of
 * ours, of the C library's, of libpng's or of libjpeg's, the call says so (or does without), leaves
 * no block and no half of a file behind, and works the next time. malloc and its kin are replaced
 * for the whole program.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "convoy/convoy.h"
#include "core/file.h"
#include "io/chain_file.h"
#include "io/image.h"
#include "io/layer_file.h"
#include "io/npy.h"
#include "support/check.h"
#include "support/place.h"
#include "support/wisdom_text.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REPLACES_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define REPLACES_MALLOC 0
#endif
#endif
#if !defined(REPLACES_MALLOC) && defined(__GLIBC__)
#define REPLACES_MALLOC 1
#elif !defined(REPLACES_MALLOC)
#define REPLACES_MALLOC 0
#endif

/* Allocations while armed; the one whose turn it is fails. */
static bool armed;
static long calls, fail_at, held;

#if REPLACES_MALLOC
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *memory, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);
extern void __libc_free(void *memory);

static bool refused(void)
{
    if (armed && ++calls == fail_at) {
        errno = ENOMEM;
        return true;
    }
    return false;
}

static void *count(void *memory)
{
    held += armed && memory;
    return memory;
}

void *malloc(size_t bytes)
{
    return refused() ? NULL : count(__libc_malloc(bytes));
}

void *calloc(size_t number, size_t bytes)
{
    return refused() ? NULL : count(__libc_calloc(number, bytes));
}

void *realloc(void *memory, size_t bytes)
{
    if (refused()) {
        return NULL;
    }
    return memory ? __libc_realloc(memory, bytes) : count(__libc_malloc(bytes));
}

void *memalign(size_t alignment, size_t bytes)
{
    return refused() ? NULL : count(__libc_memalign(alignment, bytes));
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    return memalign(alignment, bytes);
}

int posix_memalign(void **memory, size_t alignment, size_t bytes)
{
    void *block = memalign(alignment, bytes);
    if (!block) {
        return ENOMEM;
    }
    *memory = block;
    return 0;
}

void free(void *memory)
{
    held -= armed && memory;
    __libc_free(memory);
}
#endif

static char *wisdom_text;
static float values[3 * 20 * 20];
static const int64_t extents[] = {3, 20, 20};

static convoy_status read_npy(void)
{
    struct npy array = {0};
    convoy_status status = npy_read("old.npy", &array);
    npy_destroy(&array);
    return status;
}

static convoy_status write_npy(void)
{
    return npy_write("new", CONVOY_FLOAT32, 3, extents, values);
}

static convoy_status read_image(const char *path)
{
    convoy_tensor image = {0};
    convoy_status status = image_read(path, CONVOY_NHWC, 0, &image);
    convoy_tensor_destroy(&image);
    return status;
}

static convoy_status read_png(void)
{
    return read_image("old.png");
}

static convoy_status read_jpeg(void)
{
    return read_image("old.jpg");
}

static convoy_status read_ppm(void)
{
    return read_image("old.ppm");
}

static convoy_status write_image(const char *path)
{
    convoy_tensor image;
    convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, 1, 3, 20, 20, values, &image);
    return image_write(path, &image);
}

static convoy_status write_png(void)
{
    return write_image("new.png");
}

static convoy_status write_jpeg(void)
{
    return write_image("new.jpg");
}

static convoy_status write_ppm(void)
{
    return write_image("new.ppm");
}

static convoy_status read_layers(void)
{
    struct layer_list list = {0};
    convoy_status status = layer_file_read("old.txt", &list);
    layer_list_destroy(&list);
    return status;
}

static convoy_status find_layers(void)
{
    struct layer_list list = {0};
    convoy_status status = layer_list_append("tails", &list);
    layer_list_destroy(&list);
    return status;
}

static convoy_status name_layers(void)
{
    char **names = NULL;
    convoy_status status = layer_list_names(&names);
    layer_list_names_destroy(names);
    return status;
}

static convoy_status read_chain(void)
{
    struct chain_file file = {0};
    convoy_status status = chain_file_read("old.chain", &file);
    chain_file_destroy(&file);
    return status;
}

/* Read, print and write a wisdom. */
static convoy_status use_wisdom(void)
{
    convoy_wisdom *wisdom;
    char *text = NULL;
    convoy_status status = convoy_wisdom_create(&wisdom);
    if (status) {
        return status;
    }
    status = convoy_wisdom_import(wisdom, "old.wisdom", NULL);
    status = status ? status : convoy_wisdom_print(wisdom, &text);
    status = status ? status : convoy_wisdom_export(wisdom, "new.wisdom", NULL);
    free(text);
    convoy_wisdom_destroy(wisdom);
    return status;
}

static convoy_status use_calibration(void)
{
    convoy_calibration *calibration;
    convoy_status status = convoy_calibration_import("old.calibration", &calibration);
    if (!status) {
        status = convoy_calibration_export(calibration, "new.calibration");
        convoy_calibration_destroy(calibration);
    }
    return status;
}

static convoy_status write_device(void)
{
    struct file_writer writer;
    convoy_status status = file_create("/dev/null", &writer);
    return status ? status : file_commit(&writer);
}

static const struct work {
    const char *name;
    convoy_status (*call)(void);
    const char *file; /* that it writes */
} works[] = {
    {"read .npy", read_npy, NULL},
    {"write .npy", write_npy, "new"},
    {"read PNG", read_png, NULL},
    {"write PNG", write_png, "new.png"},
    {"read JPEG", read_jpeg, NULL},
    {"write JPEG", write_jpeg, "new.jpg"},
    {"read PPM", read_ppm, NULL},
    {"write PPM", write_ppm, "new.ppm"},
    {"read a layer file", read_layers, NULL},
    {"find a layer list", find_layers, NULL},
    {"names of the layer lists", name_layers, NULL},
    {"read a chain file", read_chain, NULL},
    {"wisdom", use_wisdom, "new.wisdom"},
    {"calibration", use_calibration, "new.calibration"},
    {"write a device", write_device, NULL},
};

static int setup(void **state)
{
    static const char layers[] =
        "one n1c3h8w8_k4r3s3\ntwo n1c4h6w6_k5r1s1\nthree n1c1h1w1_k1r1s1\n";
    static const char chain[] = "a c3h8w8_k4r3s3 filter=a.npy bias=/b.npy activation=relu\n"
                                "b c4h6w6_k5r1s1 filter=b/c.npy\n";
    if (place_setup(state) != 0) {
        return -1;
    }
    for (int i = 0; i < 3 * 20 * 20; i++) {
        values[i] = (float)(i * 37 % 256);
    }
    assert_ok(npy_write("old.npy", CONVOY_FLOAT32, 3, extents, values));
    assert_ok(write_image("old.png"));
    assert_ok(write_image("old.jpg"));
    assert_ok(write_image("old.ppm"));
    place_write("old.txt", layers, sizeof layers - 1);
    place_write("old.chain", chain, sizeof chain - 1);
    wisdom_text = make_wisdom_text("n1c3h8w8_k4r3s3 nchw portable 1 default none direct 812.431\n");
    place_write("old.wisdom", wisdom_text, strlen(wisdom_text));
    convoy_calibration *calibration;
    assert_ok(convoy_calibration_measure(1, &calibration));
    assert_ok(convoy_calibration_export(calibration, "old.calibration"));
    convoy_calibration_destroy(calibration);
    return 0;
}

static int teardown(void **state)
{
    free(wisdom_text);
    return place_teardown(state);
}

/* Work with allocation n failing. True: it got so far. */
static bool run_with_failure(const struct work *work, long n, convoy_status *status)
{
    calls = held = 0;
    fail_at = n;
    armed = true;
    *status = work->call();
    armed = false;
    return calls >= n;
}

static void expect_same_file(const char *path, const char *expected, size_t size)
{
    size_t now_size;
    char *now = place_read(path, &now_size);
    assert_int_equal(now_size, size);
    assert_memory_equal(now, expected, size);
    free(now);
}

/* The file is there as it should be, or not at all, and nothing lies beside. */
static void expect_files(const struct work *work, convoy_status status, const char *files,
                         const char *whole, size_t size)
{
    if (work->file && status == CONVOY_OK) {
        expect_same_file(work->file, whole, size);
        unlink(work->file);
    }
    place_expect(files);
}

static int fail_each(const struct work *work)
{
    convoy_status status;
    char *files = place_files(), *whole = NULL;
    size_t size = 0;
    long n = 0;
    assert_ok(work->call()); /* what the C library keeps for good is allocated now */
    if (work->file) {
        whole = place_read(work->file, &size);
        unlink(work->file);
    }
    while (run_with_failure(work, ++n, &status)) {
        if ((status != CONVOY_OK && status != CONVOY_ERROR_MEMORY) || held != 0) {
            fail_msg("%s: allocation %ld failed: %s, %ld blocks held; %s", work->name, n,
                     convoy_status_name(status), held, convoy_error_detail());
        }
        expect_files(work, status, files, whole, size);
        assert_ok(work->call());
        if (work->file) {
            expect_files(work, CONVOY_OK, files, whole, size);
        }
    }
    assert_ok(status);
    expect_files(work, status, files, whole, size);
    free(files);
    free(whole);
    return (int)n - 1;
}

static void every_allocation_of_io_fails_once(void **state)
{
    int points = 0;
    (void)state;
    if (!REPLACES_MALLOC) {
        print_message("skipped: a sanitizer, or another C library, has its own malloc\n");
        skip();
    }
    for (size_t i = 0; i < sizeof works / sizeof works[0]; i++) {
        int count = fail_each(&works[i]);
        print_message("%s: %d\n", works[i].name, count);
        assert_true(count > 0);
        points += count;
    }
    print_message("%d allocations failed in turn\n", points);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_of_io_fails_once),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
