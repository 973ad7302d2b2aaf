// SPDX-License-Identifier: MIT
//! The functions of the header. Its comments are the contract: what each one returns, and when.

use core::ffi::{c_char, c_void};

use crate::types::*;

unsafe extern "C" {
    /// The symbolic name of a result, such as "`ACAP_ERROR_NO_DEVICE`".
    ///
    /// Thread: any. Real time: yes: wait-free.
    pub safe fn acap_result_name(result: acap_result) -> *const c_char;

    /// A result in one English sentence.
    ///
    /// Thread: any. Real time: yes: wait-free.
    pub safe fn acap_result_text(result: acap_result) -> *const c_char;

    /// This thread's last failure in words, with the host's own code and text.
    ///
    /// A success leaves it alone.
    ///
    /// Thread: any. Real time: yes: wait-free.
    pub safe fn acap_last_error() -> *const c_char;

    /// The version of the library that runs.
    ///
    /// Thread: any. Real time: yes: wait-free.
    pub safe fn acap_version() -> u32;

    /// The version of the library that runs, as text.
    ///
    /// Thread: any. Real time: yes: wait-free.
    pub safe fn acap_version_string() -> *const c_char;

    /// The clock of every `time_ns`: CLOCK_MONOTONIC; CLOCK_UPTIME_RAW on macOS; the
    /// performance counter on Windows.
    ///
    /// Thread: any. Real time: yes: wait-free.
    pub safe fn acap_clock_ns() -> i64;

    /// Bytes of one sample of one channel.
    ///
    /// Thread: any. Real time: yes: wait-free.
    pub safe fn acap_format_bytes(format: u32) -> u32;

    /// Makes a context. Nothing is asked of the host yet.
    ///
    /// Thread: any. Real time: no: allocates.
    pub fn acap_context_create(
        config: *const acap_context_config,
        out: *mut *mut acap_context,
    ) -> acap_result;

    /// Destroys a context and ends its streams; their handles stay valid until closed.
    ///
    /// Never waits for the host. NULL does nothing.
    ///
    /// Thread: owner only. Real time: no: may block.
    pub fn acap_context_destroy(context: *mut acap_context);

    /// Takes the oldest event. At most 256 wait; beyond, the oldest are discarded and counted.
    ///
    /// Thread: any. Real time: no: may block.
    pub fn acap_context_next_event(
        context: *mut acap_context,
        timeout_ns: i64,
        event: *mut acap_event,
    ) -> acap_result;

    /// Makes the current or the next `acap_context_next_event()` return `ACAP_INTERRUPTED`,
    /// once.
    ///
    /// Thread: any. Real time: no: may block.
    pub fn acap_context_interrupt(context: *mut acap_context) -> acap_result;

    /// A handle for event loops, readable as long as an event waits; see
    /// `acap_reader_get_wait_handle()`.
    ///
    /// Thread: any. Real time: no: may block.
    pub fn acap_context_get_wait_handle(context: *mut acap_context, out: *mut isize)
    -> acap_result;

    /// Lists the capture devices, asked afresh of the host where it can.
    ///
    /// PortAudio can look again only while no stream of the process is open; otherwise the
    /// devices carry `ACAP_DEVICE_STALE`. Returns within 5 s however stuck the host is.
    ///
    /// Thread: any. Real time: no: may block.
    pub fn acap_device_list_create(
        context: *mut acap_context,
        out: *mut *mut acap_device_list,
    ) -> acap_result;

    /// The number of devices in a list.
    ///
    /// Thread: any. Real time: yes: wait-free.
    pub fn acap_device_list_count(list: *const acap_device_list) -> usize;

    /// One device of a list.
    ///
    /// Thread: any. Real time: yes: wait-free.
    pub fn acap_device_list_get(
        list: *const acap_device_list,
        index: usize,
    ) -> *const acap_device_info;

    /// Destroys a list. NULL does nothing.
    ///
    /// Thread: owner only. Real time: no: allocates.
    pub fn acap_device_list_destroy(list: *mut acap_device_list);

    /// Adds a reference.
    ///
    /// Thread: any. Real time: yes: lock-free.
    pub fn acap_buffer_retain(buffer: *const acap_buffer) -> *const acap_buffer;

    /// Gives a reference back; also after the stream, the context and the pool are gone.
    ///
    /// A release too many is refused and counted in `acap_pool_stats.rejected_releases` as long
    /// as the buffer is free. NULL does nothing. Real-time safe but for the last release of a
    /// pool that was given up, which frees memory.
    ///
    /// Thread: any. Real time: yes: lock-free.
    pub fn acap_buffer_release(buffer: *const acap_buffer);

    /// The number of references at this moment, for tests and debugging.
    ///
    /// Thread: any. Real time: yes: wait-free.
    pub fn acap_buffer_reference_count(buffer: *const acap_buffer) -> u32;

    /// The data, to write to, for the only holder.
    ///
    /// Thread: any. Real time: yes: wait-free.
    pub fn acap_buffer_writable_data(buffer: *const acap_buffer) -> *mut c_void;

    /// Measures a buffer's levels on the caller's thread.
    ///
    /// Thread: any. Real time: yes: wait-free.
    pub fn acap_buffer_measure(buffer: *const acap_buffer, levels: *mut acap_levels)
    -> acap_result;

    /// Makes a pool, to share between streams or to use on its own.
    ///
    /// Thread: any. Real time: no: allocates.
    pub fn acap_pool_create(
        config: *const acap_pool_config,
        out: *mut *mut acap_pool,
    ) -> acap_result;

    /// Adds a reference to a pool.
    ///
    /// Thread: any. Real time: yes: wait-free.
    pub fn acap_pool_retain(pool: *mut acap_pool) -> *mut acap_pool;

    /// Gives a reference to a pool back; its memory goes with the last reference and the last
    /// buffer.
    ///
    /// Thread: any. Real time: no: allocates.
    pub fn acap_pool_release(pool: *mut acap_pool);

    /// Takes a free buffer. Never blocks and never allocates.
    ///
    /// The header is zero but for struct_size, data and size_bytes.
    ///
    /// Thread: any. Real time: yes: wait-free.
    pub fn acap_pool_acquire(pool: *mut acap_pool, out: *mut *const acap_buffer) -> acap_result;

    /// A pool's figures.
    ///
    /// Thread: any. Real time: no: may block.
    pub fn acap_pool_get_stats(pool: *const acap_pool, stats: *mut acap_pool_stats) -> acap_result;

    /// Tells whether a device can give what a configuration asks for, without opening a stream.
    ///
    /// Thread: any. Real time: no: may block.
    pub fn acap_device_supports(
        context: *mut acap_context,
        config: *const acap_stream_config,
    ) -> acap_result;

    /// Opens a device. It captures nothing before `acap_stream_start()`.
    ///
    /// A device id that starts with "sim:" or "push:" opens that back end in any context.
    ///
    /// Returns within 5 s however stuck the host is.
    ///
    /// The simulated devices and their options are described in the header.
    ///
    /// Thread: any. Real time: no: may block.
    pub fn acap_stream_open(
        context: *mut acap_context,
        config: *const acap_stream_config,
        out: *mut *mut acap_stream,
    ) -> acap_result;

    /// Starts capturing. Idempotent. After a stop positions go on and the same readers
    /// continue.
    ///
    /// Thread: any. Real time: no: may block.
    pub fn acap_stream_start(stream: *mut acap_stream) -> acap_result;

    /// Stops capturing. Idempotent. What was captured stays borrowable; then borrow returns
    /// `ACAP_END`.
    ///
    /// The data is complete when this returns, whatever the result.
    ///
    /// Thread: any. Real time: no: may block.
    pub fn acap_stream_stop(stream: *mut acap_stream) -> acap_result;

    /// Closes a stream and ends its readers: whoever waits in borrow wakes, drains and gets
    /// `ACAP_END` for ever. Buffers stay valid. Never waits for the host. NULL does nothing.
    ///
    /// Thread: owner only. Real time: no: may block.
    pub fn acap_stream_close(stream: *mut acap_stream);

    /// What was really opened.
    ///
    /// Thread: any. Real time: no: may block.
    pub fn acap_stream_get_info(
        stream: *const acap_stream,
        info: *mut acap_stream_info,
    ) -> acap_result;

    /// A stream's figures.
    ///
    /// Thread: any. Real time: yes: lock-free.
    pub fn acap_stream_get_stats(
        stream: *const acap_stream,
        stats: *mut acap_stream_stats,
    ) -> acap_result;

    /// The pool that a stream fills.
    ///
    /// Thread: any. Real time: yes: wait-free.
    pub fn acap_stream_get_pool(stream: *mut acap_stream) -> *mut acap_pool;

    /// Feeds a "push:" stream: the caller is the device. Same path as a device's callback,
    /// never blocks.
    ///
    /// Thread: one at a time per object. Real time: yes: wait-free.
    pub fn acap_stream_push(
        stream: *mut acap_stream,
        frames: *const c_void,
        frame_count: u32,
        time_ns: i64,
    ) -> acap_result;

    /// Lets a simulated device with `pace=manual` capture, in virtual time.
    ///
    /// The device hands over whole periods; frames that do not fill one wait for the next call.
    ///
    /// Thread: one at a time per object. Real time: no: may block.
    pub fn acap_stream_sim_advance(stream: *mut acap_stream, frame_count: u64) -> acap_result;

    /// Opens a reader, at any time, whether the stream runs or not.
    ///
    /// It gets every buffer that is published from now on; the one that is being filled is
    /// delivered whole. With preroll_ns it first gets the stream's history from so far back.
    /// Grows the stream's own pool so that history, all queues, all hold_buffers and 2 more
    /// fit.
    ///
    /// Thread: any. Real time: no: allocates.
    pub fn acap_reader_open(
        stream: *mut acap_stream,
        config: *const acap_reader_config,
        out: *mut *mut acap_reader,
    ) -> acap_result;

    /// Closes a reader; what is queued goes back to the pool, what was borrowed stays valid.
    /// NULL does nothing.
    ///
    /// Thread: owner only. Real time: no: may block.
    pub fn acap_reader_close(reader: *mut acap_reader);

    /// Borrows the next buffer.
    ///
    /// Sleeps only on an empty queue; asleep, it wakes at wake_buffers, at the end, a stall, an
    /// interrupt or the timeout, and at a stall or the timeout returns a buffer if there is
    /// any.
    ///
    /// Thread: one consumer at a time per reader. Real time: no: may block.
    pub fn acap_reader_borrow(
        reader: *mut acap_reader,
        timeout_ns: i64,
        out: *mut *const acap_buffer,
    ) -> acap_result;

    /// Makes the current or the next borrow return `ACAP_INTERRUPTED`, once.
    ///
    /// Async-signal-safe; keeps errno.
    ///
    /// Thread: any. Real time: yes: wait-free.
    pub fn acap_reader_interrupt(reader: *mut acap_reader) -> acap_result;

    /// Ends a reader: it gets no more buffers, and once drained borrow returns `ACAP_END` for
    /// ever.
    ///
    /// Async-signal-safe; keeps errno.
    ///
    /// Thread: any. Real time: yes: wait-free.
    pub fn acap_reader_end(reader: *mut acap_reader) -> acap_result;

    /// A handle for event loops: a file descriptor to poll for reading; on Windows an event.
    ///
    /// It becomes readable when a borrow would return something and stays so until a borrow
    /// returns `ACAP_TIMED_OUT`; after `ACAP_END` it stays readable. Loop borrow with timeout 0
    /// until `ACAP_TIMED_OUT`, then poll again. Spurious readiness is allowed. Never read,
    /// write or close it; dup is fine.
    ///
    /// Thread: any. Real time: no: may block.
    pub fn acap_reader_get_wait_handle(reader: *mut acap_reader, out: *mut isize) -> acap_result;

    /// A reader's figures.
    ///
    /// Thread: any. Real time: yes: lock-free.
    pub fn acap_reader_get_stats(
        reader: *const acap_reader,
        stats: *mut acap_reader_stats,
    ) -> acap_result;
}
