/**
 * @file fuzz.h
 * What the targets share. Each is a program of libFuzzer's: it calls the target with one input
 * after another, and changes those that reach new code.
 */
#ifndef CONVOY_FUZZ_H
#define CONVOY_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/** The target: one input. Returns 0; what must not happen aborts. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Abort with the condition where it does not hold, in every build. */
#define EXPECT(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))
_Noreturn void fuzz_fail(const char *file, int line, const char *condition);

/** The input as a file that lies in memory: its path, the same for each input. */
const char *fuzz_file(const uint8_t *data, size_t size);

/** The input as a string; to be freed. */
char *fuzz_text(const uint8_t *data, size_t size);

/** The input behind the heading of a text of this version and machine, so that what comes behind it
 *  is reached; to be freed. */
char *fuzz_headed(const char *first_line, const uint8_t *data, size_t size);

#endif
