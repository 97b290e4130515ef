/**
 * @file trap.c
 * The handler only puts texts together that stand ready, and lets the signal come again.
 */
#include "verify/trap.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const int signals[] = {SIGSEGV, SIGBUS};
static struct trap *current;

static void put(const char *text)
{
    (void)!write(STDERR_FILENO, text, strlen(text));
}

static void tell(int number)
{
    (void)number;
    put("\n");
    put(current->layer);
    put(current->what);
    put(": it touched memory that is none of its buffers'\n");
    trap_remove(current);
}

void trap_set(struct trap *trap, const convoy_layer *layer, uint64_t seed)
{
    struct sigaction action = {.sa_handler = tell};
    char problem[CONVOY_PROBLEM_SIZE] = "";
    convoy_layer_print(layer, problem, sizeof problem);
    snprintf(trap->layer, sizeof trap->layer, "%s seed %" PRIu64 " ", problem, seed);
    trap->what[0] = '\0';
    current = trap;
    for (int i = 0; i < 2; i++) {
        sigaction(signals[i], &action, &trap->before[i]);
    }
}

void trap_remove(struct trap *trap)
{
    for (int i = 0; i < 2; i++) {
        sigaction(signals[i], &trap->before[i], NULL);
    }
}
