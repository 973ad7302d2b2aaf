/* SPDX-License-Identifier: MIT */
/* Owns: the way from a reader's buffers to a file that keeps time: lost frames become silence, the length is exact to the frame.
 * Used by: record.cpp, fan_out.cpp.
 * Thread: the one that borrows. */
#ifndef ACAP_EXAMPLES_TAKE_HPP
#define ACAP_EXAMPLES_TAKE_HPP

#include "wav.hpp"

#include <acap/acap.hpp>

#include <algorithm>
#include <cstdint>

/* One recording: frames_captured() + frames_silent() == out.frames_written(). */
class take {
public:
    static constexpr std::uint64_t no_limit = UINT64_MAX;

    take(wav_file &out, std::uint64_t start_position, std::uint64_t frame_limit)
        : out_(out), next_position_(start_position), frame_limit_(frame_limit) {}

    bool is_full() const { return out_.frames_written() >= frame_limit_; }
    std::uint64_t frames_captured() const { return frames_captured_; }
    std::uint64_t frames_silent() const { return frames_silent_; }

    /* Writes a buffer, and before it the silence for what was lost since the one before. */
    void add(const acap::buffer &buffer)
    {
        skip_to(buffer->position);
        const std::uint64_t count = clip_to_room(buffer->frame_count);
        out_.write(buffer.samples<std::byte>().subspan(0, static_cast<std::size_t>(count) * out_.frame_bytes()));
        frames_captured_ += count;
        next_position_ = buffer->position + buffer->frame_count;
    }

    /* Positions never step back: what is between was lost, by whatever cause. */
    void skip_to(std::uint64_t position)
    {
        const std::uint64_t count = clip_to_room(position - next_position_);
        out_.write_silence(count);
        frames_silent_ += count;
        next_position_ = position;
    }

private:
    std::uint64_t clip_to_room(std::uint64_t frame_count) const
    {
        return std::min(frame_count, frame_limit_ - std::min(frame_limit_, out_.frames_written()));
    }

    wav_file &out_;
    std::uint64_t next_position_;
    std::uint64_t frame_limit_;
    std::uint64_t frames_captured_ = 0;
    std::uint64_t frames_silent_ = 0;
};

#endif
