/**
 * @file calibration.c
 * Calibrations as text and in files, and what the planner gets of them.
 */
#include "plan/calibration.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"
#include "plan/headed_text.h"
#include "plan/request.h"

#define PICOSECOND 1e-12

static const struct headed_kind kind = {.name = "calibration",
                                        .first_line = "convoy-calibration 1",
                                        .command = "convoy calibrate",
                                        .bytes_max = 1 << 16};

/* A rate in a text: "avx512 multiply 273.400", or "machine blas 20.914" where it is the same for
   all ISAs. */
static const struct rate_row {
    const char *name;
    size_t offset;
    bool of_isa;
} rows[] = {
    {"multiply", offsetof(convoy_rates, multiply), true},
    {"transform", offsetof(convoy_rates, transform), true},
    {"copy", offsetof(convoy_rates, copy), true},
    {"blas", offsetof(convoy_rates, blas), false},
    {"call", offsetof(convoy_rates, call), false},
    {"near_byte", offsetof(convoy_rates, near_byte), false},
    {"far_byte", offsetof(convoy_rates, far_byte), false},
    {"shared_byte", offsetof(convoy_rates, shared_byte), false},
    {"execution", offsetof(convoy_rates, execution), false},
    {"fork", offsetof(convoy_rates, fork), false},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static double *rate_at(convoy_rates *rates, const struct rate_row *row)
{
    return (double *)((char *)rates + row->offset);
}

convoy_rates rates_of(const convoy_calibration *calibration, convoy_isa isa)
{
    return calibration ? calibration->rates[isa] : rates_built_in(isa);
}

convoy_status convoy_calibration_rates(const convoy_calibration *calibration, convoy_isa isa,
                                       convoy_rates *rates)
{
    if (rates == NULL) {
        return fail(CONVOY_ERROR_NULL, "the place for the rates is NULL");
    }
    isa = isa == CONVOY_ISA_BEST ? convoy_isa_best() : isa;
    if (!convoy_isa_usable(isa)) {
        return fail(CONVOY_ERROR_ISA, "the ISA %s cannot be used here; the best is %s",
                    convoy_isa_name(isa), convoy_isa_name(convoy_isa_best()));
    }
    *rates = rates_of(calibration, isa);
    return CONVOY_OK;
}

int convoy_calibration_threads(const convoy_calibration *calibration)
{
    return calibration ? calibration->threads : 0;
}

void convoy_calibration_destroy(convoy_calibration *calibration)
{
    memory_free(calibration);
}

/* What a text has said so far. */
struct reading {
    convoy_calibration *calibration;
    bool seen[CONVOY_ISA_COUNT][ROWS]; /* CONVOY_ISA_BEST: of the machine */
};

static const struct rate_row *find_row(const char *name, bool of_isa)
{
    for (int i = 0; i < ROWS; i++) {
        if (rows[i].of_isa == of_isa && strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* "machine", or a usable ISA; negative: neither. */
static int find_owner(const char *name)
{
    for (int isa = CONVOY_ISA_PORTABLE; isa < CONVOY_ISA_COUNT; isa++) {
        if (convoy_isa_usable((convoy_isa)isa) &&
            strcmp(name, convoy_isa_name((convoy_isa)isa)) == 0) {
            return isa;
        }
    }
    return strcmp(name, "machine") == 0 ? CONVOY_ISA_BEST : -1;
}

/* What is wrong with a line; NULL: nothing. */
static const char *read_rate(struct reading *reading, char *line)
{
    char *rest = NULL, *owner = strtok_r(line, " \t", &rest);
    char *name = strtok_r(NULL, " \t", &rest), *value = strtok_r(NULL, " \t", &rest);
    double picoseconds;
    if (!owner || !name || !value || strtok_r(NULL, " \t", &rest)) {
        return "it has not three words";
    }
    int isa = find_owner(owner);
    const struct rate_row *row = isa < 0 ? NULL : find_row(name, isa != CONVOY_ISA_BEST);
    if (!row) {
        return isa < 0 ? "its first word is neither machine nor a usable ISA" : "its rate is none";
    }
    if (!headed_read_number(value, &picoseconds)) {
        return "its time is none";
    }
    bool *seen = &reading->seen[isa][row - rows];
    if (*seen) {
        return "its rate came before";
    }
    *seen = true;
    for (int i = 0; i < CONVOY_ISA_COUNT; i++) {
        if (isa == CONVOY_ISA_BEST || i == isa) {
            *rate_at(&reading->calibration->rates[i], row) = PICOSECOND * picoseconds;
        }
    }
    return NULL;
}

static const char *read_threads(struct reading *reading, const char *line)
{
    double threads;
    if (strncmp(line, "threads ", 8) != 0 || strchr(line, '.') ||
        !headed_read_number(line + 8, &threads) || threads > THREADS_MAX) {
        return "it is not 'threads' and a number";
    }
    reading->calibration->threads = (int)threads;
    return NULL;
}

static convoy_status check_complete(const struct reading *reading)
{
    for (int isa = CONVOY_ISA_BEST; isa < CONVOY_ISA_COUNT; isa++) {
        bool machine = isa == CONVOY_ISA_BEST;
        for (int i = 0; i < ROWS; i++) {
            bool wanted =
                rows[i].of_isa != machine && (machine || convoy_isa_usable((convoy_isa)isa));
            if (wanted && !reading->seen[isa][i]) {
                return fail(
                    CONVOY_ERROR_FORMAT,
                    "the calibration has no line '%s %s'; measure anew with convoy calibrate",
                    machine ? "machine" : convoy_isa_name((convoy_isa)isa), rows[i].name);
            }
        }
    }
    return CONVOY_OK;
}

static convoy_status read_lines(struct headed_reader *reader, struct reading *reading)
{
    bool first = true;
    while (headed_next_line(reader)) {
        const char *wrong = !reader->sound ? "it is too long or has a zero byte in it"
                            : first        ? read_threads(reading, reader->text)
                                           : read_rate(reading, reader->text);
        if (wrong) {
            return fail(CONVOY_ERROR_FORMAT, "line %zu of the calibration cannot be used: %s",
                        reader->line, wrong);
        }
        first = false;
    }
    return check_complete(reading);
}

convoy_status convoy_calibration_parse(const char *text, size_t size,
                                       convoy_calibration **calibration)
{
    struct headed_reader reader;
    if (text == NULL || calibration == NULL) {
        return fail(CONVOY_ERROR_NULL, "the %s NULL",
                    text ? "place for the calibration is" : "text is");
    }
    void *memory;
    convoy_status status =
        memory_allocate_cleared(sizeof(struct convoy_calibration), "the calibration", &memory);
    if (status) {
        return status;
    }
    struct reading reading = {.calibration = memory};
    status = headed_begin(&reader, &kind, text, size);
    status = status ? status : read_lines(&reader, &reading);
    if (status) {
        convoy_calibration_destroy(reading.calibration);
        return status;
    }
    *calibration = reading.calibration;
    return CONVOY_OK;
}

static void print_rates(const convoy_calibration *calibration, convoy_isa isa, FILE *stream)
{
    bool machine = isa == CONVOY_ISA_BEST;
    convoy_rates rates = calibration->rates[machine ? convoy_isa_best() : isa];
    for (int i = 0; i < ROWS; i++) {
        if (rows[i].of_isa != machine) {
            fprintf(stream, "%s %s ", machine ? "machine" : convoy_isa_name(isa), rows[i].name);
            headed_print_number(*rate_at(&rates, &rows[i]) / PICOSECOND, stream);
            fputc('\n', stream);
        }
    }
}

convoy_status convoy_calibration_print(const convoy_calibration *calibration, char **text)
{
    char *written = NULL;
    size_t size;
    if (calibration == NULL || text == NULL) {
        return fail(CONVOY_ERROR_NULL, "the %s NULL",
                    calibration ? "place for the text is" : "calibration is");
    }
    FILE *stream = open_memstream(&written, &size);
    if (stream) {
        headed_print_head(&kind, stream);
        fprintf(stream, "threads %d\n", calibration->threads);
        for (int isa = CONVOY_ISA_BEST; isa < CONVOY_ISA_COUNT; isa++) {
            if (isa == CONVOY_ISA_BEST || convoy_isa_usable((convoy_isa)isa)) {
                print_rates(calibration, (convoy_isa)isa, stream);
            }
        }
    }
    return headed_close(stream, &written, text);
}

convoy_status convoy_calibration_import(const char *path, convoy_calibration **calibration)
{
    char *text = NULL;
    size_t size = 0;
    if (path == NULL || calibration == NULL) {
        return fail(CONVOY_ERROR_NULL, "the %s NULL",
                    path ? "place for the calibration is" : "path is");
    }
    convoy_status status = headed_load(path, &kind, &text, &size);
    if (!status && (status = convoy_calibration_parse(text, size, calibration))) {
        status = headed_fail_in(path, status);
    }
    memory_free(text);
    return status;
}

convoy_status convoy_calibration_export(const convoy_calibration *calibration, const char *path)
{
    char *text;
    if (path == NULL) {
        return fail(CONVOY_ERROR_NULL, "the path is NULL");
    }
    convoy_status status = convoy_calibration_print(calibration, &text);
    if (!status) {
        status = file_write_text(path, text);
        free(text);
    }
    return status;
}
