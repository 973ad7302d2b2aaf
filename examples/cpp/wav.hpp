/* SPDX-License-Identifier: MIT */
/* Owns: WAV files of any acap format; beyond 4 GB they become RF64.
 * Used by: take.hpp, record.cpp, fan_out.cpp.
 * Thread: one at a time. */
#ifndef ACAP_EXAMPLES_WAV_HPP
#define ACAP_EXAMPLES_WAV_HPP

#include <acap/acap.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

/* What a WAV file holds, and the bytes in front of it. */
struct wav_layout {
    std::uint32_t format;
    std::uint32_t sample_rate_hz;
    std::uint32_t channel_count;

    std::uint32_t frame_bytes() const { return acap_format_bytes(format) * channel_count; }

    /* The room of ds64 is there from the beginning: the file may grow beyond 4 GB. */
    std::string header(std::uint64_t frame_count) const
    {
        const std::uint64_t data_bytes = frame_count * frame_bytes();
        std::string chunks = chunk("fmt ", format_chunk());
        if (format == ACAP_FORMAT_F32)
            chunks += chunk("fact", number(std::min<std::uint64_t>(frame_count, UINT32_MAX), 4));
        const std::uint64_t riff_bytes = 4 + 36 + chunks.size() + 8 + data_bytes + data_bytes % 2;
        if (riff_bytes <= UINT32_MAX)
            return "RIFF" + number(riff_bytes, 4) + "WAVE" + chunk("JUNK", std::string(28, '\0')) + chunks + "data" + number(data_bytes, 4);
        const std::string sizes = number(riff_bytes, 8) + number(data_bytes, 8) + number(frame_count, 8) + number(0, 4);
        return "RF64" + number(UINT32_MAX, 4) + "WAVE" + chunk("ds64", sizes) + chunks + "data" + number(UINT32_MAX, 4);
    }

private:
    static std::string number(std::uint64_t value, int size_bytes)
    {
        std::string text;
        for (int i = 0; i < size_bytes; i++)
            text += static_cast<char>(value >> 8 * i & 0xff);
        return text;
    }
    static std::string chunk(const char *name, const std::string &content) { return name + number(content.size(), 4) + content; }

    std::string format_chunk() const
    {
        const bool is_extensible = channel_count > 2;
        const std::uint32_t tag = format == ACAP_FORMAT_F32 ? 3 : 1;
        const std::uint32_t bits = 8 * acap_format_bytes(format);
        const std::string guid_tail("\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71", 14);
        const std::string common = number(is_extensible ? 0xfffe : tag, 2) + number(channel_count, 2) + number(sample_rate_hz, 4)
                                   + number(std::uint64_t{sample_rate_hz} * frame_bytes(), 4) + number(frame_bytes(), 2) + number(bits, 2);
        if (is_extensible)
            return common + number(22, 2) + number(bits, 2) + number(0, 4) + number(tag, 2) + guid_tail;
        return common + (tag == 3 ? number(0, 2) : "");
    }
};

/* A file that is being written. Its header is right after every second of sound, so that a file that is never closed, because the power
   fails, plays but for its last second. Failures are a std::system_error with the file's name. */
class wav_file {
public:
    wav_file(std::string path, const wav_layout &layout)
        : path_(std::move(path)), layout_(layout), next_header_frame_(layout.sample_rate_hz), file_(std::fopen(path_.c_str(), "wb"))
    {
        if (!file_)
            fail();
        put(layout_.header(0));
    }

    std::uint32_t frame_bytes() const { return layout_.frame_bytes(); }
    std::uint64_t frames_written() const { return frames_written_; }

    /* Interleaved frames, straight from where they are. */
    void write(acap::span<const std::byte> octets)
    {
        put(octets.data(), octets.size());
        frames_written_ += octets.size() / frame_bytes();
        if (frames_written_ < next_header_frame_)
            return;
        next_header_frame_ = frames_written_ + layout_.sample_rate_hz;
        update_header();
    }

    void write_silence(std::uint64_t frame_count)
    {
        std::array<std::byte, 16384> block{};
        if (layout_.format == ACAP_FORMAT_U8)
            block.fill(std::byte{0x80});
        const std::uint64_t block_frames = block.size() / frame_bytes();
        while (frame_count > 0) {
            const std::uint64_t count = std::min(frame_count, block_frames);
            write({block.data(), static_cast<std::size_t>(count) * frame_bytes()});
            frame_count -= count;
        }
    }

    /* Completes the file. Without it, it is as whole as its last header. */
    void close()
    {
        if (frames_written_ * frame_bytes() % 2 != 0)
            put(std::string(1, '\0')); /* chunks have an even length */
        update_header();
        if (std::fclose(file_.release()) != 0)
            fail();
    }

private:
    struct closer {
        void operator()(std::FILE *file) const { std::fclose(file); }
    };

    [[noreturn]] void fail() const { throw std::system_error(errno, std::generic_category(), path_); }

    void put(const void *bytes, std::size_t size)
    {
        if (std::fwrite(bytes, 1, size, file_.get()) != size)
            fail();
    }
    void put(const std::string &bytes) { put(bytes.data(), bytes.size()); }

    void update_header()
    {
        if (std::fseek(file_.get(), 0, SEEK_SET) != 0)
            fail();
        put(layout_.header(frames_written_));
        if (std::fseek(file_.get(), 0, SEEK_END) != 0 || std::fflush(file_.get()) != 0)
            fail();
    }

    std::string path_;
    wav_layout layout_;
    std::uint64_t next_header_frame_;
    std::uint64_t frames_written_ = 0;
    std::unique_ptr<std::FILE, closer> file_;
};

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "WAV files are little endian, and this machine is not: its samples would have to be turned around"
#endif

#endif
