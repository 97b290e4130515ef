/**
 * @file pages.h
 * Memory between pages that may not be touched: a read or a write past one end stops the program at
 * the instruction that does it, and what is written past the other end is found when the memory is
 * given back. All of it is poison at first.
 */
#ifndef CONVOY_VERIFY_PAGES_H
#define CONVOY_VERIFY_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convoy/allocator.h"

/** A signalling NaN: arithmetic on it gives another word, a NaN too. */
#define POISON 0x7fa5a5a5u

/** Which end of a block lies against a page that may not be touched. */
enum pages_end { PAGES_LAST_BYTE, PAGES_FIRST_BYTE };

/** For all blocks from now on. */
void pages_place(enum pages_end end);

/** `bytes` of poison; NULL: no memory. With the last byte against the page, as close to it as the
 *  alignment of the first allows. */
void *pages_allocate(size_t bytes, size_t alignment);

/** Nothing before or behind the block was written. */
bool pages_intact(const void *memory);

/** NULL is fine. */
void pages_release(void *memory);

/** Blocks released with something written beside them, since the last call. */
int pages_spoilt(void);

/** For convoy_set_allocator: packed weights, biases and plans lie between such pages too. */
extern const convoy_allocator pages_allocator;

#endif
