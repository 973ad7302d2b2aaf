/* SPDX-License-Identifier: MIT */
/* Owns: what acap says when it cannot do what was asked of a real sound system, and what it lists.
 * Run by: CTest.
 * Runs on: the real libportaudio and libasound over the virtual card; public API only. */
#include "rig.h"

#include <errno.h>
#include <string.h>

static const char cards[] = "pcm.microphone_front { type acapcard channels \"1 2\" rates 48000 }\n"
                            "pcm.microphone_rear { type acapcard channels \"1 4\" }\n"
                            "pcm.line_in { type acapcard }\n"
                            "pcm.never_starts { type acapcard start_error EIO }\n"
                            "pcm.!default { type acapcard channels \"1 2\" rates 48000 }\n";

/* Its default cannot be opened: the machine has no card. */
static const char no_cards[] = "pcm.!default { type hw card 31 }\n";

static acap_context *make_context(const char *definitions)
{
    acap_context *context;

    rig_use_cards(definitions);
    assert_acap_ok(acap_context_create(NULL, &context));
    return context;
}

static void assert_error_says(const char *words)
{
    if (strstr(acap_last_error(), words) == NULL)
        fail_msg("the error does not say \"%s\": \"%s\"", words, acap_last_error());
}

static void assert_refused(acap_context *context, const acap_stream_config *config, acap_result expected)
{
    acap_stream *stream = (acap_stream *)(uintptr_t)1;

    assert_within_ms(HOST_LIMIT_MS, assert_acap_result(acap_stream_open(context, config, &stream), expected));
    assert_null(stream);
}

static void unknown_device_names_near_ones(void **state)
{
    acap_context *context = make_context(cards);
    const acap_stream_config config = rig_config("microfone_front", 0, 0, 0);

    (void)state;
    assert_refused(context, &config, ACAP_ERROR_NO_DEVICE);
    assert_error_says("microfone_front");
    assert_error_says("microphone_front");
    acap_context_destroy(context);
}

static void ambiguous_part_names_all(void **state)
{
    acap_context *context = make_context(cards);
    const acap_stream_config config = rig_config("microphone", 0, 0, 0);

    (void)state;
    assert_refused(context, &config, ACAP_ERROR_NO_DEVICE);
    assert_error_says("microphone_front");
    assert_error_says("microphone_rear");
    acap_context_destroy(context);
}

/* The answer of acap_device_supports is that of acap_stream_open. */
static void assert_unsupported(acap_context *context, const acap_stream_config *config, const char *what_it_can)
{
    assert_within_ms(HOST_LIMIT_MS, assert_acap_result(acap_device_supports(context, config), ACAP_ERROR_UNSUPPORTED_FORMAT));
    assert_error_says(what_it_can);
    assert_refused(context, config, ACAP_ERROR_UNSUPPORTED_FORMAT);
    assert_error_says(what_it_can);
}

static void unsupported_channels_tells_what_it_can(void **state)
{
    acap_context *context = make_context(cards);
    const acap_stream_config too_many = rig_config("microphone_rear", ACAP_FORMAT_S16, 6, 48000);
    const acap_stream_config fitting = rig_config("microphone_rear", ACAP_FORMAT_S16, 4, 48000);

    (void)state;
    assert_unsupported(context, &too_many, "4");
    assert_acap_ok(acap_device_supports(context, &fitting));
    acap_context_destroy(context);
}

static void unsupported_rate_tells_what_it_can(void **state)
{
    acap_context *context = make_context(cards);
    const acap_stream_config wrong = rig_config("microphone_front", ACAP_FORMAT_S16, 2, 44100);
    const acap_stream_config fitting = rig_config("microphone_front", ACAP_FORMAT_S16, 2, 48000);

    (void)state;
    assert_unsupported(context, &wrong, "48000");
    assert_acap_ok(acap_device_supports(context, &fitting));
    acap_context_destroy(context);
}

static void refused_open(int error, acap_result expected)
{
    const acap_stream_config config = rig_config("line_in", ACAP_FORMAT_S16, 2, 48000);
    acap_context *context = make_context(cards);
    acap_device_list *devices;
    acap_stream *stream;

    assert_acap_ok(acap_device_list_create(context, &devices)); /* the card is known before it is refused */
    acap_device_list_destroy(devices);
    rig_refuse_open("line_in", error);
    assert_refused(context, &config, expected);
    assert_error_says("line_in");
    rig_refuse_open("line_in", 0);
    assert_acap_ok(acap_stream_open(context, &config, &stream));
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void busy_device(void **state)
{
    (void)state;
    refused_open(EBUSY, ACAP_ERROR_DEVICE_BUSY);
}

static void forbidden_device(void **state)
{
    (void)state;
    refused_open(EACCES, ACAP_ERROR_PERMISSION);
}

/* PortAudio 19.6 never returns from a start that fails: acap does, and goes on with other devices. */
static void failing_start_returns_in_time(void **state)
{
    acap_stream_config config = rig_config("never_starts", ACAP_FORMAT_S16, 2, 48000);
    acap_context *context = make_context(cards);
    acap_stream *stream;
    acap_result result = ACAP_OK;
    capture c;

    (void)state;
    assert_acap_ok(acap_stream_open(context, &config, &stream));
    assert_within_ms(HOST_LIMIT_MS, result = acap_stream_start(stream));
    assert_true(result == ACAP_ERROR_HOST_STUCK || result == ACAP_ERROR_BACKEND);
    assert_int_equal(rig_stream_stats(stream).state, ACAP_STATE_STOPPED);
    assert_conserved(conservation_of_stream(stream));
    assert_within_ms(CLOSE_LIMIT_MS, acap_stream_close(stream));
    config.device = "line_in";
    capture_begin(&c, &config);
    capture_until(&c, 9600);
    assert_int_equal(c.signal.good_frames, c.seen.frames);
    capture_finish(&c);
    assert_within_ms(CLOSE_LIMIT_MS, acap_context_destroy(context));
}

static const acap_device_info *find(const acap_device_list *devices, const char *name)
{
    for (size_t i = 0; i < acap_device_list_count(devices); i++) {
        const acap_device_info *device = acap_device_list_get(devices, i);
        if (strcmp(device->name, name) == 0)
            return device;
    }
    return NULL;
}

static acap_device_list *list_devices(acap_context *context)
{
    acap_device_list *devices = NULL;

    assert_within_ms(HOST_LIMIT_MS, assert_acap_ok(acap_device_list_create(context, &devices)));
    assert_null(acap_device_list_get(devices, acap_device_list_count(devices)));
    return devices;
}

static void list_describes_the_cards(void **state)
{
    acap_context *context = make_context(cards);
    acap_device_list *devices = list_devices(context);
    uint32_t default_count = 0;

    (void)state;
    for (size_t i = 0; i < acap_device_list_count(devices); i++) {
        const acap_device_info *device = acap_device_list_get(devices, i);
        default_count += (device->flags & ACAP_DEVICE_DEFAULT) != 0;
        assert_int_equal(device->struct_size, sizeof *device);
        assert_int_equal(device->flags & ACAP_DEVICE_STALE, 0);
        assert_string_equal(device->host_api, "ALSA");
        assert_true(device->default_sample_rate_hz >= 8000);
        assert_true(device->low_latency_ns > 0 && device->low_latency_ns <= device->high_latency_ns);
    }
    assert_int_equal(default_count, 1);
    assert_int_equal(find(devices, "microphone_front")->max_channel_count, 2);
    assert_int_equal(find(devices, "microphone_front")->default_sample_rate_hz, 48000);
    assert_int_equal(find(devices, "microphone_rear")->max_channel_count, 4);
    assert_true(find(devices, "default")->flags & ACAP_DEVICE_DEFAULT);
    acap_context_destroy(context); /* before its list */
    assert_string_equal(find(devices, "line_in")->name, "line_in");
    acap_device_list_destroy(devices);
}

static void assert_same_ids(const acap_device_list *a, const acap_device_list *b)
{
    assert_int_equal(acap_device_list_count(a), acap_device_list_count(b));
    for (size_t i = 0; i < acap_device_list_count(a); i++) {
        const acap_device_info *device = acap_device_list_get(a, i);
        assert_non_null(find(b, device->name));
        assert_string_equal(device->id, find(b, device->name)->id);
        for (size_t other = 0; other < i; other++)
            assert_string_not_equal(device->id, acap_device_list_get(a, other)->id);
    }
}

/* An id opens its device, also when another has been put before it in the meantime. */
static void ids_are_stable_and_open(void **state)
{
    static const char more_cards[] = "pcm.aardvark { type acapcard }\n";
    char definitions[sizeof more_cards + sizeof cards];
    acap_context *context = make_context(cards);
    acap_device_list *first = list_devices(context);
    acap_device_list *second = list_devices(context);
    acap_stream_info info = ACAP_STREAM_INFO_INIT;
    acap_stream *stream;

    (void)state;
    assert_same_ids(first, second);
    strcat(strcpy(definitions, more_cards), cards);
    rig_use_cards(definitions);
    acap_device_list *third = list_devices(context);
    const acap_stream_config config = rig_config(find(first, "microphone_rear")->id, ACAP_FORMAT_S16, 3, 48000);
    assert_acap_ok(acap_stream_open(context, &config, &stream));
    assert_acap_ok(acap_stream_get_info(stream, &info));
    assert_string_equal(info.device_id, config.device);
    assert_int_equal(acap_device_list_count(third), acap_device_list_count(first) + 1);
    acap_stream_close(stream);
    acap_device_list_destroy(first);
    acap_device_list_destroy(second);
    acap_device_list_destroy(third);
    acap_context_destroy(context);
}

static void defaults_fit_the_default_device(void **state)
{
    acap_context *context = make_context(cards);
    acap_stream_info info = ACAP_STREAM_INFO_INIT;
    acap_device_list *devices = list_devices(context);
    acap_stream *stream;

    (void)state;
    assert_acap_ok(acap_stream_open(context, NULL, &stream));
    assert_acap_ok(acap_stream_get_info(stream, &info));
    assert_string_equal(info.device_id, find(devices, "default")->id);
    assert_int_equal(info.sample_rate_hz, 48000);
    assert_int_equal(info.channel_count, 2);
    assert_int_equal(info.format, ACAP_FORMAT_F32);
    assert_int_equal(info.frames_per_buffer, 480);
    assert_true(info.latency_ns > 0);
    acap_stream_close(stream);
    acap_device_list_destroy(devices);
    acap_context_destroy(context);
}

/* While a stream is open PortAudio cannot look again. */
static void list_is_stale_while_a_stream_is_open(void **state)
{
    acap_context *context = make_context(cards);
    acap_stream *stream;

    (void)state;
    assert_acap_ok(acap_stream_open(context, NULL, &stream));
    acap_device_list *devices = list_devices(context);
    assert_true(find(devices, "line_in")->flags & ACAP_DEVICE_STALE);
    acap_device_list_destroy(devices);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void machine_without_a_card(void **state)
{
    const acap_stream_config named = rig_config("line_in", 0, 0, 0);
    acap_context *context = make_context(no_cards);
    acap_device_list *devices = list_devices(context);

    (void)state;
    assert_int_equal(acap_device_list_count(devices), 0);
    assert_refused(context, NULL, ACAP_ERROR_NO_DEVICE);
    assert_true(strlen(acap_last_error()) > 0);
    assert_refused(context, &named, ACAP_ERROR_NO_DEVICE);
    assert_error_says("line_in");
    acap_device_list_destroy(devices);
    acap_context_destroy(context);
}

static void card_that_is_plugged_in_later(void **state)
{
    const acap_stream_config config = rig_config("line_in", ACAP_FORMAT_S16, 2, 48000);
    acap_context *context = make_context(no_cards);
    acap_stream *stream;

    (void)state;
    acap_device_list *before = list_devices(context);
    rig_use_cards(cards);
    acap_device_list *after = list_devices(context);
    assert_null(find(before, "line_in"));
    assert_non_null(find(after, "line_in"));
    assert_acap_ok(acap_stream_open(context, &config, &stream));
    acap_stream_close(stream);
    acap_device_list_destroy(before);
    acap_device_list_destroy(after);
    acap_context_destroy(context);
}

int main(int argument_count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_device_names_near_ones),
        cmocka_unit_test(ambiguous_part_names_all),
        cmocka_unit_test(unsupported_channels_tells_what_it_can),
        cmocka_unit_test(unsupported_rate_tells_what_it_can),
        cmocka_unit_test(busy_device),
        cmocka_unit_test(forbidden_device),
        cmocka_unit_test(list_describes_the_cards),
        cmocka_unit_test(ids_are_stable_and_open),
        cmocka_unit_test(defaults_fit_the_default_device),
        cmocka_unit_test(list_is_stale_while_a_stream_is_open),
        cmocka_unit_test(machine_without_a_card),
        cmocka_unit_test(card_that_is_plugged_in_later),
        cmocka_unit_test(failing_start_returns_in_time), /* last: it leaves a thread behind */
    };

    return rig_main(argument_count, arguments, "card_refusals", tests, sizeof tests / sizeof tests[0]);
}
