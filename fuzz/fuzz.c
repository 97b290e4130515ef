/**
 * @file fuzz.c
 * Inputs as files and strings.
 */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "convoy/convoy.h"

_Noreturn void fuzz_fail(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: %s does not hold\n", file, line, condition);
    abort();
}

const char *fuzz_file(const uint8_t *data, size_t size)
{
    static char path[40];
    static int file = -1;
    if (file < 0) {
        file = memfd_create("input", MFD_CLOEXEC);
        EXPECT(file >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    EXPECT(ftruncate(file, 0) == 0);
    EXPECT(pwrite(file, data, size, 0) == (ssize_t)size);
    return path;
}

char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    EXPECT(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

char *fuzz_headed(const char *first_line, const uint8_t *data, size_t size)
{
    convoy_wisdom *wisdom;
    char *heading, *input = fuzz_text(data, size), *text;
    EXPECT(convoy_wisdom_create(&wisdom) == CONVOY_OK);
    EXPECT(convoy_wisdom_print(wisdom, &heading) == CONVOY_OK);
    EXPECT(asprintf(&text, "%s%s%s", first_line, strchr(heading, '\n'), input) >= 0);
    free(heading);
    free(input);
    convoy_wisdom_destroy(wisdom);
    return text;
}
