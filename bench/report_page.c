/**
 * @file report_page.c
 * The page: a template whose {{names}} are replaced by text, tables and plots.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/context.h"
#include "bench/report_parts.h"
#include "core/error.h"
#include "core/file.h"

static char *read_all(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t size = 0;
    ssize_t length = file ? getdelim(&text, &size, '\0', file) : -1;
    if (file) {
        fclose(file);
    }
    if (length < 0) {
        free(text);
        fail(CONVOY_ERROR_IO, "%s cannot be read", path);
        return NULL;
    }
    return text;
}

void report_escaped(FILE *file, const char *text)
{
    for (; text && *text; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", file);
            break;
        case '>':
            fputs("&gt;", file);
            break;
        case '&':
            fputs("&amp;", file);
            break;
        default:
            fputc(*text, file);
        }
    }
}

/* The SVG element alone; its marker colours become the page's, and its ids its own: several plots
   stand on one page. */
static void write_svg(FILE *file, const struct report *report, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s.svg", report->data, name);
    char *text = read_all(path);
    const char *at = text ? strstr(text, "<svg") : NULL;
    static const struct {
        const char *from, *to;
        bool names; /* the plot's name follows */
    } swaps[] = {{"#010203", "currentColor", false},
                 {"rgb(  1,   2,   3)", "currentColor", false},
                 {"rgb(1,2,3)", "currentColor", false},
                 {"#040506", "var(--line)", false},
                 {"rgb(  4,   5,   6)", "var(--line)", false},
                 {"rgb(4,5,6)", "var(--line)", false},
                 {"black", "currentColor", false},
                 {"gpPt", "gpPt-", true},
                 {"gpDot", "gpDot-", true},
                 {"gnuplot_plot_", "gnuplot_plot_-", true},
                 {"gpPat", "gpPat-", true}};
    while (at && *at) {
        size_t i = 0, count = sizeof swaps / sizeof swaps[0];
        while (i < count && strncmp(at, swaps[i].from, strlen(swaps[i].from)) != 0) {
            i++;
        }
        if (i == count) {
            fputc(*at++, file);
            continue;
        }
        fprintf(file, "%s%s", swaps[i].to, swaps[i].names ? name : "");
        at += strlen(swaps[i].from);
    }
    free(text);
}

static void write_head(FILE *file, const struct report *report)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    if (memory) {
        context_print(memory, report->before, report->options);
        context_print_after(memory, report->before, report->after);
        fclose(memory);
        report_escaped(file, text);
    }
    free(text);
}

static void write_warnings(FILE *file, const struct report *report)
{
    double difference = limits_difference(report->before, report->after);
    if (difference > QUIET_DIFFERENCE) {
        fprintf(file,
                "<p class=\"warn\">The machine was not quiet: its measured limits before and after "
                "the run differ by %.0f&nbsp;%%. Read small differences as noise.</p>\n",
                100 * difference);
    }
    size_t refused = 0;
    for (size_t i = 0; i < report->results->count; i++) {
        refused += report->results->lines[i].error != NULL;
    }
    if (refused > 0) {
        fprintf(file,
                "<p class=\"warn\">%zu of %zu lines failed or were refused by the check; the "
                "table has the reasons.</p>\n",
                refused, report->results->count);
    }
}

static void write_commands(FILE *file, const struct report *report)
{
    const char *command = results_context(report->results, "command");
    report_escaped(file, command ? command : "convoy-bench --report DIR");
    fprintf(file, "\nconvoy-bench --ladder %s\n", report->ladder_problem);
    if (report->swept.count > 0) {
        fprintf(file, "convoy-bench --sweep %s --plot=sweep.svg\n", report->sweep.problem);
    }
    fputs("scripts/peers --layers=core --json peers.json   # then: --peers=peers.json\n", file);
    fputs("for plot in roofline bars ladder threads batch size; do\n"
          "  gnuplot -c bench/report/$plot.gp data $plot.png png; done\n",
          file);
}

/* Google Benchmark's linear fit of the time against the batch. */
static void write_batch_note(FILE *file, const struct report *report)
{
    bool first = true;
    for (size_t i = 0; i < report->batch_count; i++) {
        const struct series *series = &report->batch[i];
        if (series->big_o > 0) {
            fprintf(file, "%s%s %.3g ms", first ? "<p>Linear fits, time of one more image: " : ", ",
                    series->algorithm, 1e3 * series->big_o);
            first = false;
        }
    }
    fputs(first ? "" : ".</p>", file);
}

/* A section of its own, where there was a sweep. */
static void write_sweep(FILE *file, const struct report *report)
{
    if (report->swept.count > 0) {
        fprintf(
            file,
            "<h2>Sweep</h2>\n<p>Effective throughput in per cent of the FMA peak, by the least "
            "time, around the layer %s: one extent changes at a time. A triangle is a size that "
            "lies more than %.0f&nbsp;%% below its neighbours.</p>\n<figure>",
            report->sweep.problem, 100 * SWEEP_BELOW);
        write_svg(file, report, "sweep");
        fputs("</figure>\n", file);
    }
}

static void write_date(FILE *file)
{
    time_t now = time(NULL);
    struct tm parts;
    char text[64] = "";
    if (localtime_r(&now, &parts)) {
        strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts);
    }
    fputs(text, file);
}

/* @return false when the name is none of the page's */
static bool write_place(FILE *file, const struct report *report, const char *name)
{
    for (int i = 0; i < REPORT_PLOTS; i++) {
        if (strcmp(name, report_plots[i]) == 0 && strcmp(name, "sweep") != 0) {
            write_svg(file, report, name);
            return true;
        }
    }
    static const struct {
        const char *name;
        void (*write)(FILE *, const struct report *);
    } places[] = {{"head", write_head},
                  {"warnings", write_warnings},
                  {"commands", write_commands},
                  {"batch_note", write_batch_note},
                  {"sweep", write_sweep},
                  {"results_table", report_results_table},
                  {"ladder_table", report_ladder_table},
                  {"peers_table", report_peers_table}};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (strcmp(name, places[i].name) == 0) {
            places[i].write(file, report);
            return true;
        }
    }
    if (strcmp(name, "date") == 0) {
        write_date(file);
    } else if (strcmp(name, "version") == 0) {
        fputs(convoy_version(), file);
    } else if (strcmp(name, "peers_note") == 0) {
        fputs(report->peers ? " Peers, in grey, are the best variant of each engine." : "", file);
    } else if (strcmp(name, "cpu") == 0 || strcmp(name, "commit") == 0) {
        report_escaped(file, results_context(report->results, name));
    } else {
        return false;
    }
    return true;
}

static convoy_status fill_in(FILE *file, const struct report *report, const char *template)
{
    const char *at = template;
    for (const char *open; (open = strstr(at, "{{"));) {
        const char *close = strstr(open, "}}");
        char name[32];
        if (!close || close - open - 2 >= (ptrdiff_t)sizeof name) {
            break;
        }
        fwrite(at, 1, (size_t)(open - at), file);
        snprintf(name, sizeof name, "%.*s", (int)(close - open - 2), open + 2);
        if (!write_place(file, report, name)) {
            return fail(CONVOY_ERROR_FORMAT, "page.html: nothing is called {{%s}}", name);
        }
        at = close + 2;
    }
    fputs(at, file);
    return CONVOY_OK;
}

convoy_status report_write_page(const struct report *report)
{
    char path[600], scripts[512];
    struct file_writer writer;
    convoy_status status = report_scripts(scripts, sizeof scripts);
    if (status) {
        return status;
    }
    snprintf(path, sizeof path, "%s/page.html", scripts);
    char *template = read_all(path);
    if (!template) {
        return CONVOY_ERROR_IO;
    }
    snprintf(path, sizeof path, "%s/index.html", report->options->report);
    status = file_create(path, &writer);
    if (!status) {
        status = fill_in(writer.stream, report, template);
        if (status) {
            file_abandon(&writer);
        } else {
            status = file_commit(&writer);
        }
    }
    free(template);
    return status;
}
