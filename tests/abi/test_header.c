/* SPDX-License-Identifier: MIT */
/* Owns: the proof that header and library are of one piece: versions, names of results, initializers, shape of structs. What to compare
 * comes from the header itself, so that nothing new can be forgotten here.
 * Run by: CTest; public API and shared library only; one thread. */
#include "abi_table.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void library_has_the_headers_version(void **state)
{
    char text[32];
    (void)state;

    assert_int_equal(acap_version(), ACAP_VERSION);
    assert_int_equal(acap_version(), (ACAP_VERSION_MAJOR << 16) | (ACAP_VERSION_MINOR << 8) | ACAP_VERSION_PATCH);
    (void)snprintf(text, sizeof text, "%d.%d.%d", ACAP_VERSION_MAJOR, ACAP_VERSION_MINOR, ACAP_VERSION_PATCH);
    assert_string_equal(acap_version_string(), text);
    assert_string_equal(acap_version_string(), ACAP_TEST_PROJECT_VERSION);
}

/* Else versions would not compare as numbers. */
_Static_assert(ACAP_VERSION_MINOR <= 255 && ACAP_VERSION_PATCH <= 255, "each part of ACAP_VERSION has a byte");

static void library_is_the_one_that_was_built(void **state)
{
    Dl_info info;
    void *entry = dlsym(dlopen(NULL, RTLD_NOW), "acap_version");
    (void)state;

    assert_non_null(entry);
    assert_int_not_equal(dladdr(entry, &info), 0);
    assert_non_null(strstr(info.dli_fname, ACAP_TEST_SONAME));
}

/* By name, out of the header: a result that the library forgot has no name there. */
static acap_result value_of(const char *name)
{
    for (size_t i = 0; i < abi_constant_count; i++)
        if (strcmp(abi_constants[i].name, name) == 0)
            return (acap_result)abi_constants[i].value;
    fail_msg("%s is not in the table", name);
    return 0;
}

static void every_result_has_its_name(void **state)
{
    (void)state;
    assert_true(abi_result_count >= 18);
    for (size_t i = 0; i < abi_result_count; i++)
        assert_string_equal(acap_result_name(value_of(abi_results[i])), abi_results[i]);
}

/* Zero means the default in every member but struct_size. */
static void initializers_set_the_size_and_nothing_else(void **state)
{
    size_t initializers = 0;
    (void)state;

    for (size_t i = 0; i < abi_struct_count; i++) {
        const unsigned char *made = abi_structs[i].initialized;
        uint32_t size_bytes;

        if (made == NULL)
            continue;
        initializers++;
        memcpy(&size_bytes, made, sizeof size_bytes);
        assert_int_equal(size_bytes, abi_structs[i].size_bytes);
        for (size_t b = sizeof size_bytes; b < size_bytes; b++)
            assert_int_equal(made[b], 0);
    }
    assert_int_equal(initializers, abi_struct_count - 2); /* acap_device_info and acap_buffer are the library's to make */
}

static void every_struct_begins_with_its_size_and_has_no_holes(void **state)
{
    (void)state;
    for (size_t i = 0; i < abi_struct_count; i++) {
        const abi_struct *s = &abi_structs[i];
        size_t end = 0;

        assert_string_equal(s->members[0].name, "struct_size");
        assert_string_equal(s->members[0].type, "uint32_t");
        for (size_t m = 0; m < s->member_count; m++) {
            assert_int_equal(s->members[m].offset, end);
            end += s->members[m].size_bytes;
        }
        assert_int_equal(end, s->size_bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(library_has_the_headers_version),
        cmocka_unit_test(library_is_the_one_that_was_built),
        cmocka_unit_test(every_result_has_its_name),
        cmocka_unit_test(initializers_set_the_size_and_nothing_else),
        cmocka_unit_test(every_struct_begins_with_its_size_and_has_no_holes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
