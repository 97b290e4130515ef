/**
 * @file wisdom_text.h
 * Wisdom that a test writes itself, so that it does not depend on what a measurement finds.
 */
#ifndef CONVOY_TESTS_WISDOM_TEXT_H
#define CONVOY_TESTS_WISDOM_TEXT_H

#include <stdio.h>

#include "convoy/version.h"
#include "plan/headed_text.h"
#include "support/check.h"

/** A text of this machine and version with the given lines behind the head; to be freed. */
static inline char *make_wisdom_text(const char *lines)
{
    char machine[HEADED_MACHINE_SIZE], *text;
    headed_machine(machine);
    assert_true(asprintf(&text, "convoy-wisdom 1\nversion %s\nmachine %s\n%s", convoy_version(),
                         machine, lines) > 0);
    return text;
}

#endif
