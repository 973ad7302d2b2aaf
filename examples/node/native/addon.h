/* SPDX-License-Identifier: MIT */
/* Owns: what the addon's files share. One addon struct for each environment (the main thread, each Worker); nothing
 * but handover.c's list is global.
 * Called by: every file here, on the environment's own thread; only call.run is on one of libuv's. */
#ifndef ACAP_NODE_ADDON_H
#define ACAP_NODE_ADDON_H

#ifndef NAPI_VERSION
#define NAPI_VERSION 8
#endif
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <acap/acap.h>

typedef struct addon addon;
typedef struct hold hold;
typedef struct waiter waiter;

typedef enum handle_kind { HANDLE_CONTEXT, HANDLE_STREAM, HANDLE_READER, HANDLE_POOL } handle_kind;

/* A context, stream, reader or pool. Closed once: by close(), or by the finalizer, and only when no call is inside. */
typedef struct handle {
    addon *owner;
    handle_kind kind;
    bool is_closing;
    uint32_t references; /* JavaScript's, and one for each call in flight */
    uint32_t calls;      /* in flight on libuv's threads */
    uint32_t frame_bytes; /* streams only */
    void *object;        /* NULL once closed */
    waiter *waiter;      /* NULL until somebody waits */
} handle;

/* A buffer's header as JavaScript reads it: one typed array for all buffers instead of a dozen values for each. */
typedef struct header_view {
    double id, flags, position, lost_before, frame_count, size_bytes, sample_rate_hz, channel_count, format, plane_stride_bytes,
        is_copy, reserved;
    int64_t time_ns, time_error_ns;
} header_view;

struct addon {
    napi_env env;
    uint32_t references; /* the environment's, and one for each hold, handle and poll: finalizers come in any order */
    bool is_ending;      /* the environment is being torn down */
    bool forbids_external;
    napi_ref error_class;
    napi_ref header_reference;
    header_view *header;
    hold **holds; /* by id */
    uint32_t hold_capacity;
    uint32_t hold_free; /* head of the list of free ids; hold_capacity: none */
    uint32_t *hold_next;
    uint32_t buffers_held;
    waiter *waiters;
    uint32_t polls_open; /* whose close callback has not come yet */
    napi_async_context async_context;
    napi_async_cleanup_hook_handle cleanup;
};

/* ---- addon.c ---- */

addon *addon_of(napi_env env);
void addon_retain(addon *owner);
void addon_release(addon *owner);

/* ---- values.c: what crosses between C and JavaScript ---- */

typedef enum field_kind {
    FIELD_U32,
    FIELD_BOOL,   /* uint32_t */
    FIELD_COUNT,  /* uint64_t as a number: exact up to 2^53 */
    FIELD_NS,     /* 64 bits as a BigInt */
    FIELD_F64,
    FIELD_TEXT,   /* char[] */
    FIELD_STRING, /* const char * */
    FIELD_SPECIAL /* by hand, or not for JavaScript */
} field_kind;

typedef struct field {
    const char *name; /* JavaScript's; NULL: not for JavaScript */
    const char *member;
    size_t offset, size;
    field_kind kind;
} field;

typedef struct record {
    const char *struct_name;
    size_t size;
    const field *fields;
    size_t field_count;
} record;

extern const record buffer_record, context_config_record, device_info_record, event_record, levels_record, pool_config_record,
    pool_stats_record, reader_config_record, reader_stats_record, stream_config_record, stream_info_record, stream_stats_record;

napi_value record_to_object(napi_env env, const record *layout, const void *bytes);
/* Strings are allocated; record_free_strings() frees them. False: a JavaScript error is pending, and nothing is left to free. */
bool record_from_object(napi_env env, const record *layout, napi_value object, void *bytes);
void record_free_strings(const record *layout, void *bytes);
napi_value values_layout(napi_env env, napi_callback_info info);

bool get_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values);
bool get_u32(napi_env env, napi_value value, const char *name, uint32_t *out);
bool get_count(napi_env env, napi_value value, const char *name, uint64_t *out);
bool get_ns(napi_env env, napi_value value, const char *name, int64_t *out);
napi_value make_undefined(napi_env env);
napi_value make_u32(napi_env env, uint32_t number);

/* ---- errors.c ---- */

/* NULL code: the result's name. NULL or empty text: the result's sentence. */
napi_value make_error(napi_env env, acap_result result, const char *code, const char *text);
/* Throws and returns NULL, to be returned to JavaScript. The text is this thread's last error where the result has one. */
napi_value throw_result(napi_env env, acap_result result);
napi_value throw_closed(napi_env env);
bool result_has_text(acap_result result);

/* ---- handle.c ---- */

/* Takes the object over, whatever happens. */
napi_value handle_new(napi_env env, handle_kind kind, void *object);
/* The handle if it is open; else NULL with an error pending. */
handle *handle_get(napi_env env, napi_value value, handle_kind kind);
void handle_enter(handle *self);
void handle_leave(handle *self);
napi_value handle_close_js(napi_env env, napi_callback_info info);
napi_value handle_is_closed_js(napi_env env, napi_callback_info info);

/* ---- wait.c ---- */

void waiter_close(waiter *self);
void waiters_close_all(addon *owner);
napi_value wait_start(napi_env env, napi_callback_info info);
napi_value wait_stop(napi_env env, napi_callback_info info);
napi_value wait_keep_alive(napi_env env, napi_callback_info info);

/* ---- buffer.c ---- */

/* Takes the reference over, whatever happens, and fills the owner's header view. */
napi_value buffer_new(napi_env env, const acap_buffer *buffer, bool wants_copy);
bool buffer_probe_external(napi_env env);
napi_value buffer_release_js(napi_env env, napi_callback_info info);
napi_value buffer_retain_js(napi_env env, napi_callback_info info);
napi_value buffer_reference_count_js(napi_env env, napi_callback_info info);
napi_value buffer_is_writable_js(napi_env env, napi_callback_info info);
napi_value buffer_measure_js(napi_env env, napi_callback_info info);

/* ---- handover.c: from one thread to another ---- */

napi_value reader_hand_over(napi_env env, napi_callback_info info);
napi_value reader_take_over(napi_env env, napi_callback_info info);
void handover_end(const addon *from);

/* ---- calls.c: calls that may wait for the sound system, on libuv's threads ---- */

napi_value context_devices(napi_env env, napi_callback_info info);
napi_value context_open_stream(napi_env env, napi_callback_info info);
napi_value context_check_supported(napi_env env, napi_callback_info info);
napi_value stream_start(napi_env env, napi_callback_info info);
napi_value stream_stop(napi_env env, napi_callback_info info);

/* ---- objects.c: calls that do not wait ---- */

napi_value context_create(napi_env env, napi_callback_info info);
napi_value context_next_event(napi_env env, napi_callback_info info);
napi_value context_interrupt(napi_env env, napi_callback_info info);
napi_value stream_info(napi_env env, napi_callback_info info);
napi_value stream_stats(napi_env env, napi_callback_info info);
napi_value stream_pool(napi_env env, napi_callback_info info);
napi_value stream_push(napi_env env, napi_callback_info info);
napi_value stream_push_lost(napi_env env, napi_callback_info info);
napi_value stream_sim_advance(napi_env env, napi_callback_info info);
napi_value stream_open_reader(napi_env env, napi_callback_info info);
napi_value reader_borrow(napi_env env, napi_callback_info info);
napi_value reader_interrupt(napi_env env, napi_callback_info info);
napi_value reader_end(napi_env env, napi_callback_info info);
napi_value reader_stats(napi_env env, napi_callback_info info);
napi_value pool_create(napi_env env, napi_callback_info info);
napi_value pool_acquire(napi_env env, napi_callback_info info);
napi_value pool_retain(napi_env env, napi_callback_info info);
napi_value pool_stats(napi_env env, napi_callback_info info);

#endif
