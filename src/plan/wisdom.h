/**
 * @file wisdom.h
 * Wisdom as the planner and the text see it: a table from a key, which is the beginning of a line,
 * to an algorithm and its time.
 */
#ifndef CONVOY_PLAN_WISDOM_H
#define CONVOY_PLAN_WISDOM_H

#include "convoy/wisdom.h"
#include "plan/headed_text.h"
#include "plan/request.h"

#define WISDOM_KEY_SIZE (CONVOY_PROBLEM_SIZE + 120)

/** A line. */
struct wisdom_entry {
    char *key; /* "n1c64h56w56_k64r3s3_pd1 nchw avx512 2 default none"; the table's lies
                  behind its entry */
    const struct algorithm *algorithm;
    double microseconds;
    bool learned; /* measured here, not read */
};

/** The key of a request, with another epilogue than its own if that is what is looked for. */
void wisdom_key(const struct request *request, const convoy_epilogue *epilogue,
                char key[WISDOM_KEY_SIZE]);

/** What is known; false: nothing. */
bool wisdom_find(const convoy_wisdom *wisdom, const char *key, struct wisdom_entry *entry);

/** Add or replace, but what was measured here stays when `entry` was read; the key is copied.
 *  @retval CONVOY_ERROR_MEMORY */
convoy_status wisdom_add(convoy_wisdom *wisdom, const struct wisdom_entry *entry);

/** Call `visit` for each entry in the order of keys, while the table is locked. */
void wisdom_walk(const convoy_wisdom *wisdom,
                 void (*visit)(const struct wisdom_entry *entry, void *data), void *data);

/** What its text begins with. */
extern const struct headed_kind wisdom_kind;

#endif
