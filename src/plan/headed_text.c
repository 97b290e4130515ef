/**
 * @file headed_text.c
 * Heads, lines, numbers, files.
 */
#include "plan/headed_text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "convoy/machine.h"
#include "convoy/version.h"
#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"

/* Before the point. With it and three more digits, as printed, that is NUMBER_LENGTH_MAX. */
#define NUMBER_DIGITS_MAX 11
#define NUMBER_LENGTH_MAX 15

void headed_machine(char machine[HEADED_MACHINE_SIZE])
{
    convoy_machine here;
    char isas[80] = "";
    convoy_machine_describe(&here);
    for (int isa = CONVOY_ISA_PORTABLE; isa < CONVOY_ISA_COUNT; isa++) {
        if (convoy_isa_usable((convoy_isa)isa)) {
            strcat(strcat(isas, *isas ? "+" : ""), convoy_isa_name((convoy_isa)isa));
        }
    }
    snprintf(machine, HEADED_MACHINE_SIZE, "%s, %s, L1d %zu, L2 %zu", here.cpu, isas,
             here.l1d_bytes, here.l2_bytes);
    for (char *c = machine; *c; c++) {
        *c = iscntrl((unsigned char)*c) ? ' ' : *c;
    }
}

bool headed_next_line(struct headed_reader *reader)
{
    while (reader->at < reader->end) {
        const char *stop = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
        stop = stop ? stop : reader->end;
        size_t length = (size_t)(stop - reader->at);
        const char *start = reader->at;
        reader->at = stop < reader->end ? stop + 1 : stop;
        reader->line++;
        reader->sound = length < HEADED_LINE_SIZE && !memchr(start, '\0', length);
        length = length < HEADED_LINE_SIZE ? length : HEADED_LINE_SIZE - 1;
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
static convoy_status check_head(struct headed_reader *reader, const struct headed_kind *kind,
                                const char *word, const char *here, const char *what)
{
    size_t length = strlen(word);
    if (!headed_next_line(reader) || !reader->sound || strncmp(reader->text, word, length) != 0 ||
        reader->text[length] != ' ') {
        return fail(CONVOY_ERROR_FORMAT, "line %zu of the %s is not '%s' and the %s", reader->line,
                    kind->name, word, what);
    }
    if (strcmp(reader->text + length + 1, here) != 0) {
        return fail(CONVOY_ERROR_UNSUPPORTED,
                    "this %s is of another %s: '%.100s', and here it is '%.100s'; measure anew "
                    "with %s",
                    kind->name, what, reader->text + length + 1, here, kind->command);
    }
    return CONVOY_OK;
}

convoy_status headed_begin(struct headed_reader *reader, const struct headed_kind *kind,
                           const char *text, size_t size)
{
    char machine[HEADED_MACHINE_SIZE];
    *reader = (struct headed_reader){.at = text, .end = text + size};
    if (size > kind->bytes_max) {
        return fail(CONVOY_ERROR_FORMAT, "a %s has at most %zu bytes, and this has more",
                    kind->name, kind->bytes_max);
    }
    if (!headed_next_line(reader) || !reader->sound ||
        strcmp(reader->text, kind->first_line) != 0) {
        return fail(CONVOY_ERROR_FORMAT, "this is no %s; it would begin with '%s'", kind->name,
                    kind->first_line);
    }
    convoy_status status =
        check_head(reader, kind, "version", convoy_version(), "version of Convoy");
    headed_machine(machine);
    return status ? status : check_head(reader, kind, "machine", machine, "machine");
}

bool headed_read_number(const char *word, double *number)
{
    size_t digits = strspn(word, "0123456789");
    double unit = 1;
    if (digits == 0 || digits > NUMBER_DIGITS_MAX || strlen(word) > NUMBER_LENGTH_MAX) {
        return false;
    }
    *number = 0;
    for (size_t i = 0; word[i]; i++) {
        if (i == digits && word[i] == '.') {
            continue;
        }
        if (!isdigit((unsigned char)word[i])) {
            return false;
        }
        *number = 10 * *number + (word[i] - '0');
        unit *= i > digits ? 10 : 1;
    }
    *number /= unit;
    return *number > 0;
}

void headed_print_head(const struct headed_kind *kind, FILE *stream)
{
    char machine[HEADED_MACHINE_SIZE];
    headed_machine(machine);
    fprintf(stream, "%s\nversion %s\nmachine %s\n", kind->first_line, convoy_version(), machine);
}

void headed_print_number(double number, FILE *stream)
{
    int64_t thousandths = (int64_t)(1000 * number + 0.5);
    thousandths = thousandths > 0 ? thousandths : 1;
    fprintf(stream, "%" PRId64 ".%03d", thousandths / 1000, (int)(thousandths % 1000));
}

convoy_status headed_close(FILE *stream, char **written, char **text)
{
    bool good = stream && !ferror(stream);
    /* Closing gives the text its final size; without memory for that it is lost, without an error.
     */
    if (stream && (fclose(stream) != 0 || !good || !*written)) {
        free(*written);
        good = false;
    }
    if (!good) {
        return fail(CONVOY_ERROR_MEMORY, "no memory for a text that is written");
    }
    *text = *written;
    return CONVOY_OK;
}

/* All bytes, owned; size is `most` for larger files. */
static convoy_status read_all(const char *path, FILE *stream, size_t most, char **text,
                              size_t *size)
{
    size_t room = 4096, length = 0, got = 1;
    void *read = NULL, *grown;
    convoy_status status = memory_allocate(room, path, &read);
    while (!status && got > 0 && length < most) {
        if (length == room && !(status = memory_allocate(2 * room, path, &grown))) {
            memcpy(grown, read, length);
            memory_free(read);
            read = grown;
            room *= 2;
        }
        if (!status) {
            got = fread((char *)read + length, 1, room - length, stream);
            length += got;
        }
    }
    if (status) {
        memory_free(read);
        return status;
    }
    *text = read;
    *size = length < most ? length : most;
    return CONVOY_OK;
}

convoy_status headed_load(const char *path, const struct headed_kind *kind, char **text,
                          size_t *size)
{
    FILE *stream;
    convoy_status status = file_open(path, &stream);
    *text = NULL;
    return status
               ? status
               : file_close(path, stream, read_all(path, stream, kind->bytes_max + 1, text, size));
}

convoy_status headed_fail_in(const char *path, convoy_status status)
{
    char detail[400];
    snprintf(detail, sizeof detail, "%s", convoy_error_detail());
    return fail(status, "%.200s: %s", path, detail);
}
