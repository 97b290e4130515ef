/**
 * @file json.h
 * A JSON document, put together in memory and printed whole: on an error nothing of it is seen.
 * Members of objects have a key, elements of arrays the key NULL. Strings become valid UTF-8;
 * numbers that JSON cannot write (infinity, NaN) become null.
 */
#ifndef CONVOY_CLI_JSON_H
#define CONVOY_CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH_MAX 16

struct json {
    FILE *stream; /* on text; NULL when there is no memory: then nothing more is written */
    char *text;
    size_t size;
    int depth;
    char closing[JSON_DEPTH_MAX]; /* what ends each open object or array */
    bool filled[JSON_DEPTH_MAX];  /* it has a member */
};

/** Begin a document, which is an object. */
void json_begin(struct json *json);
/** End it and print it on stdout. @return EXIT_GOOD, or EXIT_SYSTEM_FAILED (reported) */
int json_print(struct json *json);
/** Drop it. */
void json_discard(struct json *json);

void json_object(struct json *json, const char *key);
void json_array(struct json *json, const char *key);
/** End the innermost object or array. */
void json_end(struct json *json);

/** value NULL: null. */
void json_string(struct json *json, const char *key, const char *value);
void json_integer(struct json *json, const char *key, int64_t value);
void json_unsigned(struct json *json, const char *key, uint64_t value);
void json_number(struct json *json, const char *key, double value);
void json_boolean(struct json *json, const char *key, bool value);

#endif
