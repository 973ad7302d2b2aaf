/* SPDX-License-Identifier: MIT */
/* Owns: the ABI as text: every constant, offset, size and prototype, as this compiler sees them.
 * Run by: check_layout.py, which compares it with layout-64.txt; one thread.
 * Prints nothing that a release may change. */
#include "abi_table.h"

#include <stdio.h>
#include <string.h>

/* The version is the one constant that changes. */
static int is_pinned(const char *name)
{
    return strncmp(name, "ACAP_VERSION", strlen("ACAP_VERSION")) != 0;
}

static void print_constants(void)
{
    for (size_t i = 0; i < abi_constant_count; i++)
        if (is_pinned(abi_constants[i].name))
            printf("constant %s %lld %s\n", abi_constants[i].name, abi_constants[i].value, abi_constants[i].type);
}

static void print_member(const abi_member *m)
{
    const char *gap = m->type[strlen(m->type) - 1] == '*' ? "" : " ";

    printf("    at %zu, %zu bytes: %s%s%s\n", m->offset, m->size_bytes, m->type, gap, m->name);
}

static void print_struct(const abi_struct *s)
{
    printf("struct %s %zu bytes, aligned to %zu%s\n", s->name, s->size_bytes, s->alignment_bytes,
           s->initialized != NULL ? ", has an initializer" : "");
    for (size_t i = 0; i < s->member_count; i++)
        print_member(&s->members[i]);
}

int main(void)
{
    printf("pointer %zu bytes\n", sizeof(void *));
    printf("acap_result %zu bytes, %s\n", sizeof(acap_result), (acap_result)-1 < 0 ? "signed" : "unsigned");
    print_constants();
    for (size_t i = 0; i < abi_handle_count; i++)
        printf("handle %s\n", abi_handles[i]);
    for (size_t i = 0; i < abi_struct_count; i++)
        print_struct(&abi_structs[i]);
    for (size_t i = 0; i < abi_function_count; i++)
        printf("function %s\n", abi_functions[i]);
    return fflush(stdout) == 0 ? 0 : 1;
}
