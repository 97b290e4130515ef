/**
 * @file gbench.h
 * Google Benchmark for C: register a callback by name, run what matches, receive each result.
 *
 * Every benchmark is timed by the wall clock (UseRealTime): with OpenMP, the main thread's CPU time
 * would give false rates. Google Benchmark marks that by "/real_time" behind the name; here names
 * stay as registered, in filters, lists and all output.
 */
#ifndef CONVOY_BENCH_GBENCH_H
#define CONVOY_BENCH_GBENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The state of one timed call, valid inside a gbench_function only. */
typedef struct gbench_state gbench_state;

/** Must loop `while (gbench_keep_running(state))`; the time of that loop is what is measured. */
typedef void gbench_function(gbench_state *state, void *context);

struct gbench_benchmark {
    const char *name;
    gbench_function *run;
    void (*setup)(void *context);    /**< before each timed call, not timed; NULL: none */
    void (*teardown)(void *context); /**< after it, not timed; NULL: none */
    void *context;
    const int64_t *sizes; /**< run once for each and fit the time against them; NULL: just once */
    size_t size_count;
    bool unfiltered; /**< --benchmark_filter does not concern it */
};

enum gbench_counter_kind {
    GBENCH_PLAIN,         /**< the value as it is */
    GBENCH_RATE,          /**< value / seconds of the whole loop */
    GBENCH_INVARIANT_RATE /**< value of one iteration / seconds of one iteration */
};

bool gbench_keep_running(gbench_state *state);
/** How often the loop will run in this call. */
int64_t gbench_iterations(const gbench_state *state);
/** End the benchmark with a reason instead of a time; leave the loop after it. */
void gbench_skip(gbench_state *state, const char *reason);
void gbench_label(gbench_state *state, const char *text);
void gbench_counter(gbench_state *state, const char *name, double value,
                    enum gbench_counter_kind kind);
/** Which of the benchmark's sizes this call is to run. */
int64_t gbench_size(const gbench_state *state);

/** One line of results as Google Benchmark reports it. */
struct gbench_result {
    const char *name;      /**< as registered; aggregates have "_mean", ... behind it */
    const char *aggregate; /**< "mean", "median", ...; NULL: a measured line */
    const char *error;     /**< the reason of gbench_skip; NULL: none */
    const char *label;
    int64_t iterations;
    double seconds;  /**< wall clock of one iteration */
    const void *run; /**< for gbench_result_counter */
};

/** The value of a counter as it is reported; NaN when there is none of that name. */
double gbench_result_counter(const struct gbench_result *result, const char *name);

/** What a program wants to hear while benchmarks run; every function may be NULL. */
struct gbench_listener {
    void (*group)(const struct gbench_result *results, size_t count, void *context);
    void *context;
};

/** How results leave the program, from --benchmark_format, --benchmark_out and so on. */
struct gbench_flags {
    const char *format;  /**< "console", "json", "csv" */
    const char *out;     /**< a JSON file that the caller writes from gbench_json; NULL: none */
    bool unchecked;      /**< some output is written while it runs, as CSV or to a text file */
    const char *filter;  /**< regular expression; "" matches all */
    double min_seconds;  /**< --benchmark_min_time */
    int64_t repetitions; /**< --benchmark_repetitions */
    bool list_only;      /**< --benchmark_list_tests */
};

/**
 * Take Google Benchmark's flags out of the command line; arguments that it does not know stay.
 * @param min_seconds  what --benchmark_min_time is when neither flag nor environment sets it
 */
void gbench_initialize(int *argc, char **argv, double min_seconds);
const struct gbench_flags *gbench_flags(void);
/** The help text of Google Benchmark's own flags, on stdout. */
void gbench_print_flags(void);

/** A name matches --benchmark_filter. */
bool gbench_matches(const char *name);
/** Register; ignored when the name does not match the filter. */
void gbench_register(const struct gbench_benchmark *benchmark);
/** A line of the context in the head of JSON output. A later value of a key replaces an earlier. */
void gbench_context(const char *key, const char *value);

/** Run what is registered and forget it. @return the number of benchmarks that matched */
size_t gbench_run(const struct gbench_listener *listener);
/** Everything measured since the start, as Google Benchmark's JSON; free() it. NULL: no memory */
char *gbench_json(void);

#ifdef __cplusplus
}
#endif
#endif
