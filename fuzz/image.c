/**
 * @file image.c
 * PNG, JPEG, PPM and PGM files; the first bytes decide which.
 */
#include "convoy/convoy.h"
#include "fuzz/fuzz.h"
#include "io/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int channels[] = {0, 1, 3};
    const char *path = fuzz_file(data, size);
    int wanted = channels[size % 3];
    convoy_tensor image;
    if (!image_read(path, size % 2 ? CONVOY_NCHW : CONVOY_NHWC, wanted, &image)) {
        EXPECT(image.C == (wanted ? wanted : image.C) && (image.C == 1 || image.C == 3));
        double last = convoy_tensor_get(&image, 0, image.C - 1, image.H - 1, image.W - 1);
        EXPECT(last >= 0 && last <= 255);
        convoy_tensor_destroy(&image);
    }
    return 0;
}
