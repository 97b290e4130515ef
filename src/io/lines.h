/**
 * @file lines.h
 * Text files line by line, as strangers write them: lines too long and zero bytes are seen.
 */
#ifndef CONVOY_IO_LINES_H
#define CONVOY_IO_LINES_H

#include <stdbool.h>
#include <stdio.h>

#define LINE_SIZE 1024
/** What stands between the words of a line. */
#define LINE_BLANKS " \t\r\n\v\f"

/**
 * The next line without its end.
 * @param sound  receives false for one that is too long or has a zero byte in it; the rest of it is
 *               still to be read
 * @return false after the last line
 */
bool line_read(FILE *stream, char line[LINE_SIZE], bool *sound);

#endif
