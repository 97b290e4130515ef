/**
 * @file algorithms.c
 * The algorithm table: one row an algorithm. `convoy list` and `convoy explain` show them in this
 * order; what the planner prefers is in choose.c.
 */
#include "plan/algorithms.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "kernels/winograd/winograd.h"

const struct algorithm *const algorithms[] = {
    &algorithm_reference,
    &algorithm_naive,
    &algorithm_reordered,
    &algorithm_im2col,
    &algorithm_direct,
#define ROW(m_h, m_w, R, S) &winograd_algorithms[WINOGRAD_F##m_h##x##m_w##_##R##x##S].base,
    WINOGRAD_VARIANTS(ROW)
#undef ROW
        NULL,
};

#define ALGORITHM_COUNT (sizeof algorithms / sizeof algorithms[0] - 1)

size_t convoy_algorithm_count(void)
{
    return ALGORITHM_COUNT;
}

const char *convoy_algorithm_name(size_t index)
{
    return index < ALGORITHM_COUNT ? algorithms[index]->name : NULL;
}

const char *convoy_algorithm_summary(size_t index)
{
    return index < ALGORITHM_COUNT ? algorithms[index]->summary : NULL;
}

/* Does the algorithm belong to the family of the one before, as "winograd-f2x2-3x3" and
   "winograd-f4x4-3x3" do? */
static bool same_family(size_t index)
{
    const char *name = algorithms[index]->name;
    size_t length = strcspn(name, "-");
    return name[length] == '-' && index > 0 &&
           strncmp(name, algorithms[index - 1]->name, length + 1) == 0;
}

convoy_status algorithm_find(const char *name, const struct algorithm **algorithm)
{
    char known[300] = "";
    size_t length = 0, more = 0;

    for (size_t i = 0; i < ALGORITHM_COUNT; i++) {
        if (strcmp(algorithms[i]->name, name) == 0) {
            *algorithm = algorithms[i];
            return CONVOY_OK;
        }
        if (same_family(i)) {
            more++;
        } else if (length < sizeof known) {
            length += (size_t)snprintf(known + length, sizeof known - length, ", %s",
                                       algorithms[i]->name);
        }
    }
    return fail(CONVOY_ERROR_ALGORITHM,
                "there is no algorithm '%.60s'; known are auto%s and %zu more of such families",
                name, known, more);
}
