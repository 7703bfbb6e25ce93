/* The allocator of the whole process, the library and its crates included,
   counted and able to fail. Include it in one file of a program only. Not for
   valgrind and sanitizers, which have an allocator of their own. */
#ifndef HEAP_H
#define HEAP_H

#include <errno.h>
#include <malloc.h>
#include <stddef.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);

static long heap_bytes;
/* Allocations of this size and more fail; 0: none. */
static size_t heap_fails_from;
/* How many of them do not, before the others do. */
static long heap_lets_through;
/* How many have failed. */
static long heap_failures;

static void *heap_took(void *memory) {
    if (memory != NULL) {
        __atomic_add_fetch(&heap_bytes, (long)malloc_usable_size(memory),
                           __ATOMIC_RELAXED);
    }
    return memory;
}

static void heap_gave(void *memory) {
    if (memory != NULL) {
        __atomic_sub_fetch(&heap_bytes, (long)malloc_usable_size(memory),
                           __ATOMIC_RELAXED);
    }
}

static int heap_fails(size_t size) {
    size_t from = __atomic_load_n(&heap_fails_from, __ATOMIC_RELAXED);
    if (from == 0 || size < from) {
        return 0;
    }
    if (__atomic_sub_fetch(&heap_lets_through, 1, __ATOMIC_RELAXED) >= 0) {
        return 0;
    }
    __atomic_add_fetch(&heap_failures, 1, __ATOMIC_RELAXED);
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size) {
    return heap_fails(size) ? NULL : heap_took(__libc_malloc(size));
}

void *calloc(size_t count, size_t size) {
    if (size != 0 && heap_fails(count * size)) {
        return NULL;
    }
    return heap_took(__libc_calloc(count, size));
}

void *realloc(void *old, size_t size) {
    void *memory;
    size_t before = old == NULL ? 0 : malloc_usable_size(old);
    if (heap_fails(size)) {
        return NULL;
    }
    memory = __libc_realloc(old, size);
    if (memory != NULL || size == 0) {
        __atomic_sub_fetch(&heap_bytes, (long)before, __ATOMIC_RELAXED);
    }
    return heap_took(memory);
}

int posix_memalign(void **out, size_t alignment, size_t size) {
    if (heap_fails(size)) {
        return ENOMEM;
    }
    *out = heap_took(__libc_memalign(alignment, size));
    return *out == NULL ? ENOMEM : 0;
}

void *aligned_alloc(size_t alignment, size_t size) {
    return heap_fails(size) ? NULL
                            : heap_took(__libc_memalign(alignment, size));
}

void free(void *memory) {
    heap_gave(memory);
    __libc_free(memory);
}

/* Bytes allocated at the moment. */
__attribute__((unused))
static long heap_count(void) {
    return __atomic_load_n(&heap_bytes, __ATOMIC_RELAXED);
}

#endif
