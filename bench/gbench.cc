/**
 * @file gbench.cc
 * The C interface of gbench.h over Google Benchmark; the only C++ of the project.
 */
#include "bench/gbench.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

/* Google Benchmark deprecates its CSV output but still has it; so have we. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

using benchmark::BenchmarkReporter;
using Runs = std::vector<BenchmarkReporter::Run>;

struct gbench_state {
    benchmark::State &state;
};

namespace
{

struct Text {
    std::string format = "console", out, out_format = "json", filter;
};
Text text;
struct gbench_flags flags;

/* All runs so far and the context that GB gave, for gbench_json. */
Runs collected;
std::map<std::string, std::string> context_lines;

/* What GB appends for UseRealTime is not part of our names. */
Runs renamed(const Runs &runs)
{
    Runs copy = runs;
    for (auto &run : copy) {
        run.run_name.time_type.clear();
    }
    return copy;
}

template <class Base> class Renaming : public Base
{
  public:
    void ReportRuns(const Runs &runs) override
    {
        Base::ReportRuns(renamed(runs));
    }
};

gbench_result result_of(const BenchmarkReporter::Run &run, const std::string &name)
{
    gbench_result result = {};
    result.name = name.c_str();
    bool aggregate = run.run_type == BenchmarkReporter::Run::RT_Aggregate;
    result.aggregate = aggregate ? run.aggregate_name.c_str() : nullptr;
    result.error = run.error_occurred ? run.error_message.c_str() : nullptr;
    result.label = run.report_label.c_str();
    result.iterations = run.iterations;
    double unit = benchmark::GetTimeUnitMultiplier(run.time_unit);
    result.seconds = run.error_occurred ? NAN : run.GetAdjustedRealTime() / unit;
    result.run = &run;
    return result;
}

/* Keeps every run and tells the listener; only CSV is printed here. */
class Collector : public BenchmarkReporter
{
  public:
    explicit Collector(const gbench_listener *listener) : listener_(listener)
    {
        if (text.format == "csv") {
            shown_ = std::make_unique<Renaming<benchmark::CSVReporter>>();
        }
    }
    bool ReportContext(const Context &context) override
    {
        return !shown_ || shown_->ReportContext(context);
    }
    void Finalize() override
    {
        if (shown_) {
            shown_->Finalize();
        }
    }
    void ReportRuns(const Runs &given) override
    {
        Runs runs = renamed(given);
        if (shown_) {
            shown_->ReportRuns(runs);
        }
        collected.insert(collected.end(), runs.begin(), runs.end());
        if (!listener_ || !listener_->group) {
            return;
        }
        std::vector<std::string> names;
        for (const auto &run : runs) {
            names.push_back(run.benchmark_name());
        }
        std::vector<gbench_result> results;
        for (size_t i = 0; i < runs.size(); i++) {
            results.push_back(result_of(runs[i], names[i]));
        }
        listener_->group(results.data(), results.size(), listener_->context);
    }

  private:
    const gbench_listener *listener_;
    std::unique_ptr<BenchmarkReporter> shown_;
};

/* --name=value or --name; the value of the last one counts. */
bool take_flag(const char *argument, const char *name, std::string *value)
{
    size_t length = std::strlen(name);
    if (std::strncmp(argument, "--", 2) != 0 || std::strncmp(argument + 2, name, length) != 0) {
        return false;
    }
    const char *rest = argument + 2 + length;
    if (*rest != '\0' && *rest != '=') {
        return false;
    }
    *value = *rest == '=' ? rest + 1 : "true";
    return true;
}

void from_environment(const char *name, std::string *value)
{
    const char *set = std::getenv(name);
    if (set) {
        *value = set;
    }
}

/* Text between lines of GB's list goes out without the suffix of UseRealTime. */
std::string without_suffix(std::string list)
{
    static const std::string suffix = "/real_time\n";
    for (size_t at; (at = list.find(suffix)) != std::string::npos;) {
        list.erase(at, suffix.size() - 1);
    }
    return list;
}

std::unique_ptr<BenchmarkReporter> file_reporter()
{
    if (text.out_format == "csv") {
        return std::make_unique<Renaming<benchmark::CSVReporter>>();
    }
    return std::make_unique<Renaming<benchmark::ConsoleReporter>>();
}

benchmark::Counter counter_of(double value, gbench_counter_kind kind)
{
    switch (kind) {
    case GBENCH_RATE:
        return benchmark::Counter(value, benchmark::Counter::kIsRate);
    case GBENCH_INVARIANT_RATE:
        return benchmark::Counter(value, benchmark::Counter::kIsIterationInvariantRate);
    case GBENCH_PLAIN:
        break;
    }
    return benchmark::Counter(value);
}

} // namespace

bool gbench_keep_running(gbench_state *state)
{
    return state->state.KeepRunning();
}

int64_t gbench_iterations(const gbench_state *state)
{
    return static_cast<int64_t>(state->state.max_iterations);
}

void gbench_skip(gbench_state *state, const char *reason)
{
    state->state.SkipWithError(reason);
}

void gbench_label(gbench_state *state, const char *label)
{
    state->state.SetLabel(label);
}

void gbench_counter(gbench_state *state, const char *name, double value, gbench_counter_kind kind)
{
    state->state.counters[name] = counter_of(value, kind);
}

int64_t gbench_size(const gbench_state *state)
{
    return state->state.range(0);
}

double gbench_result_counter(const gbench_result *result, const char *name)
{
    const auto *run = static_cast<const BenchmarkReporter::Run *>(result->run);
    auto found = run->counters.find(name);
    return found == run->counters.end() ? NAN : found->second.value;
}

void gbench_initialize(int *argc, char **argv, double min_seconds)
{
    std::string min_time, repetitions, list;
    from_environment("BENCHMARK_FORMAT", &text.format);
    from_environment("BENCHMARK_OUT", &text.out);
    from_environment("BENCHMARK_OUT_FORMAT", &text.out_format);
    from_environment("BENCHMARK_FILTER", &text.filter);
    from_environment("BENCHMARK_MIN_TIME", &min_time);
    from_environment("BENCHMARK_REPETITIONS", &repetitions);
    for (int i = 1; i < *argc; i++) {
        take_flag(argv[i], "benchmark_format", &text.format);
        take_flag(argv[i], "benchmark_out", &text.out);
        take_flag(argv[i], "benchmark_out_format", &text.out_format);
        take_flag(argv[i], "benchmark_filter", &text.filter);
        take_flag(argv[i], "benchmark_min_time", &min_time);
        take_flag(argv[i], "benchmark_repetitions", &repetitions);
        take_flag(argv[i], "benchmark_list_tests", &list);
    }
    if (min_time.empty()) {
        min_time = std::to_string(min_seconds);
        setenv("BENCHMARK_MIN_TIME", min_time.c_str(), 1);
    }
    /* The JSON file is ours to write, after the run: its context has what was measured after. */
    std::vector<char *> kept(argv, argv + 1);
    for (int i = 1; i < *argc; i++) {
        std::string ignored;
        bool ours =
            text.out_format == "json" && (take_flag(argv[i], "benchmark_out", &ignored) ||
                                          take_flag(argv[i], "benchmark_out_format", &ignored));
        if (!ours) {
            kept.push_back(argv[i]);
        }
    }
    std::copy(kept.begin(), kept.end(), argv);
    *argc = static_cast<int>(kept.size());
    argv[*argc] = nullptr;
    if (text.out_format == "json") {
        unsetenv("BENCHMARK_OUT");
    }
    benchmark::Initialize(argc, argv);

    flags.format = text.format.c_str();
    flags.out = text.out_format == "json" && !text.out.empty() ? text.out.c_str() : nullptr;
    flags.unchecked = text.format == "csv" || (!text.out.empty() && text.out_format != "json");
    flags.filter = text.filter.c_str();
    flags.min_seconds = std::atof(min_time.c_str());
    flags.repetitions = repetitions.empty() ? 1 : std::atoll(repetitions.c_str());
    flags.list_only = !list.empty() && list != "false" && list != "0";
}

const struct gbench_flags *gbench_flags(void)
{
    return &flags;
}

void gbench_print_flags(void)
{
    benchmark::PrintDefaultHelp();
}

bool gbench_matches(const char *name)
{
    if (text.filter.empty() || text.filter == "all") {
        return true;
    }
    bool negative = text.filter[0] == '-';
    try {
        std::regex pattern(text.filter.substr(negative ? 1 : 0), std::regex::extended);
        return std::regex_search(name, pattern) != negative;
    } catch (const std::regex_error &) {
        return false;
    }
}

void gbench_register(const gbench_benchmark *given)
{
    if (!given->unfiltered && !gbench_matches(given->name)) {
        return;
    }
    gbench_benchmark b = *given;
    auto run = [b](benchmark::State &state) {
        gbench_state wrapped = {state};
        if (b.setup) {
            b.setup(b.context);
        }
        if (b.sizes) {
            state.SetComplexityN(state.range(0));
        }
        b.run(&wrapped, b.context);
        if (b.teardown) {
            b.teardown(b.context);
        }
    };
    auto *registered = benchmark::RegisterBenchmark(b.name, run);
    registered->UseRealTime()->Unit(benchmark::kMillisecond);
    registered->ComputeStatistics("min", [](const std::vector<double> &values) {
        return *std::min_element(values.begin(), values.end());
    });
    for (size_t i = 0; b.sizes && i < b.size_count; i++) {
        registered->Arg(b.sizes[i]);
    }
    if (b.sizes) {
        registered->Complexity(benchmark::oN);
    }
}

void gbench_context(const char *key, const char *value)
{
    context_lines[key] = value;
}

size_t gbench_run(const gbench_listener *listener)
{
    /* The filter has been applied to our names already; GB's names have a suffix. */
    benchmark::SetBenchmarkFilter(".");
    Collector collector(listener);
    std::ostringstream listed;
    if (flags.list_only) {
        collector.SetOutputStream(&listed);
    }
    std::unique_ptr<BenchmarkReporter> file;
    if (!text.out.empty() && text.out_format != "json") {
        file = file_reporter();
    }
    size_t matched = benchmark::RunSpecifiedBenchmarks(&collector, file.get());
    std::string list = without_suffix(listed.str());
    std::fwrite(list.data(), 1, list.size(), stdout);
    benchmark::ClearRegisteredBenchmarks();
    return matched;
}

char *gbench_json(void)
{
    static bool added;
    if (!added) {
        for (const auto &line : context_lines) {
            benchmark::AddCustomContext(line.first, line.second);
        }
        added = true;
    }
    std::ostringstream stream;
    std::ostringstream errors;
    benchmark::JSONReporter reporter;
    reporter.SetOutputStream(&stream);
    reporter.SetErrorStream(&errors);
    BenchmarkReporter::Context context;
    reporter.ReportContext(context);
    reporter.ReportRuns(collected);
    reporter.Finalize();
    return strdup(stream.str().c_str());
}
