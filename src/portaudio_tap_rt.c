/* SPDX-License-Identifier: MIT */
/* Owns: what one callback of PortAudio's becomes.
 * Called by: backend_portaudio.c's callback, on the audio thread of whatever host API.
 * Nothing here allocates, locks or waits. */
#include "portaudio_tap.h"

#define NS_PER_S_DOUBLE 1e9
#define DELAY_MAX_S 1.0

static void discard_message(const char *file, int line, const char *function, int error, const char *format, va_list arguments)
{
    (void)file;
    (void)line;
    (void)function;
    (void)error;
    (void)format;
    (void)arguments;
}

/* ALSA writes to stderr from here when a stream breaks. One store into the thread's own memory; where alsa-lib was loaded after the program
   began, the C library makes that memory at this first access. */
static void silence_alsa(const acap__tap *tap)
{
    if (tap->set_alsa_local)
        (void)tap->set_alsa_local(discard_message);
}

/* True once a host buffer: the flag is repeated in each callback that is cut from it. Before the first buffer nothing of ours can be lost,
   though JACK counts the client's own joining as an overrun. */
static bool take_overflow(acap__tap *tap, const acap__tap_call *call, bool is_first)
{
    const bool is_new = call->is_flagged && !tap->is_flagged;

    tap->is_flagged = call->is_flagged;
    return is_new && !is_first;
}

/* How old the first frame is, by the host's word. Only the difference of the host's two times is used, since their epoch depends on the
   host API. What cannot be is unknown: WMME gives 0, JACK sometimes wraps, and JACK's and PulseAudio's words for the youngest frames would
   have them captured in the future. */
static int64_t delay_ns(const acap__tap *tap, const acap__tap_call *call, int64_t entry_ns)
{
    const double length_s = (double)call->frame_count / tap->sample_rate_hz;
    /* host_time_s is of the first callback of this host buffer. */
    const double since_s = (double)(entry_ns - tap->host_entry_ns) / NS_PER_S_DOUBLE;
    const double delay_s = call->host_time_s - call->capture_time_s + since_s;

    if (!tap->has_delay || call->capture_time_s == 0.0 || !(delay_s >= length_s && delay_s <= DELAY_MAX_S + length_s))
        return -1;
    return (int64_t)(delay_s * NS_PER_S_DOUBLE);
}

bool acap__tap_deliver(acap__tap *tap, const acap__tap_call *call)
{
    const int64_t entry_ns = acap_clock_ns();
    /* acquire: pairs with the release of opening; NULL from closing on. */
    acap__feed *feed = acap__load_acquire(&tap->feed);
    const bool is_first = !tap->has_run;
    const bool is_same_host_buffer = !is_first && call->host_time_s == tap->host_time_s;
    acap__chunk chunk = { .frame_count = call->frame_count, .entry_ns = entry_ns };

    if (feed == NULL)
        return false;
    if (is_first)
        silence_alsa(tap);
    if (!is_same_host_buffer) {
        tap->has_run = true;
        tap->is_flagged = false;
        tap->host_time_s = call->host_time_s;
        tap->host_entry_ns = entry_ns;
    }
    chunk.host_overflow = take_overflow(tap, call, is_first);
    chunk.delay_ns = delay_ns(tap, call, entry_ns);
    if (tap->is_planar)
        chunk.planes = call->input;
    else
        chunk.frames = call->input;
    return acap__feed_deliver(feed, &chunk);
}
