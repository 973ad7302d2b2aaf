/* SPDX-License-Identifier: MIT */
/* Owns: the seam between acap and a sound system.
 * Used by: device.c and device_slot.c, which call a back end; the back ends, which fill it in.
 *
 * The front has made sure of this before it calls:
 *  - everything but a feed's delivery runs on the back end's host thread, one call at a time (backend_push excepted, which has none)
 *  - the request's numbers lie within the public limits; sample_rate_hz, channel_count may be 0: choose, as documented for
 *    acap_stream_config; format is never 0
 *  - device is NULL or a non-empty string; "sim:" and "push:" prefixes have been sent to the right back end
 *  - the feed stays valid until close() has returned, and for ever where it did not return
 *
 * A back end must:
 *  - return within its time where the host lets it, and otherwise simply not return: the front has a deadline and leaves it behind
 *  - write failures with acap__fail_in, with the host's code and text, and leave nothing open behind a failure
 *  - from the audio thread call acap__feed_deliver, with exactly what was captured and in order, once before that
 *    acap__feed_adopt_thread, and nothing else of acap
 *  - print nothing */
#ifndef ACAP_SRC_BACKEND_H
#define ACAP_SRC_BACKEND_H

#include "base.h"
#include "feed.h"
#include "host.h"
#include "result.h"

/* What is asked of a device. */
typedef struct acap__request {
    const char *device;
    uint32_t sample_rate_hz;
    uint32_t channel_count;
    uint32_t format; /* what the user wants; the source may differ and is converted in the one copy */
    uint32_t frames_per_buffer; /* 0: 10 ms */
    int64_t latency_ns;
    uint64_t position; /* of the stream's first frame from this device: the simulated one goes on from there */
    bool wants_refresh; /* the device may have come back: look afresh where that is possible */
} acap__request;

/* What paces the calls of a device. */
typedef enum acap__clock_kind {
    ACAP__CLOCK_DEVICE, /* its own crystal: time and loss can be told from the calls */
    ACAP__CLOCK_NONE,   /* nothing: a caller, or as fast as it can */
    ACAP__CLOCK_VIRTUAL, /* as DEVICE, but by a clock that the caller advances */
} acap__clock_kind;

/* What a device really gives. */
typedef struct acap__opened {
    void *device; /* the back end's own */
    uint32_t sample_rate_hz;
    uint32_t channel_count;
    uint32_t source_format;
    bool source_planar;
    acap__clock_kind clock;
    uint32_t period_frames; /* frames a callback; 0: unknown */
    int64_t latency_ns;     /* 0: unknown */
    char device_id[256];
} acap__opened;

/* A device of a list, as a back end reports it; strings are copied at once. */
typedef struct acap__device_report {
    const char *id;
    const char *name;
    const char *host_api;
    uint32_t flags;
    uint32_t max_channel_count;
    uint32_t default_sample_rate_hz;
    int64_t low_latency_ns;
    int64_t high_latency_ns;
} acap__device_report;

typedef struct acap__backend {
    const char *name;
    acap__host *(*host)(void); /* the thread that makes its calls; NULL: they need none */
    /* Calls report once a device. may_refresh: no stream of this back end is open. Stops and returns what report returned when that is
       not ACAP_OK. */
    acap_result (*list)(bool may_refresh, acap_result (*report)(void *sink, const acap__device_report *), void *sink,
                        acap__failure *failure);
    /* Can it be opened? Opens nothing. */
    acap_result (*supports)(const acap__request *request, acap__failure *failure);
    /* Opens but does not start. feed->source is the front's to fill from opened, before start. */
    acap_result (*open)(const acap__request *request, acap__feed *feed, acap__opened *opened, acap__failure *failure);
    /* now_ns: the stream's clock: acap_clock_ns(), or virtual for a device with manual pace. */
    acap_result (*start)(void *device, int64_t now_ns, acap__failure *failure);
    /* Stops where it runs, closes and frees, whatever the result. */
    acap_result (*close)(void *device, acap__failure *failure);
    /* ACAP__CLOCK_VIRTUAL only, else NULL: delivers all that comes until a moment of the virtual clock; on the caller's thread. */
    void (*advance)(void *device, int64_t until_ns);
} acap__backend;

extern const acap__backend acap__backend_portaudio;
extern const acap__backend acap__backend_sim;
extern const acap__backend acap__backend_push;

#endif
