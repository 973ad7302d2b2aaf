/* SPDX-License-Identifier: MIT */
/* Owns: the proof that a device string picks the device that a person would expect, and that a refusal helps.
 * Run by: CTest, in no time.
 * Runs on: the insides of the static library. */
#include "device_match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static const acap__device_name desk[] = {
    { "alsa:hw:CARD=PCH,DEV=0", "HDA Intel PCH: ALC257 Analog (hw:0,0)" },
    { "alsa:hw:CARD=Headset,DEV=0", "Headset: USB Audio (hw:1,0)" },
    { "alsa:default", "default" },
    { "jack:system", "system" },
    { "jack:Mic", "Mic" },
    { "jack:Mic 2", "Mic 2" },
    { "pulse:out.monitor", "Monitor of Built-in Audio" },
    { "alsa:system", "system" },
};

static size_t pick(const char *wanted)
{
    acap__failure failure = { ACAP_OK, "" };
    size_t index = SIZE_MAX;
    const acap_result result = acap__device_match(desk, COUNT_OF(desk), wanted, &index, &failure);

    if (result != ACAP_OK)
        fail_msg("\"%s\": %s", wanted, failure.text);
    return index;
}

static acap__failure refuse(const acap__device_name *devices, size_t count, const char *wanted)
{
    acap__failure failure = { ACAP_OK, "" };
    size_t index = SIZE_MAX;

    assert_int_equal(acap__device_match(devices, count, wanted, &index, &failure), ACAP_ERROR_NO_DEVICE);
    assert_int_equal(failure.result, ACAP_ERROR_NO_DEVICE);
    return failure;
}

static void assert_says(const acap__failure *failure, const char *part)
{
    if (strstr(failure->text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", failure->text, part);
}

static void assert_silent_about(const acap__failure *failure, const char *part)
{
    if (strstr(failure->text, part) != NULL)
        fail_msg("\"%s\" says \"%s\"", failure->text, part);
}

static void exact_id_wins(void **state)
{
    (void)state;
    assert_int_equal(pick("alsa:hw:CARD=Headset,DEV=0"), 1);
    assert_int_equal(pick("jack:system"), 3);
    assert_int_equal(pick("alsa:system"), 7);
    assert_int_equal(pick("jack:Mic"), 4); /* though "jack:Mic 2" begins with it */
}

static void exact_name_comes_next(void **state)
{
    (void)state;
    assert_int_equal(pick("default"), 2);
    assert_int_equal(pick("Mic"), 4);
    assert_int_equal(pick("Mic 2"), 5);
    assert_int_equal(pick("Headset: USB Audio (hw:1,0)"), 1);
}

/* An id that is also a part of other names, and a name that is another device's id. */
static void id_comes_before_name(void **state)
{
    static const acap__device_name devices[] = { { "x", "y" }, { "y", "z" } };
    acap__failure failure;
    size_t index = SIZE_MAX;

    (void)state;
    assert_int_equal(acap__device_match(devices, 2, "y", &index, &failure), ACAP_OK);
    assert_int_equal(index, 1);
}

static void case_matters_only_between_equals(void **state)
{
    static const acap__device_name devices[] = { { "a:mic", "mic" }, { "a:MIC", "MIC" }, { "a:other", "other" } };
    acap__failure failure;
    size_t index = SIZE_MAX;

    (void)state;
    assert_int_equal(pick("MIC"), 4);
    assert_int_equal(pick("JACK:mic 2"), 5);
    assert_int_equal(pick("headset"), 1);
    assert_int_equal(acap__device_match(devices, 3, "MIC", &index, &failure), ACAP_OK);
    assert_int_equal(index, 1);
    failure = refuse(devices, 3, "Mic");
    assert_says(&failure, "2 capture devices");
}

static void unique_part_is_enough(void **state)
{
    (void)state;
    assert_int_equal(pick("ALC257"), 0);
    assert_int_equal(pick("hw:1,0"), 1);
    assert_int_equal(pick("usb audio"), 1);
    assert_int_equal(pick("monitor"), 6);
    assert_int_equal(pick("c 2"), 5); /* at the very end of a name */
}

static void several_are_named(void **state)
{
    acap__failure failure = refuse(desk, COUNT_OF(desk), "system");

    (void)state;
    assert_says(&failure, "\"system\" means 2 capture devices");
    assert_says(&failure, "\"jack:system\" (system)");
    assert_says(&failure, "\"alsa:system\" (system)");
    assert_silent_about(&failure, "default");
    failure = refuse(desk, COUNT_OF(desk), "audio");
    assert_says(&failure, "means 2 ");
    assert_says(&failure, "Headset");
    assert_says(&failure, "Monitor of");
}

static void misspelt_names_find_near_ones(void **state)
{
    acap__failure failure = refuse(desk, COUNT_OF(desk), "Haedset: USB Audio (hw:1,0)");

    (void)state;
    assert_says(&failure, "near ones: \"alsa:hw:CARD=Headset,DEV=0\"");
    failure = refuse(desk, COUNT_OF(desk), "defualt");
    assert_says(&failure, "near ones: \"alsa:default\" (default)");
    assert_silent_about(&failure, "Headset");
    failure = refuse(desk, COUNT_OF(desk), "alsa:hw:CARD=PCH,DEV=1");
    assert_says(&failure, "near ones: \"alsa:hw:CARD=PCH,DEV=0\"");
    failure = refuse(desk, COUNT_OF(desk), "my headset");
    assert_says(&failure, "Headset");
}

/* The nearest is named first. */
static void near_ones_are_in_order(void **state)
{
    static const acap__device_name devices[] = { { "a:abcdxx", "-" }, { "a:abcdex", "-" }, { "a:abcdef", "-" } };
    const acap__failure failure = refuse(devices, 3, "a:abcdeg");
    const char *first = strstr(failure.text, "near ones:");

    (void)state;
    assert_non_null(first);
    assert_true(strstr(first, "abcdex") < strstr(first, "abcdxx"));
    assert_true(strstr(first, "abcdef") < strstr(first, "abcdxx"));
}

static void nothing_near_lists_what_there_is(void **state)
{
    const acap__failure failure = refuse(desk, COUNT_OF(desk), "QQQQ");

    (void)state;
    assert_says(&failure, "no capture device is called \"QQQQ\"");
    assert_says(&failure, "there are \"alsa:hw:CARD=PCH,DEV=0\"");
    assert_says(&failure, ", ...");
    assert_silent_about(&failure, "near ones");
}

static void no_devices_at_all(void **state)
{
    const acap__failure failure = refuse(NULL, 0, "default");

    (void)state;
    assert_says(&failure, "there is none at all");
}

/* More and longer ones than the text holds: it ends within its bounds, and the pick is not impaired. */
static void long_names_and_long_lists(void **state)
{
    enum { MANY = 100, LONG = 600 };
    static char ids[MANY][LONG];
    static acap__device_name devices[MANY];
    static char wanted[LONG];
    acap__failure failure;
    size_t index = SIZE_MAX;

    (void)state;
    for (int i = 0; i < MANY; i++) {
        memset(ids[i], 'a' + i % 3, LONG - 1);
        ids[i][LONG - 3] = (char)('0' + i / 10);
        ids[i][LONG - 2] = (char)('0' + i % 10);
        devices[i].id = ids[i];
        devices[i].name = ids[i];
    }
    failure = refuse(devices, MANY, "aaaa");
    assert_says(&failure, "means 34 capture devices");
    assert_true(strlen(failure.text) < sizeof failure.text);
    memset(wanted, 'b', LONG - 1);
    failure = refuse(devices, MANY, wanted);
    assert_true(strlen(failure.text) < sizeof failure.text);
    assert_int_equal(acap__device_match(devices, MANY, ids[77], &index, &failure), ACAP_OK);
    assert_int_equal(index, 77);
}

/* Bytes beyond ASCII are compared as they are. */
static void other_alphabets(void **state)
{
    static const acap__device_name devices[] = { { "a:1", "\xc3\x84u\xc3\x9f""eres Mikrofon" }, { "a:2",
        "\xe3\x83\x9e\xe3\x82\xa4\xe3\x82\xaf" } };
    acap__failure failure;
    size_t index = SIZE_MAX;

    (void)state;
    assert_int_equal(acap__device_match(devices, 2, "\xe3\x82\xa4", &index, &failure), ACAP_OK);
    assert_int_equal(index, 1);
    assert_int_equal(acap__device_match(devices, 2, "mikrofon", &index, &failure), ACAP_OK);
    assert_int_equal(index, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_id_wins),
        cmocka_unit_test(exact_name_comes_next),
        cmocka_unit_test(id_comes_before_name),
        cmocka_unit_test(case_matters_only_between_equals),
        cmocka_unit_test(unique_part_is_enough),
        cmocka_unit_test(several_are_named),
        cmocka_unit_test(misspelt_names_find_near_ones),
        cmocka_unit_test(near_ones_are_in_order),
        cmocka_unit_test(nothing_near_lists_what_there_is),
        cmocka_unit_test(no_devices_at_all),
        cmocka_unit_test(long_names_and_long_lists),
        cmocka_unit_test(other_alphabets),
    };

    return cmocka_run_group_tests_name("device_match", tests, NULL, NULL);
}
