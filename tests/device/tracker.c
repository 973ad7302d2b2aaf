/* SPDX-License-Identifier: MIT */
/* Owns: following the counting signal through borrowed buffers.
 * Used by: the device tests.
 * Runs on: the thread that borrows. */
#include "tracker.h"

#include "counting.h"

#include <string.h>

void tracker_begin_at(tracker *t, uint32_t counter)
{
    *t = (tracker){ .next = counter, .is_synced = true };
}

void tracker_begin_anywhere(tracker *t)
{
    *t = (tracker){ 0 };
}

static const unsigned char *sample_at(const acap_buffer *buffer, uint32_t frame, uint32_t channel)
{
    const uint32_t bytes = counting_bytes(buffer->format);
    const unsigned char *data = buffer->data;

    if (buffer->plane_stride_bytes != 0)
        return data + (size_t)channel * buffer->plane_stride_bytes + (size_t)frame * bytes;
    return data + ((size_t)frame * buffer->channel_count + channel) * bytes;
}

static bool frame_has_counter(const acap_buffer *buffer, uint32_t frame, uint32_t counter)
{
    for (uint32_t channel = 0; channel < buffer->channel_count; channel++) {
        if (!counting_matches(buffer->format, counter, channel, sample_at(buffer, frame, channel)))
            return false;
    }
    return true;
}

static bool frame_is_silent(const acap_buffer *buffer, uint32_t frame)
{
    static const unsigned char zeros[4];
    static const unsigned char middle[4] = { 0x80 };
    const unsigned char *silence = buffer->format == ACAP_FORMAT_U8 ? middle : zeros;

    for (uint32_t channel = 0; channel < buffer->channel_count; channel++) {
        if (memcmp(sample_at(buffer, frame, channel), silence, counting_bytes(buffer->format)) != 0)
            return false;
    }
    return true;
}

/* Does the signal go on here with another counter? */
static bool jump(tracker *t, const acap_buffer *buffer, uint32_t frame)
{
    const uint32_t modulus = counting_modulus(buffer->format);
    const uint32_t counter = counting_read(buffer->format, sample_at(buffer, frame, 0));

    if (counter >= modulus || !frame_has_counter(buffer, frame, counter))
        return false;
    if (t->is_synced) {
        t->jumps++;
        t->jumps_inside += frame > 0;
        t->jumped_frames += (counter - t->next) & (modulus - 1);
    }
    t->is_synced = true;
    t->next = counter + 1;
    t->good_frames++;
    return true;
}

static void follow_frame(tracker *t, const acap_buffer *buffer, uint32_t frame)
{
    if (t->is_synced && frame_has_counter(buffer, frame, t->next)) {
        t->next++;
        t->good_frames++;
    } else if (frame_is_silent(buffer, frame)) {
        t->next++;
        *(t->is_synced ? &t->silent_frames : &t->lead_frames) += 1;
    } else if (!jump(t, buffer, frame)) {
        t->next++;
        t->corrupt_frames++;
    }
}

void tracker_follow(tracker *t, const acap_buffer *buffer)
{
    for (uint32_t frame = 0; frame < buffer->frame_count; frame++)
        follow_frame(t, buffer, frame);
}
