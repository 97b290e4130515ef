/**
 * @file npy_header.c
 * A parser for as much of Python's literals as .npy headers hold.
 */
#include "io/npy_header.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *skip_blanks(const char *p)
{
    return p + strspn(p, " \t\r\n\v\f");
}

/* 'text' or "text"; NULL when it is none or does not fit. */
static const char *parse_string(const char *p, char *text, size_t size)
{
    char quote = *p;
    if (quote != '\'' && quote != '"') {
        return NULL;
    }
    const char *end = strchr(p + 1, quote);
    if (!end || (size_t)(end - p - 1) >= size) {
        return NULL;
    }
    memcpy(text, p + 1, (size_t)(end - p - 1));
    text[end - p - 1] = '\0';
    return end + 1;
}

/* (1, 2,) with an optional L behind each number, as Python 2 wrote them. */
static const char *parse_shape(const char *p, struct npy_header *header)
{
    if (*p != '(') {
        return NULL;
    }
    p = skip_blanks(p + 1);
    while (*p != ')') {
        char *end;
        errno = 0;
        long long extent = strtoll(p, &end, 10);
        if (*p < '0' || *p > '9' || errno || header->rank == NPY_MAX_RANK) {
            return NULL;
        }
        header->extents[header->rank++] = extent;
        p = skip_blanks(*end == 'L' ? end + 1 : end);
        if (*p == ',') {
            p = skip_blanks(p + 1);
        } else if (*p != ')') {
            return NULL;
        }
    }
    return p + 1;
}

/* The value of one key; NULL when key or value is not as it must be. */
static const char *parse_value(const char *p, const char *key, struct npy_header *header)
{
    char type[sizeof header->descr];
    if (strcmp(key, "descr") == 0 && !header->has_descr) {
        header->has_descr = true;
        if (*p == '[') {
            /* a structured type: refused by name, so the rest need not be understood */
            snprintf(header->descr, sizeof header->descr, "%.40s", p);
            return strchr(p, ']') ? strrchr(p, ']') + 1 : NULL;
        }
        p = parse_string(p, type, sizeof type);
        if (p) {
            memcpy(header->descr, type, sizeof type);
        }
        return p;
    }
    if (strcmp(key, "fortran_order") == 0 && !header->has_order) {
        header->has_order = true;
        header->fortran_order = strncmp(p, "True", 4) == 0;
        return header->fortran_order ? p + 4 : strncmp(p, "False", 5) == 0 ? p + 5 : NULL;
    }
    if (strcmp(key, "shape") == 0 && !header->has_shape) {
        header->has_shape = true;
        return parse_shape(p, header);
    }
    return NULL;
}

bool npy_header_parse(const char *text, struct npy_header *header)
{
    *header = (struct npy_header){0};
    const char *p = skip_blanks(text);
    if (*p != '{') {
        return false;
    }
    p = skip_blanks(p + 1);
    while (*p != '}') {
        char key[32];
        p = parse_string(p, key, sizeof key);
        p = p ? skip_blanks(p) : NULL;
        if (!p || *p != ':') {
            return false;
        }
        p = parse_value(skip_blanks(p + 1), key, header);
        p = p ? skip_blanks(p) : NULL;
        if (!p || (*p != ',' && *p != '}')) {
            return false;
        }
        p = *p == ',' ? skip_blanks(p + 1) : p;
    }
    return *skip_blanks(p + 1) == '\0' && header->has_descr && header->has_order &&
           header->has_shape;
}
