/* SPDX-License-Identifier: MIT */
/* Owns: the equations of the conservation law, each with the figures that broke it.
 * Used by: every test that drains a reader, by way of conservation.h.
 * Runs on: any thread; the text that tells what is wrong belongs to the thread. */
#include "conservation.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

static _Thread_local char text[256];

/* NULL when left == right, else the equation and both sides */
static const char *equation(const char *words, uint64_t left, uint64_t right)
{
    if (left == right)
        return NULL;
    snprintf(text, sizeof text, "%s: %" PRIu64 " != %" PRIu64, words, left, right);
    return text;
}

static const char *refused(const char *what, acap_result result)
{
    snprintf(text, sizeof text, "%s: %s", what, acap_result_name(result));
    return text;
}

void conservation_begin(conservation *seen, const acap_reader *reader)
{
    acap_reader_stats stats = ACAP_READER_STATS_INIT;

    *seen = (conservation){ 0 };
    if (acap_reader_get_stats(reader, &stats) != ACAP_OK)
        seen->contradictions++;
    seen->start_position = stats.start_position;
    seen->next_position = stats.start_position;
}

/* lost_before speaks of the stream only, the gap of the stream and of this reader's queue together. Before the first buffer the stream
   may have lost frames that this reader was not open for. */
static bool contradicts(const conservation *seen, const acap_buffer *buffer)
{
    const bool has_flag = (buffer->flags & ACAP_BUFFER_GAP) != 0;

    if (buffer->position < seen->next_position || buffer->frame_count == 0)
        return true;
    if (has_flag != (buffer->lost_before > 0))
        return true;
    return seen->buffers > 0 && buffer->lost_before > buffer->position - seen->next_position;
}

void conservation_add(conservation *seen, const acap_buffer *buffer)
{
    if (contradicts(seen, buffer))
        seen->contradictions++;
    seen->queue_gaps += seen->buffers > 0 && buffer->position - seen->next_position != buffer->lost_before;
    seen->gap_frames += buffer->position - seen->next_position;
    seen->next_position = buffer->position + buffer->frame_count;
    seen->buffers++;
    seen->frames += buffer->frame_count;
    seen->lost_before_frames += buffer->lost_before;
    seen->gap_flags += (buffer->flags & ACAP_BUFFER_GAP) != 0;
    seen->overflow_flags += (buffer->flags & ACAP_BUFFER_HOST_OVERFLOW) != 0;
    seen->partials += (buffer->flags & ACAP_BUFFER_PARTIAL) != 0;
}

static const char *stream_equations(const acap_stream_stats *s)
{
    const char *broken = equation("stream: position == frames_captured + frames_lost", s->position, s->frames_captured + s->frames_lost);

    if (broken == NULL)
        broken = equation("stream: frames_lost == lost_pool + lost_host", s->frames_lost, s->lost_pool + s->lost_host);
    return broken;
}

static const char *reader_equations(const acap_reader_stats *r)
{
    const char *broken = equation("reader: start_position + frames_delivered + frames_lost + frames_queued == end_position",
                                  r->start_position + r->frames_delivered + r->frames_lost + r->frames_queued, r->end_position);

    if (broken == NULL)
        broken = equation("reader: frames_lost == lost_stream + lost_queue", r->frames_lost, r->lost_stream + r->lost_queue);
    return broken;
}

const char *conservation_of_stream(const acap_stream *stream)
{
    acap_stream_stats stats = ACAP_STREAM_STATS_INIT;
    const acap_result result = acap_stream_get_stats(stream, &stats);

    return result != ACAP_OK ? refused("stream stats", result) : stream_equations(&stats);
}

const char *conservation_of_reader(const acap_reader *reader)
{
    acap_reader_stats stats = ACAP_READER_STATS_INIT;
    const acap_result result = acap_reader_get_stats(reader, &stats);

    return result != ACAP_OK ? refused("reader stats", result) : reader_equations(&stats);
}

static const char *data_equations(const conservation *seen, const acap_reader_stats *r)
{
    const char *broken = equation("data: no step back, no flag without a loss, no loss without a gap", seen->contradictions, 0);

    if (broken == NULL)
        broken = equation("data: buffers borrowed == buffers_delivered", seen->buffers, r->buffers_delivered);
    if (broken == NULL)
        broken = equation("data: frames borrowed == frames_delivered", seen->frames, r->frames_delivered);
    if (broken == NULL)
        broken = equation("data: start_position", seen->start_position, r->start_position);
    /* What waits in the queue has gaps of its own, which nobody has seen. */
    if (broken == NULL && r->frames_queued == 0)
        broken = equation("data: gaps between positions == frames_lost", seen->gap_frames + (r->end_position - seen->next_position),
                          r->frames_lost);
    if (broken == NULL && r->lost_queue == 0)
        broken = equation("data: nothing lost in the queue, hence each gap is the next buffer's lost_before", seen->queue_gaps, 0);
    return broken;
}

static const char *rest_equations(const conservation *seen, const acap_stream_stats *s, const acap_reader_stats *r)
{
    const char *broken = equation("at rest: reader's end_position == stream's position", r->end_position, s->position);

    /* Only at rest: in a snapshot on the way, somebody may have started the stream after its state was read. */
    if (broken == NULL && s->state == ACAP_STATE_STOPPED)
        broken = equation("at rest: frames_pending == 0 once stopped", s->frames_pending, 0);
    if (broken == NULL && seen->start_position == 0 && r->lost_queue == 0 && r->frames_queued == 0)
        broken = equation("at rest: frames borrowed from the first start on == frames_captured", seen->frames, s->frames_captured);
    if (broken == NULL && seen->start_position == 0)
        broken = equation("at rest: a reader from the first start on shares every loss of the stream", r->lost_stream, s->frames_lost);
    return broken;
}

const char *conservation_at_rest(const conservation *seen, const acap_stream *stream, const acap_reader *reader)
{
    acap_reader_stats r = ACAP_READER_STATS_INIT;
    acap_stream_stats s = ACAP_STREAM_STATS_INIT;
    const acap_result reader_result = acap_reader_get_stats(reader, &r);
    const acap_result stream_result = stream != NULL ? acap_stream_get_stats(stream, &s) : ACAP_OK;

    if (reader_result != ACAP_OK)
        return refused("reader stats", reader_result);
    if (stream_result != ACAP_OK)
        return refused("stream stats", stream_result);
    const char *broken = reader_equations(&r);
    if (broken == NULL)
        broken = data_equations(seen, &r);
    if (broken == NULL && stream != NULL)
        broken = stream_equations(&s);
    if (broken == NULL && stream != NULL)
        broken = rest_equations(seen, &s, &r);
    return broken;
}
