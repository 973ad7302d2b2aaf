/* SPDX-License-Identifier: MIT */
/* Owns: the proof that audio is copied once, from the device's memory into the buffer that everybody borrows. In the system that acap
 * succeeds "zero-copy" was three copies a packet.
 * Run by: CTest, well below a second; not under a sanitizer, whose own memcpy stands before everybody's.
 * Runs on: the public API of the static library, linked with --wrap for acap__copy. This program's memcpy and memmove stand before the C
 * library's. */
#include "copy.h"
#include "fixture.h"

#include <string.h>

#define PACKETS 1000u
#define PACKET_FRAMES 480u
#define READERS 8u

/* The copies of the thread that looks, while it looks. */
static _Thread_local bool is_looking;
static struct {
    uint64_t count;
    uint64_t bytes;
    const void *target;
    const void *source;
    size_t size_bytes;
} copies;

static void note(const void *target, const void *source, size_t size_bytes)
{
    if (!is_looking)
        return;
    copies.count++;
    copies.bytes += size_bytes;
    copies.target = target;
    copies.source = source;
    copies.size_bytes = size_bytes;
}

/* By hand, and byte by byte, lest the compiler makes a call of memmove of it. */
static void *move(void *target, const void *source, size_t size_bytes)
{
    volatile unsigned char *to = target;
    const unsigned char *from = source;

    if ((uintptr_t)to <= (uintptr_t)from) {
        for (size_t i = 0; i < size_bytes; i++)
            to[i] = from[i];
    } else {
        while (size_bytes-- != 0)
            to[size_bytes] = from[size_bytes];
    }
    return target;
}

void *memcpy(void *restrict target, const void *restrict source, size_t size_bytes)
{
    note(target, source, size_bytes);
    return move(target, source, size_bytes);
}

void *memmove(void *target, const void *source, size_t size_bytes)
{
    note(target, source, size_bytes);
    return move(target, source, size_bytes);
}

void __real_acap__copy(void *restrict target, const void *restrict source, size_t size_bytes);
void __wrap_acap__copy(void *restrict target, const void *restrict source, size_t size_bytes);

/* One copy, whether it is a loop or leads to memcpy. */
void __wrap_acap__copy(void *restrict target, const void *restrict source, size_t size_bytes)
{
    const bool was_looking = is_looking;

    note(target, source, size_bytes);
    is_looking = false;
    __real_acap__copy(target, source, size_bytes);
    is_looking = was_looking;
}

static void begin_looking(void)
{
    memset(&copies, 0, sizeof copies);
    is_looking = true;
}

static void *call_memcpy(void *target, const void *source, size_t size_bytes)
{
    void *(*volatile copy)(void *, const void *, size_t) = memcpy;

    return copy(target, source, size_bytes);
}

/* A counter that counts nothing would prove nothing. That the library's copies are seen, too, is shown by the one that is found below. */
static void the_counter_counts(void **state)
{
    static const unsigned char source[100] = {[0] = 1, [99] = 2};
    unsigned char target[100];

    (void)state;
    begin_looking();
    call_memcpy(target, source, sizeof target);
    is_looking = false;
    assert_int_equal(copies.count, 1);
    assert_int_equal(copies.bytes, sizeof target);
    assert_ptr_equal(copies.target, target);
    assert_ptr_equal(copies.source, source);
    assert_int_equal(target[0] + target[99], 3);
}

/* One packet: the device's one call, and every reader's way to the same bytes. */
static void pass_one_on(acap_stream *stream, acap_reader **readers, uint32_t reader_count, const void *frames, size_t packet_bytes)
{
    const acap_buffer *buffers[READERS] = {NULL};
    bool has_failed = false;

    begin_looking();
    has_failed |= acap_stream_push(stream, frames, PACKET_FRAMES, 0) != ACAP_OK;
    for (uint32_t i = 0; i < reader_count; i++)
        has_failed |= acap_reader_borrow(readers[i], 0, &buffers[i]) != ACAP_OK;
    is_looking = false;
    assert_false(has_failed);
    assert_int_equal(copies.count, 1);
    assert_int_equal(copies.size_bytes, packet_bytes);
    assert_ptr_equal(copies.source, frames);
    for (uint32_t i = 0; i < reader_count; i++) {
        assert_ptr_equal(copies.target, buffers[i]->data);
        assert_memory_equal(buffers[i]->data, frames, packet_bytes);
    }
    begin_looking();
    for (uint32_t i = 0; i < reader_count; i++)
        acap_buffer_release(buffers[i]);
    is_looking = false;
    assert_int_equal(copies.count, 0);
}

static void expect_one_copy(uint32_t format, uint32_t reader_count)
{
    static _Alignas(64) unsigned char frames[PACKET_FRAMES * 2 * 4];
    acap_context *context = make_context("push");
    acap_stream *stream = open_stream(context, "push:", format, 2, PACKET_FRAMES);
    acap_reader *readers[READERS];
    const size_t packet_bytes = (size_t)PACKET_FRAMES * 2 * acap_format_bytes(format);

    for (uint32_t i = 0; i < reader_count; i++)
        readers[i] = open_queue(stream, 4, ACAP_OVERFLOW_DROP_OLDEST);
    assert_ok(acap_stream_start(stream));
    for (uint32_t packet = 0; packet < PACKETS; packet++) {
        counter_fill(frames, format, 2, (uint64_t)packet * PACKET_FRAMES, PACKET_FRAMES);
        pass_one_on(stream, readers, reader_count, frames, packet_bytes);
    }
    for (uint32_t i = 0; i < reader_count; i++)
        acap_reader_close(readers[i]);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void one_copy_in_none_out(void **state)
{
    static const uint32_t formats[] = {ACAP_FORMAT_S16, ACAP_FORMAT_S24, ACAP_FORMAT_S32, ACAP_FORMAT_F32, ACAP_FORMAT_U8};

    (void)state;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        expect_one_copy(formats[i], 1);
        expect_one_copy(formats[i], READERS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_counter_counts),
        cmocka_unit_test(one_copy_in_none_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
