/* SPDX-License-Identifier: MIT */
/* Owns: what a look at a stream finds, and what is done about it.
 * Called by: the stream's watch thread, or acap_stream_sim_advance in virtual time; whoever closes the stream, for what is held of it then.
 * Never the audio thread. */
#include "watch.h"

#include "context.h"
#include "leaving.h"
#include "stream.h"

#define STALL_NS (250 * ACAP__NS_PER_MS)
#define STALL_PERIODS 3u
#define LOST_NS (2 * ACAP__NS_PER_S)
#define LOST_BEFORE_DATA_NS (5 * ACAP__NS_PER_S)
#define SILENCE_S 5u
#define UNTOLD_NS (500 * ACAP__NS_PER_MS) /* a loss that goes on is told about twice a second */
#define RETRY_FIRST_NS (100 * ACAP__NS_PER_MS)
#define RETRY_LAST_NS ACAP__NS_PER_S /* opening a sound system costs tens of milliseconds: less than 5 % of a core */
#define ABSENCE_NS (100 * ACAP__NS_PER_MS)
#define QUIET_NS (10 * ACAP__NS_PER_S)

void acap__watch_reset(acap_stream *stream, int64_t now_ns)
{
    acap__watch *watch = &stream->watch;

    watch->seen_callbacks = acap__load_relaxed(&stream->ingest.callbacks);
    watch->alive_ns = now_ns;
    watch->last_look_ns = now_ns;
    watch->has_data = false;
    watch->is_stalled = false;
}

static acap_event event_of(acap_stream *stream, uint32_t type, uint32_t level)
{
    acap_event event = ACAP_EVENT_INIT;

    event.type = type;
    event.level = level;
    event.stream_id = stream->info.stream_id;
    event.time_ns = acap__stream_now_ns(stream);
    event.position = acap__ledger_read(&stream->ingest.ledger).position;
    return event;
}

/* ---- what the audio thread had to say ---- */

/* The frames of all these events add up to what was lost: each tells what has been lost since the last one. Where the ring was full, or a
   loss was told before it was over, that is more or less than the notice speaks of. */
static void tell_loss(acap_stream *stream, const acap__notice *notice)
{
    acap_event event = event_of(stream, ACAP_EVENT_FRAMES_LOST, ACAP_LEVEL_WARNING);

    if (notice->lost_frames <= stream->watch.told_frames)
        return;
    event.position = notice->position;
    event.frames = notice->lost_frames - stream->watch.told_frames;
    stream->watch.told_frames = notice->lost_frames;
    stream->watch.untold_since_ns = 0;
    if (event.frames != notice->frames)
        acap__events_post(&stream->context->events, &event, "stream %llu lost %llu more frames in places up to position %llu",
                          (unsigned long long)event.stream_id, (unsigned long long)event.frames, (unsigned long long)event.position);
    else if (notice->span_frames == 0)
        acap__events_post(&stream->context->events, &event, "stream %llu lost %llu frames at position %llu",
                          (unsigned long long)event.stream_id, (unsigned long long)event.frames, (unsigned long long)event.position);
    else
        acap__events_post(&stream->context->events, &event, "stream %llu lost %llu frames somewhere in positions %llu to %llu",
                          (unsigned long long)event.stream_id, (unsigned long long)event.frames,
                          (unsigned long long)(event.position > notice->span_frames ? event.position - notice->span_frames : 0),
                          (unsigned long long)event.position);
}

static void tell_recovery(acap_stream *stream, const acap__notice *notice)
{
    acap_event event = event_of(stream, ACAP_EVENT_STREAM_RECOVERED, ACAP_LEVEL_INFO);

    event.position = notice->position;
    event.frames = notice->frames;
    acap__events_post(&stream->context->events, &event, "stream %llu is back after %llu frames", (unsigned long long)event.stream_id,
                      (unsigned long long)event.frames);
}

static void pass_on(acap_stream *stream)
{
    acap__notice notice;

    while (acap__notices_read(&stream->ingest.notices, &notice)) {
        if (notice.kind == ACAP__NOTICE_LOSS)
            tell_loss(stream, &notice);
        else
            tell_recovery(stream, &notice);
    }
}

void acap__watch_tell_all(acap_stream *stream)
{
    pass_on(stream);
    const acap__figures figures = acap__ledger_read(&stream->ingest.ledger);
    const acap__notice rest = {.position = figures.position, .lost_frames = figures.lost_pool + figures.lost_host};
    tell_loss(stream, &rest);
}

/* Of a loss that goes on, as that of an empty pool, the producer says nothing before it is over. */
static void watch_loss(acap_stream *stream, int64_t now_ns)
{
    acap__watch *watch = &stream->watch;

    pass_on(stream);
    const acap__figures figures = acap__ledger_read(&stream->ingest.ledger);
    if (figures.lost_pool + figures.lost_host == watch->told_frames)
        watch->untold_since_ns = 0;
    else if (watch->untold_since_ns == 0)
        watch->untold_since_ns = now_ns;
    else if (now_ns - watch->untold_since_ns >= UNTOLD_NS)
        acap__watch_tell_all(stream);
}

static void watch_silence(acap_stream *stream)
{
    acap__watch *watch = &stream->watch;
    const uint64_t silent_frames = acap__load_relaxed(&stream->ingest.silent_frames);
    const bool is_silent = silent_frames >= (uint64_t)SILENCE_S * stream->info.sample_rate_hz;

    /* Fewer than at the last look: a sound between two looks has ended that stretch, and this is another one. */
    if (is_silent && (!watch->is_silent || silent_frames < watch->seen_silent_frames)) {
        const acap_event event = event_of(stream, ACAP_EVENT_SUSPECT_SILENCE, ACAP_LEVEL_WARNING);
        acap__events_post(&stream->context->events, &event, "stream %llu has delivered nothing but digital silence for %u s",
                          (unsigned long long)event.stream_id, SILENCE_S);
    }
    watch->is_silent = is_silent;
    watch->seen_silent_frames = silent_frames;
}

/* ---- the pool ---- */

/* growth: what came of the attempt, on this thread and just before. */
static void tell_pool_low(acap_stream *stream, uint32_t free_buffers, uint32_t capacity, acap_result growth)
{
    const acap_event event = event_of(stream, ACAP_EVENT_POOL_LOW, ACAP_LEVEL_WARNING);
    const char *reason = acap_last_error();

    if (growth == ACAP_OK)
        reason = "its consumers are faster than it grows";
    else if (growth == ACAP_ERROR_LIMIT)
        reason = "that is its maximum";
    acap__events_post(&stream->context->events, &event, "stream %llu: %u of the pool's %u buffers are free: %s",
                      (unsigned long long)event.stream_id, free_buffers, capacity, reason);
}

/* Under the stream's lock, so that no reader reserves its share of what goes meanwhile. */
static void shrink_pool(acap_stream *stream, uint32_t in_use)
{
    acap__mutex_lock(&stream->lock);
    acap__pool_shrink(stream->pool, acap__max_u32(in_use * 2u, stream->reserved_buffers + ACAP__SPARE_BUFFERS));
    acap__mutex_unlock(&stream->lock);
}

/* Ahead of need where consumers hold more than they said; back to what is needed when that has been enough for a while. */
static void tend_pool(acap_stream *stream, int64_t now_ns)
{
    acap__watch *watch = &stream->watch;

    const acap_result growth = acap__pool_keep_ahead(stream->pool, UINT32_MAX);
    const uint32_t capacity = acap__load_acquire(&stream->pool->capacity);
    const uint32_t in_use = acap__min_u32(acap__pool_in_use(stream->pool), capacity);
    const bool is_low = capacity - in_use < acap__max_u32(capacity / 8u, 2u);
    if (is_low && !watch->is_pool_low)
        tell_pool_low(stream, capacity - in_use, capacity, growth);
    /* Hysteresis: only a quarter free ends it. */
    watch->is_pool_low = is_low || (watch->is_pool_low && capacity - in_use < capacity / 4u);
    if (in_use >= capacity / 2u || watch->quiet_since_ns == 0)
        watch->quiet_since_ns = now_ns;
    if (stream->owns_pool && now_ns - watch->quiet_since_ns >= QUIET_NS)
        shrink_pool(stream, in_use);
}

void acap__watch_tell_held(acap_stream *stream)
{
    acap__held held;

    acap__mutex_lock(&stream->lock);
    const bool is_known = acap__stream_count_held(stream, &held);
    acap__mutex_unlock(&stream->lock);
    if (!is_known || held.buffers == 0)
        return;
    const acap_event event = event_of(stream, ACAP_EVENT_LOG, ACAP_LEVEL_INFO);
    acap__events_post(&stream->context->events, &event, "stream %llu was closed with %u of its buffers held, the oldest for %lld ms",
                      (unsigned long long)event.stream_id, held.buffers,
                      (long long)((acap_clock_ns() - held.oldest_ns) / ACAP__NS_PER_MS));
}

/* ---- life and death ---- */

static void tell_stall(acap_stream *stream, int64_t idle_ns)
{
    const acap_event event = event_of(stream, ACAP_EVENT_STREAM_STALLED, ACAP_LEVEL_WARNING);

    acap__events_post(&stream->context->events, &event, "stream %llu: no callback for %lld ms", (unsigned long long)event.stream_id,
                      (long long)(idle_ns / ACAP__NS_PER_MS));
}

static int64_t stall_limit_ns(const acap_stream *stream, uint32_t period_frames)
{
    const int64_t periods_ns = acap__frames_to_ns((uint64_t)period_frames * STALL_PERIODS, stream->info.sample_rate_hz);

    return periods_ns > STALL_NS ? periods_ns : STALL_NS;
}

/* A process that was stopped, or a machine that slept, has not watched: that time tells nothing of the device. */
static void forgive_own_absence(acap_stream *stream, int64_t now_ns)
{
    acap__watch *watch = &stream->watch;
    const int64_t absence_ns = now_ns - watch->last_look_ns - ACAP__WATCH_STEP_NS;

    if (acap__load_relaxed(&stream->clock) != ACAP__CLOCK_VIRTUAL && watch->last_look_ns != 0 && absence_ns > ABSENCE_NS)
        watch->alive_ns += absence_ns;
    watch->last_look_ns = now_ns;
}

/* INT64_MAX: never. A caller in the place of a device may pause for as long as it likes. */
static int64_t lost_limit_ns(const acap_stream *stream, int64_t stall_ns)
{
    const int64_t limit_ns = stream->watch.has_data ? LOST_NS : LOST_BEFORE_DATA_NS;

    if (stream->backend == &acap__backend_push)
        return INT64_MAX;
    return limit_ns > stall_ns ? limit_ns : stall_ns;
}

/* Under lock. True: the device is to be given up. */
static bool is_dead(acap_stream *stream, int64_t now_ns, bool *has_stalled)
{
    acap__watch *watch = &stream->watch;
    const uint64_t callbacks = acap__load_relaxed(&stream->ingest.callbacks);
    const int64_t stall_ns = stall_limit_ns(stream, stream->slot->opened.period_frames);

    if (callbacks != watch->seen_callbacks) {
        watch->seen_callbacks = callbacks;
        watch->alive_ns = now_ns;
        watch->has_data = true;
        watch->is_stalled = false;
        watch->retry_gap_ns = 0;
    }
    const int64_t idle_ns = now_ns - watch->alive_ns;
    *has_stalled = !watch->is_stalled && idle_ns >= stall_ns;
    watch->is_stalled = watch->is_stalled || *has_stalled;
    return idle_ns >= lost_limit_ns(stream, stall_ns) || acap__load_acquire(&stream->slot->feed->host_gave_up) != 0;
}

static void watch_life(acap_stream *stream, int64_t now_ns)
{
    bool has_stalled = false;
    bool is_lost = false;

    acap__mutex_lock(&stream->lock);
    forgive_own_absence(stream, now_ns);
    if (acap__load_relaxed(&stream->state) == ACAP_STATE_RUNNING && !stream->is_controlled && stream->slot != NULL)
        is_lost = is_dead(stream, now_ns, &has_stalled);
    const int64_t idle_ns = now_ns - stream->watch.alive_ns;
    if (has_stalled)
        acap__stream_nudge(stream);
    if (is_lost)
        acap__stream_lose(stream);
    acap__mutex_unlock(&stream->lock);
    if (has_stalled)
        tell_stall(stream, idle_ns);
    if (!is_lost)
        return;
    const acap_event event = event_of(stream, ACAP_EVENT_STREAM_LOST, ACAP_LEVEL_ERROR);
    acap__events_post(&stream->context->events, &event, "stream %llu: the device is gone", (unsigned long long)event.stream_id);
    stream->watch.retry_ns = now_ns + RETRY_FIRST_NS;
    stream->watch.retry_gap_ns = RETRY_FIRST_NS;
}

static void try_to_recover(acap_stream *stream, int64_t now_ns)
{
    acap__watch *watch = &stream->watch;

    if (acap__load_acquire(&stream->state) != ACAP_STATE_LOST || stream->on_device_lost == ACAP_ON_LOST_FAIL || now_ns < watch->retry_ns)
        return;
    if (acap__stream_recover(stream, now_ns))
        return;
    watch->retry_gap_ns = watch->retry_gap_ns * 2 < RETRY_LAST_NS ? watch->retry_gap_ns * 2 : RETRY_LAST_NS;
    /* In real time the attempt has taken some. */
    watch->retry_ns = acap__stream_now_ns(stream) + watch->retry_gap_ns;
}

void acap__watch_look(acap_stream *stream, int64_t now_ns)
{
    acap__mutex_lock(&stream->lock);
    watch_loss(stream, now_ns);
    acap__mutex_unlock(&stream->lock);
    if (acap__load_acquire(&stream->state) == ACAP_STATE_RUNNING)
        watch_silence(stream);
    tend_pool(stream, now_ns);
    watch_life(stream, now_ns);
    try_to_recover(stream, now_ns);
}

/* ---- the thread ---- */

static bool is_wanted(acap_stream *stream)
{
    bool is_wanted;

    acap__mutex_lock(&stream->lock);
    if (!stream->is_ended)
        (void)acap__cond_wait_until(&stream->changed, &stream->lock,
                                    acap__load_relaxed(&stream->state) == ACAP_STATE_STOPPED ? INT64_MAX
                                                                                             : acap_clock_ns() + ACAP__WATCH_STEP_NS);
    is_wanted = !stream->is_ended;
    acap__mutex_unlock(&stream->lock);
    return is_wanted;
}

static void run_watch(void *argument)
{
    acap_stream *stream = argument;

    while (is_wanted(stream))
        acap__watch_look(stream, acap_clock_ns());
    acap__stream_release(stream);
    acap__leaving_end();
}

bool acap__watch_ensure_thread(acap_stream *stream)
{
    if (stream->watch.has_thread)
        return true;
    acap__stream_retain(stream);
    stream->watch.has_thread = acap__thread_start(run_watch, stream, "acap-watch");
    if (!stream->watch.has_thread)
        acap__stream_release(stream);
    return stream->watch.has_thread;
}
