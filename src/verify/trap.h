/**
 * @file trap.h
 * What a program says when a kernel touches a page that it may not: which layer, which case.
 */
#ifndef CONVOY_VERIFY_TRAP_H
#define CONVOY_VERIFY_TRAP_H

#include <signal.h>
#include <stdint.h>

#include "convoy/layer.h"

struct trap {
    char layer[CONVOY_PROBLEM_SIZE + 64];
    char what[128]; /* the case; the caller's to write */
    struct sigaction before[2];
};

/** From now on an access that the system refuses is told on stderr before the program ends of it,
 *  as it would have. One trap at a time. */
void trap_set(struct trap *trap, const convoy_layer *layer, uint64_t seed);
void trap_remove(struct trap *trap);

#endif
