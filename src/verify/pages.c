/**
 * @file pages.c
 * A block lies in an area: a page without access, some with, one without. Making an area costs more
 * than running a small layer, so small ones are kept for the next block of as many pages.
 */
#include "verify/pages.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Areas of more pages are not kept: running what fills them takes longer than making them. */
#define KEPT_PAGES 32

struct block {
    struct block *next;
    char *area;   /* the accessible part */
    size_t pages; /* of it */
    char *memory; /* the block's first byte */
    size_t bytes;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct block *used, *kept[KEPT_PAGES + 1];
static enum pages_end placed;
static int spoilt;

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

void pages_place(enum pages_end end)
{
    pthread_mutex_lock(&mutex);
    placed = end;
    pthread_mutex_unlock(&mutex);
}

static void poison(const struct block *block)
{
    uint32_t *words = (uint32_t *)block->area;
    for (size_t i = 0; i < block->pages * page_bytes() / sizeof *words; i++) {
        words[i] = POISON;
    }
}

static bool is_poison_byte(const char *at)
{
    static const uint32_t word = POISON;
    return *at == ((const char *)&word)[(uintptr_t)at % sizeof word];
}

/* Less than a page, as all that lies beside a block in its area. */
static bool poisoned(const char *from, const char *to)
{
    uint32_t different = 0;
    bool good = true;
    for (; from < to && (uintptr_t)from % sizeof different != 0; from++) {
        good = good && is_poison_byte(from);
    }
    for (; to - from >= (ptrdiff_t)sizeof different; from += sizeof different) {
        different |= *(const uint32_t *)from ^ POISON;
    }
    for (; from < to; from++) {
        good = good && is_poison_byte(from);
    }
    return good && different == 0;
}

/* A new area, or NULL. */
static struct block *map(size_t pages)
{
    size_t page = page_bytes();
    struct block *block = calloc(1, sizeof *block);
    char *all = block ? mmap(NULL, (pages + 2) * page, PROT_NONE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                      : MAP_FAILED;
    if (all == MAP_FAILED) {
        free(block);
        return NULL;
    }
    if (mprotect(all + page, pages * page, PROT_READ | PROT_WRITE) != 0) {
        munmap(all, (pages + 2) * page);
        free(block);
        return NULL;
    }
    block->area = all + page;
    block->pages = pages;
    return block;
}

/* With the lock held: a kept area of as many pages, or a new one. */
static struct block *take(size_t pages)
{
    if (pages > KEPT_PAGES || !kept[pages]) {
        return map(pages);
    }
    struct block *block = kept[pages];
    kept[pages] = block->next;
    return block;
}

void *pages_allocate(size_t bytes, size_t alignment)
{
    size_t page = page_bytes();
    if (bytes == 0 || bytes > SIZE_MAX - 4 * page || alignment > page) {
        return NULL;
    }
    pthread_mutex_lock(&mutex);
    struct block *block = take((bytes + page - 1) / page);
    if (block) {
        size_t slack = block->pages * page - bytes;
        block->memory = block->area + (placed == PAGES_LAST_BYTE ? slack & ~(alignment - 1) : 0);
        block->bytes = bytes;
        poison(block);
        block->next = used;
        used = block;
    }
    pthread_mutex_unlock(&mutex);
    return block ? block->memory : NULL;
}

/* With the lock held: where the block hangs in the list. */
static struct block **find(const void *memory)
{
    struct block **at = &used;
    while ((*at)->memory != memory) {
        at = &(*at)->next;
    }
    return at;
}

static bool intact(const struct block *block)
{
    const char *end = block->area + block->pages * page_bytes();
    return poisoned(block->area, block->memory) && poisoned(block->memory + block->bytes, end);
}

bool pages_intact(const void *memory)
{
    pthread_mutex_lock(&mutex);
    bool good = intact(*find(memory));
    pthread_mutex_unlock(&mutex);
    return good;
}

void pages_release(void *memory)
{
    if (!memory) {
        return;
    }
    pthread_mutex_lock(&mutex);
    struct block **at = find(memory), *block = *at;
    *at = block->next;
    spoilt += !intact(block);
    if (block->pages <= KEPT_PAGES) {
        block->next = kept[block->pages];
        kept[block->pages] = block;
    } else {
        size_t page = page_bytes();
        munmap(block->area - page, (block->pages + 2) * page);
        free(block);
    }
    pthread_mutex_unlock(&mutex);
}

int pages_spoilt(void)
{
    pthread_mutex_lock(&mutex);
    int count = spoilt;
    spoilt = 0;
    pthread_mutex_unlock(&mutex);
    return count;
}

static void *allocate(void *data, size_t bytes, size_t alignment)
{
    (void)data;
    return pages_allocate(bytes, alignment);
}

static void release(void *data, void *memory)
{
    (void)data;
    pages_release(memory);
}

const convoy_allocator pages_allocator = {allocate, release, NULL};
