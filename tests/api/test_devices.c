/* SPDX-License-Identifier: MIT */
/* Owns: tests of device lists, device strings, the environment's ACAP_DEVICE, and acap_device_supports.
 * Run by: CTest, well below a second.
 * Runs on: the public API with the "sim" and "push" back ends; real devices have tests of their own. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

static void a_list_needs_a_context_and_somewhere_to_go(void **state)
{
    acap_context *context = make_context("sim");
    acap_device_list *list = (acap_device_list *)context;

    (void)state;
    assert_result(acap_device_list_create(NULL, &list), ACAP_ERROR_INVALID_ARGUMENT);
    assert_null(list);
    assert_result(acap_device_list_create(context, NULL), ACAP_ERROR_INVALID_ARGUMENT);
    assert_int_equal(acap_device_list_count(NULL), 0);
    assert_null(acap_device_list_get(NULL, 0));
    acap_device_list_destroy(NULL);
    acap_context_destroy(context);
}

static acap_device_list *list_of(const char *backend)
{
    acap_context *context = make_context(backend);
    acap_device_list *list = NULL;

    assert_ok(acap_device_list_create(context, &list));
    acap_context_destroy(context); /* a list outlives it */
    return list;
}

static void the_simulated_devices_are_listed(void **state)
{
    static const char *const ids[] = {"sim:counter", "sim:sine", "sim:noise", "sim:silence"};
    acap_device_list *list = list_of("sim");

    (void)state;
    assert_int_equal(acap_device_list_count(list), COUNT_OF(ids));
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        const acap_device_info *info = acap_device_list_get(list, i);
        assert_non_null(info);
        assert_int_equal(info->struct_size, sizeof *info);
        assert_string_equal(info->id, ids[i]);
        assert_true(strlen(info->name) > 0 && strlen(info->host_api) > 0);
        assert_int_equal(info->flags, i == 0 ? ACAP_DEVICE_DEFAULT : 0);
        assert_int_equal(info->max_channel_count, ACAP_MAX_CHANNELS);
        assert_int_equal(info->default_sample_rate_hz, 48000);
    }
    assert_null(acap_device_list_get(list, COUNT_OF(ids)));
    assert_null(acap_device_list_get(list, SIZE_MAX));
    acap_device_list_destroy(list);
}

static void every_listed_id_opens_its_device_in_any_context(void **state)
{
    static const char *const backends[] = {"sim", "push"};
    acap_context *context = make_context("portaudio");

    (void)state;
    for (size_t b = 0; b < COUNT_OF(backends); b++) {
        acap_device_list *list = list_of(backends[b]);
        assert_true(acap_device_list_count(list) > 0);
        for (size_t i = 0; i < acap_device_list_count(list); i++) {
            const acap_device_info *device = acap_device_list_get(list, i);
            acap_stream_info info = ACAP_STREAM_INFO_INIT;
            acap_stream *stream = open_stream(context, device->id, 0, 0, 0);
            assert_ok(acap_stream_get_info(stream, &info));
            assert_string_equal(info.device_id, device->id);
            assert_string_equal(info.backend, backends[b]);
            acap_stream_close(stream);
        }
        acap_device_list_destroy(list);
    }
    acap_context_destroy(context);
}

static void null_opens_the_default_of_the_list(void **state)
{
    static const char *const backends[] = {"sim", "push"};

    (void)state;
    unsetenv("ACAP_DEVICE");
    for (size_t b = 0; b < COUNT_OF(backends); b++) {
        acap_device_list *list = list_of(backends[b]);
        acap_context *context = make_context(backends[b]);
        acap_stream *stream = open_stream(context, NULL, 0, 0, 0);
        acap_stream_info info = ACAP_STREAM_INFO_INIT;
        assert_ok(acap_stream_get_info(stream, &info));
        assert_string_equal(info.device_id, acap_device_list_get(list, 0)->id);
        acap_stream_close(stream);
        acap_context_destroy(context);
        acap_device_list_destroy(list);
    }
}

static void a_list_is_a_snapshot_of_its_own(void **state)
{
    acap_device_list *first = list_of("sim");
    acap_device_list *second = list_of("sim");

    (void)state;
    assert_ptr_not_equal(acap_device_list_get(first, 0), acap_device_list_get(second, 0));
    acap_device_list_destroy(first);
    assert_string_equal(acap_device_list_get(second, 1)->id, "sim:sine");
    acap_device_list_destroy(second);
}

/* What opening and asking say of the same device string: always the same. */
static void expect_device(acap_context *context, const char *device, acap_result expected)
{
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_stream *stream = (acap_stream *)&config;

    config.device = device;
    if (acap_device_supports(context, &config) != expected || acap_stream_open(context, &config, &stream) != expected)
        fail_msg("device \"%s\" should give %s", device, acap_result_name(expected));
    if (expected == ACAP_OK)
        assert_non_null(stream);
    else
        assert_null(stream);
    acap_stream_close(stream);
}

static void a_device_string_must_name_one_device(void **state)
{
    acap_context *sim = make_context("sim");
    acap_context *push = make_context("push");

    (void)state;
    expect_device(sim, "sim:counter", ACAP_OK);
    expect_device(sim, "push:", ACAP_OK);
    expect_device(push, "sim:silence", ACAP_OK);
    expect_device(sim, "", ACAP_ERROR_INVALID_ARGUMENT);
    expect_device(sim, "counter", ACAP_OK); /* a part of a name that is no other's, as with any device */
    expect_device(sim, "Counter?pace=manual", ACAP_OK);
    expect_device(sim, "sim:count", ACAP_OK);
    expect_device(sim, "sim:", ACAP_ERROR_NO_DEVICE);
    expect_device(sim, "si", ACAP_ERROR_NO_DEVICE);
    expect_device(sim, "?pace=manual", ACAP_ERROR_NO_DEVICE);
    expect_device(sim, "sim:counters", ACAP_ERROR_NO_DEVICE);
    expect_device(sim, " sim:counter", ACAP_ERROR_NO_DEVICE);
    expect_device(push, "push", ACAP_OK);
    expect_device(push, "program", ACAP_OK);
    expect_device(push, "push:1", ACAP_ERROR_NO_DEVICE);
    acap_context_destroy(sim);
    acap_context_destroy(push);
}

static void a_part_of_a_name_opens_what_the_id_opens(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, "sine?hz=1000&pace=manual", 0, 0, 0);
    acap_stream_info info = ACAP_STREAM_INFO_INIT;

    (void)state;
    assert_ok(acap_stream_get_info(stream, &info));
    assert_string_equal(info.device_id, "sim:sine?hz=1000&pace=manual");
    acap_stream_close(stream);
    expect_device(context, "sim:conter", ACAP_ERROR_NO_DEVICE);
    assert_non_null(strstr(acap_last_error(), "near ones: \"sim:counter\""));
    acap_context_destroy(context);
}

/* What no device is asked for is told as well: opening would say the same. */
static void asking_tells_what_does_not_fit(void **state)
{
    acap_context *context = make_context("sim");
    acap_pool_config pool_config = ACAP_POOL_CONFIG_INIT;
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_stream *stream;

    (void)state;
    pool_config.buffer_size_bytes = 64;
    assert_ok(acap_pool_create(&pool_config, &config.pool));
    assert_result(acap_device_supports(context, &config), ACAP_ERROR_LIMIT);
    assert_result(acap_stream_open(context, &config, &stream), ACAP_ERROR_LIMIT);
    acap_pool_release(config.pool);
    config.pool = NULL;
    config.history_ns = NS_PER_S;
    config.pool_buffers_max = 10;
    assert_result(acap_device_supports(context, &config), ACAP_ERROR_LIMIT);
    assert_result(acap_stream_open(context, &config, &stream), ACAP_ERROR_LIMIT);
    config.pool_buffers_max = 103; /* the second, one for its start, and two to work with */
    assert_ok(acap_device_supports(context, &config));
    config.history_ns = 24 * 3600 * NS_PER_S;
    config.pool_buffers_max = 0;
    assert_result(acap_device_supports(context, &config), ACAP_ERROR_LIMIT);
    config.history_ns = 0;
    config.channel_count = ACAP_MAX_CHANNELS;
    config.frames_per_buffer = ACAP_MAX_FRAMES_PER_BUFFER;
    assert_result(acap_device_supports(context, &config), ACAP_ERROR_LIMIT);
    acap_context_destroy(context);
}

static void a_device_string_may_be_long_but_not_too_long(void **state)
{
    acap_context *context = make_context("sim");
    char device[513] = "sim:counter?period=";
    const size_t used = strlen(device);

    (void)state;
    memset(device + used, '0', sizeof device - 1 - used);
    device[511] = '8';
    device[512] = '\0';
    expect_device(context, device, ACAP_ERROR_INVALID_ARGUMENT);
    device[511] = '\0'; /* short enough as a string; the option's value is not */
    expect_device(context, device, ACAP_ERROR_INVALID_ARGUMENT);
    strcpy(device, "sim:counter");
    while (strlen(device) + strlen("&hz=440") < 511)
        strcat(device, strchr(device, '?') == NULL ? "?hz=440" : "&hz=440");
    expect_device(context, device, ACAP_OK);
    acap_context_destroy(context);
}

static void the_environment_names_the_device_where_the_program_does_not(void **state)
{
    acap_context *context = make_context("push");
    acap_stream_info info = ACAP_STREAM_INFO_INIT;

    (void)state;
    setenv("ACAP_DEVICE", "sim:sine?hz=1000", 1);
    acap_stream *stream = open_stream(context, NULL, 0, 0, 0);
    assert_ok(acap_stream_get_info(stream, &info));
    assert_string_equal(info.device_id, "sim:sine?hz=1000");
    assert_string_equal(info.backend, "sim");
    acap_stream_close(stream);
    stream = open_stream(context, "push:", 0, 0, 0);
    assert_ok(acap_stream_get_info(stream, &info));
    assert_string_equal(info.backend, "push");
    acap_stream_close(stream);
    setenv("ACAP_DEVICE", "sim:nonsense", 1);
    expect_device(context, NULL, ACAP_ERROR_NO_DEVICE);
    setenv("ACAP_DEVICE", "", 1); /* empty: as if it were not set */
    expect_device(context, NULL, ACAP_OK);
    unsetenv("ACAP_DEVICE");
    acap_context_destroy(context);
}

static void asking_opens_nothing(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    const uint32_t descriptors = open_descriptors();

    (void)state;
    assert_result(acap_device_supports(NULL, &config), ACAP_ERROR_INVALID_ARGUMENT);
    assert_ok(acap_device_supports(context, NULL));
    for (int i = 0; i < 100; i++)
        assert_ok(acap_device_supports(context, &config));
    assert_int_equal(open_descriptors(), descriptors);
    config.channel_count = ACAP_MAX_CHANNELS + 1;
    assert_result(acap_device_supports(context, &config), ACAP_ERROR_INVALID_ARGUMENT);
    config.channel_count = 0;
    config.struct_size--;
    assert_result(acap_device_supports(context, &config), ACAP_ERROR_ABI_MISMATCH);
    acap_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_needs_a_context_and_somewhere_to_go),
        cmocka_unit_test(the_simulated_devices_are_listed),
        cmocka_unit_test(every_listed_id_opens_its_device_in_any_context),
        cmocka_unit_test(null_opens_the_default_of_the_list),
        cmocka_unit_test(a_list_is_a_snapshot_of_its_own),
        cmocka_unit_test(a_device_string_must_name_one_device),
        cmocka_unit_test(a_part_of_a_name_opens_what_the_id_opens),
        cmocka_unit_test(asking_tells_what_does_not_fit),
        cmocka_unit_test(a_device_string_may_be_long_but_not_too_long),
        cmocka_unit_test(the_environment_names_the_device_where_the_program_does_not),
        cmocka_unit_test(asking_opens_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
