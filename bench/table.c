/**
 * @file table.c
 * The console's table.
 */
#include "bench/table.h"

#include <math.h>
#include <string.h>

static const char *scaled_text(double value, double step, const char *const *suffixes,
                               char text[16])
{
    int i = 0;
    while (value >= 0.99995 * step && suffixes[i + 1]) {
        value /= step;
        i++;
    }
    int digits = value >= 999.95 ? 0 : value >= 99.995 ? 1 : value >= 9.9995 ? 2 : 3;
    snprintf(text, 16, "%.*f%s", digits, value, suffixes[i]);
    return text;
}

const char *time_text(double seconds, char text[16])
{
    static const char *const suffixes[] = {"ns", "us", "ms", "s", NULL};
    return scaled_text(1e9 * seconds, 1000, suffixes, text);
}

const char *bytes_text(double bytes, char text[16])
{
    static const char *const suffixes[] = {"K", "M", "G", "T", NULL};
    if (bytes < 1024) {
        snprintf(text, 16, "%.0f", bytes);
        return text;
    }
    double value = bytes / 1024;
    int i = 0;
    while (value >= 999.5 && suffixes[i + 1]) {
        value /= 1024;
        i++;
    }
    snprintf(text, 16, value < 99.95 ? "%.1f%s" : "%.0f%s", value, suffixes[i]);
    return text;
}

void table_print_head(FILE *file)
{
    static const char *const heads[2][16] = {
        {"algorithm", "isa", "data", "thr", "min", "median", "noise", "effect.", "execut.", "peak",
         "bound", "error", "work", "packed", "create"},
        {"", "", "", "", "s", "s", "%", "GFLOP/s", "GFLOP/s", "%", "%", "/rms", "B", "B", "s"}};
    for (int i = 0; i < 2; i++) {
        const char *const *h = heads[i];
        fprintf(file, "  %-19s%-9s%-5s%3s%9s%9s%6s%8s%8s%6s%6s%8s%6s%7s%8s\n", h[0], h[1], h[2],
                h[3], h[4], h[5], h[6], h[7], h[8], h[9], h[10], h[11], h[12], h[13], h[14]);
    }
}

void table_print_layer(FILE *file, const char *name, const convoy_layer *layer)
{
    char problem[CONVOY_PROBLEM_SIZE], bytes[16];
    convoy_counts counts;
    convoy_layer_print(layer, problem, sizeof problem);
    bool named = strcmp(name, problem) != 0;
    fprintf(file, "\n%s%s%.80s", named ? name : "", named ? "  " : "", problem);
    if (!convoy_layer_count(layer, NULL, &counts)) {
        fprintf(file, "  %.4g GFLOP, %sB, %.3g FLOP/byte", (double)counts.flops / 1e9,
                bytes_text((double)counts.bytes_least, bytes), counts.intensity);
    }
    fputc('\n', file);
}

/* The algorithm as asked for, and what the planner made of "auto". */
static void algorithm_text(const struct line *line, char *text, size_t size)
{
    bool automatic = strcmp(line->algorithm, "auto") == 0 && line->chosen[0];
    snprintf(text, size, automatic ? "auto=%s" : "%s", automatic ? line->chosen : line->algorithm);
}

/* The width of the middle half; aggregates have none. */
static const char *noise_text(const struct line *line, char text[16])
{
    double noise = line_noise(line);
    if (isnan(noise)) {
        return "";
    }
    if (line->samples < SAMPLES_TELLING) {
        return "-";
    }
    snprintf(text, 16, "%.1f", fmin(100 * noise, 999));
    return text;
}

static void print_line(FILE *file, const struct line *line, bool best)
{
    char algorithm[64], least[16], median[16], noise[16], work[16], packed[16], create[16];
    algorithm_text(line, algorithm, sizeof algorithm);
    fprintf(file, "%c %-18.18s %-9s%-5s%3d", best ? '*' : ' ', algorithm, line->isa, line->layout,
            line->threads);
    if (line->error) {
        fprintf(file, "  %.78s\n", line->error);
        return;
    }
    fprintf(file, "%9s%9s%6s%8.*f%8.*f%6.1f%6.1f%8.1e%6s%7s%8s\n",
            time_text(line->min_seconds, least), time_text(line->median_seconds, median),
            noise_text(line, noise), line->flops < 1e12 ? 2 : 1, line->flops / 1e9,
            line->executed_flops < 1e12 ? 2 : 1, line->executed_flops / 1e9,
            100 * line->peak_fraction, 100 * line->bound_fraction, line->error_rms,
            bytes_text(line->workspace_bytes, work), bytes_text(line->packed_bytes, packed),
            time_text(1e-6 * line->create_us, create));
    if (line->multiply_share > 0) {
        fprintf(file,
                "    %s: input transform %.1f %%, multiply %.1f %%, output transform %.1f %%\n",
                line->chosen, 100 * line->input_share, 100 * line->multiply_share,
                100 * line->output_share);
    }
}

void table_print_lines(FILE *file, const struct line *lines, size_t count)
{
    const struct line *best = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct line *line = &lines[i];
        if (!line->error && (!best || line->median_seconds < best->median_seconds)) {
            best = line;
        }
    }
    for (size_t i = 0; i < count; i++) {
        print_line(file, &lines[i], &lines[i] == best);
    }
    fflush(file);
}
