/* SPDX-License-Identifier: MIT */
/* Owns: borrowing, waiting and the consumer's half of the account.
 * Called by: the reader's one consumer (borrow), any thread and signal handlers (interrupt, end), any thread (figures). */
#include "reader.h"

#include "params.h"
#include "result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LATENCY_SPACING 16u
#define LATENCY_SPACING_NS ACAP__NS_PER_MS

/* Nothing has been opened in it yet. */
static void forget(acap_reader *reader)
{
    acap__queue_destroy(&reader->outlet.queue);
    free(reader->preroll);
    acap__aligned_free(reader);
}

static acap_reader *allocate(const acap_reader_config *config, uint32_t preroll_room)
{
    acap_reader *reader = acap__aligned_calloc(sizeof *reader);

    if (reader == NULL)
        return NULL;
    reader->preroll_room = preroll_room;
    reader->preroll = preroll_room == 0 ? NULL : calloc(preroll_room, sizeof *reader->preroll);
    if ((preroll_room != 0 && reader->preroll == NULL) || !acap__queue_init(&reader->outlet.queue, config->queue_buffers)) {
        forget(reader);
        return NULL;
    }
    return reader;
}

acap_result acap__reader_make(const acap_reader_config *config, uint32_t preroll_room, struct acap_stream *stream,
                              const acap__ledger *ledger, acap_pool *pool, acap_reader **out)
{
    acap_reader *reader = allocate(config, preroll_room);

    if (reader == NULL)
        return acap__fail(ACAP_ERROR_NO_MEMORY, "no memory for a reader with a queue of %u buffers", config->queue_buffers);
    if (!acap__pool_lock_with(pool, reader->outlet.queue.slots, (reader->outlet.queue.mask + 1) * sizeof *reader->outlet.queue.slots)) {
        forget(reader);
        return acap__fail(ACAP_ERROR_PERMISSION, "the system refused to lock a queue of %u buffers (see the memlock limit)",
                          config->queue_buffers);
    }
    acap__wake_init(&reader->outlet.wake);
    acap__mutex_init(&reader->handle_lock);
    reader->outlet.wake_buffers = config->wake_buffers;
    reader->found_nothing = true; /* the first borrow is measured */
    reader->outlet.evicts = config->overflow == ACAP_OVERFLOW_DROP_OLDEST;
    reader->hold_buffers = config->hold_buffers;
    reader->stream = stream;
    reader->ledger = ledger;
    reader->pool = acap_pool_retain(pool);
    acap__copy_text(reader->name, sizeof reader->name, config->name != NULL ? config->name : "reader");
    *out = reader;
    return ACAP_OK;
}

void acap__reader_free(acap_reader *reader)
{
    acap__header *header;

    for (uint32_t i = acap__load_relaxed(&reader->preroll_taken); i < reader->preroll_count; i++)
        acap__header_recycle(reader->preroll[i]);
    free(reader->preroll);
    while ((header = acap__queue_pop(&reader->outlet.queue)) != NULL)
        acap__header_recycle(header);
    acap_pool_release(reader->pool);
    acap__wake_destroy(&reader->outlet.wake);
    acap__queue_destroy(&reader->outlet.queue);
    acap__mutex_destroy(&reader->handle_lock);
    acap__aligned_free(reader);
}

/* Sixteen steps an octave: the exponent and the next four bits. */
static uint32_t latency_step(uint64_t ns)
{
    if (ns < ACAP__LATENCY_STEPS)
        return (uint32_t)ns;
    const uint32_t exponent = 63u - (uint32_t)__builtin_clzll(ns);
    const uint32_t step = (exponent - 3u) * ACAP__LATENCY_STEPS + (uint32_t)((ns >> (exponent - 4u)) & (ACAP__LATENCY_STEPS - 1u));

    return acap__min_u32(step, ACAP__LATENCY_OCTAVES * ACAP__LATENCY_STEPS - 1u);
}

static int64_t latency_of_step(uint32_t step)
{
    if (step < ACAP__LATENCY_STEPS)
        return (int64_t)step;
    const uint32_t exponent = step / ACAP__LATENCY_STEPS + 3u;

    return (int64_t)((UINT64_C(16) + step % ACAP__LATENCY_STEPS) << (exponent - 4u));
}

/* Reading the clock costs more than the rest of a borrow. Buffers that were captured within a millisecond, and taken one after the other
   without a wait, count like the first of them, at most so many: no real device makes them faster than its consumer takes time. */
static bool counts_like_the_last(acap_reader *reader, int64_t captured_ns)
{
    if (reader->found_nothing || captured_ns < reader->measured_ns || captured_ns - reader->measured_ns >= LATENCY_SPACING_NS)
        return false;
    return ++reader->borrows_unmeasured < LATENCY_SPACING;
}

static void note_latency(acap_reader *reader, int64_t captured_ns)
{
    if (!counts_like_the_last(reader, captured_ns)) {
        const int64_t latency_ns = acap_clock_ns() - captured_ns;
        const uint64_t ns = latency_ns > 0 ? (uint64_t)latency_ns : 0;
        reader->latency_count = &reader->latency_counts[latency_step(ns)];
        reader->measured_ns = captured_ns;
        reader->borrows_unmeasured = 0;
        reader->found_nothing = false;
        /* relaxed, here and below: figures with one writer, the consumer. */
        if (ns > acap__load_relaxed(&reader->latency_max_ns))
            acap__store_relaxed(&reader->latency_max_ns, ns);
    }
    acap__store_relaxed(reader->latency_count, acap__load_relaxed(reader->latency_count) + 1);
}

static acap_result deliver(acap_reader *reader, acap__header *header, const acap_buffer **out)
{
    acap__outlet *outlet = &reader->outlet;
    const uint64_t frames = acap__load_relaxed(&outlet->delivered_frames) + header->buffer.frame_count;

    acap__store_relaxed(&outlet->delivered_buffers, acap__load_relaxed(&outlet->delivered_buffers) + 1);
    /* release: a snapshot that sees it also sees the ledger that was written before the buffer was pushed. */
    acap__store_release(&outlet->delivered_frames, frames);
    note_latency(reader, header->buffer.time_ns);
    /* A failure is not this caller's, who has a buffer: the watch finds it, too, and tells. */
    (void)acap__pool_keep_ahead(reader->pool, header->index);
    *out = &header->buffer;
    return ACAP_OK;
}

static acap__header *take_preroll(acap_reader *reader)
{
    const uint32_t taken = acap__load_relaxed(&reader->preroll_taken);

    if (taken == reader->preroll_count)
        return NULL;
    acap__store_relaxed(&reader->preroll_taken, taken + 1);
    return reader->preroll[taken];
}

/* Takes what there is: ACAP_TIMED_OUT means nothing yet. */
static acap_result take(acap_reader *reader, const acap_buffer **out)
{
    acap__outlet *outlet = &reader->outlet;

    if (reader->has_ended)
        return ACAP_END;
    /* acquire, before the queue: whatever was pushed before the end was raised is found below. */
    const uint32_t end = acap__load_acquire(&outlet->end);
    acap__header *header = take_preroll(reader);
    if (header == NULL)
        header = acap__queue_pop(&outlet->queue);
    if (header != NULL)
        return deliver(reader, header, out);
    if (end == 0)
        return ACAP_TIMED_OUT;
    reader->has_ended = (end & (ACAP__END_READER | ACAP__END_STREAM)) != 0;
    if (!reader->has_ended && (end & ACAP__END_LOST))
        return acap__fail(ACAP_ERROR_DEVICE_LOST, "the device of reader \"%s\" is gone", reader->name);
    return ACAP_END;
}

static bool take_interrupt(acap__outlet *outlet)
{
    /* relaxed look first: spares the exchange where there is none. seq_cst: pairs with the interrupter's. */
    return acap__load_relaxed(&outlet->interrupted) != 0 && acap__exchange_seq_cst(&outlet->interrupted, 0u) != 0;
}

/* An interrupt, a buffer, an end, or ACAP_TIMED_OUT. */
static acap_result look(acap_reader *reader, const acap_buffer **out)
{
    if (take_interrupt(&reader->outlet))
        return ACAP_INTERRUPTED;
    return take(reader, out);
}

/* The same for a consumer that has armed its wake: a queue below the threshold does not count. */
static bool has_reason_to_wake(acap_reader *reader)
{
    acap__outlet *outlet = &reader->outlet;

    const uint64_t enough = acap__load_acquire(&outlet->takes_any) != 0 ? 1 : outlet->wake_buffers;

    return acap__load_acquire(&outlet->interrupted) != 0 || acap__load_acquire(&outlet->end) != 0
        || acap__queue_count(&outlet->queue) >= enough;
}

static acap_result wait(acap_reader *reader, int64_t until_ns, const acap_buffer **out)
{
    acap__wake *wake = &reader->outlet.wake;

    for (;;) {
        const uint32_t kinds = ACAP__WAKE_FUTEX | (acap__load_acquire(&wake->has_event) ? ACAP__WAKE_FD : 0u);
        acap__wake_arm(wake, kinds);
        if (!has_reason_to_wake(reader))
            acap__wake_sleep(wake, kinds, until_ns);
        const bool was_woken = has_reason_to_wake(reader);
        const bool is_over = was_woken || acap_clock_ns() >= until_ns;
        /* Nobody will set the descriptor for what this borrow leaves in the queue, however little that is: a caller who polls next must
           find it readable. A producer that claimed the wake has set it; arm_descriptor clears it where there was nothing. */
        if (acap__wake_disarm(wake) && is_over && (kinds & ACAP__WAKE_FD))
            acap__event_set(&wake->event);
        if (is_over) {
            const acap_result result = look(reader, out);
            if (result != ACAP_TIMED_OUT || acap_clock_ns() >= until_ns)
                return result;
        }
    }
}

/* Nothing is there: from now on the descriptor tells when there is. */
static acap_result arm_descriptor(acap_reader *reader, const acap_buffer **out)
{
    acap__wake *wake = &reader->outlet.wake;

    if (!acap__load_acquire(&wake->has_event))
        return ACAP_TIMED_OUT;
    acap__event_clear(&wake->event);
    acap__wake_arm(wake, ACAP__WAKE_FD);
    if (!has_reason_to_wake(reader))
        return ACAP_TIMED_OUT;
    if (acap__wake_disarm(wake))
        acap__event_set(&wake->event);
    return look(reader, out);
}

acap_result acap_reader_borrow(acap_reader *reader, int64_t timeout_ns, const acap_buffer **out)
{
    if (out != NULL)
        *out = NULL;
    if (acap__forked())
        return acap__fail_forked();
    if (reader == NULL || out == NULL || timeout_ns < ACAP_WAIT_FOREVER)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_reader_borrow: %s",
                          reader == NULL || out == NULL ? "reader and out must not be NULL" : "timeout_ns is negative");
    acap_result result = look(reader, out);
    /* acq_rel: what was pushed before it was raised is found by the second look. */
    if (result == ACAP_TIMED_OUT && acap__load_relaxed(&reader->outlet.takes_any) != 0
        && acap__exchange_acq_rel(&reader->outlet.takes_any, 0u) != 0)
        result = look(reader, out);
    if (result == ACAP_TIMED_OUT)
        reader->found_nothing = true;
    if (result == ACAP_TIMED_OUT && timeout_ns != 0)
        result = wait(reader, acap__deadline(timeout_ns), out);
    if (result == ACAP_TIMED_OUT)
        result = arm_descriptor(reader, out);
    return result;
}

acap_result acap_reader_interrupt(acap_reader *reader)
{
    const int saved = errno;

    if (acap__forked())
        return ACAP_ERROR_FORKED;
    if (reader == NULL)
        return ACAP_ERROR_INVALID_ARGUMENT;
    /* seq_cst: before the look at sleep. */
    acap__store_seq_cst(&reader->outlet.interrupted, 1u);
    acap__wake_now(&reader->outlet.wake);
    errno = saved;
    return ACAP_OK;
}

acap_result acap_reader_end(acap_reader *reader)
{
    const int saved = errno;

    if (acap__forked())
        return ACAP_ERROR_FORKED;
    if (reader == NULL)
        return ACAP_ERROR_INVALID_ARGUMENT;
    acap__outlet_end(&reader->outlet, ACAP__END_READER);
    errno = saved;
    return ACAP_OK;
}

static bool ensure_event(acap_reader *reader)
{
    acap__wake *wake = &reader->outlet.wake;
    bool is_open;

    acap__mutex_lock(&reader->handle_lock);
    is_open = acap__load_relaxed(&wake->has_event) != 0;
    if (!is_open && acap__event_open(&wake->event)) {
        /* Readable until a borrow has found nothing: there may be something already. */
        acap__event_set(&wake->event);
        acap__store_release(&wake->has_event, 1u);
        is_open = true;
    }
    acap__mutex_unlock(&reader->handle_lock);
    return is_open;
}

acap_result acap_reader_get_wait_handle(acap_reader *reader, intptr_t *out)
{
    if (out != NULL)
        *out = -1;
    if (acap__forked())
        return acap__fail_forked();
    if (reader == NULL || out == NULL)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_reader_get_wait_handle: reader and out must not be NULL");
    if (!ensure_event(reader))
        return acap__fail(ACAP_ERROR_LIMIT, "no descriptor is left for a wait handle: %s", strerror(errno));
    *out = reader->outlet.wake.event.read_handle;
    return ACAP_OK;
}

static int64_t latency_at(const acap_reader *const_reader, double share)
{
    acap_reader *reader = (acap_reader *)(uintptr_t)const_reader;
    uint64_t total = 0;
    uint64_t sum = 0;

    for (uint32_t i = 0; i < ACAP__LATENCY_OCTAVES * ACAP__LATENCY_STEPS; i++)
        total += acap__load_relaxed(&reader->latency_counts[i]);
    for (uint32_t i = 0; i < ACAP__LATENCY_OCTAVES * ACAP__LATENCY_STEPS; i++) {
        sum += acap__load_relaxed(&reader->latency_counts[i]);
        if (total != 0 && (double)sum >= share * (double)total)
            return latency_of_step(i);
    }
    return 0;
}

/* Both halves of the account at one moment. */
struct account {
    bool is_live;
    uint64_t delivered;
    uint64_t dropped;
    acap__figures figures;
};

/* delivered and dropped first, then the ledger: the ledger is then never behind them. An outlet that goes live meanwhile has begun at a
   position that the ledger may have left behind: one more round. */
static struct account read_account(acap_reader *reader)
{
    acap__outlet *outlet = &reader->outlet;
    struct account account;

    do {
        /* acquire: pairs with the producer's release in attach. */
        account.is_live = acap__load_acquire(&outlet->state) == ACAP__OUTLET_LIVE;
        account.delivered = acap__load_acquire(&outlet->delivered_frames);
        account.dropped = acap__load_acquire(&outlet->dropped_frames);
        account.figures = acap__ledger_read(reader->ledger);
    } while (!account.is_live && acap__load_acquire(&outlet->state) == ACAP__OUTLET_LIVE);
    return account;
}

static void take_account(acap_reader *reader, acap_reader_stats *stats)
{
    acap__outlet *outlet = &reader->outlet;
    const struct account account = read_account(reader);
    /* Until the producer has seen the outlet, it begins where the stream stands. */
    const uint64_t live_position = account.is_live ? acap__load_relaxed(&outlet->start_position) : account.figures.position;
    const uint64_t live_captured = account.is_live ? acap__load_relaxed(&outlet->start_captured) : account.figures.captured;
    const uint64_t captured = reader->preroll_frames + account.figures.captured - live_captured;

    stats->end_position = account.figures.position;
    stats->start_position = reader->preroll_count != 0 ? reader->preroll_position : live_position;
    stats->frames_delivered = account.delivered;
    stats->lost_queue = account.dropped;
    stats->lost_stream = account.figures.position - stats->start_position - captured;
    stats->frames_lost = stats->lost_stream + stats->lost_queue;
    stats->frames_queued = captured - account.dropped - account.delivered;
}

acap_result acap_reader_get_stats(const acap_reader *const_reader, acap_reader_stats *out)
{
    acap_reader *reader = (acap_reader *)(uintptr_t)const_reader;
    acap_reader_stats stats = ACAP_READER_STATS_INIT;

    if (acap__forked())
        return acap__fail_forked();
    if (reader == NULL || out == NULL)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_reader_get_stats: reader and stats must not be NULL");
    take_account(reader, &stats);
    stats.buffers_delivered = acap__load_relaxed(&reader->outlet.delivered_buffers);
    stats.queued_buffers = (uint32_t)acap__queue_count(&reader->outlet.queue) + reader->preroll_count
        - acap__load_relaxed(&reader->preroll_taken);
    /* The past that it was given has not been pushed. */
    stats.queued_buffers_peak = acap__max_u32(acap__load_relaxed(&reader->outlet.queued_peak), stats.queued_buffers);
    stats.latency_ns_p50 = latency_at(reader, 0.5);
    stats.latency_ns_p99 = latency_at(reader, 0.99);
    stats.latency_ns_max = (int64_t)acap__load_relaxed(&reader->latency_max_ns);
    return acap__give_reader_stats(out, &stats);
}
