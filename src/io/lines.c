/**
 * @file lines.c
 * Lines into a buffer of fixed size.
 */
#include "io/lines.h"

bool line_read(FILE *stream, char line[LINE_SIZE], bool *sound)
{
    size_t length = 0;
    int c;
    *sound = true;
    while ((c = getc(stream)) != EOF && c != '\n') {
        if (c == '\0' || length == LINE_SIZE - 1) {
            *sound = false;
            return true;
        }
        line[length++] = (char)c;
    }
    line[length] = '\0';
    return c != EOF || length > 0;
}
