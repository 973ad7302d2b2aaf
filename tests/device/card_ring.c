/* SPDX-License-Identifier: MIT */
/* Owns: the virtual card's clock, what it puts into the ring, and its faults.
 * Used by: card_plugin.c, which ALSA calls.
 * Runs on: the thread that reads the card, under ALSA's lock of the PCM. */
#include "card.h"

#include "counting.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>

#define NS_PER_S 1000000000
#define NS_PER_MS 1000000

int64_t card_clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void set_timer(card *c, int64_t at_ns)
{
    struct itimerspec when = { .it_value = { .tv_sec = at_ns / NS_PER_S, .tv_nsec = at_ns % NS_PER_S } };

    timerfd_settime(c->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* The timer is long past and nobody reads it: poll returns at once, again and again. */
static void make_always_readable(card *c)
{
    set_timer(c, 1);
}

void card_disarm_timer(card *c)
{
    set_timer(c, 0);
}

/* Whole periods that the card's clock has completed since the last start. */
static uint64_t periods_since_start(const card *c, int64_t now_ns)
{
    if (now_ns <= c->started_ns)
        return 0;
    const uint64_t elapsed_ns = (uint64_t)(now_ns - c->started_ns);
    const uint64_t frames = elapsed_ns / NS_PER_S * c->io.rate + elapsed_ns % NS_PER_S * c->io.rate / NS_PER_S;
    return frames / c->io.period_size;
}

/* Wakes the reader when the period that is being filled is full, as a card's interrupt does. */
void card_arm_timer(card *c, int64_t now_ns)
{
    const uint64_t due_frames = (periods_since_start(c, now_ns) + 1) * c->io.period_size;
    const uint64_t due_ns = due_frames / c->io.rate * NS_PER_S + (due_frames % c->io.rate * NS_PER_S + c->io.rate - 1) / c->io.rate;
    const int64_t period_ns = c->started_ns + (int64_t)due_ns;

    set_timer(c, c->stalled_until_ns > period_ns ? c->stalled_until_ns : period_ns);
}

/* Frames in the ring that the reader has not taken. */
uint64_t card_unread(const card *c)
{
    return (c->ring_frames % c->boundary + c->boundary - c->io.appl_ptr % c->boundary) % c->boundary;
}

bool card_is_silent_now(const card *c, int64_t now_ns)
{
    return c->hangs || c->spins || c->gone_events != 0 || now_ns < c->stalled_until_ns;
}

static void write_channel(card *c, const snd_pcm_channel_area_t *area, uint32_t channel, uint64_t offset, uint64_t frame_count)
{
    const size_t step_bytes = area->step / 8;
    unsigned char *out = (unsigned char *)area->addr + area->first / 8 + offset * step_bytes;

    for (uint64_t i = 0; i < frame_count; i++, out += step_bytes) {
        if (c->zero_left > 0)
            memset(out, c->format == ACAP_FORMAT_U8 ? 0x80 : 0, counting_bytes(c->format));
        else
            counting_write(c->format, c->counter + (uint32_t)i, channel, out);
    }
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The ring has room for all of frame_count. */
static void produce(card *c, uint64_t frame_count)
{
    const snd_pcm_channel_area_t *areas = snd_pcm_ioplug_mmap_areas(&c->io);

    while (frame_count > 0) {
        const uint64_t offset = c->ring_frames % c->io.buffer_size;
        uint64_t run = min_u64(frame_count, c->io.buffer_size - offset);
        if (c->zero_left > 0)
            run = min_u64(run, c->zero_left);
        for (uint32_t channel = 0; channel < c->io.channels; channel++)
            write_channel(c, &areas[channel], channel, offset, run);
        c->zero_left -= min_u64(run, c->zero_left);
        c->counter += (uint32_t)run;
        c->ring_frames += run;
        c->produced += run;
        frame_count -= run;
    }
}

/* The reader was late: what does not fit any more is gone. */
static int overrun(card *c, uint64_t room, uint64_t due)
{
    produce(c, room);
    c->counter += (uint32_t)(due - c->produced);
    c->produced = due;
    return -EPIPE;
}

static void disappear(card *c, snd_pcm_state_t state, unsigned short events)
{
    c->gone_events = events;
    make_always_readable(c);
    snd_pcm_ioplug_set_state(&c->io, state);
}

static int carry_out(card *c, const card_fault *fault, int64_t now_ns)
{
    switch (fault->action) {
    case CARD_XRUN:
        c->counter += (uint32_t)fault->argument;
        return -EPIPE;
    case CARD_GAP:
        c->counter += (uint32_t)fault->argument;
        return 0;
    case CARD_ZERO:
        c->zero_left = fault->argument;
        return 0;
    case CARD_STALL:
        c->stalled_until_ns = now_ns + (int64_t)fault->argument * NS_PER_MS;
        return 0;
    case CARD_HANG:
        c->hangs = true;
        return 0;
    case CARD_SPIN:
        c->spins = true;
        make_always_readable(c);
        return 0;
    case CARD_DISCONNECT:
        disappear(c, SND_PCM_STATE_DISCONNECTED, POLLERR | POLLHUP);
        return 0;
    case CARD_SUSPEND:
        disappear(c, SND_PCM_STATE_SUSPENDED, POLLERR);
        return 0;
    case CARD_EIO:
        c->fails_transfers = true;
        return 0;
    case CARD_ACTIONS:
        break;
    }
    return -EINVAL;
}

static card_fault *next_fault(card *c, uint64_t due)
{
    card_fault *next = NULL;

    for (unsigned i = 0; i < c->config.fault_count; i++) {
        card_fault *fault = &c->config.faults[i];
        if (!fault->is_done && fault->at_frame <= due && (next == NULL || fault->at_frame < next->at_frame))
            next = fault;
    }
    return next;
}

static int fill_to(card *c, uint64_t target, uint64_t due)
{
    const uint64_t wanted = target > c->produced ? target - c->produced : 0;
    const uint64_t room = c->io.buffer_size - card_unread(c);

    if (wanted > room)
        return overrun(c, room, due);
    produce(c, wanted);
    return 0;
}

static int fill_and_fault(card *c, uint64_t due, int64_t now_ns)
{
    for (;;) {
        card_fault *fault = next_fault(c, due);
        int result = fill_to(c, fault != NULL ? fault->at_frame : due, due);
        if (result < 0 || fault == NULL)
            return result;
        fault->is_done = true;
        result = carry_out(c, fault, now_ns);
        if (result < 0 || card_is_silent_now(c, now_ns))
            return result;
    }
}

/* Brings the ring up to now. */
int card_advance(card *c)
{
    const int64_t now_ns = card_clock_ns();
    card_fault injected;

    if (c->io.state != SND_PCM_STATE_RUNNING)
        return 0;
    if (card_control_take_fault(c->name, &injected)) {
        const int result = carry_out(c, &injected, now_ns);
        if (result < 0)
            return result;
    }
    if (card_is_silent_now(c, now_ns))
        return 0;
    const int result = fill_and_fault(c, c->produced_base + periods_since_start(c, now_ns) * c->io.period_size, now_ns);
    card_control_publish(c->name, c->produced);
    return result;
}
