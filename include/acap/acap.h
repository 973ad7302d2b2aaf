/* SPDX-License-Identifier: MIT */
/**
 * @file acap.h
 * @brief The whole public API of acap: audio capture that hands buffers on without copying and
 *        never hides a loss.
 *
 * **Words.** A *frame* is one sample for every channel at one instant. A *buffer* is a run of
 * consecutive frames with a header. A *pool* owns buffers, a *stream* fills them from a device, a
 * *reader* is one consumer of a stream. To *borrow* is to get a reference to a buffer that nobody
 * copied for you; to *release* is to give that reference back.
 *
 * **Life cycle.** Context, device list, stream, reader, pool and buffer are each released once, in
 * any order, by whoever got them. A parent that goes first leaves its children valid, only ended.
 * A buffer outlives its reader, stream and context for as long as somebody holds it. Closing and
 * releasing never wait for the sound system.
 *
 * **Threads.** `any`: any thread at any time. `one at a time per object`, `one consumer at a time
 * per reader`: the caller serializes. `owner only`: no other call on the same handle may be in
 * flight. Every function says which.
 *
 * **Real time.** `@rt yes` functions neither allocate, lock nor wait, so that a real-time thread
 * may call them.
 *
 * **Results.** Zero is success, a positive result means that nothing went wrong but there is no
 * buffer, a negative one is an error that acap_last_error() puts in words. Out-parameters are NULL
 * or zero after a failure. After fork() every call in the child returns ACAP_ERROR_FORKED, or NULL
 * where it returns a pointer, and closing does nothing.
 *
 * **Structs** begin with `struct_size`; start from their `ACAP_..._INIT`. In a parameter struct
 * zero means "the default". A size that is smaller than the first released one, cuts through a
 * member or has non-zero bytes beyond the members that this library knows is
 * ACAP_ERROR_ABI_MISMATCH. Result structs are filled as far as `struct_size` reaches, in whole
 * members, and zeroed beyond what the library knows; one below 8 or above 4096 is garbage and
 * ACAP_ERROR_ABI_MISMATCH, too.
 *
 * **Time** is in nanoseconds of acap_clock_ns() everywhere.
 */
#ifndef ACAP_H
#define ACAP_H

#include <stddef.h>
#include <stdint.h>

#include <acap/version.h>

#ifndef ACAP_CALL
#if defined(_WIN32)
#define ACAP_CALL __cdecl
#else
#define ACAP_CALL
#endif
#endif

#ifndef ACAP_API /* definable from outside, so that FFI parsers can blank it */
#if defined(_WIN32) && defined(ACAP_BUILDING)
#define ACAP_API __declspec(dllexport)
#elif defined(_WIN32) && !defined(ACAP_STATIC)
#define ACAP_API __declspec(dllimport)
#elif defined(__GNUC__)
#define ACAP_API __attribute__((visibility("default")))
#else
#define ACAP_API
#endif
#endif

/* Fills what would be a hole where pointers have 32 bits; nothing elsewhere. */
#if UINTPTR_MAX == 0xffffffffu
#define ACAP_PAD32(name) uint32_t name;
#define ACAP_PAD32_INIT 0,
#else
#define ACAP_PAD32(name)
#define ACAP_PAD32_INIT
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Handles ------------------------------------------------------------------------------- */

/** A set of streams and device lists with one default back end. */
typedef struct acap_context acap_context;
/** An immutable snapshot of the devices. */
typedef struct acap_device_list acap_device_list;
/** One opened device. */
typedef struct acap_stream acap_stream;
/** One consumer of a stream. */
typedef struct acap_reader acap_reader;
/** The owner of buffers. */
typedef struct acap_pool acap_pool;

/* ---- Results ------------------------------------------------------------------------------- */

/** 0 success, positive "nothing went wrong, but there is no buffer", negative an error. */
typedef int32_t acap_result;

#define ACAP_OK 0                         /**< success */
#define ACAP_TIMED_OUT 1                  /**< nothing came within the timeout */
#define ACAP_END 2                        /**< ended, and all that was queued has been borrowed */
#define ACAP_INTERRUPTED 3                /**< acap_reader_interrupt() */
#define ACAP_ERROR_INVALID_ARGUMENT (-1)  /**< an argument that no device could satisfy */
#define ACAP_ERROR_NO_MEMORY (-2)         /**< memory */
#define ACAP_ERROR_INVALID_STATE (-3)     /**< not now: closed, ended, or in use by another thread */
#define ACAP_ERROR_NO_DEVICE (-4)         /**< no such device, or none at all */
#define ACAP_ERROR_DEVICE_BUSY (-5)       /**< another program has it */
#define ACAP_ERROR_DEVICE_LOST (-6)       /**< the device went away */
#define ACAP_ERROR_UNSUPPORTED_FORMAT (-7) /**< rate, channels or format the device cannot give */
#define ACAP_ERROR_POOL_EXHAUSTED (-8)    /**< no free buffer */
#define ACAP_ERROR_LIMIT (-9)             /**< too many readers, buffers or bytes */
#define ACAP_ERROR_BACKEND (-10)          /**< the host failed in another way */
#define ACAP_ERROR_ABI_MISMATCH (-11)     /**< struct_size */
#define ACAP_ERROR_FORKED (-12)           /**< this process is a fork of the one that used acap */
#define ACAP_ERROR_HOST_STUCK (-13)       /**< the host did not answer within the deadline */
#define ACAP_ERROR_PERMISSION (-14)       /**< the system refused access */

/* ---- Constants and limits ------------------------------------------------------------------ */

#define ACAP_FORMAT_S16 1 /**< signed 16 bits, native endian */
#define ACAP_FORMAT_S24 2 /**< signed 24 bits packed in 3 bytes, native endian */
#define ACAP_FORMAT_S32 3 /**< signed 32 bits, native endian */
#define ACAP_FORMAT_F32 4 /**< 32-bit float, full scale 1.0 */
#define ACAP_FORMAT_U8 5  /**< unsigned 8 bits, silence is 128 */

#define ACAP_DEVICE_DEFAULT 1u  /**< what NULL opens */
#define ACAP_DEVICE_LOOPBACK 2u /**< captures what is being played */
#define ACAP_DEVICE_STALE 4u    /**< could not be asked afresh: a stream is running */

#define ACAP_BUFFER_GAP 1u           /**< frames were lost by the stream just before */
#define ACAP_BUFFER_HOST_OVERFLOW 2u /**< the host said that it lost some */
#define ACAP_BUFFER_PARTIAL 4u       /**< fewer frames than frames_per_buffer */
#define ACAP_BUFFER_SILENT 8u        /**< every sample is digital silence */
#define ACAP_BUFFER_RECOVERED 16u    /**< first after the device came back */

#define ACAP_POOL_LOCK_MEMORY 1u /**< acap_pool_config.flags: lock the pool into RAM */

#define ACAP_STREAM_PLANAR 1u      /**< channel c begins at data + c * plane_stride_bytes */
#define ACAP_STREAM_LOCK_MEMORY 2u /**< lock the stream's pool into RAM */

#define ACAP_ON_LOST_FAIL 0u           /**< readers get ACAP_ERROR_DEVICE_LOST once drained */
#define ACAP_ON_LOST_WAIT 1u           /**< go on with the same device when it is back */
#define ACAP_ON_LOST_FOLLOW_DEFAULT 2u /**< go on with the default device, in virtual time with
                                            sim:counter; a start asks for the stream's own first */

#define ACAP_STATE_STOPPED 0u /**< acap_stream_stats.state */
#define ACAP_STATE_RUNNING 1u /**< acap_stream_stats.state */
#define ACAP_STATE_LOST 2u    /**< acap_stream_stats.state */

#define ACAP_OVERFLOW_DROP_OLDEST 0u /**< stay live */
#define ACAP_OVERFLOW_DROP_NEWEST 1u /**< keep what is queued */

#define ACAP_WAIT_FOREVER (-1) /**< a timeout_ns */

#define ACAP_EVENT_STREAM_STALLED 1u   /**< no callback for max(3 periods, 250 ms) */
#define ACAP_EVENT_STREAM_LOST 2u      /**< no callback for 2 s (5 s before the first, never less than 3
                                            periods), or the host gave up; a "push:" stream never is */
#define ACAP_EVENT_STREAM_RECOVERED 3u /**< the device is back; frames: the gap */
#define ACAP_EVENT_DEVICES_CHANGED 4u  /**< a device came or went: list them again */
#define ACAP_EVENT_FRAMES_LOST 5u      /**< the stream lost frames; position: where it was found; frames */
#define ACAP_EVENT_HOST_STUCK 6u       /**< a call into the sound system did not return and was left behind */
#define ACAP_EVENT_SUSPECT_SILENCE 7u  /**< 5 s of digital silence */
#define ACAP_EVENT_POOL_LOW 8u         /**< few buffers are free, and the pool cannot or may not grow; text: why */
#define ACAP_EVENT_LOG 9u              /**< what ALSA, JACK and PortAudio would have printed, the same again
                                            only after 10 s without it; or a note of acap's own */

#define ACAP_LEVEL_ERROR 1u   /**< acap_event.level */
#define ACAP_LEVEL_WARNING 2u /**< acap_event.level */
#define ACAP_LEVEL_INFO 3u    /**< acap_event.level */

#define ACAP_MIN_SAMPLE_RATE_HZ 8000u       /**< smallest sample_rate_hz */
#define ACAP_MAX_SAMPLE_RATE_HZ 384000u     /**< largest sample_rate_hz */
#define ACAP_MAX_CHANNELS 128u              /**< largest channel_count */
#define ACAP_MAX_FRAMES_PER_BUFFER 1048576u /**< largest frames_per_buffer */
#define ACAP_MAX_READERS 64u                /**< readers open on one stream at once */
#define ACAP_MAX_QUEUE_BUFFERS 65536u       /**< largest queue_buffers and hold_buffers */
#define ACAP_MAX_POOL_BUFFERS 1048576u      /**< buffers in one pool */
#define ACAP_MAX_BUFFER_BYTES 268435456u    /**< bytes in one buffer */

/* ---- Versions, results, clock -------------------------------------------------------------- */

/**
 * The symbolic name of a result, such as "ACAP_ERROR_NO_DEVICE".
 *
 * @param[in] result  any number.
 * @return a static string, never NULL; "ACAP_UNKNOWN_RESULT" for a number that is no result.
 * @thread any
 * @rt yes: wait-free
 * @since 0.1
 */
ACAP_API const char *ACAP_CALL acap_result_name(acap_result result);

/**
 * A result in one English sentence.
 *
 * @param[in] result  any number.
 * @return a static string, never NULL.
 * @thread any
 * @rt yes: wait-free
 * @since 0.1
 */
ACAP_API const char *ACAP_CALL acap_result_text(acap_result result);

/**
 * This thread's last failure in words, with the host's own code and text.
 *
 * A success leaves it alone.
 *
 * @return a string that is valid until this thread's next acap call; "" when this thread has had
 *         no failure; never NULL.
 * @thread any
 * @rt yes: wait-free
 * @since 0.1
 */
ACAP_API const char *ACAP_CALL acap_last_error(void);

/**
 * The version of the library that runs.
 *
 * @return major << 16 | minor << 8 | patch, comparable with ACAP_VERSION.
 * @thread any
 * @rt yes: wait-free
 * @since 0.1
 */
ACAP_API uint32_t ACAP_CALL acap_version(void);

/**
 * The version of the library that runs, as text.
 *
 * @return a static string such as "0.1.0".
 * @thread any
 * @rt yes: wait-free
 * @since 0.1
 */
ACAP_API const char *ACAP_CALL acap_version_string(void);

/**
 * The clock of every `time_ns`: CLOCK_MONOTONIC; CLOCK_UPTIME_RAW on macOS; the performance counter
 * on Windows.
 *
 * @return nanoseconds since an arbitrary moment; never runs backwards.
 * @thread any
 * @rt yes: wait-free
 * @since 0.1
 */
ACAP_API int64_t ACAP_CALL acap_clock_ns(void);

/**
 * Bytes of one sample of one channel.
 *
 * @param[in] format  ACAP_FORMAT_*.
 * @return 1 to 4; 0 for an unknown format.
 * @thread any
 * @rt yes: wait-free
 * @since 0.1
 */
ACAP_API uint32_t ACAP_CALL acap_format_bytes(uint32_t format);

/* ---- Context ------------------------------------------------------------------------------- */

/** How a context is made; NULL instead of it means all defaults. */
typedef struct acap_context_config {
    uint32_t struct_size; /**< sizeof(acap_context_config) */
    uint32_t flags;       /**< 0 */
    /** "portaudio" (default), "sim" or "push": what NULL and plain device names mean.
        The environment's ACAP_BACKEND stands in for NULL. */
    const char *backend;
} acap_context_config;

/** Static initializer of acap_context_config. */
#define ACAP_CONTEXT_CONFIG_INIT { sizeof(acap_context_config), 0, NULL }

/**
 * Makes a context. Nothing is asked of the host yet.
 *
 * @param[in]  config  NULL: all defaults.
 * @param[out] out     the context; destroy it with acap_context_destroy().
 * @return ACAP_OK, or
 *         - ACAP_ERROR_INVALID_ARGUMENT: out is NULL, unknown flags, unknown backend
 *         - ACAP_ERROR_ABI_MISMATCH: config->struct_size
 *         - ACAP_ERROR_NO_MEMORY
 *         - ACAP_ERROR_FORKED
 * @thread any
 * @rt no: allocates
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_context_create(const acap_context_config *config,
                                                   acap_context **out);

/**
 * Destroys a context and ends its streams; their handles stay valid until closed.
 *
 * Never waits for the host. NULL does nothing.
 *
 * @param[in] context  a context, or NULL.
 * @thread owner only
 * @rt no: may block
 * @since 0.1
 */
ACAP_API void ACAP_CALL acap_context_destroy(acap_context *context);

/* ---- Events -------------------------------------------------------------------------------- */

/** Something that a program may want to know of. */
typedef struct acap_event {
    uint32_t struct_size; /**< sizeof(acap_event) */
    uint32_t type;        /**< ACAP_EVENT_* */
    uint32_t level;       /**< ACAP_LEVEL_* */
    uint32_t reserved;    /**< 0 */
    uint64_t stream_id;   /**< acap_stream_info.stream_id; 0 where no stream is meant */
    uint64_t position;    /**< FRAMES_LOST: where it was found; others: the stream's position */
    uint64_t frames;      /**< FRAMES_LOST, STREAM_RECOVERED: how many */
    uint64_t events_lost; /**< discarded just before this one because nobody took them */
    int64_t time_ns;      /**< when, by acap_clock_ns(); by the stream's clock in virtual time */
    char text[256];       /**< for people */
} acap_event;

/** Static initializer of acap_event. */
#define ACAP_EVENT_INIT { sizeof(acap_event), 0, 0, 0, 0, 0, 0, 0, 0, { 0 } }

/**
 * Takes the oldest event. At most 256 wait; beyond, the oldest are discarded and counted.
 *
 * @param[in]     context     a context.
 * @param[in]     timeout_ns  nanoseconds; 0 returns at once, ACAP_WAIT_FOREVER waits.
 * @param[in,out] event       struct_size is read.
 * @return ACAP_OK, ACAP_TIMED_OUT, ACAP_INTERRUPTED, or
 *         - ACAP_ERROR_INVALID_ARGUMENT: NULL, or a negative timeout other than ACAP_WAIT_FOREVER
 *         - ACAP_ERROR_ABI_MISMATCH: event->struct_size
 *         - ACAP_ERROR_FORKED
 * @thread any
 * @rt no: may block
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_context_next_event(acap_context *context, int64_t timeout_ns,
                                                       acap_event *event);

/**
 * Makes the current or the next acap_context_next_event() return ACAP_INTERRUPTED, once.
 *
 * @param[in] context  a context.
 * @return ACAP_OK, or
 *         - ACAP_ERROR_INVALID_ARGUMENT: NULL
 *         - ACAP_ERROR_FORKED
 * @thread any
 * @rt no: may block
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_context_interrupt(acap_context *context);

/**
 * A handle for event loops, readable as long as an event waits; see acap_reader_get_wait_handle().
 *
 * @param[in]  context  a context.
 * @param[out] out      the handle, valid until the context is destroyed; -1 on failure.
 * @return ACAP_OK, or
 *         - ACAP_ERROR_INVALID_ARGUMENT: NULL
 *         - ACAP_ERROR_LIMIT: no descriptor is left
 *         - ACAP_ERROR_FORKED
 * @thread any
 * @rt no: may block
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_context_get_wait_handle(acap_context *context, intptr_t *out);

/* ---- Devices ------------------------------------------------------------------------------- */

/** One capture device; owned by its list, immutable. Read a member only if it lies below
    struct_size. */
typedef struct acap_device_info {
    uint32_t struct_size;            /**< bytes that the library filled */
    uint32_t flags;                  /**< ACAP_DEVICE_* */
    const char *id;                  /**< opens it; stable across runs and re-plugging where the
                                          host allows: "alsa:hw:CARD=USB,DEV=0" */
    const char *name;                /**< for people */
    const char *host_api;            /**< "ALSA", "JACK Audio Connection Kit", ... */
    uint32_t max_channel_count;      /**< at least 1 */
    uint32_t default_sample_rate_hz; /**< what it runs at when not asked */
    ACAP_PAD32(reserved_32)
    int64_t low_latency_ns;  /**< for interactive use, by the host's word */
    int64_t high_latency_ns; /**< for recorders, by the host's word */
} acap_device_info;

/**
 * Lists the capture devices, asked afresh of the host where it can.
 *
 * PortAudio can look again only while no stream of the process is open; otherwise the devices carry
 * ACAP_DEVICE_STALE. Returns within 5 s however stuck the host is.
 *
 * @param[in]  context  a context.
 * @param[out] out      the list; destroy it with acap_device_list_destroy(). A machine without a
 *                      device gives an empty list.
 * @return ACAP_OK, or
 *         - ACAP_ERROR_INVALID_ARGUMENT: NULL
 *         - ACAP_ERROR_NO_MEMORY
 *         - ACAP_ERROR_BACKEND: the host could not be initialized
 *         - ACAP_ERROR_HOST_STUCK
 *         - ACAP_ERROR_FORKED
 * @thread any
 * @rt no: may block
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_device_list_create(acap_context *context,
                                                       acap_device_list **out);

/**
 * The number of devices in a list.
 *
 * @param[in] list  a list, or NULL.
 * @return the number; 0 for NULL.
 * @thread any
 * @rt yes: wait-free
 * @since 0.1
 */
ACAP_API size_t ACAP_CALL acap_device_list_count(const acap_device_list *list);

/**
 * One device of a list.
 *
 * @param[in] list   a list, or NULL.
 * @param[in] index  from 0.
 * @return the device, valid until the list is destroyed; NULL past the end.
 * @thread any
 * @rt yes: wait-free
 * @since 0.1
 */
ACAP_API const acap_device_info *ACAP_CALL acap_device_list_get(const acap_device_list *list,
                                                                size_t index);

/**
 * Destroys a list. NULL does nothing.
 *
 * @param[in] list  a list, or NULL.
 * @thread owner only
 * @rt no: allocates
 * @since 0.1
 */
ACAP_API void ACAP_CALL acap_device_list_destroy(acap_device_list *list);

/* ---- Buffers ------------------------------------------------------------------------------- */

/** A run of consecutive frames; allocated by the library only. Members are only ever appended: read
    one only if it lies below struct_size. */
typedef struct acap_buffer {
    uint32_t struct_size; /**< bytes that the library filled */
    uint32_t flags;       /**< ACAP_BUFFER_* */
    const void *data;     /**< 64-byte aligned; interleaved, or planar: channel c begins at
                               data + c * plane_stride_bytes */
    ACAP_PAD32(reserved_32)
    uint64_t position;       /**< stream position of the first frame; frame i is position + i */
    int64_t time_ns;         /**< when the first frame was captured, by acap_clock_ns(); never runs
                                  backwards */
    int64_t time_error_ns;   /**< bound of the error of time_ns; INT64_MAX when unknown */
    uint64_t lost_before;    /**< frames lost by the stream just before this buffer */
    uint32_t frame_count;    /**< frames in it */
    uint32_t size_bytes;     /**< bytes of data in it */
    uint32_t sample_rate_hz; /**< nominal */
    uint32_t channel_count;  /**< samples in a frame */
    uint32_t format;         /**< ACAP_FORMAT_* */
    uint32_t plane_stride_bytes; /**< planar: bytes from one channel to the next; 0: interleaved */
} acap_buffer;

/**
 * Adds a reference.
 *
 * @param[in] buffer  a buffer that the caller holds, or NULL.
 * @return buffer; NULL when it was already free, which acap_pool_stats.rejected_releases counts.
 * @thread any
 * @rt yes: lock-free
 * @since 0.1
 */
ACAP_API const acap_buffer *ACAP_CALL acap_buffer_retain(const acap_buffer *buffer);

/**
 * Gives a reference back; also after the stream, the context and the pool are gone.
 *
 * A release too many is refused and counted in acap_pool_stats.rejected_releases as long as the
 * buffer is free. NULL does nothing. Real-time safe but for the last release of a pool that was
 * given up, which frees memory.
 *
 * @param[in] buffer  a buffer, or NULL.
 * @thread any
 * @rt yes: lock-free
 * @since 0.1
 */
ACAP_API void ACAP_CALL acap_buffer_release(const acap_buffer *buffer);

/**
 * The number of references at this moment, for tests and debugging.
 *
 * @param[in] buffer  a buffer, or NULL.
 * @return the number; 0 for NULL.
 * @thread any
 * @rt yes: wait-free
 * @since 0.1
 */
ACAP_API uint32_t ACAP_CALL acap_buffer_reference_count(const acap_buffer *buffer);

/**
 * The data, to write to, for the only holder.
 *
 * @param[in] buffer  a buffer, or NULL.
 * @return the data; NULL unless the caller has the only reference.
 * @thread any
 * @rt yes: wait-free
 * @since 0.1
 */
ACAP_API void *ACAP_CALL acap_buffer_writable_data(const acap_buffer *buffer);

/** What acap_buffer_measure() fills. */
typedef struct acap_levels {
    uint32_t struct_size;   /**< sizeof(acap_levels) */
    uint32_t channel_count; /**< in: length of the arrays, at least the buffer's channel_count */
    float *peak;            /**< the caller's array, or NULL: largest magnitude, 1.0 = full scale */
    float *rms;             /**< the caller's array, or NULL: root of the mean square */
    uint64_t clipped;       /**< samples at or beyond full scale */
    uint64_t zeros;         /**< samples that are digital silence */
} acap_levels;

/** Static initializer of acap_levels. */
#define ACAP_LEVELS_INIT { sizeof(acap_levels), 0, NULL, NULL, 0, 0 }

/**
 * Measures a buffer's levels on the caller's thread.
 *
 * @param[in]     buffer  a buffer of a stream.
 * @param[in,out] levels  channel_count, peak and rms are read; the arrays' entries beyond the
 *                        buffer's channels become 0.
 * @return ACAP_OK, or
 *         - ACAP_ERROR_INVALID_ARGUMENT: NULL, channel_count smaller than the buffer's where an
 *           array is given, or a buffer that has no format
 *         - ACAP_ERROR_ABI_MISMATCH: levels->struct_size
 *         - ACAP_ERROR_FORKED
 * @thread any
 * @rt yes: wait-free
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_buffer_measure(const acap_buffer *buffer, acap_levels *levels);

/* ---- Pools --------------------------------------------------------------------------------- */

/** How a pool is made. */
typedef struct acap_pool_config {
    uint32_t struct_size;       /**< sizeof(acap_pool_config) */
    uint32_t flags;             /**< ACAP_POOL_LOCK_MEMORY */
    uint32_t buffer_size_bytes; /**< of each buffer's data; at least 1 */
    uint32_t buffers_min;       /**< allocated and touched at once; 0: 16, or
                                     buffers_max where that is less */
    uint32_t buffers_max;       /**< the pool never grows beyond it; 0: ACAP_MAX_POOL_BUFFERS */
} acap_pool_config;

/** Static initializer of acap_pool_config. */
#define ACAP_POOL_CONFIG_INIT { sizeof(acap_pool_config), 0, 0, 0, 0 }

/** A pool's figures. In every snapshot acquired == released + in_use. */
typedef struct acap_pool_stats {
    uint32_t struct_size;       /**< sizeof(acap_pool_stats) */
    uint32_t capacity;          /**< buffers that exist now */
    uint32_t free_buffers;      /**< capacity - in_use */
    uint32_t in_use;            /**< buffers out now */
    uint32_t in_use_peak;       /**< most that were out at once */
    uint32_t buffers_min;       /**< as configured */
    uint32_t buffers_max;       /**< as configured, or the limit */
    uint32_t grown;             /**< times that the pool grew after its creation */
    uint64_t acquired;          /**< buffers taken */
    uint64_t recycled;          /**< of these, buffers that had been used before */
    uint64_t exhausted;         /**< attempts that found none free */
    uint64_t released;          /**< buffers given back */
    uint64_t rejected_releases; /**< references given back or asked for on a free buffer */
    uint64_t memory_bytes;      /**< bytes of data and headers */
    int64_t oldest_held_ns;     /**< age of the longest outstanding buffer; 0: none is out */
    double hit_rate;            /**< acquired / (acquired + exhausted); 1.0 before the first */
} acap_pool_stats;

/** Static initializer of acap_pool_stats. */
#define ACAP_POOL_STATS_INIT { sizeof(acap_pool_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/**
 * Makes a pool, to share between streams or to use on its own.
 *
 * @param[in]  config  buffer_size_bytes must be set.
 * @param[out] out     the pool; give it back with acap_pool_release().
 * @return ACAP_OK, or
 *         - ACAP_ERROR_INVALID_ARGUMENT: NULL, unknown flags, buffer_size_bytes 0,
 *           buffers_min > buffers_max
 *         - ACAP_ERROR_ABI_MISMATCH: config->struct_size
 *         - ACAP_ERROR_LIMIT: more than ACAP_MAX_POOL_BUFFERS or ACAP_MAX_BUFFER_BYTES
 *         - ACAP_ERROR_NO_MEMORY
 *         - ACAP_ERROR_PERMISSION: the memory could not be locked
 *         - ACAP_ERROR_FORKED
 * @thread any
 * @rt no: allocates
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_pool_create(const acap_pool_config *config, acap_pool **out);

/**
 * Adds a reference to a pool.
 *
 * @param[in] pool  a pool, or NULL.
 * @return pool.
 * @thread any
 * @rt yes: wait-free
 * @since 0.1
 */
ACAP_API acap_pool *ACAP_CALL acap_pool_retain(acap_pool *pool);

/**
 * Gives a reference to a pool back; its memory goes with the last reference and the last buffer.
 *
 * @param[in] pool  a pool, or NULL.
 * @thread any
 * @rt no: allocates
 * @since 0.1
 */
ACAP_API void ACAP_CALL acap_pool_release(acap_pool *pool);

/**
 * Takes a free buffer. Never blocks and never allocates.
 *
 * The header is zero but for struct_size, data and size_bytes.
 *
 * @param[in]  pool  a pool.
 * @param[out] out   the buffer, with one reference that is the caller's.
 * @return ACAP_OK, or
 *         - ACAP_ERROR_INVALID_ARGUMENT: NULL
 *         - ACAP_ERROR_POOL_EXHAUSTED: none is free; may be spurious while several threads take
 *         - ACAP_ERROR_FORKED
 * @thread any
 * @rt yes: wait-free
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_pool_acquire(acap_pool *pool, const acap_buffer **out);

/**
 * A pool's figures.
 *
 * @param[in]     pool   a pool.
 * @param[in,out] stats  struct_size is read.
 * @return ACAP_OK, or
 *         - ACAP_ERROR_INVALID_ARGUMENT: NULL
 *         - ACAP_ERROR_ABI_MISMATCH: stats->struct_size
 *         - ACAP_ERROR_FORKED
 * @thread any
 * @rt no: may block
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_pool_get_stats(const acap_pool *pool, acap_pool_stats *stats);

/* ---- Streams ------------------------------------------------------------------------------- */

/** How a device is opened. */
typedef struct acap_stream_config {
    uint32_t struct_size; /**< sizeof(acap_stream_config) */
    uint32_t flags;       /**< ACAP_STREAM_PLANAR, ACAP_STREAM_LOCK_MEMORY */
    const char *device;   /**< an id, a unique part of a name, or NULL: the environment's
                               ACAP_DEVICE, else the default input */
    ACAP_PAD32(reserved_32a)
    uint32_t sample_rate_hz;    /**< 0: 48000 when the device can, else its own default */
    uint32_t channel_count;     /**< 0: min(2, what the device has) */
    uint32_t format;            /**< ACAP_FORMAT_*; 0: F32 */
    uint32_t frames_per_buffer; /**< 0: 10 ms; a buffer has exactly so many, fewer only where
                                     ACAP_BUFFER_PARTIAL says so */
    uint32_t pool_buffers_min;  /**< 0: what history and the readers opened so far need */
    uint32_t pool_buffers_max;  /**< 0: no limit but memory; the pool grows up to it, never on the
                                     audio thread */
    int64_t latency_ns;         /**< asked of the device; 0: what is safe for a recorder */
    acap_pool *pool;            /**< NULL: the stream's own; else shared with other streams, without
                                     isolation between them */
    uint32_t on_device_lost;    /**< ACAP_ON_LOST_* */
    uint32_t reserved;          /**< 0 */
    ACAP_PAD32(reserved_32b)
    int64_t history_ns; /**< how much of the past stays borrowable for new readers (pre-roll), in the
                             pool, without a copy: about rate * channels * sample bytes a second;
                             each reader with preroll_ns reserves as much again; 0: none */
} acap_stream_config;

/** Static initializer of acap_stream_config. */
#define ACAP_STREAM_CONFIG_INIT                                                                    \
    { sizeof(acap_stream_config), 0, NULL, ACAP_PAD32_INIT 0, 0, 0, 0, 0, 0, 0, NULL, 0, 0,       \
      ACAP_PAD32_INIT 0 }

/** What was really opened. */
typedef struct acap_stream_info {
    uint32_t struct_size;       /**< sizeof(acap_stream_info) */
    uint32_t sample_rate_hz;    /**< nominal */
    uint32_t channel_count;     /**< samples in a frame */
    uint32_t format;            /**< ACAP_FORMAT_* */
    uint32_t frames_per_buffer; /**< frames in each buffer */
    uint32_t flags;             /**< ACAP_STREAM_* */
    int64_t latency_ns;         /**< by the host's word; 0: unknown */
    uint64_t stream_id;         /**< unique in the process, from 1 */
    char device_id[256];        /**< opens the same device again; another one after
                                     ACAP_ON_LOST_FOLLOW_DEFAULT went on with it */
    char backend[32];           /**< "portaudio", "sim" or "push" */
} acap_stream_info;

/** Static initializer of acap_stream_info. */
#define ACAP_STREAM_INFO_INIT { sizeof(acap_stream_info), 0, 0, 0, 0, 0, 0, 0, { 0 }, { 0 } }

/** A stream's figures. In every snapshot position == frames_captured + frames_lost and
    frames_lost == lost_pool + lost_host. */
typedef struct acap_stream_stats {
    uint32_t struct_size;       /**< sizeof(acap_stream_stats) */
    uint32_t state;             /**< ACAP_STATE_* */
    uint32_t realtime;          /**< 1: the audio thread runs in a real-time class */
    uint32_t reserved;          /**< 0 */
    uint64_t position;          /**< frames captured or lost since the first start */
    uint64_t frames_captured;   /**< frames in published buffers */
    uint64_t frames_lost;       /**< lost_pool + lost_host */
    uint64_t lost_pool;         /**< lost because no buffer was free */
    uint64_t lost_host;         /**< never handed over by the host */
    uint64_t frames_pending;    /**< in the buffer that is being filled; 0 once stopped */
    uint64_t callbacks;         /**< calls by the host */
    uint64_t host_overflows;    /**< times that the host said it lost some */
    uint64_t buffers_filled;    /**< published buffers */
    uint64_t recoveries;        /**< times that the device came back */
    uint64_t callback_ns_max;   /**< longest callback */
    uint64_t callback_ns_total; /**< time spent in callbacks */
    double measured_rate_hz;    /**< the device's real rate; 0 until known */
} acap_stream_stats;

/** Static initializer of acap_stream_stats. */
#define ACAP_STREAM_STATS_INIT                                                                     \
    { sizeof(acap_stream_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/**
 * Tells whether a device can give what a configuration asks for, without opening a stream.
 *
 * @param[in] context  a context.
 * @param[in] config   as for acap_stream_open(); NULL: all defaults.
 * @return ACAP_OK, or what acap_stream_open() would return, in so far as it can be known.
 * @thread any
 * @rt no: may block
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_device_supports(acap_context *context,
                                                    const acap_stream_config *config);

/**
 * Opens a device. It captures nothing before acap_stream_start().
 *
 * A device id that starts with "sim:" or "push:" opens that back end in any context.
 *
 * "push:" is a device that the caller feeds with acap_stream_push().
 *
 * "sim:counter", "sim:sine", "sim:noise" (fixed seed) and "sim:silence" are simulated devices.
 * Options follow a '?', joined by '&': `pace=real` (default), `pace=fast` (as fast as the machine
 * can, waiting for nobody) or `pace=manual` (by acap_stream_sim_advance(), in virtual time);
 * `hz=440` (sine); `period=256` (frames a callback). They fail on cue, at times that count from the
 * stream's first start by the nominal rate: `ppm=+80` (the device's clock is so much fast),
 * `jitter=5ms` (each callback is 0 to 5 ms late), `xrun=2s:480f` (at 2 s the host loses 480 frames,
 * without a word; `:flag` behind it: with its overflow flag), `stall=5s:3s` (at 5 s no callback for
 * 3 s, what was captured meanwhile is lost; a recovery does not end it), `burst` (a stall's frames
 * come at its end, all at once; `burst=2s`: the last 2 s of them), `unplug=5s`, `replug=7s`,
 * `stuck=open`, `stuck=start`, `stuck=stop` (the call never returns; `stuck=stop:2s`: after 2 s),
 * `fail=open`, `fail=start`.
 * Several xruns and stalls may be given.
 *
 * Virtual time begins at the first start with what acap_clock_ns() says then. Until a stop, frame n
 * was captured n / (rate * (1 + ppm / 10^6)) seconds after that, outages included; stopped time adds
 * nothing.
 *
 * Frame n of a simulated device is the frame at stream position n. With x = n modulo 2^32, channel c
 * of sim:counter is S16: (x + c * 0x1111) mod 2^16 as two's complement; S24: (x + c * 0x010101) mod
 * 2^24 as two's complement; S32: x << 8 | c; F32: (((x + c * 0x010101) mod 2^24) - 2^23) / 2^23; U8:
 * (x + c * 17) mod 256.
 *
 * Returns within 5 s however stuck the host is.
 *
 * @param[in]  context  a context.
 * @param[in]  config   NULL: all defaults.
 * @param[out] out      the stream; close it with acap_stream_close().
 * @return ACAP_OK, or
 *         - ACAP_ERROR_INVALID_ARGUMENT: NULL context or out, unknown flags, format or
 *           on_device_lost, non-zero reserved members, numbers out of range, a device string that
 *           cannot be parsed, buffers_min > buffers_max
 *         - ACAP_ERROR_ABI_MISMATCH: config->struct_size
 *         - ACAP_ERROR_NO_DEVICE: none of that name, or several; the error names near ones
 *         - ACAP_ERROR_DEVICE_BUSY
 *         - ACAP_ERROR_UNSUPPORTED_FORMAT: the error says what the device can
 *         - ACAP_ERROR_LIMIT: a shared pool's buffers are too small, or too many buffers
 *         - ACAP_ERROR_NO_MEMORY, ACAP_ERROR_PERMISSION
 *         - ACAP_ERROR_BACKEND, ACAP_ERROR_HOST_STUCK
 *         - ACAP_ERROR_FORKED
 * @thread any
 * @rt no: may block
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_stream_open(acap_context *context,
                                                const acap_stream_config *config,
                                                acap_stream **out);

/**
 * Starts capturing. Idempotent. After a stop positions go on and the same readers continue.
 *
 * @param[in] stream  a stream.
 * @return ACAP_OK, or
 *         - ACAP_ERROR_INVALID_ARGUMENT: NULL
 *         - ACAP_ERROR_INVALID_STATE: the context is gone, or an audio thread that never came back
 *           still holds the stream
 *         - ACAP_ERROR_DEVICE_LOST, ACAP_ERROR_NO_DEVICE, ACAP_ERROR_DEVICE_BUSY
 *         - ACAP_ERROR_UNSUPPORTED_FORMAT, ACAP_ERROR_PERMISSION: after a stop the device is opened
 *           again, and may have changed
 *         - ACAP_ERROR_NO_MEMORY
 *         - ACAP_ERROR_BACKEND, ACAP_ERROR_HOST_STUCK
 *         - ACAP_ERROR_FORKED
 * @thread any
 * @rt no: may block
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_stream_start(acap_stream *stream);

/**
 * Stops capturing. Idempotent. What was captured stays borrowable; then borrow returns ACAP_END.
 *
 * The data is complete when this returns, whatever the result.
 *
 * @param[in] stream  a stream.
 * @return ACAP_OK, or
 *         - ACAP_ERROR_INVALID_ARGUMENT: NULL
 *         - ACAP_ERROR_HOST_STUCK: the host did not stop in time and was left behind
 *         - ACAP_ERROR_BACKEND: the host reported a failure
 *         - ACAP_ERROR_FORKED
 * @thread any
 * @rt no: may block
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_stream_stop(acap_stream *stream);

/**
 * Closes a stream and ends its readers: whoever waits in borrow wakes, drains and gets ACAP_END for
 * ever. Buffers stay valid. Never waits for the host. NULL does nothing.
 *
 * Where consumers hold buffers of this stream then, an event of type ACAP_EVENT_LOG and
 * ACAP_LEVEL_INFO says how many, and for how many milliseconds the oldest has been out. A buffer is
 * held when it was borrowed or retained and not given back, and counts once, however often it was
 * retained. What waits in a reader's queue, what it has not borrowed of the past, buffers of other
 * streams on the same pool and those of acap_pool_acquire() do not count. What is borrowed or
 * released meanwhile may count or not.
 *
 * @param[in] stream  a stream, or NULL.
 * @thread owner only
 * @rt no: may block
 * @since 0.1
 */
ACAP_API void ACAP_CALL acap_stream_close(acap_stream *stream);

/**
 * What was really opened.
 *
 * @param[in]     stream  a stream.
 * @param[in,out] info    struct_size is read.
 * @return ACAP_OK, or
 *         - ACAP_ERROR_INVALID_ARGUMENT: NULL
 *         - ACAP_ERROR_ABI_MISMATCH: info->struct_size
 *         - ACAP_ERROR_FORKED
 * @thread any
 * @rt no: may block
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_stream_get_info(const acap_stream *stream,
                                                    acap_stream_info *info);

/**
 * A stream's figures.
 *
 * @param[in]     stream  a stream.
 * @param[in,out] stats   struct_size is read.
 * @return ACAP_OK, or
 *         - ACAP_ERROR_INVALID_ARGUMENT: NULL
 *         - ACAP_ERROR_ABI_MISMATCH: stats->struct_size
 *         - ACAP_ERROR_FORKED
 * @thread any
 * @rt yes: lock-free
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_stream_get_stats(const acap_stream *stream,
                                                     acap_stream_stats *stats);

/**
 * The pool that a stream fills.
 *
 * @param[in] stream  a stream, or NULL.
 * @return the pool, retained: give it back with acap_pool_release(); NULL for NULL.
 * @thread any
 * @rt yes: wait-free
 * @since 0.1
 */
ACAP_API acap_pool *ACAP_CALL acap_stream_get_pool(acap_stream *stream);

/**
 * Feeds a "push:" stream: the caller is the device. Same path as a device's callback, never blocks.
 *
 * @param[in] stream       a "push:" stream that runs.
 * @param[in] frames       interleaved frames in the stream's format, any alignment; NULL:
 *                         frame_count frames were lost.
 * @param[in] frame_count  frames; 0 does nothing.
 * @param[in] time_ns      when the first frame was captured, by acap_clock_ns(); 0: now.
 * @return ACAP_OK, or
 *         - ACAP_ERROR_INVALID_ARGUMENT: stream is NULL or no "push:" stream, time_ns is negative or
 *           above INT64_MAX / 2
 *         - ACAP_ERROR_INVALID_STATE: stopped, closed, or another push is in flight
 *         - ACAP_ERROR_FORKED
 * @thread one at a time per object
 * @rt yes: wait-free
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_stream_push(acap_stream *stream, const void *frames,
                                                uint32_t frame_count, int64_t time_ns);

/**
 * Lets a simulated device with `pace=manual` capture, in virtual time.
 *
 * The device hands over whole periods; frames that do not fill one wait for the next call.
 *
 * @param[in] stream       a "sim:" stream with `pace=manual` that runs.
 * @param[in] frame_count  frames that the device's clock advances: at most 366 days in one call,
 *                         and a hundred times that in all.
 * @return ACAP_OK, or
 *         - ACAP_ERROR_INVALID_ARGUMENT: stream is NULL, no "sim:" stream or not `pace=manual`;
 *           frame_count is too large
 *         - ACAP_ERROR_INVALID_STATE: stopped, closed, or another call is in flight
 *         - ACAP_ERROR_FORKED
 * @thread one at a time per object
 * @rt no: may block
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_stream_sim_advance(acap_stream *stream, uint64_t frame_count);

/* ---- Readers ------------------------------------------------------------------------------- */

/** How a reader is opened; NULL instead of it means all defaults. */
typedef struct acap_reader_config {
    uint32_t struct_size;   /**< sizeof(acap_reader_config) */
    uint32_t flags;         /**< 0 */
    uint32_t queue_buffers; /**< most that wait for it; 0: about 500 ms, or wake_buffers where that
                                 is more */
    uint32_t overflow;      /**< ACAP_OVERFLOW_DROP_OLDEST or ACAP_OVERFLOW_DROP_NEWEST */
    uint32_t wake_buffers;  /**< a sleeping borrow wakes only when so many are queued; 0: 1; more
                                 than a queue_buffers that is set is an error */
    uint32_t hold_buffers;  /**< how many this consumer will keep at once; the pool reserves them,
                                 nobody enforces them; 0: queue_buffers */
    int64_t preroll_ns;     /**< start so far in the past, out of the stream's history, or as far as
                                 it goes; rounded up to whole buffers; frames that were lost in it
                                 count as time. The stream's own pool grows by as many buffers, so that
                                 the history goes on while this reader still has its part */
    const char *name;       /**< for reports; copied; NULL: "reader" */
    ACAP_PAD32(reserved_32)
} acap_reader_config;

/** Static initializer of acap_reader_config. */
#if UINTPTR_MAX == 0xffffffffu
#define ACAP_READER_CONFIG_INIT { sizeof(acap_reader_config), 0, 0, 0, 0, 0, 0, NULL, 0 }
#else
#define ACAP_READER_CONFIG_INIT { sizeof(acap_reader_config), 0, 0, 0, 0, 0, 0, NULL }
#endif

/** A reader's figures. In every snapshot start_position + frames_delivered + frames_lost +
    frames_queued == end_position and frames_lost == lost_stream + lost_queue. */
typedef struct acap_reader_stats {
    uint32_t struct_size;         /**< sizeof(acap_reader_stats) */
    uint32_t queued_buffers;      /**< waiting now */
    uint32_t queued_buffers_peak; /**< most that waited at once */
    uint32_t reserved;            /**< 0 */
    uint64_t start_position;      /**< the stream's position when the reader was opened, or that of
                                       the first history buffer that it was given */
    uint64_t end_position;        /**< up to which this snapshot speaks */
    uint64_t buffers_delivered;   /**< borrowed */
    uint64_t frames_delivered;    /**< in borrowed buffers */
    uint64_t frames_queued;       /**< in waiting buffers */
    uint64_t frames_lost;         /**< lost_stream + lost_queue */
    uint64_t lost_stream;         /**< lost by the stream while this reader was open */
    uint64_t lost_queue;          /**< lost because this reader's queue was full */
    int64_t latency_ns_p50;       /**< capture to borrow, median, within 7 %; of buffers captured within a
                                       millisecond and taken without a wait, one in 16 is measured */
    int64_t latency_ns_p99;       /**< capture to borrow, 99th percentile, within 7 % */
    int64_t latency_ns_max;       /**< capture to borrow, largest; none of the three means anything
                                       in virtual time */
} acap_reader_stats;

/** Static initializer of acap_reader_stats. */
#define ACAP_READER_STATS_INIT                                                                     \
    { sizeof(acap_reader_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/**
 * Opens a reader, at any time, whether the stream runs or not.
 *
 * It gets every buffer that is published from now on; the one that is being filled is delivered
 * whole. With preroll_ns it first gets the stream's history from so far back. Grows the stream's
 * own pool so that history, all queues, all hold_buffers, all pre-rolls and 2 more fit.
 *
 * Opened before the first start, it waits for that. On a stream that is stopped or lost later it
 * ends like the others: once drained, ACAP_END or ACAP_ERROR_DEVICE_LOST, until the next start.
 *
 * @param[in]  stream  a stream.
 * @param[in]  config  NULL: all defaults.
 * @param[out] out     the reader; close it with acap_reader_close().
 * @return ACAP_OK, or
 *         - ACAP_ERROR_INVALID_ARGUMENT: NULL, unknown flags or overflow, wake_buffers >
 *           queue_buffers, a negative preroll_ns
 *         - ACAP_ERROR_ABI_MISMATCH: config->struct_size
 *         - ACAP_ERROR_LIMIT: ACAP_MAX_READERS, ACAP_MAX_QUEUE_BUFFERS, or pool_buffers_max
 *         - ACAP_ERROR_INVALID_STATE: the context is gone
 *         - ACAP_ERROR_NO_MEMORY, ACAP_ERROR_PERMISSION
 *         - ACAP_ERROR_FORKED
 * @thread any
 * @rt no: allocates
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_reader_open(acap_stream *stream,
                                                const acap_reader_config *config,
                                                acap_reader **out);

/**
 * Closes a reader; what is queued goes back to the pool, what was borrowed stays valid. NULL does
 * nothing.
 *
 * @param[in] reader  a reader, or NULL.
 * @thread owner only
 * @rt no: may block
 * @since 0.1
 */
ACAP_API void ACAP_CALL acap_reader_close(acap_reader *reader);

/**
 * Borrows the next buffer.
 *
 * Sleeps only on an empty queue; asleep, it wakes at wake_buffers, at the end, a loss, a stall, an
 * interrupt or the timeout, and at a loss, a stall or the timeout returns a buffer if there is any.
 *
 * @param[in]  reader      a reader.
 * @param[in]  timeout_ns  nanoseconds; 0 returns at once, ACAP_WAIT_FOREVER waits.
 * @param[out] out         the buffer, with one reference that is the caller's; NULL when there is
 *                         none.
 * @return ACAP_OK with *out set, ACAP_TIMED_OUT, ACAP_END, ACAP_INTERRUPTED, or
 *         - ACAP_ERROR_INVALID_ARGUMENT: NULL, or a negative timeout other than ACAP_WAIT_FOREVER
 *         - ACAP_ERROR_DEVICE_LOST: lost, and all that was queued has been borrowed
 *         - ACAP_ERROR_FORKED
 * @thread one consumer at a time per reader
 * @rt no: may block
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_reader_borrow(acap_reader *reader, int64_t timeout_ns,
                                                  const acap_buffer **out);

/**
 * Makes the current or the next borrow return ACAP_INTERRUPTED, once.
 *
 * Async-signal-safe; keeps errno, and acap_last_error() as it is, even when it fails.
 *
 * @param[in] reader  a reader.
 * @return ACAP_OK, or
 *         - ACAP_ERROR_INVALID_ARGUMENT: NULL
 *         - ACAP_ERROR_FORKED
 * @thread any
 * @rt yes: wait-free
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_reader_interrupt(acap_reader *reader);

/**
 * Ends a reader: it gets no more buffers, and once drained borrow returns ACAP_END for ever. What
 * is published from then on counts in its lost_queue.
 *
 * Async-signal-safe; keeps errno, and acap_last_error() as it is, even when it fails.
 *
 * @param[in] reader  a reader.
 * @return ACAP_OK, or
 *         - ACAP_ERROR_INVALID_ARGUMENT: NULL
 *         - ACAP_ERROR_FORKED
 * @thread any
 * @rt yes: wait-free
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_reader_end(acap_reader *reader);

/**
 * A handle for event loops: a file descriptor to poll for reading; on Windows an event.
 *
 * It becomes readable when a borrow would return something and stays so until a borrow returns
 * ACAP_TIMED_OUT; after ACAP_END it stays readable. Loop borrow with timeout 0 until
 * ACAP_TIMED_OUT, then poll again. Spurious readiness is allowed. Never read, write or close it;
 * dup is fine.
 *
 * @param[in]  reader  a reader.
 * @param[out] out     the handle, valid until the reader is closed; -1 on failure.
 * @return ACAP_OK, or
 *         - ACAP_ERROR_INVALID_ARGUMENT: NULL
 *         - ACAP_ERROR_LIMIT: no descriptor is left
 *         - ACAP_ERROR_FORKED
 * @thread any
 * @rt no: may block
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_reader_get_wait_handle(acap_reader *reader, intptr_t *out);

/**
 * A reader's figures.
 *
 * @param[in]     reader  a reader.
 * @param[in,out] stats   struct_size is read.
 * @return ACAP_OK, or
 *         - ACAP_ERROR_INVALID_ARGUMENT: NULL
 *         - ACAP_ERROR_ABI_MISMATCH: stats->struct_size
 *         - ACAP_ERROR_FORKED
 * @thread any
 * @rt yes: lock-free
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_reader_get_stats(const acap_reader *reader,
                                                     acap_reader_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
