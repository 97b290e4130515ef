/**
 * @file operands.c
 * Feature maps and parameters from files.
 */
#include "cli/command.h"
#include "cli/errors.h"
#include "cli/run_job.h"
#include "io/image.h"
#include "io/npy.h"

int operand_read_map(const char *path, const struct run_options *given, convoy_layout layout,
                     convoy_tensor *tensor)
{
    int channels = given->grey ? 1 : given->rgb ? 3 : 0;
    convoy_status status = image_is_path(path) ? image_read(path, layout, channels, tensor)
                                               : npy_read_tensor(path, layout, tensor);
    return status ? report_status(status, NULL) : EXIT_GOOD;
}

int operand_read_parameters(const char *path, const char *what, int rank, convoy_tensor *tensor)
{
    struct npy array;
    convoy_tensor view;
    convoy_status status = npy_read(path, &array);
    if (status) {
        return report_status(status, NULL);
    }
    if (array.rank != rank) {
        int code = report_usage("the %s in %s has %d axes; it must have %s", what, path, array.rank,
                                rank == 4 ? "4: K, C/groups, R, S" : "1: K");
        npy_destroy(&array);
        return code;
    }
    int64_t extents[4] = {1, 1, 1, 1};
    for (int axis = 0; axis < rank; axis++) {
        extents[axis] = array.extents[axis];
    }
    status = convoy_tensor_view(array.type, CONVOY_NCHW, extents[0], extents[1], extents[2],
                                extents[3], array.data, &view);
    if (!status) {
        status = convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, extents[0], extents[1],
                                      extents[2], extents[3], tensor);
    }
    if (!status) {
        status = convoy_tensor_copy(&view, tensor);
    }
    npy_destroy(&array);
    return status ? report_status(status, path) : EXIT_GOOD;
}
