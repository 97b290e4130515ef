/**
 * @file test_cpu.c
 * What the processor can do, held against what the system says about it.
 */
#include <omp.h>
#include <stdio.h>
#include <unistd.h>

#include "core/cpu.h"
#include "core/memory.h"
#include "support/check.h"

/* The line of /proc/cpuinfo that starts with the key; false when there is none. */
static bool read_cpuinfo(const char *key, char *line, int size)
{
    FILE *file = fopen("/proc/cpuinfo", "r");
    bool found = false;
    while (file != NULL && !found && fgets(line, size, file) != NULL) {
        found = strncmp(line, key, strlen(key)) == 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

static bool has_flag(const char *flags, const char *flag)
{
    char word[32];
    snprintf(word, sizeof word, " %s ", flag);
    return strstr(flags, word) != NULL;
}

static void isas_are_the_ones_the_kernel_lists(void **state)
{
    (void)state;
    static char flags[8192];

    assert_true(cpu_runs(CONVOY_ISA_PORTABLE));
    assert_true(cpu_runs(CONVOY_ISA_BEST));
    assert_false(cpu_runs(CONVOY_ISA_COUNT));
    assert_false(cpu_runs((convoy_isa)-1));
    assert_false(cpu_runs(CONVOY_ISA_AVX2) && cpu_runs(CONVOY_ISA_NEON));
    if (!read_cpuinfo("flags", flags, sizeof flags)) {
        print_message("skipped: /proc/cpuinfo has no line of flags\n");
        skip();
    }
    flags[strcspn(flags, "\n")] = ' ';
    assert_int_equal(cpu_runs(CONVOY_ISA_AVX2), has_flag(flags, "avx2") && has_flag(flags, "fma"));
    assert_int_equal(cpu_runs(CONVOY_ISA_AVX512),
                     has_flag(flags, "avx512f") && has_flag(flags, "avx512bw") &&
                         has_flag(flags, "avx512dq") && has_flag(flags, "avx512vl") &&
                         has_flag(flags, "fma"));
}

static void the_model_is_the_one_the_kernel_prints(void **state)
{
    (void)state;
    char line[256];
    convoy_machine machine = {0};

    cpu_describe(&machine);
    assert_true(strlen(machine.cpu) > 0);
    if (!read_cpuinfo("model name", line, sizeof line)) {
        print_message("skipped: /proc/cpuinfo has no model name\n");
        skip();
    }
    assert_contains(line, machine.cpu);
}

static void caches_to_block_for_are_believable(void **state)
{
    (void)state;
    convoy_machine machine = {0};

    cpu_describe(&machine);
    assert_in_range(cpu_l1d_bytes(), 8 << 10, 256 << 10);
    assert_in_range(cpu_l2_bytes(), 128 << 10, 16 << 20);
    if (machine.l1d_bytes >= 8 << 10 && machine.l1d_bytes <= 256 << 10) {
        assert_int_equal(cpu_l1d_bytes(), machine.l1d_bytes);
    }
    if (machine.l2_bytes >= 128 << 10 && machine.l2_bytes <= 16 << 20) {
        assert_int_equal(cpu_l2_bytes(), machine.l2_bytes);
    }
}

static void processors_and_memory_are_described(void **state)
{
    (void)state;
    convoy_machine machine = {0};

    cpu_describe(&machine);
    assert_in_range(machine.cores, 1, sysconf(_SC_NPROCESSORS_CONF));
    assert_int_equal(machine.threads, omp_get_max_threads());
    assert_int_equal(machine.memory_bytes, memory_physical_bytes());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(isas_are_the_ones_the_kernel_lists),
        cmocka_unit_test(the_model_is_the_one_the_kernel_prints),
        cmocka_unit_test(caches_to_block_for_are_believable),
        cmocka_unit_test(processors_and_memory_are_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
