/* SPDX-License-Identifier: MIT */
/* Owns: the shape of the tables that make_table.py makes from the public header: what the ABI consists of, as the compiler sees it.
 * Used by: print_layout.c and the tests in this directory. */
#ifndef ACAP_TESTS_ABI_TABLE_H
#define ACAP_TESTS_ABI_TABLE_H

#include <acap/acap.h>

#include <stddef.h>
#include <stdint.h>

#define ABI_TYPE_OF(constant) _Generic((constant), int: "int", unsigned: "unsigned", default: "something else")

typedef struct abi_constant {
    const char *name;
    long long value;
    const char *type;
} abi_constant;

typedef struct abi_member {
    const char *name;
    const char *type;
    size_t offset;
    size_t size_bytes;
} abi_member;

typedef struct abi_struct {
    const char *name;
    size_t size_bytes;
    size_t alignment_bytes;
    const abi_member *members;
    size_t member_count;
    const void *initialized; /* what its ACAP_..._INIT makes; NULL: it has none */
} abi_struct;

extern const abi_constant abi_constants[];
extern const size_t abi_constant_count;
extern const abi_struct abi_structs[];
extern const size_t abi_struct_count;
extern const char *const abi_functions[]; /* prototypes */
extern const size_t abi_function_count;
extern const char *const abi_handles[];
extern const size_t abi_handle_count;
extern const char *const abi_results[]; /* names of the values of acap_result */
extern const size_t abi_result_count;

#endif
