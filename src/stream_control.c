/* SPDX-License-Identifier: MIT */
/* Owns: a stream's control: starting, stopping, ending, losing the device and getting it back; who may do so when, and what becomes of the
 * producer, the readers and the device each time.
 * Called by: any thread (start, stop, end), the watch (lose, recover). Waits for the host only in start, stop and recover, and there by the
 * clock; shuts every producer out before it asks the host for anything, so that the data is complete whatever the host does. */
#include "stream.h"

#include "leaving.h"
#include "result.h"
#include "stream_readers.h"

#define CALL_LIMIT_NS (4500 * ACAP__NS_PER_MS) /* within the 5 s of the contract */
#define QUIET_LIMIT_NS (500 * ACAP__NS_PER_MS) /* a callback is a copy: one that takes longer will not come back */

/* ---- one controller at a time ---- */

static acap_result enter_control(acap_stream *stream, int64_t until_ns)
{
    bool is_in_time = true;

    acap__mutex_lock(&stream->lock);
    while (stream->is_controlled && is_in_time)
        is_in_time = acap__cond_wait_until(&stream->changed, &stream->lock, until_ns);
    const bool is_mine = !stream->is_controlled;
    if (is_mine)
        stream->is_controlled = true;
    acap__mutex_unlock(&stream->lock);
    if (!is_mine)
        return acap__fail(ACAP_ERROR_HOST_STUCK, "another thread waits for the host in start or stop of this stream");
    return ACAP_OK;
}

/* For the watch, which has other things to do than wait. */
static bool try_enter_control(acap_stream *stream)
{
    acap__mutex_lock(&stream->lock);
    const bool is_mine = !stream->is_controlled && !stream->is_ended;
    if (is_mine)
        stream->is_controlled = true;
    acap__mutex_unlock(&stream->lock);
    return is_mine;
}

static bool gate_is_quiet(acap__gate *gate, int64_t until_ns)
{
    /* acquire: pairs with the release of leaving. */
    while (acap__load_acquire(&gate->word) & ACAP__GATE_BUSY) {
        if (acap_clock_ns() >= until_ns)
            return false;
        acap__thread_yield();
    }
    return true;
}

static void shut_gate(acap__gate *gate)
{
    /* seq_cst: before the look at BUSY; an entering thread either sees CLOSED or is seen. */
    (void)acap__or_seq_cst(&gate->word, ACAP__GATE_CLOSED);
}

/* Under lock. */
static void set_ends(acap_stream *stream, uint32_t set, uint32_t clear)
{
    stream->end = (stream->end & ~clear) | set;
    for (uint32_t i = 0; i < ACAP_MAX_READERS; i++) {
        if (stream->readers[i] == NULL)
            continue;
        acap__u32 *end = &stream->readers[i]->outlet.end;
        if (clear != 0)
            (void)acap__and_seq_cst(end, ~clear);
        if (set != 0)
            acap__outlet_end(&stream->readers[i]->outlet, set);
    }
}

/* Shuts out every producer and publishes what was pending. Under lock. */
static void shut_out(acap_stream *stream)
{
    const int64_t until_ns = acap_clock_ns() + QUIET_LIMIT_NS;

    shut_gate(&stream->user_gate);
    if (stream->slot != NULL)
        shut_gate(&stream->slot->feed->gate);
    if (stream->slot != NULL && !gate_is_quiet(&stream->slot->feed->gate, until_ns))
        stream->is_stuck_inside = true;
    if (!gate_is_quiet(&stream->user_gate, until_ns))
        stream->is_stuck_inside = true;
    if (!stream->is_stuck_inside) {
        acap__ingest_enter(&stream->ingest);
        acap__ingest_finish(&stream->ingest);
        acap__stream_drain_retired(stream);
    }
    if (stream->slot != NULL)
        acap__feed_disown_thread(stream->slot->feed);
}

/* The same, and ends the readers with end_bit. */
static void shut(acap_stream *stream, uint32_t end_bit)
{
    shut_out(stream);
    /* What was found only now, before anything that says why. */
    acap__watch_tell_all(stream);
    set_ends(stream, end_bit, 0);
    acap__store_release(&stream->state, ACAP_STATE_STOPPED);
}

/* Under lock: hands the device to its host thread to be closed. */
static void give_device_away(acap_stream *stream)
{
    if (stream->slot == NULL)
        return;
    acap__slot_post_close(stream->slot);
    stream->slot = NULL;
}

/* What an end asks for; under lock, with nobody in control. */
static void finish_end(acap_stream *stream)
{
    shut(stream, ACAP__END_STREAM);
    if (!stream->is_stuck_inside)
        acap__stream_forget_history(stream);
    give_device_away(stream);
    /* Once: every control call on an ended stream comes here again. */
    if (stream->watch.has_thread && !stream->watch.is_leaving) {
        stream->watch.is_leaving = true;
        acap__leaving_begin();
    }
    acap__cond_broadcast(&stream->changed);
}

static void leave_control(acap_stream *stream)
{
    acap__mutex_lock(&stream->lock);
    stream->is_controlled = false;
    if (stream->is_ended)
        finish_end(stream);
    acap__cond_broadcast(&stream->changed);
    acap__mutex_unlock(&stream->lock);
}

void acap__stream_end(acap_stream *stream)
{
    acap__mutex_lock(&stream->lock);
    const bool was_ended = stream->is_ended;
    stream->is_ended = true;
    /* Somebody in start or stop may be waiting for the host: that call ends the stream when it is done, the readers end now. */
    if (stream->is_controlled)
        set_ends(stream, ACAP__END_STREAM, 0);
    else if (!was_ended)
        finish_end(stream);
    acap__mutex_unlock(&stream->lock);
}

/* ---- the device ---- */

int64_t acap__stream_now_ns(acap_stream *stream)
{
    if (acap__load_relaxed(&stream->clock) != ACAP__CLOCK_VIRTUAL)
        return acap_clock_ns();
    return stream->virtual_start_ns + acap__frames_to_ns(acap__load_relaxed(&stream->virtual_frames), stream->info.sample_rate_hz);
}

acap_result acap__stream_open_device(acap_stream *stream, const acap__request *request, int64_t until_ns)
{
    acap__device_slot *slot;
    const acap_result result = acap__slot_open(stream->backend, request, &stream->ingest, until_ns, &slot);

    if (result != ACAP_OK)
        return result;
    /* relaxed: the watch may look at it meanwhile, and finds the kind of this device or of the last one. */
    acap__store_relaxed(&stream->clock, (uint32_t)slot->opened.clock);
    stream->ingest.source_format = slot->opened.source_format;
    stream->ingest.has_clock = slot->opened.clock != ACAP__CLOCK_NONE;
    acap__timeline_start(&stream->ingest.timeline, slot->opened.sample_rate_hz);
    acap__mutex_lock(&stream->lock);
    stream->slot = slot;
    acap__mutex_unlock(&stream->lock);
    return ACAP_OK;
}

/* What ACAP_ON_LOST_FOLLOW_DEFAULT goes on with. In virtual time only one that lives there, too. */
static const char *default_device(acap_stream *stream)
{
    return acap__load_relaxed(&stream->clock) == ACAP__CLOCK_VIRTUAL ? "sim:counter?pace=manual" : NULL;
}

/* The same device again, from where the account stands; where it is gone and the policy says so, the default. */
static acap_result reopen_device(acap_stream *stream, int64_t until_ns)
{
    acap__request request = stream->request;

    request.position = stream->ingest.figures.position;
    const acap_result result = acap__stream_open_device(stream, &request, until_ns);
    if (stream->on_device_lost != ACAP_ON_LOST_FOLLOW_DEFAULT || (result != ACAP_ERROR_NO_DEVICE && result != ACAP_ERROR_DEVICE_LOST))
        return result;
    request.device = default_device(stream);
    return acap__stream_open_device(stream, &request, until_ns);
}

/* ---- starting ---- */

/* The device did not start, or not in time; its audio thread may call all the same. */
static void forget_device(void *owner)
{
    acap_stream *stream = owner;

    acap__mutex_lock(&stream->lock);
    shut_out(stream);
    stream->slot = NULL;
    acap__mutex_unlock(&stream->lock);
}

static acap_result start_device(acap_stream *stream, int64_t until_ns)
{
    if (stream->slot == NULL) {
        const acap_result result = reopen_device(stream, until_ns);
        if (result != ACAP_OK)
            return result;
    }
    return acap__slot_start(stream->slot, acap__stream_now_ns(stream), until_ns, forget_device, stream);
}

/* Under lock: the device runs, and from now on it is watched. */
static void enter_running(acap_stream *stream)
{
    stream->info.latency_ns = stream->slot->opened.latency_ns;
    acap__copy_text(stream->info.device_id, sizeof stream->info.device_id, stream->slot->opened.device_id);
    acap__watch_reset(stream, acap__stream_now_ns(stream));
    acap__store_release(&stream->state, ACAP_STATE_RUNNING);
    (void)acap__and_seq_cst(&stream->user_gate.word, ~ACAP__GATE_CLOSED);
    /* Without a thread the stream runs unwatched: that is less than was promised, and more than nothing. */
    if (acap__load_relaxed(&stream->clock) != ACAP__CLOCK_VIRTUAL && !acap__watch_ensure_thread(stream)) {
        acap_event event = ACAP_EVENT_INIT;
        event.type = ACAP_EVENT_LOG;
        event.level = ACAP_LEVEL_ERROR;
        event.stream_id = stream->info.stream_id;
        acap__events_post(&stream->context->events, &event, "no thread could be started to watch stream %llu",
                          (unsigned long long)event.stream_id);
    }
    acap__cond_broadcast(&stream->changed);
}

/* In control. Readers go on before the first frame can come. */
static acap_result start_controlled(acap_stream *stream, int64_t until_ns)
{
    if (acap__load_relaxed(&stream->state) == ACAP_STATE_RUNNING)
        return ACAP_OK;
    acap__mutex_lock(&stream->lock);
    const uint32_t end = stream->end;
    const bool is_possible = !stream->is_ended && !stream->is_stuck_inside;
    if (is_possible)
        set_ends(stream, 0, ACAP__END_STOPPED | ACAP__END_LOST);
    acap__mutex_unlock(&stream->lock);
    stream->ingest.is_resuming = false; /* stopped time adds nothing */
    if (!is_possible)
        return acap__fail(ACAP_ERROR_INVALID_STATE, stream->is_ended ? "the context of this stream was destroyed"
                                                                     : "an audio thread entered this stream and never left");
    /* Virtual time begins now. */
    if (!stream->has_run)
        stream->virtual_start_ns = acap_clock_ns();
    acap_result result = start_device(stream, until_ns);
    acap__mutex_lock(&stream->lock);
    if (result == ACAP_OK) {
        stream->has_run = true;
        enter_running(stream);
    } else {
        set_ends(stream, end, 0); /* as before: stopped, or lost */
    }
    acap__mutex_unlock(&stream->lock);
    return result;
}

acap_result ACAP_CALL acap_stream_start(acap_stream *stream)
{
    const int64_t until_ns = acap_clock_ns() + CALL_LIMIT_NS;

    if (acap__forked())
        return acap__fail_forked();
    if (stream == NULL)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_stream_start: stream must not be NULL");
    acap_result result = enter_control(stream, until_ns);
    if (result != ACAP_OK)
        return result;
    result = start_controlled(stream, until_ns);
    leave_control(stream);
    return result;
}

/* ---- losing the device and getting it back ---- */

void acap__stream_nudge(acap_stream *stream)
{
    for (uint32_t i = 0; i < ACAP_MAX_READERS; i++) {
        if (stream->readers[i] != NULL)
            acap__outlet_nudge(&stream->readers[i]->outlet);
    }
}

void acap__stream_lose(acap_stream *stream)
{
    /* Without a frame the outage began with the start; one that goes on began where the last frame ended. */
    if (!stream->watch.has_data && !stream->ingest.is_resuming)
        stream->ingest.end_ns = stream->watch.alive_ns;
    shut(stream, stream->on_device_lost == ACAP_ON_LOST_FAIL ? ACAP__END_LOST : 0);
    give_device_away(stream);
    acap__store_release(&stream->state, ACAP_STATE_LOST);
    /* Also for a reader that waits on: what was pending has been published, and nothing follows for a while. */
    acap__stream_nudge(stream);
}

/* The id that the device gave itself; one that may have been cut off opens nothing, and then it is what the user asked for. */
static const char *same_device(const acap_stream *stream)
{
    const char *id = stream->info.device_id;

    return strlen(id) + 1 < sizeof stream->info.device_id ? id : stream->request.device;
}

/* What is asked for after a loss; the simulated device goes on where the outage brings it. */
static acap__request recovery_request(acap_stream *stream, int64_t now_ns)
{
    acap__request request = stream->request;

    request.device = stream->on_device_lost == ACAP_ON_LOST_FOLLOW_DEFAULT ? default_device(stream) : same_device(stream);
    request.wants_refresh = true;
    request.position =
        stream->ingest.figures.position + acap__ns_to_frames(now_ns - stream->ingest.end_ns, stream->info.sample_rate_hz);
    return request;
}

/* In control. */
static bool recover_controlled(acap_stream *stream, int64_t now_ns)
{
    const int64_t until_ns = acap_clock_ns() + CALL_LIMIT_NS;
    const acap__request request = recovery_request(stream, now_ns);

    if (acap__load_acquire(&stream->state) != ACAP_STATE_LOST || stream->is_stuck_inside
        || acap__stream_open_device(stream, &request, until_ns) != ACAP_OK)
        return false;
    stream->ingest.is_resuming = true;
    if (start_device(stream, until_ns) != ACAP_OK) {
        if (!stream->is_stuck_inside)
            stream->ingest.is_resuming = false;
        return false;
    }
    acap__mutex_lock(&stream->lock);
    enter_running(stream);
    acap__mutex_unlock(&stream->lock);
    return true;
}

bool acap__stream_recover(acap_stream *stream, int64_t now_ns)
{
    if (!try_enter_control(stream))
        return false;
    const bool is_back = recover_controlled(stream, now_ns);
    leave_control(stream);
    return is_back;
}

/* ---- stopping ---- */

/* In control. The data is complete before the host is asked for anything. */
static acap_result stop_controlled(acap_stream *stream, int64_t until_ns)
{
    acap__mutex_lock(&stream->lock);
    acap__device_slot *slot = NULL;
    if (acap__load_relaxed(&stream->state) != ACAP_STATE_STOPPED) {
        shut(stream, ACAP__END_STOPPED);
        slot = stream->slot;
        stream->slot = NULL;
    }
    acap__mutex_unlock(&stream->lock);
    return slot == NULL ? ACAP_OK : acap__slot_close(slot, until_ns);
}

acap_result ACAP_CALL acap_stream_stop(acap_stream *stream)
{
    const int64_t until_ns = acap_clock_ns() + CALL_LIMIT_NS;

    if (acap__forked())
        return acap__fail_forked();
    if (stream == NULL)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_stream_stop: stream must not be NULL");
    acap_result result = enter_control(stream, until_ns);
    if (result != ACAP_OK)
        return result;
    result = stop_controlled(stream, until_ns);
    leave_control(stream);
    return result;
}
