/**
 * @file nearest.c
 * Levenshtein's distance, one row of its table at a time.
 */
#include "cli/nearest.h"

#include <stddef.h>
#include <string.h>

#define LENGTH_MAX 63

static int least_of(int a, int b, int c)
{
    int least = a < b ? a : b;
    return least < c ? least : c;
}

static int distance(const char *a, const char *b)
{
    int row[LENGTH_MAX + 1];
    size_t a_length = strnlen(a, LENGTH_MAX), b_length = strnlen(b, LENGTH_MAX);
    for (size_t j = 0; j <= b_length; j++) {
        row[j] = (int)j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= b_length; j++) {
            int above = row[j];
            row[j] = least_of(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_length];
}

const char *nearest_name(const char *wanted, const char *const *names)
{
    /* A name with half of its characters changed is another name. */
    int best_distance = 1 + (int)strnlen(wanted, LENGTH_MAX) / 3;
    const char *best = NULL;
    for (; *names; names++) {
        int d = distance(wanted, *names);
        if (d < best_distance || (d == best_distance && !best)) {
            best = *names;
            best_distance = d;
        }
    }
    return best;
}
