/**
 * @file problem_string.c
 * The problem string, parsed and printed in this one place:
 *
 *   problem = [ "n" N ] "c" C "h" H "w" W  "_"  "k" K "r" R "s" S  { "_" suffix }
 *   suffix  = "st" pair | "dl" pair | "g" number | "pd" padding | "same" | "same_lower" | "valid"
 *   pair    = number [ "x" number ]
 *   padding = pair | number "," number "," number "," number
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "convoy/layer.h"
#include "core/error.h"

/* How far the parser is; `status` keeps the first error. */
struct parser {
    const char *text, *at;
    convoy_status status;
    bool stride_seen, padding_seen, dilation_seen, groups_seen;
    bool by_rule;
    convoy_padding rule;
};

/* Long strings are quoted in part, so that the rest of the sentence keeps its place. */
#define QUOTED_CHARACTERS 60
#define REST_CHARACTERS   16

/* "problem "...", character 7, at "x4": <what>"; characters are counted from 1. */
static bool reject(struct parser *parser, convoy_status status, const char *at, const char *what)
{
    char rest[REST_CHARACTERS + 24];
    const char *dots = strlen(parser->text) > QUOTED_CHARACTERS ? "..." : "";

    if (*at == '\0') {
        snprintf(rest, sizeof rest, "at its end");
    } else {
        snprintf(rest, sizeof rest, "at \"%.*s%s\"", REST_CHARACTERS, at,
                 strlen(at) > REST_CHARACTERS ? "..." : "");
    }
    parser->status = fail(status, "problem \"%.*s%s\", character %zu, %s: %s", QUOTED_CHARACTERS,
                          parser->text, dots, (size_t)(at - parser->text) + 1, rest, what);
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A number of `least` to 2^31-1. Any more digits are read too, so that the error is the right one.
 */
static bool read_number(struct parser *parser, const char *name, int64_t least, int64_t *number)
{
    const char *start = parser->at;
    const char *digits = start + (*start == '-');
    const char *at = digits;
    char what[160];
    int64_t value = 0;

    while (is_digit(*at)) {
        if (value <= INT32_MAX) { /* beyond, the value is too large whatever follows */
            value = 10 * value + (*at - '0');
        }
        at++;
    }
    if (at == digits) {
        snprintf(what, sizeof what, "expected a number, %s", name);
        return reject(parser, CONVOY_ERROR_SYNTAX, start, what);
    }
    if (digits != start || value < least || value > INT32_MAX) {
        snprintf(what, sizeof what, "%s must be %" PRId64 " to %d", name, least, INT32_MAX);
        return reject(parser, CONVOY_ERROR_EXTENT, start, what);
    }
    *number = value;
    parser->at = at;
    return true;
}

/* A letter and its number. */
static bool read_extent(struct parser *parser, char letter, const char *name, int64_t *extent)
{
    if (*parser->at != letter) {
        char what[200];
        snprintf(what, sizeof what,
                 "expected '%c' and %s; a problem is written like n1c128h100w100_k256r5s5_pd2",
                 letter, name);
        return reject(parser, CONVOY_ERROR_SYNTAX, parser->at, what);
    }
    parser->at++;
    return read_number(parser, name, 1, extent);
}

/* "2" or "2x1". */
static bool read_pair(struct parser *parser, const char *name, int64_t least, int64_t *h,
                      int64_t *w)
{
    if (!read_number(parser, name, least, h)) {
        return false;
    }
    *w = *h;
    if (*parser->at != 'x') {
        return true;
    }
    parser->at++;
    return read_number(parser, name, least, w);
}

/* "1" or "1x3" or "0,1,0,1". */
static bool read_padding(struct parser *parser, convoy_layer *layer)
{
    const char *start = parser->at;
    int64_t *const sides[] = {&layer->pad_top, &layer->pad_bottom, &layer->pad_left,
                              &layer->pad_right};

    if (!read_pair(parser, "the padding", 0, &layer->pad_top, &layer->pad_left)) {
        return false;
    }
    layer->pad_bottom = layer->pad_top;
    layer->pad_right = layer->pad_left;
    if (*parser->at != ',') {
        return true;
    }
    parser->at = start;
    for (int side = 0; side < 4; side++) {
        if (side > 0) {
            if (*parser->at != ',') {
                return reject(parser, CONVOY_ERROR_SYNTAX, parser->at,
                              "expected ',': padding is _pd1, _pd1x3 (height x width) or "
                              "_pd0,1,0,1 (top,bottom,left,right)");
            }
            parser->at++;
        }
        if (!read_number(parser, "the padding", 0, sides[side])) {
            return false;
        }
    }
    return true;
}

/* Step over a word if it stands here. */
static bool take(struct parser *parser, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(parser->at, word, length) != 0) {
        return false;
    }
    parser->at += length;
    return true;
}

/* *seen becomes true; that it was so already is an error at `start`. */
static bool once(struct parser *parser, const char *start, const char *what, bool *seen)
{
    if (*seen) {
        char text[160];
        snprintf(text, sizeof text, "%s given for the second time; leave out one of the two", what);
        return reject(parser, CONVOY_ERROR_SYNTAX, start, text);
    }
    *seen = true;
    return true;
}

/* One suffix, after its '_'. */
static bool read_suffix(struct parser *parser, convoy_layer *layer)
{
    static const struct {
        const char *word;
        convoy_padding rule;
    } rules[] = {{"same_lower", CONVOY_SAME_LOWER}, {"same", CONVOY_SAME}, {"valid", CONVOY_VALID}};
    const char *padding = "the padding (pd, same, same_lower or valid) is";
    const char *start = parser->at;

    if (take(parser, "st")) {
        return once(parser, start, "the stride is", &parser->stride_seen) &&
               read_pair(parser, "the stride", 1, &layer->stride_h, &layer->stride_w);
    }
    if (take(parser, "dl")) {
        return once(parser, start, "the dilation is", &parser->dilation_seen) &&
               read_pair(parser, "the dilation", 1, &layer->dilation_h, &layer->dilation_w);
    }
    if (take(parser, "g")) {
        return once(parser, start, "the groups are", &parser->groups_seen) &&
               read_number(parser, "the number of groups", 1, &layer->groups);
    }
    if (take(parser, "pd")) {
        return once(parser, start, padding, &parser->padding_seen) && read_padding(parser, layer);
    }
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (take(parser, rules[i].word)) {
            parser->by_rule = true;
            parser->rule = rules[i].rule;
            return once(parser, start, padding, &parser->padding_seen);
        }
    }
    return reject(parser, CONVOY_ERROR_SYNTAX, start,
                  "expected st (stride), pd, same, same_lower or valid (padding), dl (dilation) "
                  "or g (groups)");
}

static bool read_suffixes(struct parser *parser, convoy_layer *layer)
{
    while (*parser->at != '\0') {
        if (*parser->at != '_') {
            return reject(parser, CONVOY_ERROR_SYNTAX, parser->at,
                          "expected the end, or '_' and st, pd, same, same_lower, valid, dl or g");
        }
        parser->at++;
        if (!read_suffix(parser, layer)) {
            return false;
        }
    }
    return true;
}

static bool read_extents(struct parser *parser, convoy_layer *layer)
{
    if (*parser->at == 'n' && !read_extent(parser, 'n', "the batch", &layer->N)) {
        return false;
    }
    if (!read_extent(parser, 'c', "the input channels", &layer->C) ||
        !read_extent(parser, 'h', "the input height", &layer->H) ||
        !read_extent(parser, 'w', "the input width", &layer->W)) {
        return false;
    }
    if (*parser->at != '_') {
        return reject(parser, CONVOY_ERROR_SYNTAX, parser->at,
                      "expected '_' between the input and the filter, as in c3h8w8_k16r3s3");
    }
    parser->at++;
    return read_extent(parser, 'k', "the output channels", &layer->K) &&
           read_extent(parser, 'r', "the filter height", &layer->R) &&
           read_extent(parser, 's', "the filter width", &layer->S);
}

convoy_status convoy_layer_parse(const char *problem, convoy_layer *layer)
{
    convoy_layer result = {
        .N = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1, .groups = 1};
    struct parser parser = {.text = problem, .at = problem};

    if (problem == NULL || layer == NULL) {
        return fail(CONVOY_ERROR_NULL, "the %s is NULL",
                    problem == NULL ? "problem string" : "place for the layer");
    }
    if (!read_extents(&parser, &result) || !read_suffixes(&parser, &result)) {
        return parser.status;
    }
    /* Only now, because the rule needs stride and dilation, which may stand behind it. */
    convoy_status status = parser.by_rule ? convoy_layer_pad(&result, parser.rule) : CONVOY_OK;
    if (!status) {
        status = convoy_layer_check(&result);
    }
    if (!status) {
        *layer = result;
    }
    return status;
}

/* A text that is put together piece by piece. */
struct text {
    char characters[512];
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void append(struct text *text, const char *format, ...)
{
    size_t room = sizeof text->characters - text->length;
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(text->characters + text->length, room, format, arguments);
    va_end(arguments);
    if (length > 0 && (size_t)length < room) {
        text->length += (size_t)length;
    }
}

static void append_pair(struct text *text, const char *word, int64_t h, int64_t w)
{
    append(text, "_%s%" PRId64, word, h);
    if (w != h) {
        append(text, "x%" PRId64, w);
    }
}

static void append_padding(struct text *text, const convoy_layer *layer)
{
    if (layer->pad_top == layer->pad_bottom && layer->pad_left == layer->pad_right) {
        if (layer->pad_top != 0 || layer->pad_left != 0) {
            append_pair(text, "pd", layer->pad_top, layer->pad_left);
        }
        return;
    }
    append(text, "_pd%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64, layer->pad_top,
           layer->pad_bottom, layer->pad_left, layer->pad_right);
}

int convoy_layer_print(const convoy_layer *layer, char *text, size_t size)
{
    struct text out = {.length = 0};

    if (layer != NULL) {
        append(&out, "n%" PRId64 "c%" PRId64 "h%" PRId64 "w%" PRId64, layer->N, layer->C, layer->H,
               layer->W);
        append(&out, "_k%" PRId64 "r%" PRId64 "s%" PRId64, layer->K, layer->R, layer->S);
        if (layer->stride_h != 1 || layer->stride_w != 1) {
            append_pair(&out, "st", layer->stride_h, layer->stride_w);
        }
        append_padding(&out, layer);
        if (layer->dilation_h != 1 || layer->dilation_w != 1) {
            append_pair(&out, "dl", layer->dilation_h, layer->dilation_w);
        }
        if (layer->groups != 1) {
            append(&out, "_g%" PRId64, layer->groups);
        }
    }
    if (text == NULL) {
        size = 0;
    }
    return snprintf(text, size, "%s", out.characters);
}
