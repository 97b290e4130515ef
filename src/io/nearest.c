/**
 * @file nearest.c
 * Levenshtein's distance, and the names nearest by it.
 */
#include "io/nearest.h"

#include <stdio.h>
#include <string.h>

#define LENGTH_MAX 127
#define SHOWN      3

static int smallest(int a, int b, int c)
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
            row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
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

void nearest_names(const char *wanted, const char *const *names, char *text, size_t size)
{
    const char *best[SHOWN] = {NULL};
    int best_distance[SHOWN] = {0};
    for (; *names; names++) {
        const char *name = *names;
        int d = distance(wanted, name);
        for (int i = 0; i < SHOWN; i++) {
            if (!best[i] || d < best_distance[i]) {
                const char *pushed = best[i];
                int pushed_distance = best_distance[i];
                best[i] = name;
                best_distance[i] = d;
                name = pushed;
                d = pushed_distance;
                if (!name) {
                    break;
                }
            }
        }
    }
    size_t length = 0;
    text[0] = '\0';
    for (int i = 0; i < SHOWN && best[i] && length < size; i++) {
        length += (size_t)snprintf(text + length, size - length, "%s%s", i ? ", " : "", best[i]);
    }
}
