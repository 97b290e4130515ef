/**
 * @file json.c
 * JSON as RFC 8259 has it, indented by two.
 */
#include "cli/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/errors.h"

/* Bytes of the UTF-8 character at s; 0 when it is none (RFC 3629: no overlong forms, no
   surrogates, nothing above U+10FFFF). */
static int utf8_length(const unsigned char *s)
{
    static const struct {
        unsigned char low, high, second_low, second_high;
        int length;
    } forms[] = {
        {0x20, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (s[0] < forms[i].low || s[0] > forms[i].high) {
            continue;
        }
        if (forms[i].length == 1) {
            return 1;
        }
        if (s[1] < forms[i].second_low || s[1] > forms[i].second_high) {
            return 0;
        }
        for (int k = 2; k < forms[i].length; k++) {
            if (s[k] < 0x80 || s[k] > 0xbf) {
                return 0;
            }
        }
        return forms[i].length;
    }
    return 0;
}

static void write_string(FILE *stream, const char *value)
{
    fputc('"', stream);
    for (const unsigned char *s = (const unsigned char *)value; *s != '\0';) {
        int length = utf8_length(s);
        if (*s == '"' || *s == '\\') {
            fprintf(stream, "\\%c", *s++);
        } else if (*s < 0x20) {
            fprintf(stream, "\\u%04x", *s++);
        } else if (length == 0) {
            fputs("\\ufffd", stream); /* the replacement character */
            s++;
        } else {
            fwrite(s, 1, (size_t)length, stream);
            s += length;
        }
    }
    fputc('"', stream);
}

static void write_line(struct json *json)
{
    fprintf(json->stream, "\n%*s", 2 * json->depth, "");
}

/* Comma, line and key of the next value; false when nothing can be written. */
static bool begin_value(struct json *json, const char *key)
{
    if (!json->stream) {
        return false;
    }
    if (json->depth > 0) {
        bool *filled = &json->filled[json->depth - 1];
        fputs(*filled ? "," : "", json->stream);
        *filled = true;
        write_line(json);
    }
    if (key) {
        write_string(json->stream, key);
        fputs(": ", json->stream);
    }
    return true;
}

static void open_level(struct json *json, const char *key, char opening, char closing)
{
    if (begin_value(json, key) && json->depth < JSON_DEPTH_MAX) {
        fputc(opening, json->stream);
        json->closing[json->depth] = closing;
        json->filled[json->depth] = false;
        json->depth++;
    }
}

void json_begin(struct json *json)
{
    *json = (struct json){.depth = 0};
    json->stream = open_memstream(&json->text, &json->size);
    open_level(json, NULL, '{', '}');
}

void json_object(struct json *json, const char *key)
{
    open_level(json, key, '{', '}');
}

void json_array(struct json *json, const char *key)
{
    open_level(json, key, '[', ']');
}

void json_end(struct json *json)
{
    if (!json->stream || json->depth == 0) {
        return;
    }
    json->depth--;
    if (json->filled[json->depth]) {
        write_line(json);
    }
    fputc(json->closing[json->depth], json->stream);
}

int json_print(struct json *json)
{
    bool failed = !json->stream;
    while (json->depth > 0) {
        json_end(json);
    }
    if (json->stream) {
        failed = ferror(json->stream) != 0;
        /* Closing without memory loses the text without an error. */
        failed = fclose(json->stream) != 0 || !json->text || failed;
        json->stream = NULL;
    }
    if (!failed) {
        puts(json->text);
    }
    json_discard(json);
    return failed ? report_no_memory() : EXIT_GOOD;
}

void json_discard(struct json *json)
{
    if (json->stream) {
        fclose(json->stream);
    }
    free(json->text);
    *json = (struct json){.depth = 0};
}

void json_string(struct json *json, const char *key, const char *value)
{
    if (!begin_value(json, key)) {
        return;
    }
    if (value) {
        write_string(json->stream, value);
    } else {
        fputs("null", json->stream);
    }
}

void json_integer(struct json *json, const char *key, int64_t value)
{
    if (begin_value(json, key)) {
        fprintf(json->stream, "%" PRId64, value);
    }
}

void json_unsigned(struct json *json, const char *key, uint64_t value)
{
    if (begin_value(json, key)) {
        fprintf(json->stream, "%" PRIu64, value);
    }
}

void json_number(struct json *json, const char *key, double value)
{
    char text[40];
    if (!begin_value(json, key)) {
        return;
    }
    if (!isfinite(value)) {
        fputs("null", json->stream);
        return;
    }
    snprintf(text, sizeof text, "%.15g", value); /* 17 digits only where 15 lose something */
    if (strtod(text, NULL) != value) {
        snprintf(text, sizeof text, "%.17g", value);
    }
    fputs(text, json->stream);
}

void json_boolean(struct json *json, const char *key, bool value)
{
    if (begin_value(json, key)) {
        fputs(value ? "true" : "false", json->stream);
    }
}
