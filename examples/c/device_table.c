/* SPDX-License-Identifier: MIT */
/* Owns: how a list of devices looks: a table for people, JSON for programs.
 * Called by: list_devices.c and record.c (-l).
 * Thread: main. */
#include "device_table.h"

#include "cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Columns on a terminal: UTF-8 continuation bytes take none. */
static int text_width(const char *text)
{
    int width = 0;

    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

/* A device chooses its own name: no control character of it may reach the terminal. */
static void print_cell(const char *text, int width)
{
    for (const char *at = text; *at != '\0'; at++)
        putchar((unsigned char)*at < 0x20 || *at == 0x7f ? '?' : *at);
    printf("%*s", width - text_width(text) + 2, "");
}

static const char *flag_words(uint32_t flags)
{
    static const char *const words[4] = { "", "  loopback", "  stale", "  loopback, stale" };

    return words[((flags & ACAP_DEVICE_LOOPBACK) ? 1 : 0) + ((flags & ACAP_DEVICE_STALE) ? 2 : 0)];
}

static int wider(int width, const char *text)
{
    const int other = text_width(text);

    return other > width ? other : width;
}

static void print_table(const acap_device_list *list)
{
    const acap_device_info *device;
    int id_width = wider(0, "ID");
    int name_width = wider(0, "NAME");
    int host_width = wider(0, "HOST API");

    for (size_t i = 0; (device = acap_device_list_get(list, i)) != NULL; i++) {
        id_width = wider(id_width, device->id);
        name_width = wider(name_width, device->name);
        host_width = wider(host_width, device->host_api);
    }
    printf("  %-*s  %-*s  %-*s  CHANNELS    RATE  FLAGS\n", id_width, "ID", name_width, "NAME", host_width, "HOST API");
    for (size_t i = 0; (device = acap_device_list_get(list, i)) != NULL; i++) {
        printf("%c ", (device->flags & ACAP_DEVICE_DEFAULT) ? '*' : ' ');
        print_cell(device->id, id_width);
        print_cell(device->name, name_width);
        print_cell(device->host_api, host_width);
        printf("%8" PRIu32 "  %6" PRIu32 "%s\n", device->max_channel_count, device->default_sample_rate_hz, flag_words(device->flags));
    }
}

static void print_json_string(const char *key, const char *text)
{
    printf("\"%s\": \"", key);
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20)
            printf("\\u%04x", (unsigned)*text);
        else if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else
            putchar(*text);
    }
    fputs("\", ", stdout);
}

static const char *json_bool(uint32_t bit)
{
    return bit ? "true" : "false";
}

static void print_json(const acap_device_list *list)
{
    const acap_device_info *device;

    fputs("[", stdout);
    for (size_t i = 0; (device = acap_device_list_get(list, i)) != NULL; i++) {
        fputs(i == 0 ? "\n  { " : ",\n  { ", stdout);
        print_json_string("id", device->id);
        print_json_string("name", device->name);
        print_json_string("host_api", device->host_api);
        printf("\"max_channel_count\": %" PRIu32 ", \"default_sample_rate_hz\": %" PRIu32 ", \"default\": %s, \"loopback\": %s, "
               "\"stale\": %s }",
               device->max_channel_count, device->default_sample_rate_hz, json_bool(device->flags & ACAP_DEVICE_DEFAULT),
               json_bool(device->flags & ACAP_DEVICE_LOOPBACK), json_bool(device->flags & ACAP_DEVICE_STALE));
    }
    puts("\n]");
}

static int print_list(const acap_device_list *list, bool as_json)
{
    if (as_json)
        print_json(list);
    else if (acap_device_list_count(list) == 0)
        puts("No capture device was found; the simulated ones, such as sim:sine, can always be opened.");
    else
        print_table(list);
    if (fflush(stdout) != 0 || ferror(stdout))
        return cli_fail("standard output cannot be written");
    return CLI_OK;
}

int device_table_show(bool as_json)
{
    acap_context *context = NULL;
    acap_device_list *list = NULL;
    int status;
    acap_result result = acap_context_create(NULL, &context);

    if (result == ACAP_OK)
        result = acap_device_list_create(context, &list);
    if (result == ACAP_OK)
        status = print_list(list, as_json);
    else
        status = cli_fail_acap("the devices cannot be listed", result);
    acap_device_list_destroy(list);
    acap_context_destroy(context);
    return status;
}
