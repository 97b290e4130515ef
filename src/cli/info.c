/**
 * @file info.c
 * `convoy info`: the machine and the build as Convoy sees them.
 */
#include <stdio.h>

#include "cli/command.h"
#include "cli/errors.h"
#include "cli/json.h"
#include "cli/layers.h"
#include "cli/table.h"
#include "cli/text.h"
#include "convoy/machine.h"
#include "convoy/version.h"

struct info_options {
    struct globals globals;
};

static int print_json(const convoy_machine *machine)
{
    struct json json;
    json_begin(&json);
    json_string(&json, "version", convoy_version());
    json_string(&json, "compiler", machine->compiler);
    json_string(&json, "build", machine->build);
    json_string(&json, "cpu", machine->cpu);
    json_integer(&json, "cores", machine->cores);
    json_integer(&json, "threads", machine->threads);
    json_unsigned(&json, "memory_bytes", machine->memory_bytes);
    json_object(&json, "caches");
    json_integer(&json, "l1d_bytes", (int64_t)machine->l1d_bytes);
    json_integer(&json, "l2_bytes", (int64_t)machine->l2_bytes);
    json_integer(&json, "l3_bytes", (int64_t)machine->l3_bytes);
    json_integer(&json, "line_bytes", (int64_t)machine->line_bytes);
    json_end(&json);
    json_string(&json, "isa", convoy_isa_name(convoy_isa_best()));
    json_array(&json, "isas");
    for (int i = CONVOY_ISA_PORTABLE; i < CONVOY_ISA_COUNT; i++) {
        json_object(&json, NULL);
        json_string(&json, "name", convoy_isa_name((convoy_isa)i));
        json_boolean(&json, "compiled", convoy_isa_compiled((convoy_isa)i));
        json_boolean(&json, "usable", convoy_isa_usable((convoy_isa)i));
        json_end(&json);
    }
    json_end(&json);
    json_object(&json, "gemm");
    json_string(&json, "library", machine->gemm);
    json_string(&json, "core", machine->gemm_core);
    json_end(&json);
    return json_print(&json);
}

static void add_bytes(struct table *table, const char *name, uint64_t bytes)
{
    char text[TEXT_SIZE];
    table_cell(table, "%s", name);
    table_cell(table, "%s", bytes ? text_bytes(bytes, text) : "not reported");
}

static void add_text(struct table *table, const char *name, const char *text)
{
    table_cell(table, "%s", name);
    table_cell(table, "%s", text);
}

static void add_isas(struct table *table)
{
    for (int i = CONVOY_ISA_PORTABLE; i < CONVOY_ISA_COUNT; i++) {
        convoy_isa isa = (convoy_isa)i;
        table_cell(table, "ISA %s", convoy_isa_name(isa));
        table_cell(table, "%s%s",
                   convoy_isa_usable(isa)     ? "usable"
                   : convoy_isa_compiled(isa) ? "compiled, but this processor does not have it"
                                              : "not compiled",
                   isa == convoy_isa_best() ? ", used unless another is asked for" : "");
    }
}

static int print_table(const convoy_machine *machine)
{
    struct table table;
    table_begin(&table, "ll");
    table_cell(&table, "convoy");
    table_cell(&table, "%s", convoy_version());
    add_text(&table, "compiler", machine->compiler);
    add_text(&table, "build", machine->build);
    add_text(&table, "CPU", machine->cpu);
    table_cell(&table, "cores");
    table_cell(&table, "%d", machine->cores);
    table_cell(&table, "threads");
    table_cell(&table, "%d unless --threads says otherwise", machine->threads);
    add_bytes(&table, "memory", machine->memory_bytes);
    add_bytes(&table, "L1 data cache", machine->l1d_bytes);
    add_bytes(&table, "L2 cache", machine->l2_bytes);
    add_bytes(&table, "L3 cache", machine->l3_bytes);
    add_bytes(&table, "cache line", machine->line_bytes);
    add_isas(&table);
    add_text(&table, "GEMM", machine->gemm);
    add_text(&table, "GEMM core", machine->gemm_core);
    return table_print(&table);
}

static int run(const struct arguments *arguments, const void *options)
{
    const struct info_options *given = options;
    convoy_machine machine;
    int code = no_arguments(&command_info, arguments);
    if (code) {
        return code;
    }
    convoy_status status = convoy_machine_describe(&machine);
    if (status) {
        return report_status(status, NULL);
    }
    return given->globals.json ? print_json(&machine) : print_table(&machine);
}

static const struct option_row rows[] = {
    {NULL, OPTION_FLAG, 0, NULL, NULL, 0, 0},
};

const struct command command_info = {
    .name = "info",
    .summary = "CPU, instruction sets, caches, threads, OpenBLAS, version and build",
    .usage = "[options]",
    .details = "",
    .examples = "  convoy info\n"
                "  convoy info --json\n"
                "  CONVOY_ISA=avx2 convoy info\n",
    .rows = rows,
    .ignores = "threads isa seed quiet",
    .options_bytes = sizeof(struct info_options),
    .run = run,
};
