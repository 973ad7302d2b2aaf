/* SPDX-License-Identifier: MIT */
/* Owns: a whole stream with its pool, readers and feed, for the properties of several parts at once: everything between the host's call and
 * the reader is acap's own source.
 * Used by: the properties of gate.cpp, readers.cpp and waking.cpp. */
#ifndef ACAP_TESTS_MODEL_STAGE_H
#define ACAP_TESTS_MODEL_STAGE_H

#include "os_model.h"
#include "pool_room.h"
#include "property.h"

#include "stream.h"

namespace model
{

struct pointers {
    acap__ptr slots[2];
};

class stage
{
public:
    stage()
    {
    }
    /* A stream that runs, without readers; history_buffers is at most 2. */
    void make(uint32_t history_buffers = 0, uint32_t frames_per_buffer = 1);
    /* Queue capacity 1 or 2. */
    acap_reader *open(uint32_t queue_buffers, uint32_t wake_buffers, uint32_t overflow, uint32_t preroll_buffers = 0);
    /* One call of the host, of the first device or the second; false: the gate is shut. */
    bool deliver(uint32_t frame_count, unsigned device = 0);
    /* The host says that it lost so many frames. */
    bool lose(uint32_t frame_count);
    /* One borrow. The buffer is looked at, and is the next one but for gaps; NULL: there was none. */
    const acap_buffer *borrow(acap_reader *reader, int64_t timeout_ns);
    /* The same and its release; how many frames. */
    uint32_t consume(acap_reader *reader, int64_t timeout_ns);
    /* Until there is none; how many frames. */
    uint32_t drain(acap_reader *reader);
    /* Closes the reader, where there is one, and the stream's handle, and checks that all the memory went, once. */
    void end(acap_reader *reader = NULL);
    /* The handles are closed. may_leak: a thread is stuck inside, and what it may touch stays. */
    void check_all_gone(bool may_leak = false);

    acap_stream *stream;
    pool_room *pool;
    acap_result last_result; /* of borrow */
    bool has_begun;          /* borrow has had a buffer */
    uint64_t next_position;  /* what borrow expects then */
    uint64_t gap_frames;     /* that borrow has seen missing */
    plain<int> *producer;    /* touched with every frame that is taken in, and with every buffer that is published */
    acap__u32 device_count;  /* that run or have run */
    acap_result start_result; /* of the next device's start */

    /* for the stand-ins */
    room<acap_stream> stream_room;
    room<acap_reader> reader_rooms[2];
    room<pointers> queue_rooms[2];
    room<pointers> history_room;
    room<pool_room> pool_home;
    room<acap__feed> feed_rooms[2];
    room<acap__device_slot> slot_rooms[2];
    room<plain<int> > producer_room;
    acap_context context;
    unsigned reader_count; /* made so far */
    unsigned slot_count;

    /* Makes the next device with its feed. */
    acap__device_slot *make_device();

private:
    void make_ingest(uint32_t history_buffers, uint32_t frames_per_buffer);
};

/* The one of the execution that runs. */
extern stage *current_stage;

}

#endif
