/**
 * @file wisdom_text.c
 * Wisdom as text, read as if a stranger had written it: three lines of head, then a line an entry
 * of which every word is checked.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "plan/algorithms.h"
#include "plan/wisdom.h"

#define THREADS_DIGITS_MAX 4
#define WORDS              8

const struct headed_kind wisdom_kind = {.name = "wisdom",
                                        .first_line = "convoy-wisdom 1",
                                        .command = "convoy tune",
                                        .bytes_max = (size_t)16 << 20};

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
                        : !headed_read_number(words[7], &entry->microseconds) ? "its time is none"
                                                                              : NULL;
    if (!wrong) {
        snprintf(key, WISDOM_KEY_SIZE, "%s %s %s %s %s %s", words[0], words[1], words[2], words[3],
                 words[4], words[5]);
        entry->key = key;
        entry->learned = false;
    }
    return wrong;
}

static void skip_line(const struct headed_reader *reader, const char *wrong,
                      convoy_wisdom_report *report)
{
    if (report->skipped++ == 0) {
        report->first_skipped_line = reader->line;
        snprintf(report->first_reason, sizeof report->first_reason, "%s", wrong);
    }
}

static convoy_status read_entries(struct headed_reader *reader, convoy_wisdom *wisdom,
                                  convoy_wisdom_report *report)
{
    char key[WISDOM_KEY_SIZE];
    convoy_status status = CONVOY_OK;
    while (!status && headed_next_line(reader)) {
        struct wisdom_entry entry = {.key = NULL};
        const char *wrong = reader->sound ? parse_entry(reader->text, key, &entry)
                                          : "it is too long or has a zero byte in it";
        if (wrong) {
            skip_line(reader, wrong, report);
            continue;
        }
        report->lines++;
        status = wisdom_add(wisdom, &entry);
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
    struct headed_reader reader;
    error_keep(&kept);
    convoy_status status = headed_begin(&reader, &wisdom_kind, text, size);
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

static void print_entry(const struct wisdom_entry *entry, void *stream)
{
    fprintf(stream, "%s %s ", entry->key, entry->algorithm->name);
    headed_print_number(entry->microseconds, stream);
    fputc('\n', stream);
}

convoy_status convoy_wisdom_print(const convoy_wisdom *wisdom, char **text)
{
    char *written = NULL;
    size_t size;
    if (wisdom == NULL || text == NULL) {
        return fail(CONVOY_ERROR_NULL, "the %s NULL",
                    wisdom ? "place for the text is" : "wisdom is");
    }
    FILE *stream = open_memstream(&written, &size);
    if (stream) {
        headed_print_head(&wisdom_kind, stream);
        wisdom_walk(wisdom, print_entry, stream);
    }
    return headed_close(stream, &written, text);
}
