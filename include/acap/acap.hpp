/* SPDX-License-Identifier: MIT */
/**
 * @file acap.hpp
 * @brief acap for C++17: handles that close themselves, buffers that share themselves, errors as exceptions.
 *
 * Everything is inline, calls the C API of acap.h and copies no audio. get() gives the C handle, for the C functions that need no other
 * word in C++.
 *
 * @code
 * acap::context context;
 * acap::stream stream(context);
 * acap::reader reader(stream);
 * stream.start();
 * for (const acap::buffer &buffer : reader)   // waits; ends when the stream does
 *     consume(buffer.samples<float>());       // frames * channels, valid as long as any copy of buffer lives
 * @endcode
 *
 * **Life cycle.** A destructor closes once, close() and release() close earlier and do nothing a second time. Handles go in any order, on
 * any thread; a buffer outlives its reader, stream and context. Nothing leaks when an exception leaves a loop.
 *
 * **Errors.** A negative acap_result is thrown as an acap::error, of one type for each result; a call on a closed handle is an
 * invalid_argument_error, a look into an empty buffer a std::logic_error. After fork() the child's calls throw forked_error, and closing
 * does nothing. There is no version for -fno-exceptions: that is acap.h.
 *
 * **Threads.** Members are for the threads that their C functions are for. As with std::shared_ptr, threads may share a buffer by copies of
 * it; an object that is assigned, moved, closed or released must have no other user at that moment.
 */
#ifndef ACAP_HPP
#define ACAP_HPP

#include <acap/acap.h>

#if !defined(__cpp_exceptions) && !defined(__EXCEPTIONS) && !defined(_CPPUNWIND)
#error "acap.hpp reports errors by exceptions; without them use acap.h"
#endif

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>
#if __cplusplus > 201703L || (defined(_MSVC_LANG) && _MSVC_LANG > 201703L)
#include <span>
#endif

namespace acap {

/* ---- Errors ---------------------------------------------------------------------------------- */

/** A negative acap_result; what() is its name and the library's words on it. */
class error : public std::runtime_error {
public:
    /** Takes acap_last_error(): to be made on the thread of the call that failed, before its next one. */
    explicit error(acap_result result) : std::runtime_error(describe(result)), result_(result) {}
    /** ACAP_ERROR_*. */
    acap_result result() const noexcept { return result_; }
    /** The result's name, such as "ACAP_ERROR_NO_DEVICE". */
    const char *name() const noexcept { return acap_result_name(result_); }

private:
    static std::string describe(acap_result result)
    {
        const char *text = acap_last_error();
        return std::string(acap_result_name(result)) + ": " + (text[0] != '\0' ? text : acap_result_text(result));
    }
    acap_result result_;
};

/** The error of one result, to be caught by its type. */
template <acap_result Result> class error_of : public error {
public:
    /** @see error::error */
    error_of() : error(Result) {}
};

using invalid_argument_error = error_of<ACAP_ERROR_INVALID_ARGUMENT>; /**< also: the handle is closed */
using no_memory_error = error_of<ACAP_ERROR_NO_MEMORY>; /**< @see ACAP_ERROR_NO_MEMORY */
using invalid_state_error = error_of<ACAP_ERROR_INVALID_STATE>; /**< @see ACAP_ERROR_INVALID_STATE */
using no_device_error = error_of<ACAP_ERROR_NO_DEVICE>; /**< @see ACAP_ERROR_NO_DEVICE */
using device_busy_error = error_of<ACAP_ERROR_DEVICE_BUSY>; /**< @see ACAP_ERROR_DEVICE_BUSY */
using device_lost_error = error_of<ACAP_ERROR_DEVICE_LOST>; /**< @see ACAP_ERROR_DEVICE_LOST */
using unsupported_format_error = error_of<ACAP_ERROR_UNSUPPORTED_FORMAT>; /**< @see ACAP_ERROR_UNSUPPORTED_FORMAT */
using pool_exhausted_error = error_of<ACAP_ERROR_POOL_EXHAUSTED>; /**< @see ACAP_ERROR_POOL_EXHAUSTED */
using limit_error = error_of<ACAP_ERROR_LIMIT>; /**< @see ACAP_ERROR_LIMIT */
using backend_error = error_of<ACAP_ERROR_BACKEND>; /**< @see ACAP_ERROR_BACKEND */
using abi_mismatch_error = error_of<ACAP_ERROR_ABI_MISMATCH>; /**< @see ACAP_ERROR_ABI_MISMATCH */
using forked_error = error_of<ACAP_ERROR_FORKED>; /**< @see ACAP_ERROR_FORKED */
using host_stuck_error = error_of<ACAP_ERROR_HOST_STUCK>; /**< @see ACAP_ERROR_HOST_STUCK */
using permission_error = error_of<ACAP_ERROR_PERMISSION>; /**< @see ACAP_ERROR_PERMISSION */

namespace detail {

/* The errors are -1, -2, ... without a gap. */
template <acap_result... Index> [[noreturn]] void throw_error(acap_result result, std::integer_sequence<acap_result, Index...>)
{
    ((result == -1 - Index ? throw error_of<-1 - Index>() : static_cast<void>(0)), ...);
    throw error(result); /* younger than this header */
}

} // namespace detail

/** Throws on a negative result; passes ACAP_OK and the positive ones on. For C functions: check(acap_...(stream.get(), ...)). */
inline acap_result check(acap_result result)
{
    if (result < 0)
        detail::throw_error(result, std::make_integer_sequence<acap_result, -ACAP_ERROR_PERMISSION>());
    return result;
}

/* ---- Time ------------------------------------------------------------------------------------ */

/** acap_clock_ns() as a clock of std::chrono: that of every time_ns. */
struct clock {
    using duration = std::chrono::nanoseconds; /**< as in acap.h */
    using rep = duration::rep; /**< 64 bits */
    using period = duration::period; /**< nanoseconds */
    using time_point = std::chrono::time_point<clock>; /**< since an arbitrary moment */
    static constexpr bool is_steady = true; /**< never runs backwards */
    static time_point now() noexcept { return time_point(duration(acap_clock_ns())); } /**< @see acap_clock_ns */
};

/**
 * A timeout as acap.h has it. Rounds up. What is negative or no number is 0, so that a deadline that has passed does not wait; what is
 * longer than 292 years is 292 years.
 */
template <typename Rep, typename Period> constexpr std::int64_t timeout_ns(const std::chrono::duration<Rep, Period> &timeout)
{
    using wide_ns = std::chrono::duration<long double, std::nano>;

    if (!(timeout > timeout.zero()))
        return 0;
    if (std::chrono::duration_cast<wide_ns>(timeout) >= wide_ns(static_cast<long double>(INT64_MAX)))
        return INT64_MAX;
    return std::chrono::ceil<std::chrono::nanoseconds>(timeout).count();
}

/* ---- Views ----------------------------------------------------------------------------------- */

/** A run of values that somebody else owns: what std::span is in C++20, which can be made from it. */
template <typename T> class span {
public:
    using value_type = std::remove_cv_t<T>; /**< without its const */
    using iterator = T *; /**< begin() */

    constexpr span() noexcept = default; /**< empty */
    constexpr span(T *data, std::size_t size) noexcept : data_(data), size_(size) {} /**< size elements */
    /** span<T> is a span<const T>. */
    template <typename Other, typename = std::enable_if_t<std::is_convertible_v<Other (*)[], T (*)[]>>>
    constexpr span(const span<Other> &other) noexcept : data_(other.data()), size_(other.size()) {}

    constexpr T *data() const noexcept { return data_; } /**< the first element */
    constexpr std::size_t size() const noexcept { return size_; } /**< elements */
    constexpr std::size_t size_bytes() const noexcept { return size_ * sizeof(T); } /**< bytes */
    constexpr bool empty() const noexcept { return size_ == 0; } /**< size() == 0 */
    constexpr T &operator[](std::size_t index) const noexcept { return data_[index]; } /**< unchecked */
    constexpr T *begin() const noexcept { return data_; } /**< data() */
    constexpr T *end() const noexcept { return data_ + size_; } /**< past the last element */
    /** At most count elements from offset on, as many as there are. */
    constexpr span subspan(std::size_t offset, std::size_t count = SIZE_MAX) const noexcept
    {
        const std::size_t first = offset < size_ ? offset : size_;
        return span(data_ + first, count < size_ - first ? count : size_ - first);
    }

private:
    T *data_ = nullptr;
    std::size_t size_ = 0;
};

/* ---- What all handles have ------------------------------------------------------------------- */

/** No part of the interface but for what the handles inherit. */
namespace detail {

inline void give_back(acap_context *raw) noexcept { acap_context_destroy(raw); }
inline void give_back(acap_device_list *raw) noexcept { acap_device_list_destroy(raw); }
inline void give_back(acap_stream *raw) noexcept { acap_stream_close(raw); }
inline void give_back(acap_reader *raw) noexcept { acap_reader_close(raw); }
inline void give_back(acap_pool *raw) noexcept { acap_pool_release(raw); }
inline void give_back(const acap_buffer *raw) noexcept { acap_buffer_release(raw); }
inline acap_pool *share(acap_pool *raw) noexcept { return acap_pool_retain(raw); }
inline const acap_buffer *share(const acap_buffer *raw) noexcept { return acap_buffer_retain(raw); }

/* What a C function fills by its last argument. */
template <typename Out, typename Call, typename... Arguments> Out fetch(Out out, Call call, Arguments... arguments)
{
    check(call(arguments..., &out));
    return out;
}

/* Which ACAP_FORMAT_* a C++ type holds. S24 has none and is read as std::byte, which reads every format. */
template <typename T> inline constexpr std::uint32_t format_of = 0;
template <> inline constexpr std::uint32_t format_of<std::int16_t> = ACAP_FORMAT_S16;
template <> inline constexpr std::uint32_t format_of<std::int32_t> = ACAP_FORMAT_S32;
template <> inline constexpr std::uint32_t format_of<float> = ACAP_FORMAT_F32;
template <> inline constexpr std::uint32_t format_of<std::uint8_t> = ACAP_FORMAT_U8;

/** A C handle with one owner, who closes it once; Self is the class that is made of it. */
template <typename Self, typename Raw> class handle {
public:
    /** Takes over what a C function gave. */
    static Self adopt(Raw *raw) noexcept { return Self(owned(), raw); }
    /** The C handle, still owned by this object; null when empty: moved from, closed, released or detached. */
    Raw *get() const noexcept { return raw_; }
    /** Whether there is one. */
    explicit operator bool() const noexcept { return raw_ != nullptr; }
    /** Hands the C handle to the caller, who gives it back by its C function. */
    [[nodiscard]] Raw *detach() noexcept { return std::exchange(raw_, nullptr); }
    /** Closes it now; does nothing where nothing is left to close. */
    void close() noexcept { reset(nullptr); }

protected:
    struct owned {};

    handle() = default;
    handle(owned, Raw *raw) noexcept : raw_(raw) {}
    handle(const handle &) = delete;
    handle(handle &&other) noexcept : raw_(other.detach()) {}
    ~handle() { close(); }
    handle &operator=(const handle &) = delete;
    /* Also to itself: it has let go before the old one would go. */
    handle &operator=(handle &&other) noexcept { return reset(other.detach()); }
    handle &reset(Raw *raw) noexcept
    {
        if (Raw *old = std::exchange(raw_, raw))
            detail::give_back(old);
        return *this;
    }

private:
    Raw *raw_ = nullptr;
};

/** A handle whose copies share one object. */
template <typename Self, typename Raw> class shared_handle : public handle<Self, Raw> {
public:
    /** Gives this reference back now; does nothing where there is none. */
    void release() noexcept { this->reset(nullptr); }

protected:
    using base = handle<Self, Raw>;
    using base::base;
    shared_handle() = default;
    shared_handle(const shared_handle &other) noexcept : base(typename base::owned(), detail::share(other.get())) {}
    shared_handle(shared_handle &&) noexcept = default;
    ~shared_handle() = default;
    /* Also from itself: the new reference is there before the old one goes. */
    shared_handle &operator=(const shared_handle &other) noexcept
    {
        this->reset(detail::share(other.get()));
        return *this;
    }
    shared_handle &operator=(shared_handle &&) noexcept = default;

private:
    using base::close;
};

} // namespace detail

/* ---- Parameters ------------------------------------------------------------------------------ */

/** acap_context_config with the defaults in it. */
struct context_config : acap_context_config {
    context_config() noexcept : acap_context_config ACAP_CONTEXT_CONFIG_INIT {} /**< all defaults */
    /** All defaults but the back end: "portaudio", "sim" or "push". */
    explicit context_config(const char *name) noexcept : context_config() { backend = name; }
};

/** acap_pool_config with the defaults in it; buffer_size_bytes must be set. */
struct pool_config : acap_pool_config {
    pool_config() noexcept : acap_pool_config ACAP_POOL_CONFIG_INIT {} /**< all defaults */
};

/** acap_stream_config with the defaults in it. */
struct stream_config : acap_stream_config {
    stream_config() noexcept : acap_stream_config ACAP_STREAM_CONFIG_INIT {} /**< all defaults */
    /** All defaults but the device: an id or a part of a name. */
    explicit stream_config(const char *name) noexcept : stream_config() { device = name; }
};

/** acap_reader_config with the defaults in it. */
struct reader_config : acap_reader_config {
    reader_config() noexcept : acap_reader_config ACAP_READER_CONFIG_INIT {} /**< all defaults */
};

/* ---- Buffers --------------------------------------------------------------------------------- */

/** What buffer::measure() tells; 1.0 is full scale. */
struct levels {
    std::vector<float> peak; /**< of each channel: largest magnitude */
    std::vector<float> rms; /**< of each channel: root of the mean square */
    std::uint64_t clipped; /**< samples at or beyond full scale */
    std::uint64_t zeros; /**< samples that are digital silence */
};

/**
 * A reference to a captured buffer, or empty. Copies share it; the last one gives it back, on any thread, also after everything else is
 * gone. The figures are those of acap_buffer: buffer->position, buffer->frame_count, ...
 */
class buffer : public detail::shared_handle<buffer, const acap_buffer> {
public:
    using detail::shared_handle<buffer, const acap_buffer>::shared_handle;
    buffer() = default; /**< empty */

    /** The figures. @throws std::logic_error when empty */
    const acap_buffer *operator->() const
    {
        if (!*this)
            throw std::logic_error("acap::buffer: it is empty");
        return get();
    }
    /** The figures. @throws std::logic_error when empty */
    const acap_buffer &operator*() const { return *operator->(); }
    /** When the first frame was captured; at most acap_buffer.time_error_ns wrong. @throws std::logic_error when empty */
    clock::time_point time() const { return clock::time_point(clock::duration((*this)->time_ns)); }

    /** All bytes of data. @throws std::logic_error when empty */
    span<const std::byte> bytes() const { return {static_cast<const std::byte *>((*this)->data), get()->size_bytes}; }

    /**
     * Interleaved samples, frame by frame: frame_count * channel_count of them. T is float, std::int32_t, std::int16_t, std::uint8_t, or
     * std::byte for the bytes of any format.
     * @throws std::logic_error when the buffer is empty, of another format or planar
     */
    template <typename T> span<const T> samples() const
    {
        require<T>((*this)->plane_stride_bytes == 0);
        return {static_cast<const T *>(get()->data), std::size_t{get()->frame_count} * get()->channel_count * units<T>()};
    }

    /**
     * The samples of one channel of a planar buffer; T as for samples().
     * @throws std::logic_error when the buffer is empty, of another format or interleaved, std::out_of_range for the channel
     */
    template <typename T> span<const T> plane(std::uint32_t channel) const
    {
        require<T>((*this)->plane_stride_bytes != 0);
        if (channel >= get()->channel_count)
            throw std::out_of_range("acap::buffer::plane: there is no such channel");
        const void *first = static_cast<const std::byte *>(get()->data) + std::size_t{channel} * get()->plane_stride_bytes;
        return {static_cast<const T *>(first), std::size_t{get()->frame_count} * units<T>()};
    }

    /**
     * All of data, to write to. Its size in T is rounded down.
     * @throws std::logic_error when empty, or when somebody else has a reference, too
     */
    template <typename T = std::byte> span<T> writable()
    {
        static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= 64, "a buffer is plain memory, aligned to 64 bytes");
        const std::size_t size_bytes = (*this)->size_bytes;
        void *data = acap_buffer_writable_data(get());
        if (data == nullptr)
            throw std::logic_error("acap::buffer: only its only holder may write to it");
        return {static_cast<T *>(data), size_bytes / sizeof(T)};
    }

    /** How many references there are at this moment, for tests. */
    std::uint32_t reference_count() const noexcept { return acap_buffer_reference_count(get()); }
    /** Measures each channel. Allocates, which acap_buffer_measure() on get() does not. @throws std::logic_error when empty */
    levels measure() const
    {
        levels result{std::vector<float>((*this)->channel_count), std::vector<float>(get()->channel_count), 0, 0};
        acap_levels raw = ACAP_LEVELS_INIT;
        raw.channel_count = get()->channel_count;
        raw.peak = result.peak.data();
        raw.rms = result.rms.data();
        check(acap_buffer_measure(get(), &raw));
        result.clipped = raw.clipped;
        result.zeros = raw.zeros;
        return result;
    }

private:
    template <typename T> static constexpr bool is_bytes = std::is_same_v<T, std::byte>;

    template <typename T> void require(bool is_arranged_so) const
    {
        static_assert(is_bytes<T> || detail::format_of<T> != 0, "samples are float, int32_t, int16_t, uint8_t or std::byte");
        if ((!is_bytes<T> && get()->format != detail::format_of<T>) || !is_arranged_so)
            throw std::logic_error("acap::buffer: it has another sample format or arrangement");
    }
    /* T in one sample. */
    template <typename T> std::size_t units() const noexcept { return is_bytes<T> ? acap_format_bytes(get()->format) : 1; }
};

/* ---- Pools ----------------------------------------------------------------------------------- */

/** The owner of buffers; copies share it. @see acap_pool */
class pool : public detail::shared_handle<pool, acap_pool> {
public:
    using detail::shared_handle<pool, acap_pool>::shared_handle;
    pool() = default; /**< empty */
    /** @see acap_pool_create */
    explicit pool(const acap_pool_config &config) { reset(detail::fetch<acap_pool *>(nullptr, acap_pool_create, &config)); }
    /** A buffer with the only reference; empty when none is free. @see acap_pool_acquire */
    buffer acquire()
    {
        const acap_buffer *raw = nullptr;
        const acap_result result = acap_pool_acquire(get(), &raw);
        if (result != ACAP_ERROR_POOL_EXHAUSTED)
            check(result);
        return buffer::adopt(raw);
    }
    /** @see acap_pool_get_stats */
    acap_pool_stats stats() const { return detail::fetch(acap_pool_stats ACAP_POOL_STATS_INIT, acap_pool_get_stats, get()); }
};

/* ---- Contexts and devices -------------------------------------------------------------------- */

/** A set of streams and device lists with one default back end. @see acap_context */
class context : public detail::handle<context, acap_context> {
public:
    using detail::handle<context, acap_context>::handle;
    /** The default back end. */
    context() : context(context_config()) {}
    /** backend: "portaudio", "sim" or "push"; null: the default. */
    explicit context(const char *backend) : context(context_config(backend)) {}
    /** @see acap_context_create */
    explicit context(const acap_context_config &config) { reset(detail::fetch<acap_context *>(nullptr, acap_context_create, &config)); }
    /** Whether a device can give this: false where acap_last_error() says what it can. @throws error for other reasons */
    bool supports(const acap_stream_config &config) const
    {
        const acap_result result = acap_device_supports(get(), &config);
        return result != ACAP_ERROR_UNSUPPORTED_FORMAT && check(result) == ACAP_OK;
    }
    /** Waits for the next event; nothing after interrupt(). */
    std::optional<acap_event> next_event() { return next_event_ns(ACAP_WAIT_FOREVER); }
    /** The next event; nothing when none came within timeout_ns(timeout), or after interrupt(). */
    template <typename Rep, typename Period> std::optional<acap_event> next_event(const std::chrono::duration<Rep, Period> &timeout)
    {
        return next_event_ns(timeout_ns(timeout));
    }
    void interrupt() { check(acap_context_interrupt(get())); } /**< @see acap_context_interrupt */
    /** @see acap_context_get_wait_handle */
    std::intptr_t wait_handle() { return detail::fetch(std::intptr_t{-1}, acap_context_get_wait_handle, get()); }

private:
    std::optional<acap_event> next_event_ns(std::int64_t timeout_ns)
    {
        acap_event event = ACAP_EVENT_INIT;
        if (check(acap_context_next_event(get(), timeout_ns, &event)) != ACAP_OK)
            return std::nullopt;
        return event;
    }
};

/** A snapshot of the devices, in a range-for: for (const acap_device_info &device : acap::device_list(context)). */
class device_list : public detail::handle<device_list, acap_device_list> {
public:
    using detail::handle<device_list, acap_device_list>::handle;
    device_list() = default; /**< empty */
    /** @see acap_device_list_create */
    explicit device_list(const context &of) { reset(detail::fetch<acap_device_list *>(nullptr, acap_device_list_create, of.get())); }

    /** Walks the list, which must stay where it is. */
    class iterator {
    public:
        using iterator_category = std::forward_iterator_tag; /**< may be copied and used again */
        using value_type = acap_device_info; /**< by reference only: its strings are the list's */
        using difference_type = std::ptrdiff_t; /**< devices */
        using pointer = const acap_device_info *; /**< valid as long as the list */
        using reference = const acap_device_info &; /**< valid as long as the list */

        iterator() = default; /**< of no list */
        reference operator*() const noexcept { return *acap_device_list_get(list_, index_); } /**< the device */
        pointer operator->() const noexcept { return acap_device_list_get(list_, index_); } /**< the device */
        iterator &operator++() noexcept { return ++index_, *this; } /**< the next device */
        iterator operator++(int) noexcept { return iterator(list_, index_++); } /**< the next device */
        /** The same place in one list. */
        friend bool operator==(const iterator &a, const iterator &b) noexcept { return a.index_ == b.index_ && a.list_ == b.list_; }
        friend bool operator!=(const iterator &a, const iterator &b) noexcept { return !(a == b); } /**< another place */

    private:
        friend class device_list;
        iterator(const acap_device_list *list, std::size_t index) noexcept : list_(list), index_(index) {}
        const acap_device_list *list_ = nullptr;
        std::size_t index_ = 0;
    };
    using const_iterator = iterator; /**< devices do not change */
    using value_type = acap_device_info; /**< a device */

    iterator begin() const noexcept { return {get(), 0}; } /**< the first device */
    iterator end() const noexcept { return {get(), size()}; } /**< past the last one */
    std::size_t size() const noexcept { return acap_device_list_count(get()); } /**< devices; 0 when closed */
    bool empty() const noexcept { return size() == 0; } /**< no device */
    /** One device. @throws std::out_of_range */
    const acap_device_info &operator[](std::size_t index) const
    {
        const acap_device_info *device = acap_device_list_get(get(), index);
        if (device == nullptr)
            throw std::out_of_range("acap::device_list: there is no such device");
        return *device;
    }
};

/* ---- Streams --------------------------------------------------------------------------------- */

/** One opened device. @see acap_stream */
class stream : public detail::handle<stream, acap_stream> {
public:
    using detail::handle<stream, acap_stream>::handle;
    stream() = default; /**< empty */
    /** device: an id or a part of a name; null: the default input. All else is the default. */
    explicit stream(const context &in, const char *device = nullptr) : stream(in, stream_config(device)) {}
    /** @see acap_stream_open */
    stream(const context &in, const acap_stream_config &config)
    {
        reset(detail::fetch<acap_stream *>(nullptr, acap_stream_open, in.get(), &config));
    }
    void start() { check(acap_stream_start(get())); } /**< @see acap_stream_start */
    /** The data is complete afterwards, also when this throws. @see acap_stream_stop */
    void stop() { check(acap_stream_stop(get())); }
    /** "push:" only: interleaved frames; null: frame_count frames were lost. time {}: now. @see acap_stream_push */
    void push(const void *frames, std::uint32_t frame_count, clock::time_point time = {})
    {
        check(acap_stream_push(get(), frames, frame_count, time.time_since_epoch().count()));
    }
    /** "sim:" with pace=manual only. @see acap_stream_sim_advance */
    void sim_advance(std::uint64_t frame_count) { check(acap_stream_sim_advance(get(), frame_count)); }
    /** @see acap_stream_get_info */
    acap_stream_info info() const { return detail::fetch(acap_stream_info ACAP_STREAM_INFO_INIT, acap_stream_get_info, get()); }
    /** @see acap_stream_get_stats */
    acap_stream_stats stats() const { return detail::fetch(acap_stream_stats ACAP_STREAM_STATS_INIT, acap_stream_get_stats, get()); }
    /** The pool that it fills; empty when the stream is. */
    acap::pool pool() const noexcept { return acap::pool::adopt(acap_stream_get_pool(get())); }
};

/* ---- Readers --------------------------------------------------------------------------------- */

/**
 * One consumer of a stream, see acap_reader. One thread at a time borrows; interrupt(), finish() and stats() are for any thread.
 *
 * To end a thread that waits: finish() or interrupt(), join it, then close. In a signal handler use acap_reader_interrupt() or
 * acap_reader_end() on get(), which throw nothing.
 */
class reader : public detail::handle<reader, acap_reader> {
public:
    using detail::handle<reader, acap_reader>::handle;
    reader() = default; /**< empty */
    /** @see acap_reader_open */
    explicit reader(const stream &of, const acap_reader_config &config = reader_config())
    {
        reset(detail::fetch<acap_reader *>(nullptr, acap_reader_open, of.get(), &config));
    }

    /** The next buffer; waits. Empty: last_result() is ACAP_END or ACAP_INTERRUPTED. @throws device_lost_error once drained */
    [[nodiscard]] buffer borrow() { return borrow_ns(ACAP_WAIT_FOREVER); }
    /** The same, or empty with ACAP_TIMED_OUT when none came within acap::timeout_ns(timeout). */
    template <typename Rep, typename Period> [[nodiscard]] buffer borrow(const std::chrono::duration<Rep, Period> &timeout)
    {
        return borrow_ns(timeout_ns(timeout));
    }
    /** The same without waiting. */
    [[nodiscard]] buffer try_borrow() { return borrow_ns(0); }
    /** How the last borrow ended: ACAP_OK, ACAP_TIMED_OUT, ACAP_END, ACAP_INTERRUPTED or its error. For the thread that borrows. */
    acap_result last_result() const noexcept { return last_result_; }

    /** Makes the current or the next borrow end with ACAP_INTERRUPTED, once. @see acap_reader_interrupt */
    void interrupt() { check(acap_reader_interrupt(get())); }
    /** No more buffers; what is queued can still be borrowed. It is acap_reader_end(), as end() is the iterator. */
    void finish() { check(acap_reader_end(get())); }
    /** @see acap_reader_get_wait_handle */
    std::intptr_t wait_handle() { return detail::fetch(std::intptr_t{-1}, acap_reader_get_wait_handle, get()); }
    /** @see acap_reader_get_stats */
    acap_reader_stats stats() const { return detail::fetch(acap_reader_stats ACAP_READER_STATS_INIT, acap_reader_get_stats, get()); }

    /** An input iterator that borrows, waiting. It holds one buffer, and gives it back before it waits for the next one. */
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag; /**< one pass */
        using value_type = buffer; /**< a copy shares */
        using difference_type = std::ptrdiff_t; /**< buffers */
        using pointer = buffer *; /**< valid until the next step */
        using reference = buffer &; /**< may be moved from, to keep the buffer without another reference */

        iterator() = default; /**< the end */
        iterator(const iterator &) = default; /**< shares the buffer */
        iterator &operator=(const iterator &) = default; /**< shares the buffer */
        reference operator*() const noexcept { return current_; } /**< the buffer */
        pointer operator->() const noexcept { return &current_; } /**< the buffer */
        /** Borrows the next one. @see reader::borrow */
        iterator &operator++()
        {
            reader *from = std::exchange(from_, nullptr);
            current_.release();
            current_ = from->borrow();
            from_ = current_ ? from : nullptr;
            return *this;
        }
        /** Borrows the next one, and still shows this one. */
        iterator operator++(int)
        {
            iterator before = *this;
            ++*this;
            return before;
        }
        /** At the end, or at none. */
        friend bool operator==(const iterator &a, const iterator &b) noexcept { return a.from_ == b.from_; }
        friend bool operator!=(const iterator &a, const iterator &b) noexcept { return a.from_ != b.from_; } /**< one is at the end */

    private:
        friend class reader;
        explicit iterator(reader *from) : from_(from) { ++*this; }
        reader *from_ = nullptr;
        mutable buffer current_{}; /* as with a pointer, what is pointed at is not the iterator's own value */
    };

    /**
     * Borrows until there is no more: the loop ends at ACAP_END and at ACAP_INTERRUPTED (last_result() tells), and an error, such as
     * device_lost_error, leaves it. A second loop goes on where the first one stopped. The reader must stay where it is meanwhile.
     */
    iterator begin() { return iterator(this); }
    /** @see begin */
    iterator end() noexcept { return {}; }

private:
    buffer borrow_ns(std::int64_t timeout_ns)
    {
        const acap_buffer *raw = nullptr;
        last_result_ = acap_reader_borrow(get(), timeout_ns, &raw);
        check(last_result_);
        return buffer::adopt(raw);
    }
    acap_result last_result_ = ACAP_OK;
};

} // namespace acap

#if defined(__cpp_lib_span)
/** An iterator into an acap::span outlives it, as with std::span. */
template <typename T> inline constexpr bool std::ranges::enable_borrowed_range<acap::span<T>> = true;
#endif

#endif
