/**
 * @file text.c
 * Colours follow no-color.org: an environment variable NO_COLOR that is not empty turns them off.
 */
#include "cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *text_grouped(int64_t value, char text[TEXT_SIZE])
{
    char digits[TEXT_SIZE];
    int length = snprintf(digits, sizeof digits, "%" PRId64, value);
    int first = digits[0] == '-';
    char *to = text;
    for (int i = 0; i < length; i++) {
        if (i > first && (length - i) % 3 == 0) {
            *to++ = ',';
        }
        *to++ = digits[i];
    }
    *to = '\0';
    return text;
}

const char *text_duration(double seconds, char text[TEXT_SIZE])
{
    long whole = (long)(seconds + 0.5);
    if (seconds < 1e-3) {
        snprintf(text, TEXT_SIZE, "%.3g us", seconds * 1e6);
    } else if (seconds < 1) {
        snprintf(text, TEXT_SIZE, "%.3g ms", seconds * 1e3);
    } else if (seconds < 10) {
        snprintf(text, TEXT_SIZE, "%.3g s", seconds);
    } else if (whole < 60) {
        snprintf(text, TEXT_SIZE, "%ld s", whole);
    } else if (whole < 3600) {
        snprintf(text, TEXT_SIZE, "%ld min %ld s", whole / 60, whole % 60);
    } else {
        snprintf(text, TEXT_SIZE, "%ld h %ld min", whole / 3600, whole / 60 % 60);
    }
    return text;
}

const char *text_bytes(uint64_t bytes, char text[TEXT_SIZE])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes / 1024;
    size_t unit = 0;
    if (bytes < 1024) {
        snprintf(text, TEXT_SIZE, "%" PRIu64 " bytes", bytes);
        return text;
    }
    while (value >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    snprintf(text, TEXT_SIZE, "%.*f %s", value < 100 && value != (int)value ? 1 : 0, value,
             units[unit]);
    return text;
}

static bool wants_colours(void)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

const char *colour_text(enum colour colour)
{
    static const char *const sequences[] = {"\033[0m", "\033[1m", "\033[32m", "\033[1;31m"};
    return wants_colours() ? sequences[colour] : "";
}

double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
