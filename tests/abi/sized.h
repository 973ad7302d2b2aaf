/* SPDX-License-Identifier: MIT */
/* Owns: memory that ends exactly where a struct of a given size ends, and the objects that the entry points under test need.
 * Used by: test_param_sizes.c and test_result_sizes.c; one thread. */
#ifndef ACAP_TESTS_ABI_SIZED_H
#define ACAP_TESTS_ABI_SIZED_H

#include "abi_table.h"

#include <stdbool.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SIZED_POISON 0xa5 /* in every byte that a caller has not set */
#define SIZED_MAX 4096u   /* no struct_size beyond it is believed */

/* A caller's struct. HEAP: exactly size_bytes of the heap, which AddressSanitizer watches. GUARD: followed by a page that nobody may touch,
   which every build notices; what remains of the last 8 bytes is poison. */
typedef enum sized_place {
    SIZED_HEAP,
    SIZED_GUARD,
} sized_place;

typedef struct sized {
    unsigned char *bytes; /* the struct, full of SIZED_POISON */
    size_t size_bytes;    /* at least 4: whoever sets struct_size has it */
    void *mapping;
    size_t mapping_bytes;
} sized;

sized sized_new(sized_place place, size_t size_bytes);
void sized_free(sized *memory);
void sized_set_struct_size(sized *memory, uint32_t struct_size);
/* The bytes from begin to end all have this value. */
bool sized_all(const sized *memory, size_t begin, size_t end, unsigned char value);

/* A stopped stream of sim:counter with a past, so that most of its figures are not zero, and whose figures stand still. */
typedef struct objects {
    acap_context *context;
    acap_stream *stream;
    acap_reader *reader;
    acap_pool *pool;
    acap_context *quiet;       /* a context in which nothing happens */
    const acap_buffer *buffer; /* of a reader that is closed again, from a stream of its own: held without moving stream's figures */
} objects;

int objects_open(void **state);
int objects_close(void **state);

/* The struct's row of the table. */
const abi_struct *sized_find(const char *name);

#endif
