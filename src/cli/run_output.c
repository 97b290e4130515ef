/**
 * @file run_output.c
 * The result as a file. What can be known to be wrong is said before anything is computed.
 */
#include "cli/run_job.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/errors.h"
#include "io/image.h"
#include "io/npy.h"

static bool is_npy_path(const char *path)
{
    size_t length = strlen(path);
    return length >= 4 && strcasecmp(path + length - 4, ".npy") == 0;
}

int output_check_directory(const char *path)
{
    char *copy = strdup(path);
    if (!copy) {
        return report_no_memory();
    }
    const char *directory = dirname(copy);
    int code = EXIT_GOOD;
    if (access(directory, W_OK | X_OK) != 0) {
        code = report_system("nothing can be written into the directory of %s: %s; choose another",
                             path, strerror(errno));
    }
    free(copy);
    return code;
}

int output_check_path(const char *path)
{
    struct stat info;
    bool exists = stat(path, &info) == 0;
    if (exists && S_ISDIR(info.st_mode)) {
        return report_usage("--output %s is a directory; name a file in it", path);
    }
    if (exists && !S_ISREG(info.st_mode)) {
        return EXIT_GOOD; /* devices and pipes are written to as they are */
    }
    if (!is_npy_path(path) && !image_is_path(path)) {
        return report_usage("--output %s has no known ending; it is .npy, .png, .jpg, .ppm or .pgm",
                            path);
    }
    return output_check_directory(path);
}

int output_check_layer(const struct job *job)
{
    const struct run_options *given = job->given;
    bool image = given->output && image_is_path(given->output);
    if (!image && (given->scale.given || given->offset.given)) {
        return report_usage("--scale and --offset are for pictures; leave them out, or let "
                            "--output end in .png, .jpg, .ppm or .pgm");
    }
    if (image && (job->layer.N != 1 || (job->layer.K != 1 && job->layer.K != 3))) {
        return report_usage("the result has n = %" PRId64 " and %" PRId64
                            " channels, and a picture is n = 1 with 1 or 3; let --output end in "
                            ".npy",
                            job->layer.N, job->layer.K);
    }
    return EXIT_GOOD;
}

static void scale(const struct job *job)
{
    const struct run_options *given = job->given;
    const convoy_tensor *y = &job->y;
    float factor = given->scale.given ? (float)given->scale.value : 1;
    float offset = given->offset.given ? (float)given->offset.value : 0;
    float *values = y->data; /* dense */
    for (int64_t i = 0; i < y->N * y->C * y->H * y->W; i++) {
        values[i] = factor * values[i] + offset;
    }
}

int output_write(struct job *job)
{
    const char *path = job->given->output;
    convoy_status status;
    if (!path) {
        return EXIT_GOOD;
    }
    if (image_is_path(path)) {
        scale(job);
        status = image_write(path, &job->y);
    } else {
        status = npy_write_tensor(path, &job->y);
    }
    return status ? report_write_status(status) : EXIT_GOOD;
}
