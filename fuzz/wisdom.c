/**
 * @file wisdom.c
 * Wisdom from anywhere. Where the first byte is '+', this machine's heading goes before the rest,
 * so that the lines are reached; what is then known is printed and parsed to the same again.
 */
#include <stdlib.h>
#include <string.h>

#include "convoy/convoy.h"
#include "fuzz/fuzz.h"

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
        char *text = fuzz_headed("convoy-wisdom 1", data + 1, size - 1);
        EXPECT(convoy_wisdom_parse(wisdom, text, strlen(text), &report) == CONVOY_OK);
        free(text);
        check_again(wisdom);
    } else {
        (void)convoy_wisdom_parse(wisdom, (const char *)data, size, &report);
    }
    convoy_wisdom_destroy(wisdom);
    return 0;
}
