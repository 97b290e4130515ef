/**
 * @file json_check.c
 * A recursive descent through the grammar; shares nothing with the writer that it checks.
 */
#include "support/json_check.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define DEPTH_MAX 64

static bool value(const char **at, int depth);

static void blanks(const char **at)
{
    *at += strspn(*at, " \t\r\n");
}

static bool take(const char **at, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(*at, word, length) != 0) {
        return false;
    }
    *at += length;
    return true;
}

static bool digits(const char **at)
{
    size_t count = strspn(*at, "0123456789");
    *at += count;
    return count > 0;
}

static bool number(const char **at)
{
    take(at, "-");
    if (!take(at, "0") && !digits(at)) {
        return false;
    }
    if (take(at, ".") && !digits(at)) {
        return false;
    }
    if (take(at, "e") || take(at, "E")) {
        if (!take(at, "+")) {
            take(at, "-");
        }
        return digits(at);
    }
    return true;
}

/* One character of UTF-8 above 0x7f: the value decoded, and no shorter form of it. */
static bool wide_character(const char **at)
{
    const unsigned char *s = (const unsigned char *)*at;
    int more = s[0] >= 0xf0 ? 3 : s[0] >= 0xe0 ? 2 : 1;
    static const unsigned long least[] = {0, 0x80, 0x800, 0x10000};
    if (s[0] < 0xc0 || s[0] > 0xf7) {
        return false;
    }
    unsigned long code = s[0] & (0x3fu >> more);
    for (int i = 1; i <= more; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return false;
        }
        code = code << 6 | (s[i] & 0x3fu);
    }
    *at += more + 1;
    return code >= least[more] && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
}

static bool escape(const char **at)
{
    if (take(at, "u")) {
        size_t hex = strspn(*at, "0123456789abcdefABCDEF");
        *at += 4;
        return hex >= 4;
    }
    bool known = **at != '\0' && strchr("\"\\/bfnrt", **at) != NULL;
    *at += known;
    return known;
}

static bool string(const char **at)
{
    if (!take(at, "\"")) {
        return false;
    }
    while (!take(at, "\"")) {
        unsigned char c = (unsigned char)**at;
        if (c < 0x20) {
            return false;
        }
        if (c >= 0x80) {
            if (!wide_character(at)) {
                return false;
            }
            continue;
        }
        (*at)++;
        if (c == '\\' && !escape(at)) {
            return false;
        }
    }
    return true;
}

/* Members or elements, up to the closing bracket. */
static bool series(const char **at, const char *closing, bool keys, int depth)
{
    blanks(at);
    if (take(at, closing)) {
        return true;
    }
    do {
        blanks(at);
        if (keys) {
            if (!string(at)) {
                return false;
            }
            blanks(at);
            if (!take(at, ":")) {
                return false;
            }
        }
        if (!value(at, depth + 1)) {
            return false;
        }
    } while (take(at, ","));
    return take(at, closing);
}

static bool value(const char **at, int depth)
{
    bool good;
    blanks(at);
    if (depth > DEPTH_MAX) {
        return false;
    }
    if (take(at, "{")) {
        good = series(at, "}", true, depth);
    } else if (take(at, "[")) {
        good = series(at, "]", false, depth);
    } else if (**at == '"') {
        good = string(at);
    } else {
        good = take(at, "true") || take(at, "false") || take(at, "null") || number(at);
    }
    blanks(at);
    return good;
}

const char *json_check(const char *text)
{
    const char *at = text;
    return value(&at, 0) && *at == '\0' ? NULL : at;
}
