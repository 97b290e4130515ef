/**
 * @file report_tables.c
 * The tables of the page; cells carry their number for sorting.
 */
#include <math.h>
#include <string.h>

#include "bench/report_parts.h"
#include "bench/table.h"

static void text_cell(FILE *file, const char *text)
{
    fputs("<td class=\"text\">", file);
    report_escaped(file, text);
    fputs("</td>", file);
}

static void number_cell(FILE *file, double value, const char *text)
{
    fprintf(file, "<td data-v=\"%.9g\">%s</td>", isfinite(value) ? value : 1e300,
            isfinite(value) ? text : "");
}

static void plain_cell(FILE *file, const char *format, double value)
{
    char text[32];
    snprintf(text, sizeof text, format, value);
    number_cell(file, value, text);
}

static void time_cell(FILE *file, double seconds)
{
    char text[16];
    number_cell(file, seconds, isfinite(seconds) ? time_text(seconds, text) : "");
}

static void bytes_cell(FILE *file, double bytes)
{
    char text[16];
    number_cell(file, bytes, isfinite(bytes) ? bytes_text(bytes, text) : "");
}

static void head(FILE *file, const char *const *names, int texts)
{
    fputs("<table><thead><tr>", file);
    for (int i = 0; names[i]; i++) {
        fprintf(file, i < texts ? "<th class=\"text\">%s</th>" : "<th>%s</th>", names[i]);
    }
    fputs("</tr></thead><tbody>\n", file);
}

/* Is the line the fastest of its layer, on whatever threads? */
static bool best_of_layer(const struct results *results, const struct line *line)
{
    for (size_t i = 0; i < results->count; i++) {
        const struct line *other = &results->lines[i];
        if (!other->error && strcmp(other->layer, line->layer) == 0 &&
            other->median_seconds < line->median_seconds) {
            return false;
        }
    }
    return true;
}

static void result_row(FILE *file, const struct results *results, const struct line *line)
{
    bool best = !line->error && best_of_layer(results, line);
    fputs(best ? "<tr class=\"best\">" : "<tr>", file);
    text_cell(file, line->layer);
    text_cell(file, line->chosen[0] ? line->chosen : line->algorithm);
    text_cell(file, line->isa);
    text_cell(file, line->layout);
    plain_cell(file, "%.0f", line->threads);
    if (line->error) {
        fputs("<td colspan=\"11\" class=\"text\">", file);
        report_escaped(file, line->error);
        fputs("</td></tr>\n", file);
        return;
    }
    time_cell(file, line->min_seconds);
    time_cell(file, line->median_seconds);
    plain_cell(file, "%.1f", line->samples < SAMPLES_TELLING ? NAN : 100 * line_noise(line));
    plain_cell(file, "%.2f", line->flops / 1e9);
    plain_cell(file, "%.2f", line->executed_flops / 1e9);
    plain_cell(file, "%.1f", 100 * line->peak_fraction);
    plain_cell(file, "%.1f", 100 * line->bound_fraction);
    plain_cell(file, "%.1e", line->error_rms);
    bytes_cell(file, line->workspace_bytes);
    bytes_cell(file, line->packed_bytes);
    time_cell(file, 1e-6 * line->create_us);
    fputs("</tr>\n", file);
}

void report_results_table(FILE *file, const struct report *report)
{
    static const char *const names[] = {"layer",
                                        "algorithm",
                                        "isa",
                                        "data",
                                        "threads",
                                        "min",
                                        "median",
                                        "noise %",
                                        "effective GFLOP/s",
                                        "executed GFLOP/s",
                                        "% of peak",
                                        "% of bound",
                                        "error / rms",
                                        "workspace",
                                        "packed",
                                        "create",
                                        NULL};
    head(file, names, 4);
    for (size_t i = 0; i < report->results->count; i++) {
        result_row(file, report->results, &report->results->lines[i]);
    }
    fputs("</tbody></table>\n", file);
}

void report_ladder_table(FILE *file, const struct report *report)
{
    static const char *const names[] = {"rung",
                                        "what changed",
                                        "why it is faster",
                                        "median",
                                        "times the rung below",
                                        "% of peak",
                                        "error / rms",
                                        NULL};
    fprintf(file, "<p>%s, one thread.</p><div class=\"wide\">", report->ladder_problem);
    head(file, names, 3);
    double below = NAN;
    for (int i = 0; i < LADDER_RUNGS; i++) {
        const struct rung_result *rung = &report->ladder[i];
        fputs("<tr>", file);
        text_cell(file, rung->algorithm);
        if (rung->reason) {
            text_cell(file, rung->reason);
            fputs("</tr>\n", file);
            continue;
        }
        text_cell(file, rung->rung->changed);
        text_cell(file, rung->rung->faster);
        time_cell(file, rung->seconds);
        plain_cell(file, "%.2f", below / rung->seconds);
        plain_cell(file, "%.1f", 100 * rung->peak_fraction);
        plain_cell(file, "%.1e", rung->error);
        fputs("</tr>\n", file);
        below = rung->seconds;
    }
    fputs("</tbody></table></div>\n", file);
}

static double peer_number(const json_t *result, const char *key)
{
    const json_t *value = json_object_get(result, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

void report_peers_table(FILE *file, const struct report *report)
{
    static const char *const names[] = {"layer",       "engine", "variant", "note",      "threads",
                                        "min",         "median", "GFLOP/s", "% of peak", "ratio",
                                        "error / rms", "create", NULL};
    if (!report->peers) {
        return;
    }
    fputs("<h2>Peers</h2><p>From scripts/peers, all engines in one run. Ratio: the time over that "
          "of the first Convoy variant, so above 1 Convoy is faster.</p><div class=\"wide\">",
          file);
    head(file, names, 4);
    size_t i;
    json_t *result;
    json_array_foreach(json_object_get(report->peers, "results"), i, result)
    {
        bool ok = isfinite(peer_number(result, "min_ms"));
        const char *reason = json_string_value(json_object_get(result, "reason"));
        bool ranked = json_is_true(json_object_get(result, "ranked"));
        bool small = json_is_true(json_object_get(result, "under_ten_overheads"));
        fputs("<tr>", file);
        text_cell(file, json_string_value(json_object_get(result, "layer")));
        text_cell(file, json_string_value(json_object_get(result, "engine")));
        text_cell(file, json_string_value(json_object_get(result, "variant")));
        text_cell(file, !ok       ? reason
                        : !ranked ? "not ranked: its output differs"
                        : small   ? "under ten call overheads"
                                  : "");
        plain_cell(file, "%.0f", peer_number(result, "threads"));
        time_cell(file, 1e-3 * peer_number(result, "min_ms"));
        time_cell(file, 1e-3 * peer_number(result, "median_ms"));
        plain_cell(file, "%.2f", peer_number(result, "effective_gflops"));
        plain_cell(file, "%.1f", 100 * peer_number(result, "peak_fraction"));
        plain_cell(file, "%.2f", peer_number(result, "ratio"));
        plain_cell(file, "%.1e", peer_number(result, "error"));
        time_cell(file, 1e-3 * peer_number(result, "create_ms"));
        fputs("</tr>\n", file);
    }
    fputs("</tbody></table></div>\n", file);
}
