/* SPDX-License-Identifier: MIT */
/* Owns: failures that a simulated device does not have: stands before libacap (LD_PRELOAD) and answers instead of it, as ACAP_SHIM says.
 * Called by: the example programs, which know nothing of it.
 * Thread: theirs. */
#define _GNU_SOURCE

#include <acap/acap.h>

#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BORROW 20
#define LAST_STALL 23

static bool shim_is(const char *mode)
{
    const char *set = getenv("ACAP_SHIM");

    return set != NULL && strcmp(set, mode) == 0;
}

/* lost: the device goes away at the 20th borrow. stall: it falls silent for four. */
acap_result acap_reader_borrow(acap_reader *reader, int64_t timeout_ns, const acap_buffer **out)
{
    static atomic_int calls;
    acap_result (*real)(acap_reader *, int64_t, const acap_buffer **);
    void *symbol = dlsym(RTLD_NEXT, "acap_reader_borrow");
    const int call = atomic_fetch_add(&calls, 1) + 1;

    memcpy(&real, &symbol, sizeof(real));
    *out = NULL;
    if (shim_is("lost") && call >= FIRST_BORROW)
        return ACAP_ERROR_DEVICE_LOST;
    if (shim_is("stall") && call >= FIRST_BORROW && call <= LAST_STALL)
        return ACAP_TIMED_OUT;
    return real(reader, timeout_ns, out);
}

/* late: somebody interrupts a program that is done with its file. */
void acap_reader_close(acap_reader *reader)
{
    void (*real)(acap_reader *);
    void *symbol = dlsym(RTLD_NEXT, "acap_reader_close");

    memcpy(&real, &symbol, sizeof(real));
    if (shim_is("late"))
        raise(SIGINT);
    real(reader);
}

/* none: a machine without a device. evil: one that calls itself something unprintable. */
size_t acap_device_list_count(const acap_device_list *list)
{
    (void)list;
    return shim_is("none") ? 0 : 1;
}

const acap_device_info *acap_device_list_get(const acap_device_list *list, size_t index)
{
    static const acap_device_info evil = {
        .struct_size = sizeof(acap_device_info),
        .flags = ACAP_DEVICE_LOOPBACK | ACAP_DEVICE_STALE,
        .id = "evil:1",
        .name = "a\033[2J \"b\\\n",
        .host_api = "ALSA",
        .max_channel_count = 1,
        .default_sample_rate_hz = 44100,
    };

    (void)list;
    return shim_is("none") || index > 0 ? NULL : &evil;
}
