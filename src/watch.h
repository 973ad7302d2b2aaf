/* SPDX-License-Identifier: MIT */
/* Owns: the watch over a running stream: stalls, loss of the device and its return, the pool's size, and the events that tell of them.
 * Used by: stream.c, which starts it; in real time a thread for each stream that runs, in virtual time acap_stream_sim_advance. */
#ifndef ACAP_SRC_WATCH_H
#define ACAP_SRC_WATCH_H

#include "base.h"

/* How often to look, by the stream's clock. */
#define ACAP__WATCH_STEP_NS (50 * ACAP__NS_PER_MS)

/* Under the stream's lock, but for what only the watch itself touches. */
typedef struct acap__watch {
    bool has_thread;
    bool is_leaving;    /* and the exit of the process waits for it */
    uint64_t seen_callbacks;
    int64_t alive_ns;   /* last sign of life: a callback, or the start */
    bool has_data;      /* a callback has come since the start */
    bool is_stalled;    /* and said so */
    bool is_silent;     /* and said so */
    uint64_t seen_silent_frames;
    bool is_pool_low;   /* and said so */
    int64_t retry_ns;   /* when to try to get the device back */
    int64_t retry_gap_ns;
    int64_t last_look_ns;
    int64_t quiet_since_ns; /* the pool has been larger than needed */
    uint64_t told_frames;   /* of all that the stream lost, in events */
    int64_t untold_since_ns; /* some of it has not been told; 0: all has */
} acap__watch;

struct acap_stream;

/* At each start, under the stream's lock. */
void acap__watch_reset(struct acap_stream *stream, int64_t now_ns);
/* Sees to it that a thread looks. Under the stream's lock. False: none could be started. */
bool acap__watch_ensure_thread(struct acap_stream *stream);
/* Tells all that the stream has lost until now. Under the stream's lock: the watch, and whoever has just shut the producer out, since
   nobody may come to look afterwards. */
void acap__watch_tell_all(struct acap_stream *stream);
/* Tells what consumers hold of the stream's buffers, where that is anything. Outside the lock, by whoever closes the stream and has ended
   it. */
void acap__watch_tell_held(struct acap_stream *stream);
/* One look, outside the lock, by the one watch. */
void acap__watch_look(struct acap_stream *stream, int64_t now_ns);

#endif
