/**
 * @file wisdom_text.c
 * Wisdom as text, read as if a stranger had written it: three lines of head, then a line an entry
 * of which every word is checked.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convoy/version.h"
#include "core/error.h"
#include "plan/algorithms.h"
#include "plan/wisdom.h"

#define TEXT_BYTES_MAX     ((size_t)16 << 20)
#define LINE_SIZE          1024
#define FORMAT_LINE        "convoy-wisdom 1"
#define THREADS_DIGITS_MAX 4
/* Of the time. With a point and three more digits, as times are printed, it is TIME_LENGTH_MAX. */
#define TIME_DIGITS_MAX 11
#define TIME_LENGTH_MAX 15
#define WORDS           8

/* Where the reader is. */
struct reader {
    const char *at, *end;
    size_t line;
    char text[LINE_SIZE]; /* the line, without its end */
    bool sound;           /* it is no longer than that, and has no zero byte */
};

void wisdom_machine(char machine[WISDOM_MACHINE_SIZE])
{
    convoy_machine here;
    char isas[80] = "";
    convoy_machine_describe(&here);
    for (int isa = CONVOY_ISA_PORTABLE; isa < CONVOY_ISA_COUNT; isa++) {
        if (convoy_isa_usable((convoy_isa)isa)) {
            strcat(strcat(isas, *isas ? "+" : ""), convoy_isa_name((convoy_isa)isa));
        }
    }
    snprintf(machine, WISDOM_MACHINE_SIZE, "%s, %s, L1d %zu, L2 %zu", here.cpu, isas,
             here.l1d_bytes, here.l2_bytes);
    for (char *c = machine; *c; c++) {
        *c = iscntrl((unsigned char)*c) ? ' ' : *c;
    }
}

/* The next line that is not empty and no comment; false after the last. */
static bool next_line(struct reader *reader)
{
    while (reader->at < reader->end) {
        const char *stop = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
        stop = stop ? stop : reader->end;
        size_t length = (size_t)(stop - reader->at);
        const char *start = reader->at;
        reader->at = stop < reader->end ? stop + 1 : stop;
        reader->line++;
        reader->sound = length < LINE_SIZE && !memchr(start, '\0', length);
        length = length < LINE_SIZE ? length : LINE_SIZE - 1;
        memcpy(reader->text, start, length);
        reader->text[length] = '\0';
        if (length > 0 && reader->text[length - 1] == '\r') {
            reader->text[--length] = '\0';
        }
        bool blank = reader->text[strspn(reader->text, " \t")] == '\0';
        if (reader->text[0] != '#' && (!reader->sound || !blank)) {
            return true;
        }
    }
    return false;
}

/* A line of the head: the word, a blank, and the value here. */
static convoy_status check_head(struct reader *reader, const char *word, const char *here,
                                const char *what)
{
    size_t length = strlen(word);
    if (!next_line(reader) || !reader->sound || strncmp(reader->text, word, length) != 0 ||
        reader->text[length] != ' ') {
        return fail(CONVOY_ERROR_FORMAT, "line %zu of the wisdom is not '%s' and the %s",
                    reader->line, word, what);
    }
    if (strcmp(reader->text + length + 1, here) != 0) {
        return fail(CONVOY_ERROR_UNSUPPORTED,
                    "this wisdom is of another %s: '%.100s', and here it is '%.100s'; measure anew "
                    "with convoy tune",
                    what, reader->text + length + 1, here);
    }
    return CONVOY_OK;
}

static convoy_status read_head(struct reader *reader)
{
    char machine[WISDOM_MACHINE_SIZE];
    if (!next_line(reader) || !reader->sound || strcmp(reader->text, FORMAT_LINE) != 0) {
        return fail(CONVOY_ERROR_FORMAT, "this is no wisdom; it would begin with '%s'",
                    FORMAT_LINE);
    }
    convoy_status status = check_head(reader, "version", convoy_version(), "version of Convoy");
    wisdom_machine(machine);
    return status ? status : check_head(reader, "machine", machine, "machine");
}

static bool is_layout(const char *word)
{
    return strcmp(word, convoy_layout_name(CONVOY_NCHW)) == 0 ||
           strcmp(word, convoy_layout_name(CONVOY_NHWC)) == 0;
}

static bool is_isa(const char *word)
{
    for (int isa = CONVOY_ISA_PORTABLE; isa < CONVOY_ISA_COUNT; isa++) {
        if (strcmp(word, convoy_isa_name((convoy_isa)isa)) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_threads(const char *word)
{
    size_t length = strspn(word, "0123456789");
    return length > 0 && length <= THREADS_DIGITS_MAX && word[length] == '\0' && word[0] != '0';
}

static bool is_tolerance(const char *word)
{
    bool bound = strncmp(word, "bound=", 6) == 0 && strlen(word) <= 30 && word[6] != '\0' &&
                 strspn(word + 6, "0123456789.e+-") == strlen(word + 6);
    return bound || strcmp(word, "default") == 0 || strcmp(word, "strict") == 0 ||
           strcmp(word, "fast") == 0;
}

static bool is_epilogue(const char *word)
{
    if (strcmp(word, "none") == 0 || strcmp(word, "residual") == 0) {
        return true;
    }
    word += strncmp(word, "residual+", 9) == 0 ? 9 : 0;
    for (int a = CONVOY_RELU; a <= CONVOY_CLIP; a++) {
        if (strcmp(word, convoy_activation_name((convoy_activation)a)) == 0) {
            return true;
        }
    }
    return false;
}

/* "812.431", whatever the locale. */
static bool read_microseconds(const char *word, double *microseconds)
{
    size_t digits = strspn(word, "0123456789");
    double unit = 1;
    if (digits == 0 || digits > TIME_DIGITS_MAX || strlen(word) > TIME_LENGTH_MAX) {
        return false;
    }
    *microseconds = 0;
    for (size_t i = 0; word[i]; i++) {
        if (i == digits && word[i] == '.') {
            continue;
        }
        if (!isdigit((unsigned char)word[i])) {
            return false;
        }
        *microseconds = 10 * *microseconds + (word[i] - '0');
        unit *= i > digits ? 10 : 1;
    }
    *microseconds /= unit;
    return *microseconds > 0;
}

/* A problem string as Convoy prints it. */
static bool is_problem(const char *word)
{
    char printed[CONVOY_PROBLEM_SIZE];
    convoy_layer layer;
    if (convoy_layer_parse(word, &layer) != CONVOY_OK) {
        return false;
    }
    convoy_layer_print(&layer, printed, sizeof printed);
    return strcmp(word, printed) == 0;
}

/* What is wrong with a line; NULL: nothing, and the entry is set; its key is in `key`. */
static const char *parse_entry(char *line, char key[WISDOM_KEY_SIZE], struct wisdom_entry *entry)
{
    char *words[WORDS + 1], *rest = NULL;
    size_t count = 0;
    for (char *word = strtok_r(line, " \t", &rest); word && count <= WORDS;
         word = strtok_r(NULL, " \t", &rest)) {
        words[count++] = word;
    }
    const char *wrong = count != WORDS                                ? "it has not eight words"
                        : !is_problem(words[0])                       ? "its problem is none"
                        : !is_layout(words[1])                        ? "its layout is none"
                        : !is_isa(words[2])                           ? "its ISA is none"
                        : !is_threads(words[3])                       ? "its threads are no number"
                        : !is_tolerance(words[4])                     ? "its tolerance is none"
                        : !is_epilogue(words[5])                      ? "its epilogue is none"
                        : algorithm_find(words[6], &entry->algorithm) ? "its algorithm is none"
                        : !read_microseconds(words[7], &entry->microseconds) ? "its time is none"
                                                                             : NULL;
    if (!wrong) {
        snprintf(key, WISDOM_KEY_SIZE, "%s %s %s %s %s %s", words[0], words[1], words[2], words[3],
                 words[4], words[5]);
        entry->key = key;
        entry->learned = false;
    }
    return wrong;
}

static void skip_line(const struct reader *reader, const char *wrong, convoy_wisdom_report *report)
{
    if (report->skipped++ == 0) {
        report->first_skipped_line = reader->line;
        snprintf(report->first_reason, sizeof report->first_reason, "%s", wrong);
    }
}

/* Was it measured by this process? Then that stays. */
static bool is_learned(const convoy_wisdom *wisdom, const char *key)
{
    struct wisdom_entry known;
    return wisdom_find(wisdom, key, &known) && known.learned;
}

static convoy_status read_entries(struct reader *reader, convoy_wisdom *wisdom,
                                  convoy_wisdom_report *report)
{
    char key[WISDOM_KEY_SIZE];
    convoy_status status = CONVOY_OK;
    while (!status && next_line(reader)) {
        struct wisdom_entry entry = {.key = NULL};
        const char *wrong = reader->sound ? parse_entry(reader->text, key, &entry)
                                          : "it is too long or has a zero byte in it";
        if (wrong) {
            skip_line(reader, wrong, report);
            continue;
        }
        report->lines++;
        status = is_learned(wisdom, key) ? CONVOY_OK : wisdom_add(wisdom, &entry);
    }
    return status;
}

convoy_status convoy_wisdom_parse(convoy_wisdom *wisdom, const char *text, size_t size,
                                  convoy_wisdom_report *report)
{
    convoy_wisdom_report counted = {.lines = 0};
    struct error_detail kept;
    if (wisdom == NULL || text == NULL) {
        return fail(CONVOY_ERROR_NULL, "the %s NULL", wisdom ? "text is" : "wisdom is");
    }
    if (size > TEXT_BYTES_MAX) {
        return fail(CONVOY_ERROR_FORMAT, "a wisdom has at most %zu bytes, and this has %zu",
                    TEXT_BYTES_MAX, size);
    }
    struct reader reader = {.at = text, .end = text + size};
    error_keep(&kept);
    convoy_status status = read_head(&reader);
    status = status ? status : read_entries(&reader, wisdom, &counted);
    if (status) {
        return status;
    }
    error_restore(&kept); /* of the lines that were skipped */
    if (report) {
        *report = counted;
    }
    return CONVOY_OK;
}

/* Three digits of a microsecond, with a point in any locale. */
static void print_entry(const struct wisdom_entry *entry, void *stream)
{
    int64_t nanoseconds = (int64_t)(1000 * entry->microseconds + 0.5);
    nanoseconds = nanoseconds > 0 ? nanoseconds : 1;
    fprintf(stream, "%s %s %" PRId64 ".%03d\n", entry->key, entry->algorithm->name,
            nanoseconds / 1000, (int)(nanoseconds % 1000));
}

convoy_status convoy_wisdom_print(const convoy_wisdom *wisdom, char **text)
{
    char machine[WISDOM_MACHINE_SIZE], *written = NULL;
    size_t size;
    if (wisdom == NULL || text == NULL) {
        return fail(CONVOY_ERROR_NULL, "the %s NULL",
                    wisdom ? "place for the text is" : "wisdom is");
    }
    FILE *stream = open_memstream(&written, &size);
    if (stream) {
        wisdom_machine(machine);
        fprintf(stream, "%s\nversion %s\nmachine %s\n", FORMAT_LINE, convoy_version(), machine);
        wisdom_walk(wisdom, print_entry, stream);
    }
    bool good = stream && !ferror(stream);
    if (stream && (fclose(stream) != 0 || !good)) {
        free(written);
        good = false;
    }
    if (!good) {
        return fail(CONVOY_ERROR_MEMORY, "no memory for the text of the wisdom");
    }
    *text = written;
    return CONVOY_OK;
}
