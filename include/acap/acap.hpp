/* SPDX-License-Identifier: MIT */
/**
 * @file acap.hpp
 * @brief acap for C++17: move-only handles that close themselves, buffers that share themselves, errors as exceptions.
 *
 * Everything here is inline and calls the C API of acap.h; nothing is copied. A handle converts to the C one by get(), so that any C
 * function can be called where this header has no shorter word for it.
 *
 * @code
 * acap::context context;
 * acap::stream stream(context);
 * acap::reader reader(stream);
 * stream.start();
 * for (acap::buffer buffer : reader)          // until the stream ends
 *     consume(buffer.samples<float>());       // frames * channels, yours as long as a copy of buffer lives
 * @endcode
 */
#ifndef ACAP_HPP
#define ACAP_HPP

#include <acap/acap.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace acap {

/** A negative acap_result, with the library's words on it. */
class error : public std::runtime_error {
public:
    explicit error(acap_result result) : std::runtime_error(describe(result)), result_(result) {}
    /** ACAP_ERROR_*. */
    acap_result result() const noexcept { return result_; }

private:
    static std::string describe(acap_result result)
    {
        const char *text = acap_last_error();
        return std::string(acap_result_name(result)) + ": " + (text[0] != '\0' ? text : acap_result_text(result));
    }
    acap_result result_;
};

/** Throws on a negative result; passes ACAP_OK and the positive ones on. */
inline acap_result check(acap_result result)
{
    if (result < 0)
        throw error(result);
    return result;
}

/** A run of values that somebody else owns: std::span for C++17. */
template <typename T> class span {
public:
    using value_type = T;
    using iterator = const T *;
    span() = default;
    span(const T *data, std::size_t size) noexcept : data_(data), size_(size) {}
    const T *data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    const T &operator[](std::size_t index) const noexcept { return data_[index]; }
    iterator begin() const noexcept { return data_; }
    iterator end() const noexcept { return data_ + size_; }

private:
    const T *data_ = nullptr;
    std::size_t size_ = 0;
};

namespace detail {

/** Which ACAP_FORMAT_* a C++ type holds; S24 has none and is read as bytes. */
template <typename T> struct format_of;
template <> struct format_of<std::int16_t> { static constexpr std::uint32_t value = ACAP_FORMAT_S16; };
template <> struct format_of<std::int32_t> { static constexpr std::uint32_t value = ACAP_FORMAT_S32; };
template <> struct format_of<float> { static constexpr std::uint32_t value = ACAP_FORMAT_F32; };
template <> struct format_of<std::uint8_t> { static constexpr std::uint32_t value = ACAP_FORMAT_U8; };

/** A handle of the C API that closes itself once. */
template <typename Handle, void(ACAP_CALL *Close)(Handle *)> class owner {
public:
    owner() = default;
    explicit owner(Handle *handle) noexcept : handle_(handle) {}
    owner(owner &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    owner &operator=(owner &&other) noexcept
    {
        if (this != &other)
            reset(std::exchange(other.handle_, nullptr));
        return *this;
    }
    owner(const owner &) = delete;
    owner &operator=(const owner &) = delete;
    ~owner() { Close(handle_); }

    /** The C handle, still owned by this object; null after a move or close. */
    Handle *get() const noexcept { return handle_; }
    explicit operator bool() const noexcept { return handle_ != nullptr; }
    /** Closes it now. */
    void close() noexcept { reset(nullptr); }

protected:
    void reset(Handle *handle) noexcept { Close(std::exchange(handle_, handle)); }

private:
    Handle *handle_ = nullptr;
};

} // namespace detail

/** A reference to a captured buffer. Copies share it; the last one gives it back, on any thread, also after everything else is gone. */
class buffer {
public:
    buffer() = default;
    /** Takes over a reference that a C function gave. */
    static buffer adopt(const acap_buffer *raw) noexcept { return buffer(raw); }
    buffer(const buffer &other) noexcept : raw_(acap_buffer_retain(other.raw_)) {}
    buffer(buffer &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
    buffer &operator=(buffer other) noexcept
    {
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~buffer() { acap_buffer_release(raw_); }

    explicit operator bool() const noexcept { return raw_ != nullptr; }
    /** The C struct with every figure; null when empty. */
    const acap_buffer *get() const noexcept { return raw_; }
    const acap_buffer *operator->() const noexcept { return raw_; }
    /** Gives the reference back now; the object is empty afterwards. */
    void release() noexcept { acap_buffer_release(std::exchange(raw_, nullptr)); }
    /** Gives the reference to the caller, who releases it by acap_buffer_release(). */
    const acap_buffer *detach() noexcept { return std::exchange(raw_, nullptr); }

    /** All bytes of data. */
    span<std::byte> bytes() const noexcept { return {static_cast<const std::byte *>(raw_->data), raw_->size_bytes}; }

    /** Interleaved samples, frame_count * channel_count. @throws std::logic_error when the format is another or planar. */
    template <typename T> span<T> samples() const
    {
        require(detail::format_of<T>::value, raw_->plane_stride_bytes == 0);
        return {static_cast<const T *>(raw_->data), std::size_t{raw_->frame_count} * raw_->channel_count};
    }

    /** One channel of a planar buffer. @throws std::logic_error when the format is another or interleaved, std::out_of_range. */
    template <typename T> span<T> plane(std::uint32_t channel) const
    {
        require(detail::format_of<T>::value, raw_->plane_stride_bytes != 0);
        if (channel >= raw_->channel_count)
            throw std::out_of_range("acap::buffer::plane: no such channel");
        const auto *first = static_cast<const std::byte *>(raw_->data) + std::size_t{channel} * raw_->plane_stride_bytes;
        return {reinterpret_cast<const T *>(first), raw_->frame_count};
    }

    /** Peak and root mean square of each channel; 1.0 is full scale. */
    struct levels {
        std::vector<float> peak;
        std::vector<float> rms;
        std::uint64_t clipped = 0;
        std::uint64_t zeros = 0;
    };
    levels measure() const
    {
        levels result;
        result.peak.resize(raw_->channel_count);
        result.rms.resize(raw_->channel_count);
        acap_levels raw = ACAP_LEVELS_INIT;
        raw.channel_count = raw_->channel_count;
        raw.peak = result.peak.data();
        raw.rms = result.rms.data();
        check(acap_buffer_measure(raw_, &raw));
        result.clipped = raw.clipped;
        result.zeros = raw.zeros;
        return result;
    }

private:
    explicit buffer(const acap_buffer *raw) noexcept : raw_(raw) {}
    void require(std::uint32_t format, bool is_arranged_so) const
    {
        if (raw_->format != format || !is_arranged_so)
            throw std::logic_error("acap::buffer: the buffer has another sample format or arrangement");
    }
    const acap_buffer *raw_ = nullptr;
};

/** @see acap_context. */
class context : public detail::owner<acap_context, acap_context_destroy> {
public:
    /** backend: "portaudio", "sim", "push"; null: the default. */
    explicit context(const char *backend = nullptr)
    {
        acap_context_config config = ACAP_CONTEXT_CONFIG_INIT;
        config.backend = backend;
        acap_context *raw = nullptr;
        check(acap_context_create(&config, &raw));
        reset(raw);
    }
    /** The next event, or nothing within the timeout or after interrupt(). */
    std::optional<acap_event> next_event(std::chrono::nanoseconds timeout)
    {
        acap_event event = ACAP_EVENT_INIT;
        return check(acap_context_next_event(get(), timeout.count(), &event)) == ACAP_OK ? std::optional<acap_event>(event) : std::nullopt;
    }
    void interrupt() { check(acap_context_interrupt(get())); }
};

/** @see acap_device_list. Iterates over const acap_device_info &. */
class device_list : public detail::owner<acap_device_list, acap_device_list_destroy> {
public:
    explicit device_list(const context &of)
    {
        acap_device_list *raw = nullptr;
        check(acap_device_list_create(of.get(), &raw));
        reset(raw);
    }
    std::size_t size() const noexcept { return acap_device_list_count(get()); }
    const acap_device_info &operator[](std::size_t index) const noexcept { return *acap_device_list_get(get(), index); }

    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = acap_device_info;
        using difference_type = std::ptrdiff_t;
        using pointer = const acap_device_info *;
        using reference = const acap_device_info &;
        iterator(const device_list *list, std::size_t index) noexcept : list_(list), index_(index) {}
        reference operator*() const noexcept { return (*list_)[index_]; }
        pointer operator->() const noexcept { return &(*list_)[index_]; }
        iterator &operator++() noexcept
        {
            ++index_;
            return *this;
        }
        bool operator==(const iterator &other) const noexcept { return index_ == other.index_; }
        bool operator!=(const iterator &other) const noexcept { return index_ != other.index_; }

    private:
        const device_list *list_;
        std::size_t index_;
    };
    iterator begin() const noexcept { return {this, 0}; }
    iterator end() const noexcept { return {this, size()}; }
};

/** @see acap_pool. Copies share it. */
class pool {
public:
    explicit pool(const acap_pool_config &config) { check(acap_pool_create(&config, &raw_)); }
    /** Takes over a reference that a C function gave. */
    static pool adopt(acap_pool *raw) noexcept { return pool(raw); }
    pool(const pool &other) noexcept : raw_(acap_pool_retain(other.raw_)) {}
    pool(pool &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
    pool &operator=(pool other) noexcept
    {
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~pool() { acap_pool_release(raw_); }
    acap_pool *get() const noexcept { return raw_; }
    /** Empty when none is free. */
    buffer acquire()
    {
        const acap_buffer *raw = nullptr;
        const acap_result result = acap_pool_acquire(raw_, &raw);
        if (result != ACAP_ERROR_POOL_EXHAUSTED)
            check(result);
        return buffer::adopt(raw);
    }
    acap_pool_stats stats() const
    {
        acap_pool_stats stats = ACAP_POOL_STATS_INIT;
        check(acap_pool_get_stats(raw_, &stats));
        return stats;
    }

private:
    explicit pool(acap_pool *raw) noexcept : raw_(raw) {}
    acap_pool *raw_ = nullptr;
};

/** @see acap_stream. */
class stream : public detail::owner<acap_stream, acap_stream_close> {
public:
    /** Opens the default device. */
    explicit stream(const context &in) { open(in, nullptr); }
    stream(const context &in, const acap_stream_config &config) { open(in, &config); }

    void start() { check(acap_stream_start(get())); }
    void stop() { check(acap_stream_stop(get())); }
    /** "push:" only: interleaved frames; null: frame_count frames were lost. */
    void push(const void *frames, std::uint32_t frame_count, std::int64_t time_ns = 0)
    {
        check(acap_stream_push(get(), frames, frame_count, time_ns));
    }
    /** "sim:" with pace=manual only. */
    void sim_advance(std::uint64_t frame_count) { check(acap_stream_sim_advance(get(), frame_count)); }
    acap_stream_info info() const
    {
        acap_stream_info info = ACAP_STREAM_INFO_INIT;
        check(acap_stream_get_info(get(), &info));
        return info;
    }
    acap_stream_stats stats() const
    {
        acap_stream_stats stats = ACAP_STREAM_STATS_INIT;
        check(acap_stream_get_stats(get(), &stats));
        return stats;
    }
    class pool buffers() const { return pool::adopt(acap_stream_get_pool(get())); }

private:
    void open(const context &in, const acap_stream_config *config)
    {
        acap_stream *raw = nullptr;
        check(acap_stream_open(in.get(), config, &raw));
        reset(raw);
    }
};

/** @see acap_reader. Iterating borrows until the end. */
class reader : public detail::owner<acap_reader, acap_reader_close> {
public:
    explicit reader(const stream &of) { open(of, nullptr); }
    reader(const stream &of, const acap_reader_config &config) { open(of, &config); }

    /** How the last borrow() ended: ACAP_OK, ACAP_TIMED_OUT, ACAP_END or ACAP_INTERRUPTED. */
    acap_result last_result() const noexcept { return last_result_; }
    /** The next buffer; empty: last_result() says why. Waits for ever by default. */
    buffer borrow()
    {
        return borrow_ns(ACAP_WAIT_FOREVER);
    }
    buffer borrow(std::chrono::nanoseconds timeout)
    {
        return borrow_ns(timeout.count());
    }
    void interrupt() { check(acap_reader_interrupt(get())); }
    void finish() { check(acap_reader_end(get())); }
    std::intptr_t wait_handle()
    {
        std::intptr_t handle = -1;
        check(acap_reader_get_wait_handle(get(), &handle));
        return handle;
    }
    acap_reader_stats stats() const
    {
        acap_reader_stats stats = ACAP_READER_STATS_INIT;
        check(acap_reader_get_stats(get(), &stats));
        return stats;
    }

    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = buffer;
        using difference_type = std::ptrdiff_t;
        using pointer = const buffer *;
        using reference = const buffer &;
        iterator() = default;
        explicit iterator(reader *from) : from_(from) { ++*this; }
        reference operator*() const noexcept { return current_; }
        pointer operator->() const noexcept { return &current_; }
        iterator &operator++()
        {
            current_ = from_->borrow();
            if (!current_)
                from_ = nullptr;
            return *this;
        }
        bool operator==(const iterator &other) const noexcept { return from_ == other.from_; }
        bool operator!=(const iterator &other) const noexcept { return from_ != other.from_; }

    private:
        reader *from_ = nullptr;
        buffer current_;
    };
    /** Borrows, waiting for ever; the loop ends at the stream's end or at interrupt(). */
    iterator begin() { return iterator(this); }
    iterator end() noexcept { return {}; }

private:
    void open(const stream &of, const acap_reader_config *config)
    {
        acap_reader *raw = nullptr;
        check(acap_reader_open(of.get(), config, &raw));
        reset(raw);
    }
    buffer borrow_ns(std::int64_t timeout_ns)
    {
        const acap_buffer *raw = nullptr;
        last_result_ = check(acap_reader_borrow(get(), timeout_ns, &raw));
        return buffer::adopt(raw);
    }
    acap_result last_result_ = ACAP_OK;
};

} // namespace acap

#endif
