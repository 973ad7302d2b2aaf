/* SPDX-License-Identifier: MIT */
/* Owns: tests of the language of simulated device ids from the inside: every option, its defaults, and what is refused in which words.
 * Run by: CTest, in no time.
 * Runs on: the insides of the static library, one thread. */
#include "sim_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static acap__sim_options parse(const char *device)
{
    acap__sim_options options;
    acap__failure failure;

    if (acap__sim_parse(device, &options, &failure) != ACAP_OK)
        fail_msg("\"%s\" was refused: %s", device, failure.text);
    return options;
}

static void expect_refusal(const char *device, acap_result expected, const char *hint)
{
    acap__sim_options options;
    acap__failure failure = {0};
    const acap_result result = acap__sim_parse(device, &options, &failure);

    if (result != expected || failure.result != expected || strstr(failure.text, hint) == NULL)
        fail_msg("\"%s\" gave %s: \"%s\"", device, acap_result_name(result), failure.text);
}

static void nothing_said_is_the_default(void **state)
{
    static const char *const devices[] = {NULL, "sim:counter"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(devices); i++) {
        const acap__sim_options options = parse(devices[i]);
        assert_int_equal(options.kind, ACAP__SIGNAL_COUNTER);
        assert_int_equal(options.pace, ACAP__PACE_REAL);
        assert_int_equal(options.period_frames, 256);
        assert_true(options.frequency_hz == 440.0);
        assert_true(options.ppm == 0);
        assert_int_equal(options.jitter_ns + options.burst_ns, 0);
        assert_true(options.unplug_ns == INT64_MAX && options.replug_ns == INT64_MAX);
        assert_int_equal(options.stuck + options.fail + options.fault_count, 0);
    }
}

static void every_device_has_its_kind(void **state)
{
    (void)state;
    for (size_t i = 0; acap__sim_name(i) != NULL; i++)
        assert_int_equal(parse(acap__sim_name(i)).kind, i);
    assert_null(acap__sim_name(4));
    assert_null(acap__sim_name(SIZE_MAX));
}

static void every_option_is_understood(void **state)
{
    const acap__sim_options options = parse("sim:sine?pace=manual&hz=1000.5&period=480&ppm=-80.25&jitter=5ms&burst=2s&unplug=5s&replug=7s"
                                            "&stuck=stop:2s&stuck=open:1s&fail=start");

    (void)state;
    assert_int_equal(options.kind, ACAP__SIGNAL_SINE);
    assert_int_equal(options.pace, ACAP__PACE_MANUAL);
    assert_true(options.frequency_hz == 1000.5);
    assert_int_equal(options.period_frames, 480);
    assert_true(options.ppm == -80.25);
    assert_true(options.jitter_ns == 5 * ACAP__NS_PER_MS);
    assert_true(options.burst_ns == 2 * ACAP__NS_PER_S);
    assert_true(options.unplug_ns == 5 * ACAP__NS_PER_S);
    assert_true(options.replug_ns == 7 * ACAP__NS_PER_S);
    assert_int_equal(options.stuck, ACAP__SIM_STUCK_STOP | ACAP__SIM_STUCK_OPEN);
    assert_true(options.stuck_ns == ACAP__NS_PER_S);
    assert_int_equal(options.fail, ACAP__SIM_FAIL_START);
}

static void faults_come_in_a_list(void **state)
{
    const acap__sim_options options = parse("sim:counter?xrun=2s:480f&stall=5s:3s&xrun=2.5s:1f:flag");

    (void)state;
    assert_int_equal(options.fault_count, 3);
    assert_int_equal(options.faults[0].kind, ACAP__FAULT_XRUN);
    assert_true(options.faults[0].at_ns == 2 * ACAP__NS_PER_S);
    assert_int_equal(options.faults[0].lost_frames, 480);
    assert_false(options.faults[0].is_flagged);
    assert_int_equal(options.faults[1].kind, ACAP__FAULT_STALL);
    assert_true(options.faults[1].at_ns == 5 * ACAP__NS_PER_S && options.faults[1].length_ns == 3 * ACAP__NS_PER_S);
    assert_true(options.faults[2].at_ns == 2500 * ACAP__NS_PER_MS);
    assert_true(options.faults[2].is_flagged);
}

static void there_is_a_bound_to_faults(void **state)
{
    char device[512] = "sim:counter?xrun=1s:1f";

    (void)state;
    for (uint32_t i = 1; i < ACAP__SIM_FAULTS_MAX; i++)
        strcat(device, "&xrun=1s:1f");
    assert_int_equal(parse(device).fault_count, ACAP__SIM_FAULTS_MAX);
    strcat(device, "&stall=1s:1s");
    expect_refusal(device, ACAP_ERROR_LIMIT, "at most 16");
}

static void times_have_units(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } rows[] = {{"1s", 1000000000}, {"1.5s", 1500000000}, {"20ms", 20000000}, {"7us", 7000}, {"3ns", 3}, {"0s", 0}, {".5s", 500000000},
                {"2.s", 2000000000}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char device[64];
        snprintf(device, sizeof device, "sim:counter?jitter=%s", rows[i].text);
        assert_true(parse(device).jitter_ns == rows[i].ns);
    }
    assert_true(parse("sim:counter?burst").burst_ns == INT64_MAX);
    assert_true(parse("sim:counter?stuck=stop").stuck_ns == INT64_MAX);
}

static void what_is_wrong_is_named(void **state)
{
    static const char *const rows[][2] = {
        {"sim:counter?jitter=5", "jitter"},       {"sim:counter?jitter=-5ms", "jitter"},      {"sim:counter?jitter=5m", "jitter"},
        {"sim:counter?jitter=5msx", "jitter"},    {"sim:counter?jitter=1e30s", "jitter"},     {"sim:counter?jitter=nans", "jitter"},
        {"sim:counter?ppm=100001", "ppm"},        {"sim:counter?ppm=fast", "ppm"},            {"sim:counter?xrun=2s", "480f"},
        {"sim:counter?xrun=2s:480", "480f"},      {"sim:counter?xrun=2s:-1f", "480f"},        {"sim:counter?xrun=2s:480f:loud", "480f"},
        {"sim:counter?xrun=2:480f", "480f"},      {"sim:counter?xrun=2s:f", "480f"},         {"sim:counter?stall=5s", "5s:3s"},
        {"sim:counter?xrun=2s:99999999999999999999f", "480f"},
        {"sim:counter?stall=5s:", "5s:3s"},       {"sim:counter?stall=5s:3", "5s:3s"},        {"sim:counter?burst=2", "2s"},
        {"sim:counter?unplug=soon", "unplug"},    {"sim:counter?replug=1s", "after unplug"},  {"sim:counter?stuck=close", "stuck"},
        {"sim:counter?stuck=stop:", "stuck"},     {"sim:counter?stuck=stopp", "stuck"},       {"sim:counter?fail=stop", "fail"},
        {"sim:counter?unplug=5s&replug=5s", "after unplug"}, {"sim:counter?volume=11", "volume"}, {"sim:counter?pace", "pace"},
        {"sim:counter?pace=", "pace"},            {"sim:counter?=", "\"=\""},                 {"sim:counter?&", "\"\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_refusal(rows[i][0], ACAP_ERROR_INVALID_ARGUMENT, rows[i][1]);
    /* A decimal point is a point whatever the user's language, and nothing else that strtod knows is a number here. */
    expect_refusal("sim:sine?hz=440,5", ACAP_ERROR_INVALID_ARGUMENT, "hz");
    expect_refusal("sim:sine?hz=0x1p4", ACAP_ERROR_INVALID_ARGUMENT, "hz");
    expect_refusal("sim:sine?hz=1e2", ACAP_ERROR_INVALID_ARGUMENT, "hz");
    expect_refusal("sim:sine?hz=.", ACAP_ERROR_INVALID_ARGUMENT, "hz");
    expect_refusal("sim:sine?period= 5", ACAP_ERROR_INVALID_ARGUMENT, "period");
    expect_refusal("sim:sine?ppm=+-5", ACAP_ERROR_INVALID_ARGUMENT, "ppm");
    expect_refusal("sim:conter", ACAP_ERROR_NO_DEVICE, "sim:counter");
    expect_refusal("sim:", ACAP_ERROR_NO_DEVICE, "sim:counter");
    expect_refusal("", ACAP_ERROR_NO_DEVICE, "sim:counter");
}

static void long_words_do_no_harm(void **state)
{
    char device[2000];

    (void)state;
    memset(device, 'x', sizeof device - 1);
    device[sizeof device - 1] = '\0';
    expect_refusal(device, ACAP_ERROR_NO_DEVICE, "xx");
    memcpy(device, "sim:counter?", strlen("sim:counter?"));
    expect_refusal(device, ACAP_ERROR_INVALID_ARGUMENT, "too long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said_is_the_default),
        cmocka_unit_test(every_device_has_its_kind),
        cmocka_unit_test(every_option_is_understood),
        cmocka_unit_test(faults_come_in_a_list),
        cmocka_unit_test(there_is_a_bound_to_faults),
        cmocka_unit_test(times_have_units),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(long_words_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
