/**
 * @file wisdom.c
 * Wisdom from anywhere. Where the first byte is '+', this machine's heading goes before the rest,
 * so that the lines are reached; what is then known is printed and parsed to the same again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convoy/convoy.h"
#include "fuzz/fuzz.h"

/* The heading of an empty wisdom, and the input behind it; to be freed. */
static char *with_heading(const convoy_wisdom *wisdom, const uint8_t *data, size_t size,
                          size_t *length)
{
    char *heading, *text;
    EXPECT(convoy_wisdom_print(wisdom, &heading) == CONVOY_OK);
    size_t begun = strlen(heading);
    *length = begun + size;
    text = malloc(*length + 1);
    EXPECT(text != NULL);
    memcpy(text, heading, begun);
    memcpy(text + begun, data, size);
    free(heading);
    return text;
}

static convoy_wisdom *create(void)
{
    convoy_wisdom *wisdom;
    EXPECT(convoy_wisdom_create(&wisdom) == CONVOY_OK);
    return wisdom;
}

static void check_again(const convoy_wisdom *wisdom)
{
    convoy_wisdom *copy = create();
    convoy_wisdom_report report;
    char *first, *second;
    EXPECT(convoy_wisdom_print(wisdom, &first) == CONVOY_OK);
    EXPECT(convoy_wisdom_parse(copy, first, strlen(first), &report) == CONVOY_OK);
    EXPECT(report.skipped == 0 && report.lines == convoy_wisdom_count(wisdom));
    EXPECT(convoy_wisdom_print(copy, &second) == CONVOY_OK);
    EXPECT(strcmp(first, second) == 0);
    free(first);
    free(second);
    convoy_wisdom_destroy(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    convoy_wisdom *wisdom = create();
    convoy_wisdom_report report;
    if (size > 0 && data[0] == '+') {
        size_t length;
        char *text = with_heading(wisdom, data + 1, size - 1, &length);
        EXPECT(convoy_wisdom_parse(wisdom, text, length, &report) == CONVOY_OK);
        free(text);
        check_again(wisdom);
    } else {
        (void)convoy_wisdom_parse(wisdom, (const char *)data, size, &report);
    }
    convoy_wisdom_destroy(wisdom);
    return 0;
}
