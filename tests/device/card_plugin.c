/* SPDX-License-Identifier: MIT */
/* Owns: the virtual card's side towards ALSA: opening, parameters, poll and the hardware pointer.
 * Used by: libasound, which loads this plug-in because a configuration names it.
 * Runs on: whichever thread uses the PCM, under ALSA's lock of it. */
#ifndef PIC
#define PIC 1 /* the macros of ALSA's header then export a symbol instead of filling a static list */
#endif
#include "card.h"

#include <acap/acap.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define PERIOD_BYTES_MIN 16u
#define PERIOD_BYTES_MAX (4u << 20)
#define BUFFER_BYTES_MIN 64u
#define BUFFER_BYTES_MAX (16u << 20)
#define PERIODS_MAX 1024u

static uint32_t acap_format_of(snd_pcm_format_t format)
{
    switch (format) {
    case SND_PCM_FORMAT_S16_LE:
        return ACAP_FORMAT_S16;
    case SND_PCM_FORMAT_S24_3LE:
        return ACAP_FORMAT_S24;
    case SND_PCM_FORMAT_S32_LE:
        return ACAP_FORMAT_S32;
    case SND_PCM_FORMAT_FLOAT_LE:
        return ACAP_FORMAT_F32;
    default:
        return ACAP_FORMAT_U8;
    }
}

static int start(snd_pcm_ioplug_t *io)
{
    card *c = io->private_data;

    if (c->config.start_error != 0)
        return -c->config.start_error;
    c->produced_base = c->produced;
    c->started_ns = card_clock_ns();
    card_arm_timer(c, c->started_ns);
    return 0;
}

static int stop(snd_pcm_ioplug_t *io)
{
    card_disarm_timer(io->private_data);
    return 0;
}

static snd_pcm_sframes_t pointer(snd_pcm_ioplug_t *io)
{
    card *c = io->private_data;
    const int result = card_advance(c);

    return result < 0 ? result : (snd_pcm_sframes_t)(c->ring_frames % c->boundary);
}

static snd_pcm_sframes_t transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas, snd_pcm_uframes_t offset,
                                  snd_pcm_uframes_t frame_count)
{
    const card *c = io->private_data;

    (void)areas;
    (void)offset;
    return c->fails_transfers ? -EIO : (snd_pcm_sframes_t)frame_count;
}

static int prepare(snd_pcm_ioplug_t *io)
{
    card *c = io->private_data;

    c->ring_frames = 0;
    c->format = acap_format_of(io->format);
    return 0;
}

static int sw_params(snd_pcm_ioplug_t *io, snd_pcm_sw_params_t *params)
{
    card *c = io->private_data;
    const int result = snd_pcm_sw_params_get_boundary(params, &c->boundary);

    return result < 0 ? result : snd_pcm_sw_params_get_avail_min(params, &c->wake_frames);
}

static int poll_descriptors(snd_pcm_ioplug_t *io, struct pollfd *descriptors, unsigned space)
{
    const card *c = io->private_data;

    if (space == 0)
        return 0;
    *descriptors = (struct pollfd){ .fd = c->timer_fd, .events = POLLIN | POLLERR };
    return 1;
}

static void rearm(card *c, const struct pollfd *descriptor, int64_t now_ns)
{
    uint64_t expirations;

    if (c->spins || c->gone_events != 0 || !(descriptor->revents & POLLIN))
        return;
    if (c->hangs)
        card_disarm_timer(c);
    else if (read(c->timer_fd, &expirations, sizeof expirations) == (ssize_t)sizeof expirations)
        card_arm_timer(c, now_ns);
}

static unsigned short events_of(card *c, int64_t now_ns)
{
    const int result = card_advance(c);

    if (c->gone_events != 0)
        return c->gone_events;
    if (result < 0) {
        snd_pcm_ioplug_set_state(&c->io, SND_PCM_STATE_XRUN);
        return POLLERR;
    }
    if (c->stalled_until_ns > now_ns)
        card_arm_timer(c, now_ns);
    return !card_is_silent_now(c, now_ns) && card_unread(c) >= c->wake_frames ? POLLIN : 0;
}

static int poll_revents(snd_pcm_ioplug_t *io, struct pollfd *descriptors, unsigned count, unsigned short *events)
{
    card *c = io->private_data;
    const int64_t now_ns = card_clock_ns();

    (void)count;
    rearm(c, descriptors, now_ns);
    *events = io->state == SND_PCM_STATE_XRUN ? POLLERR : events_of(c, now_ns);
    return 0;
}

static int delay(snd_pcm_ioplug_t *io, snd_pcm_sframes_t *frames)
{
    card *c = io->private_data;
    const int result = card_advance(c);

    *frames = (snd_pcm_sframes_t)card_unread(c);
    return result < 0 ? result : 0;
}

static void destroy(card *c)
{
    if (c->timer_fd >= 0)
        close(c->timer_fd);
    free(c);
}

static int close_card(snd_pcm_ioplug_t *io)
{
    destroy(io->private_data);
    return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
    .start = start,
    .stop = stop,
    .pointer = pointer,
    .transfer = transfer,
    .prepare = prepare,
    .sw_params = sw_params,
    .poll_descriptors = poll_descriptors,
    .poll_revents = poll_revents,
    .delay = delay,
    .close = close_card,
};

static int set_range(card *c, int what, unsigned min, unsigned max)
{
    return snd_pcm_ioplug_set_param_minmax(&c->io, what, min, max);
}

static int describe(card *c)
{
    const card_config *config = &c->config;
    int result = snd_pcm_ioplug_set_param_list(&c->io, SND_PCM_IOPLUG_HW_ACCESS, config->access_count, config->accesses);

    if (result >= 0)
        result = snd_pcm_ioplug_set_param_list(&c->io, SND_PCM_IOPLUG_HW_FORMAT, config->format_count, config->formats);
    if (result >= 0)
        result = set_range(c, SND_PCM_IOPLUG_HW_CHANNELS, config->channels_min, config->channels_max);
    if (result >= 0)
        result = set_range(c, SND_PCM_IOPLUG_HW_RATE, config->rate_min_hz, config->rate_max_hz);
    if (result >= 0)
        result = set_range(c, SND_PCM_IOPLUG_HW_PERIOD_BYTES, PERIOD_BYTES_MIN, PERIOD_BYTES_MAX);
    if (result >= 0)
        result = set_range(c, SND_PCM_IOPLUG_HW_BUFFER_BYTES, BUFFER_BYTES_MIN, BUFFER_BYTES_MAX);
    if (result >= 0)
        result = set_range(c, SND_PCM_IOPLUG_HW_PERIODS, 2, PERIODS_MAX);
    return result;
}

static void describe_to_alsa(card *c)
{
    c->io.version = SND_PCM_IOPLUG_VERSION;
    c->io.name = "acap's virtual sound card";
    c->io.flags = SND_PCM_IOPLUG_FLAG_MONOTONIC | SND_PCM_IOPLUG_FLAG_BOUNDARY_WA;
    c->io.poll_fd = c->timer_fd;
    c->io.poll_events = POLLIN;
    c->io.mmap_rw = 1;
    c->io.callback = &callbacks;
    c->io.private_data = c;
}

/* 0, or a negative errno; then the card is gone. */
static int create(card *c, const char *name, int mode)
{
    c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    c->boundary = 1; /* until sw_params: a divisor */
    c->counter = c->config.start;
    strncpy(c->name, name, sizeof c->name - 1);
    describe_to_alsa(c);
    int result = c->timer_fd < 0 ? -errno : snd_pcm_ioplug_create(&c->io, name, SND_PCM_STREAM_CAPTURE, mode);
    if (result < 0) {
        destroy(c);
        return result;
    }
    result = describe(c);
    if (result < 0)
        snd_pcm_ioplug_delete(&c->io); /* by way of close_card */
    return result;
}

static int open_card(card **out, const char *name, snd_config_t *tree, int mode)
{
    card *c = calloc(1, sizeof *c);

    if (c == NULL)
        return -ENOMEM;
    const int refused = card_config_read(&c->config, tree) ? -card_control_open_error(name, &c->config) : -EINVAL;
    if (refused != 0) {
        free(c);
        return refused;
    }
    *out = c;
    return create(c, name, mode);
}

SND_PCM_PLUGIN_DEFINE_FUNC(acapcard);
SND_PCM_PLUGIN_DEFINE_FUNC(acapcard)
{
    card *c = NULL;

    (void)root;
    if (stream != SND_PCM_STREAM_CAPTURE)
        return -EINVAL;
    const int result = open_card(&c, name, conf, mode);
    if (result >= 0)
        *pcmp = c->io.pcm;
    return result;
}
/* What SND_PCM_PLUGIN_SYMBOL says, without its second semicolon. */
SND_DLSYM_BUILD_VERSION(SND_PCM_PLUGIN_ENTRY(acapcard), SND_PCM_DLSYM_VERSION)
