/**
 * @file verify_select.h
 * The combinations that `convoy verify` is asked for.
 */
#ifndef CONVOY_CLI_VERIFY_SELECT_H
#define CONVOY_CLI_VERIFY_SELECT_H

#include "cli/options.h"
#include "verify/verify.h"

#define SELECT_ALGORITHMS_MAX 64
#define SELECT_THREADS_MAX    16

struct selection {
    const char *algorithms[SELECT_ALGORITHMS_MAX];
    size_t algorithm_count;
    convoy_isa isas[CONVOY_ISA_COUNT];
    size_t isa_count;
    convoy_isa skipped_isas[CONVOY_ISA_COUNT]; /* compiled, but this machine has them not */
    size_t skipped_isa_count;
    convoy_layout layouts[2];
    size_t layout_count;
    int threads[SELECT_THREADS_MAX];
    size_t thread_count;
};

/** Comma lists as they are given; each NULL is everything. @return EXIT_GOOD, or the exit code of
 *  the error that was reported */
int select_combinations(const char *algorithms, const char *isas, const char *layouts,
                        const char *threads, struct selection *selection);

#endif
