/* SPDX-License-Identifier: MIT */
/* Owns: what the tests share: devices in virtual time, the counter's formula, the account of a reader.
 * Used by: every test_*.cpp. */
#ifndef ACAP_TESTS_CPP_SUPPORT_HPP
#define ACAP_TESTS_CPP_SUPPORT_HPP

#include <acap/acap.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <type_traits>
#include <vector>

/* A counting device that captures only when told to: 480 frames of 48 kHz stereo a callback. */
inline constexpr const char *counter_device = "sim:counter?pace=manual&period=480";
inline constexpr std::uint32_t frames = 480; /* in a buffer of 10 ms */

/* The counter's sample by the formula in acap.h. */
template <typename T> T counter_sample(std::uint64_t position, std::uint32_t channel)
{
    const auto x = static_cast<std::uint32_t>(position);
    if constexpr (std::is_same_v<T, float>) {
        const auto value = static_cast<std::int32_t>((x + channel * 0x010101u) & 0xffffffu);
        return static_cast<float>(value - (1 << 23)) / static_cast<float>(1 << 23);
    } else if constexpr (std::is_same_v<T, std::int32_t>) {
        return static_cast<std::int32_t>(x << 8 | channel);
    } else if constexpr (std::is_same_v<T, std::int16_t>) {
        return static_cast<std::int16_t>(static_cast<std::uint16_t>(x + channel * 0x1111u));
    } else {
        return static_cast<std::uint8_t>(x + channel * 17u);
    }
}

/* Whether a buffer of sim:counter holds the frames that its position says. */
bool counts(const acap::buffer &buffer);

inline void expect_reader_law(const acap_reader_stats &stats)
{
    EXPECT_EQ(stats.start_position + stats.frames_delivered + stats.frames_lost + stats.frames_queued, stats.end_position);
    EXPECT_EQ(stats.frames_lost, stats.lost_stream + stats.lost_queue);
}

inline void expect_stream_law(const acap_stream_stats &stats)
{
    EXPECT_EQ(stats.position, stats.frames_captured + stats.frames_lost);
    EXPECT_EQ(stats.frames_lost, stats.lost_pool + stats.lost_host);
}

inline void expect_pool_law(const acap_pool_stats &stats)
{
    EXPECT_EQ(stats.acquired, stats.released + stats.in_use);
    EXPECT_EQ(stats.free_buffers, stats.capacity - stats.in_use);
    EXPECT_EQ(stats.rejected_releases, 0u);
}

/* Adds up what a consumer got, to compare with what the reader says. */
class account {
public:
    explicit account(const acap::reader &reader) : reader_(reader), next_(reader.stats().start_position) {}

    void add(const acap::buffer &buffer)
    {
        EXPECT_GE(buffer->position, next_) << "frames came twice or out of order";
        gaps_ += buffer->position - next_;
        frames_ += buffer->frame_count;
        next_ = buffer->position + buffer->frame_count;
    }

    std::uint64_t frame_count() const { return frames_; }

    /* Once the queue is empty. The law holds in every snapshot; that it speaks of what was really delivered is what add() has seen. */
    void expect_closed(const acap::stream &stream) const
    {
        const acap_reader_stats stats = reader_.stats();
        expect_reader_law(stats);
        EXPECT_EQ(stats.frames_queued, 0u);
        EXPECT_EQ(stats.frames_delivered, frames_);
        EXPECT_EQ(stats.frames_lost, gaps_ + stats.end_position - next_);
        expect_stream_law(stream.stats());
        expect_pool_law(stream.pool().stats());
    }

private:
    const acap::reader &reader_;
    std::uint64_t next_;
    std::uint64_t frames_ = 0;
    std::uint64_t gaps_ = 0;
};

/* Borrows and gives back all that is queued; the positions in buffers. */
inline std::vector<std::uint64_t> drain(acap::reader &reader, account &seen)
{
    std::vector<std::uint64_t> positions;
    while (const acap::buffer buffer = reader.try_borrow()) {
        seen.add(buffer);
        EXPECT_TRUE(counts(buffer));
        positions.push_back(buffer->position / frames);
    }
    return positions;
}

/* A context and a counting stream that runs. */
class counting : public ::testing::Test {
protected:
    acap::context context{"sim"};
    acap::stream stream{context, counter_device};
    acap::pool pool = stream.pool();

    void SetUp() override { stream.start(); }
    void advance(std::uint64_t buffer_count) { stream.sim_advance(buffer_count * frames); }
};

#endif
