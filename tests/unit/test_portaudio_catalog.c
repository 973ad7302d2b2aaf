/* SPDX-License-Identifier: MIT */
/* Owns: the proof that PortAudio's devices get ids that last, that lists leave out ALSA's building blocks and nothing else, and that what
 * is asked of a device is chosen as documented.
 * Run by: CTest, in no time.
 * Runs on: the insides of the static library, with made-up devices and a made-up /proc/asound; no sound system is asked anything. */
#include "portaudio_catalog.h"
#include "portaudio_choice.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char cards[] = "/tmp/acap-cards-XXXXXX";

/* cards/card1/id says "Headset"; card 2 has an empty id, card 0 none. */
static int make_cards(void **state)
{
    char path[128];

    (void)state;
    if (mkdtemp(cards) == NULL)
        return -1;
    for (int card = 1; card <= 2; card++) {
        snprintf(path, sizeof path, "%s/card%d", cards, card);
        if (mkdir(path, 0700) != 0)
            return -1;
        snprintf(path, sizeof path, "%s/card%d/id", cards, card);
        FILE *file = fopen(path, "w");
        if (file == NULL)
            return -1;
        fputs(card == 1 ? "Headset\n" : "\n", file);
        fclose(file);
    }
    return 0;
}

static int remove_cards(void **state)
{
    char path[128];

    (void)state;
    for (int card = 1; card <= 2; card++) {
        snprintf(path, sizeof path, "%s/card%d/id", cards, card);
        unlink(path);
        snprintf(path, sizeof path, "%s/card%d", cards, card);
        rmdir(path);
    }
    return rmdir(cards);
}

static void add(acap__catalog *catalog, int host_type, const char *name, uint32_t flags)
{
    const acap__catalog_entry entry = { .index = (int)catalog->count + 10,
                                        .host_type = host_type,
                                        .name = name,
                                        .host_api = "host",
                                        .max_channel_count = 2,
                                        .flags = flags };

    assert_true(acap__catalog_add(catalog, &entry));
}

static const char *last_id(const acap__catalog *catalog)
{
    return catalog->entries[catalog->count - 1].id;
}

static void ids_of_alsa_devices(void **state)
{
    static const struct {
        const char *name;
        const char *pcm;
        const char *id;
    } devices[] = {
        { "Headset: USB Audio (hw:1,0)", "hw:1,0", "alsa:hw:CARD=Headset,DEV=0" },
        { "Headset: USB Audio #1 (hw:1,3)", "hw:1,3", "alsa:hw:CARD=Headset,DEV=3" },
        { "Headset: USB Audio (plughw:1,0)", "plughw:1,0", "alsa:plughw:CARD=Headset,DEV=0" },
        { "Ghost: no such card (hw:0,0)", "hw:0,0", "alsa:hw:0,0" },
        { "Nameless (hw:2,0)", "hw:2,0", "alsa:hw:2,0" },
        { "default", "default", "alsa:default" },
        { "my mic (left)", "my mic (left)", "alsa:my mic (left)" },
        { "odd (hw:1)", "odd (hw:1)", "alsa:odd (hw:1)" },
        { "odd (hw:1,0", "odd (hw:1,0", "alsa:odd (hw:1,0" },
        { "odd (hw:1,0x)", "odd (hw:1,0x)", "alsa:odd (hw:1,0x)" },
        { "()", "()", "alsa:()" },
        { ")", ")", "alsa:)" },
        { "", "", "alsa:" },
    };
    acap__catalog catalog = { .cards = cards };

    (void)state;
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        add(&catalog, ACAP__PA_ALSA, devices[i].name, 0);
        assert_string_equal(last_id(&catalog), devices[i].id);
        assert_string_equal(catalog.entries[catalog.count - 1].pcm, devices[i].pcm);
    }
    acap__catalog_clear(&catalog);
    assert_int_equal(catalog.count, 0);
}

static void ids_of_other_hosts(void **state)
{
    acap__catalog catalog = { .cards = cards };

    (void)state;
    add(&catalog, ACAP__PA_JACK, "system", 0);
    assert_string_equal(last_id(&catalog), "jack:system");
    assert_string_equal(catalog.entries[0].pcm, "");
    add(&catalog, ACAP__PA_JACK, "odd (hw:1,0)", 0);
    assert_string_equal(last_id(&catalog), "jack:odd (hw:1,0)");
    add(&catalog, ACAP__PA_WASAPI, "Microphone", 0);
    assert_string_equal(last_id(&catalog), "wasapi:Microphone");
    add(&catalog, 99, "new", 0);
    assert_string_equal(last_id(&catalog), "portaudio:new");
    acap__catalog_clear(&catalog);
}

static void equal_names_get_numbers(void **state)
{
    acap__catalog catalog = { .cards = cards };

    (void)state;
    add(&catalog, ACAP__PA_WASAPI, "Microphone", 0);
    add(&catalog, ACAP__PA_WASAPI, "Microphone", 0);
    assert_string_equal(last_id(&catalog), "wasapi:Microphone#2");
    add(&catalog, ACAP__PA_WASAPI, "Microphone", 0);
    assert_string_equal(last_id(&catalog), "wasapi:Microphone#3");
    add(&catalog, ACAP__PA_MME, "Microphone", 0);
    assert_string_equal(last_id(&catalog), "mme:Microphone");
    acap__catalog_clear(&catalog);
}

static void long_names_stay_unique(void **state)
{
    acap__catalog catalog = { .cards = cards };
    char name[600];

    (void)state;
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    for (int i = 0; i < 40; i++) {
        add(&catalog, ACAP__PA_JACK, name, 0);
        assert_true(strlen(last_id(&catalog)) < sizeof catalog.entries[0].id);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(catalog.entries[j].id, last_id(&catalog));
    }
    acap__catalog_clear(&catalog);
}

struct shown {
    char ids[400];
    uint32_t flags;
    int stop_after;
};

static acap_result show(void *sink, const acap__device_report *report)
{
    struct shown *shown = sink;

    snprintf(shown->ids + strlen(shown->ids), sizeof shown->ids - strlen(shown->ids), "%s ", report->id);
    shown->flags |= report->flags;
    return --shown->stop_after == 0 ? ACAP_ERROR_NO_MEMORY : ACAP_OK;
}

static void building_blocks_are_not_listed(void **state)
{
    acap__catalog catalog = { .cards = cards };
    struct shown shown = { .ids = "" };
    const acap__catalog_entry *entry = NULL;
    acap__failure failure;

    (void)state;
    add(&catalog, ACAP__PA_ALSA, "speexrate", 0);
    add(&catalog, ACAP__PA_ALSA, "sysdefault", 0);
    add(&catalog, ACAP__PA_ALSA, "upmix", 0);
    add(&catalog, ACAP__PA_ALSA, "my_mic", 0);
    add(&catalog, ACAP__PA_ALSA, "upmix_of_mine", 0);
    add(&catalog, ACAP__PA_ALSA, "pulse", 0);
    add(&catalog, ACAP__PA_ALSA, "default", ACAP_DEVICE_DEFAULT);
    add(&catalog, ACAP__PA_JACK, "speex", 0);
    assert_int_equal(acap__catalog_report(&catalog, show, &shown), ACAP_OK);
    assert_string_equal(shown.ids, "alsa:sysdefault alsa:my_mic alsa:upmix_of_mine alsa:pulse alsa:default jack:speex ");

    /* By its exact id or name it opens all the same; a part of a name never means it. */
    assert_int_equal(acap__catalog_find(&catalog, "alsa:upmix", &entry, &failure), ACAP_OK);
    assert_int_equal(entry->index, 12);
    assert_int_equal(acap__catalog_find(&catalog, "upmix", &entry, &failure), ACAP_OK);
    assert_int_equal(entry->index, 12);
    assert_int_equal(acap__catalog_find(&catalog, "speexr", &entry, &failure), ACAP_ERROR_NO_DEVICE);
    assert_int_equal(acap__catalog_find(&catalog, "upmi", &entry, &failure), ACAP_OK);
    assert_int_equal(entry->index, 14);
    acap__catalog_clear(&catalog);
}

/* Whatever the user's configuration calls its default. */
static void default_is_always_listed(void **state)
{
    acap__catalog catalog = { .cards = cards };
    struct shown shown = { .ids = "" };

    (void)state;
    add(&catalog, ACAP__PA_ALSA, "upmix", ACAP_DEVICE_DEFAULT | ACAP_DEVICE_STALE);
    assert_int_equal(acap__catalog_report(&catalog, show, &shown), ACAP_OK);
    assert_string_equal(shown.ids, "alsa:upmix ");
    assert_int_equal(shown.flags, ACAP_DEVICE_DEFAULT | ACAP_DEVICE_STALE);
    acap__catalog_clear(&catalog);
}

static void report_stops_where_it_fails(void **state)
{
    acap__catalog catalog = { .cards = cards };
    struct shown shown = { .ids = "", .stop_after = 2 };

    (void)state;
    add(&catalog, ACAP__PA_JACK, "a", 0);
    add(&catalog, ACAP__PA_JACK, "b", 0);
    add(&catalog, ACAP__PA_JACK, "c", 0);
    assert_int_equal(acap__catalog_report(&catalog, show, &shown), ACAP_ERROR_NO_MEMORY);
    assert_string_equal(shown.ids, "jack:a jack:b ");
    acap__catalog_clear(&catalog);
}

static void loopbacks_are_marked(void **state)
{
    acap__catalog catalog = { .cards = cards };

    (void)state;
    add(&catalog, ACAP__PA_WASAPI, "Speakers [Loopback]", 0);
    assert_int_equal(catalog.entries[0].flags, ACAP_DEVICE_LOOPBACK);
    add(&catalog, ACAP__PA_PULSEAUDIO, "alsa_output.pci.monitor", ACAP_DEVICE_STALE);
    assert_int_equal(catalog.entries[1].flags, ACAP_DEVICE_LOOPBACK | ACAP_DEVICE_STALE);
    add(&catalog, ACAP__PA_PULSEAUDIO, "Monitor of Built-in Audio", 0);
    assert_int_equal(catalog.entries[2].flags, ACAP_DEVICE_LOOPBACK);
    add(&catalog, ACAP__PA_ALSA, "Dell Monitor: USB Audio (hw:1,0)", 0);
    assert_int_equal(catalog.entries[3].flags, 0);
    acap__catalog_clear(&catalog);
}

static void devices_are_found(void **state)
{
    acap__catalog catalog = { .cards = cards };
    const acap__catalog_entry *entry = NULL;
    acap__failure failure;

    (void)state;
    assert_int_equal(acap__catalog_find(&catalog, NULL, &entry, &failure), ACAP_ERROR_NO_DEVICE);
    assert_int_equal(acap__catalog_find(&catalog, "x", &entry, &failure), ACAP_ERROR_NO_DEVICE);
    add(&catalog, ACAP__PA_ALSA, "Headset: USB Audio (hw:1,0)", 0);
    add(&catalog, ACAP__PA_ALSA, "default", ACAP_DEVICE_DEFAULT);
    assert_int_equal(acap__catalog_find(&catalog, NULL, &entry, &failure), ACAP_OK);
    assert_int_equal(entry->index, 11);
    assert_int_equal(acap__catalog_find(&catalog, "alsa:hw:1,0", &entry, &failure), ACAP_OK); /* the card's number of today */
    assert_int_equal(entry->index, 10);
    assert_int_equal(acap__catalog_find(&catalog, "alsa:hw:CARD=Headset,DEV=0", &entry, &failure), ACAP_OK);
    assert_int_equal(entry->index, 10);
    assert_int_equal(acap__catalog_find(&catalog, "headset", &entry, &failure), ACAP_OK);
    assert_int_equal(entry->index, 10);
    acap__catalog_clear(&catalog);
}

#define BIT(format) (1u << ACAP_FORMAT_##format)

static void formats_lose_nothing(void **state)
{
    (void)state;
    assert_int_equal(acap__choose_format(ACAP__PA_ALSA, BIT(S16) | BIT(S32), ACAP_FORMAT_S16), ACAP_FORMAT_S16);
    assert_int_equal(acap__choose_format(ACAP__PA_ALSA, BIT(S16) | BIT(S32), ACAP_FORMAT_F32), ACAP_FORMAT_S32);
    assert_int_equal(acap__choose_format(ACAP__PA_ALSA, BIT(F32) | BIT(S24) | BIT(S16), ACAP_FORMAT_S32), ACAP_FORMAT_F32);
    assert_int_equal(acap__choose_format(ACAP__PA_ALSA, BIT(S24) | BIT(S16) | BIT(U8), ACAP_FORMAT_F32), ACAP_FORMAT_S24);
    assert_int_equal(acap__choose_format(ACAP__PA_ALSA, BIT(S16) | BIT(U8), ACAP_FORMAT_S24), ACAP_FORMAT_S16);
    assert_int_equal(acap__choose_format(ACAP__PA_ALSA, BIT(U8), ACAP_FORMAT_F32), ACAP_FORMAT_U8);
    assert_int_equal(acap__choose_format(ACAP__PA_ALSA, 0, ACAP_FORMAT_S24), ACAP_FORMAT_S24); /* unknown: PortAudio's affair */
    assert_int_equal(acap__choose_format(ACAP__PA_MME, 0, ACAP_FORMAT_S16), ACAP_FORMAT_S16);
    assert_int_equal(acap__choose_format(ACAP__PA_JACK, 0, ACAP_FORMAT_S16), ACAP_FORMAT_F32);
    assert_int_equal(acap__choose_format(ACAP__PA_WASAPI, 0, ACAP_FORMAT_S32), ACAP_FORMAT_F32);
}

static void latency_is_for_recorders(void **state)
{
    const int64_t ms = ACAP__NS_PER_MS;

    (void)state;
    assert_float_equal(acap__choose_latency_s(0, 0, 480, 48000), 0.1, 1e-9);
    assert_float_equal(acap__choose_latency_s(0, 35 * ms, 480, 48000), 0.1, 1e-9);
    assert_float_equal(acap__choose_latency_s(0, 250 * ms, 480, 48000), 0.25, 1e-9);
    assert_float_equal(acap__choose_latency_s(0, 0, 48000, 48000), 2.0, 1e-9);
    assert_float_equal(acap__choose_latency_s(5 * ms, 250 * ms, 48000, 48000), 0.005, 1e-9);
    assert_int_equal(acap__plausible_latency_ns(0.1), 100 * ms);
    assert_int_equal(acap__plausible_latency_ns(89478.0), 0);
    assert_int_equal(acap__plausible_latency_ns(-1.0), 0);
}

static void errno_becomes_a_result(void **state)
{
    (void)state;
    assert_int_equal(acap__result_of_errno(-EBUSY), ACAP_ERROR_DEVICE_BUSY);
    assert_int_equal(acap__result_of_errno(EBUSY), ACAP_ERROR_DEVICE_BUSY);
    assert_int_equal(acap__result_of_errno(-EACCES), ACAP_ERROR_PERMISSION);
    assert_int_equal(acap__result_of_errno(-EPERM), ACAP_ERROR_PERMISSION);
    assert_int_equal(acap__result_of_errno(-ENOENT), ACAP_ERROR_NO_DEVICE);
    assert_int_equal(acap__result_of_errno(-ENODEV), ACAP_ERROR_NO_DEVICE);
    assert_int_equal(acap__result_of_errno(-ENXIO), ACAP_ERROR_NO_DEVICE);
    assert_int_equal(acap__result_of_errno(-ENOMEM), ACAP_ERROR_NO_MEMORY);
    assert_int_equal(acap__result_of_errno(-EIO), ACAP_ERROR_BACKEND);
}

static void rates_are_spelt_out(void **state)
{
    char text[ACAP__RATES_TEXT_BYTES];

    (void)state;
    acap__say_rates(0, text);
    assert_string_equal(text, " none of the usual rates in");
    acap__say_rates(1u << 4 | 1u << 5, text);
    assert_string_equal(text, " 44100 48000");
    acap__say_rates(UINT32_MAX, text);
    assert_string_equal(text, " 8000 16000 22050 32000 44100 48000 88200 96000 176400 192000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_of_alsa_devices),
        cmocka_unit_test(ids_of_other_hosts),
        cmocka_unit_test(equal_names_get_numbers),
        cmocka_unit_test(long_names_stay_unique),
        cmocka_unit_test(building_blocks_are_not_listed),
        cmocka_unit_test(default_is_always_listed),
        cmocka_unit_test(report_stops_where_it_fails),
        cmocka_unit_test(loopbacks_are_marked),
        cmocka_unit_test(devices_are_found),
        cmocka_unit_test(formats_lose_nothing),
        cmocka_unit_test(latency_is_for_recorders),
        cmocka_unit_test(errno_becomes_a_result),
        cmocka_unit_test(rates_are_spelt_out),
    };

    return cmocka_run_group_tests_name("portaudio_catalog", tests, make_cards, remove_cards);
}
