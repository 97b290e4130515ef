/**
 * @file peer.c
 * The loop that every peer in C or C++ runs: read a request, create, time, compare, answer.
 */
#include "bench/peers/peer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WARM_UP_SHARE 0.2 /* of min_time */
#define SAMPLES_MOST  1000000

struct timing {
    double create_ms, min_ms, median_ms;
    int64_t samples;
    double error; /* relative to the rms of the reference; not finite if the output is not */
    uint32_t checksum;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* CRC-32 as in zip and zlib (polynomial 0xedb88320). */
static uint32_t checksum(const float *data, int64_t elements)
{
    static uint32_t table[256];
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++) {
            table[i] = table[i] & 1 ? table[i] >> 1 ^ 0xedb88320u : table[i] >> 1;
        }
    }
    const unsigned char *bytes = (const unsigned char *)data;
    uint32_t crc = 0xffffffffu;
    for (int64_t i = 0; i < elements * (int64_t)sizeof(float); i++) {
        crc = table[(crc ^ bytes[i]) & 255] ^ crc >> 8;
    }
    return ~crc;
}

static double error_to_rms(const float *actual, const float *expected, int64_t elements)
{
    double worst = 0.0, squares = 0.0;
    for (int64_t i = 0; i < elements; i++) {
        double difference = fabs((double)actual[i] - (double)expected[i]);
        /* Written so that a NaN wins and stays. */
        if (!(difference <= worst) && !isnan(worst)) {
            worst = difference;
        }
        squares += (double)expected[i] * (double)expected[i];
    }
    return worst == 0.0 ? 0.0 : worst / sqrt(squares / (double)elements);
}

static void print_text(const char *key, const char *text)
{
    printf("\"%s\": \"", key);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\') {
            printf("\\%c", *c);
        } else if (*c < 0x20) {
            printf("\\u%04x", *c);
        } else {
            putchar(*c);
        }
    }
    putchar('"');
}

static void greet(const struct peer_engine *engine)
{
    printf("{\"protocol\": 1, ");
    print_text("engine", engine->name);
    printf(", ");
    print_text("version", engine->version);
    printf(", \"variants\": [");
    for (const struct peer_variant *variant = engine->variants; variant->name; variant++) {
        printf("%s{", variant == engine->variants ? "" : ", ");
        print_text("name", variant->name);
        printf(", ");
        print_text("layout", variant->layout);
        printf(", ");
        print_text("timed", variant->timed);
        printf("}");
    }
    printf("]}\n");
    fflush(stdout);
}

static void answer(const struct peer_engine *engine, const struct peer_request *request,
                   enum peer_status status, const struct timing *timing,
                   const struct peer_words *words)
{
    static const char *const names[] = {"ok", "unsupported", "error"};
    printf("{\"status\": \"%s\", ", names[status]);
    print_text("engine", engine->name);
    printf(", ");
    print_text("version", engine->version);
    printf(", ");
    print_text("variant", request->variant);
    printf(", ");
    if (status == PEER_OK) {
        print_text("implementation", words->implementation);
        printf(", \"min_ms\": %.9g, \"median_ms\": %.9g, \"samples\": %lld, \"create_ms\": %.6g",
               timing->min_ms, timing->median_ms, (long long)timing->samples, timing->create_ms);
        printf(", \"checksum\": \"%08x\", \"error\": ", (unsigned)timing->checksum);
        printf(isfinite(timing->error) ? "%.4g" : "null", timing->error);
    } else {
        print_text("reason", words->reason);
    }
    printf("}\n");
    fflush(stdout);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Time single calls until both min_time and repetitions are reached. */
static enum peer_status time_calls(const struct peer_engine *engine, void *instance,
                                   const struct peer_request *request, struct timing *timing,
                                   struct peer_words *words)
{
    double *samples = malloc(SAMPLES_MOST * sizeof *samples);
    if (!samples) {
        snprintf(words->reason, sizeof words->reason, "no memory for the samples");
        return PEER_ERROR;
    }
    enum peer_status status = PEER_OK;
    double start = now();
    do {
        status = engine->run(instance, words);
    } while (status == PEER_OK && now() - start < WARM_UP_SHARE * request->min_time);

    int64_t count = 0;
    start = now();
    for (double end = start; status == PEER_OK && count < SAMPLES_MOST &&
                             (end - start < request->min_time || count < request->repetitions);) {
        double begin = now();
        status = engine->run(instance, words);
        end = now();
        samples[count++] = 1e3 * (end - begin);
    }
    if (status == PEER_OK && count == 0) {
        snprintf(words->reason, sizeof words->reason, "min_time and repetitions are both 0");
        status = PEER_ERROR;
    }
    if (status == PEER_OK) {
        qsort(samples, (size_t)count, sizeof *samples, ascending);
        timing->min_ms = samples[0];
        timing->median_ms = 0.5 * (samples[(count - 1) / 2] + samples[count / 2]);
        timing->samples = count;
    }
    free(samples);
    return status;
}

static enum peer_status compare(const struct peer_engine *engine, void *instance,
                                const struct peer_request *request, struct timing *timing,
                                struct peer_words *words)
{
    int64_t elements = peer_y_elements(request);
    float *y = malloc((size_t)elements * sizeof *y);
    if (!y) {
        snprintf(words->reason, sizeof words->reason, "no memory for the output");
        return PEER_ERROR;
    }
    enum peer_status status = engine->output(instance, y, words);
    if (status == PEER_OK) {
        timing->error = error_to_rms(y, request->y, elements);
        timing->checksum = checksum(y, elements);
    }
    free(y);
    return status;
}

static enum peer_status serve_request(const struct peer_engine *engine, char *line,
                                      struct peer_request *request, struct timing *timing,
                                      struct peer_words *words)
{
    if (peer_request_parse(line, request, words) != 0 || peer_request_load(request, words) != 0) {
        return PEER_ERROR;
    }
    void *instance = NULL;
    double start = now();
    enum peer_status status = engine->create(request, words, &instance);
    timing->create_ms = 1e3 * (now() - start);
    if (status == PEER_OK) {
        status = time_calls(engine, instance, request, timing, words);
    }
    if (status == PEER_OK) {
        status = compare(engine, instance, request, timing, words);
    }
    if (instance) {
        engine->destroy(instance);
    }
    peer_request_unload(request);
    return status;
}

int peer_serve(const struct peer_engine *engine)
{
    greet(engine);
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        struct peer_request request;
        struct timing timing = {0};
        struct peer_words words = {{0}, {0}};
        enum peer_status status = serve_request(engine, line, &request, &timing, &words);
        answer(engine, &request, status, &timing, &words);
    }
    free(line);
    return ferror(stdin) || ferror(stdout);
}
