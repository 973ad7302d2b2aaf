/* SPDX-License-Identifier: MIT */
/* Owns: the way from a reader's buffers to a file that keeps time: lost frames become silence, the length
 * is exact to the frame.
 * Called by: record.c and fan_out.c.
 * Thread: the one that borrows. */
#include "take.h"

static uint64_t clip_to_room(const take *self, uint64_t frame_count)
{
    const uint64_t room = self->frame_limit - self->out->frames_written;

    return frame_count < room ? frame_count : room;
}

/* Positions never step back, so that the difference is what was lost, by whatever cause. */
static bool skip_to(take *self, uint64_t position)
{
    const uint64_t lost = position - self->next_position;
    const uint64_t within = self->fill_gaps ? clip_to_room(self, lost) : lost;
    const uint64_t before = self->out->frames_written;
    const bool ok = sink_write_silence(self->out, self->fill_gaps ? within : 0);

    self->frames_lost += within;
    self->frames_silent += self->out->frames_written - before;
    self->next_position = position;
    return ok;
}

bool take_is_full(const take *self)
{
    return self->out->frames_written >= self->frame_limit;
}

bool take_add(take *self, const acap_buffer *buffer)
{
    if (!skip_to(self, buffer->position))
        return false;
    const uint64_t before = self->out->frames_written;
    const bool ok = sink_write(self->out, buffer->data, clip_to_room(self, buffer->frame_count));

    self->frames_captured += self->out->frames_written - before;
    self->next_position = buffer->position + buffer->frame_count;
    return ok;
}

bool take_end(take *self, uint64_t end_position)
{
    return skip_to(self, end_position);
}
