/* SPDX-License-Identifier: MIT */
/* Owns: deliveries under clang's RealtimeSanitizer, which ends the process with a stack when a function that is declared safe on the audio
 * thread reaches one that is not.
 * Run by: CTest, as test_rtsan, which must end well; and as test_rtsan canary, which must not.
 * Runs on: the library's sources and this file in one program, all built for the sanitizer. Main pushes, two threads read. */
#include "pool.h"

#include <acap/acap.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PUSHES 20000u
#define FAST_BUFFERS 1000u
#define FRAMES_MAX 1500u
#define READERS 2u

static float frames[FRAMES_MAX * 2];
static uint64_t delivered[READERS];

static void require(bool is_true, const char *what)
{
    if (is_true)
        return;
    fprintf(stderr, "failed: %s, \"%s\"\n", what, acap_last_error());
    exit(1);
}

void *canary_allocates_in_real_time(size_t size_bytes) ACAP__NONBLOCKING;

void *canary_allocates_in_real_time(size_t size_bytes)
{
    return malloc(size_bytes);
}

typedef struct consumer {
    acap_reader *reader;
    uint64_t *delivered;
} consumer;

/* Sleeps whenever it can. */
static void *consume(void *argument)
{
    const consumer *me = argument;
    const acap_buffer *buffer;

    while (acap_reader_borrow(me->reader, ACAP_WAIT_FOREVER, &buffer) == ACAP_OK) {
        *me->delivered += 1;
        acap_buffer_release(buffer);
    }
    return NULL;
}

static acap_stream *open_stream(acap_context *context, const char *device)
{
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_stream *stream;

    config.device = device;
    config.sample_rate_hz = 48000;
    config.channel_count = 2;
    config.frames_per_buffer = 480;
    require(acap_stream_open(context, &config, &stream) == ACAP_OK, "acap_stream_open");
    return stream;
}

static void push_to_sleepers(acap_context *context)
{
    acap_stream *stream = open_stream(context, "push:");
    pthread_t threads[READERS];
    consumer consumers[READERS];
    intptr_t handle;

    for (uint32_t i = 0; i < READERS; i++) {
        require(acap_reader_open(stream, NULL, &consumers[i].reader) == ACAP_OK, "acap_reader_open");
        consumers[i].delivered = &delivered[i];
    }
    require(acap_reader_get_wait_handle(consumers[0].reader, &handle) == ACAP_OK, "acap_reader_get_wait_handle");
    require(acap_stream_start(stream) == ACAP_OK, "acap_stream_start");
    for (uint32_t i = 0; i < READERS; i++)
        require(pthread_create(&threads[i], NULL, consume, &consumers[i]) == 0, "pthread_create");
    for (uint32_t i = 0; i < PUSHES; i++)
        require(acap_stream_push(stream, i % 100 == 99 ? NULL : frames, 1 + i * 7919u % FRAMES_MAX, 0) == ACAP_OK, "acap_stream_push");
    require(acap_stream_stop(stream) == ACAP_OK, "acap_stream_stop");
    for (uint32_t i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
        acap_reader_close(consumers[i].reader);
        require(delivered[i] != 0, "a reader got nothing");
    }
    acap_stream_close(stream);
}

static void run_device(acap_context *context)
{
    acap_stream *stream = open_stream(context, "sim:counter?pace=fast");
    acap_reader *reader;
    const acap_buffer *buffer;

    require(acap_reader_open(stream, NULL, &reader) == ACAP_OK, "acap_reader_open");
    require(acap_stream_start(stream) == ACAP_OK, "acap_stream_start");
    for (uint32_t i = 0; i < FAST_BUFFERS; i++) {
        require(acap_reader_borrow(reader, ACAP_WAIT_FOREVER, &buffer) == ACAP_OK, "acap_reader_borrow");
        acap_buffer_release(buffer);
    }
    acap_reader_close(reader);
    acap_stream_close(stream);
}

int main(int argc, char **argv)
{
    acap_context *context;

    if (argc > 1 && strcmp(argv[1], "canary") == 0)
        return canary_allocates_in_real_time(1) == NULL;
    require(acap_context_create(NULL, &context) == ACAP_OK, "acap_context_create");
    push_to_sleepers(context);
    run_device(context);
    acap_context_destroy(context);
    printf("%u pushes and %u buffers of a device, nothing that blocks\n", PUSHES, FAST_BUFFERS);
    return 0;
}
