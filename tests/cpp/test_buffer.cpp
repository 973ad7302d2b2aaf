/* SPDX-License-Identifier: MIT */
/* Owns: buffers: what they show, who shares them, how they go back. */
#include "support.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <tuple>
#include <utility>
#if __cplusplus > 201703L
#include <ranges>
#include <span>
#endif

namespace {

/* ---- What they show -------------------------------------------------------------------------- */

class shapes : public ::testing::TestWithParam<std::tuple<int, std::uint32_t, bool>> {};

TEST_P(shapes, views_look_at_the_very_memory)
{
    const auto [format, channel_count, is_planar] = GetParam();
    acap::context context("sim");
    acap::stream_config config(counter_device);
    config.format = static_cast<std::uint32_t>(format);
    config.channel_count = channel_count;
    config.flags = is_planar ? ACAP_STREAM_PLANAR : 0;
    acap::stream stream(context, config);
    acap::reader reader(stream);
    account seen(reader);
    stream.start();
    stream.sim_advance(3 * frames);
    stream.stop();
    const std::size_t sample_bytes = acap_format_bytes(config.format);
    for (const acap::buffer &buffer : reader) {
        seen.add(buffer);
        EXPECT_TRUE(counts(buffer));
        EXPECT_EQ(buffer.bytes().data(), buffer->data);
        EXPECT_EQ(buffer.bytes().size(), buffer->size_bytes);
        if (is_planar) {
            for (std::uint32_t c = 0; c < channel_count; c++) {
                EXPECT_EQ(buffer.plane<std::byte>(c).data(), buffer.bytes().data() + std::size_t{c} * buffer->plane_stride_bytes);
                EXPECT_EQ(buffer.plane<std::byte>(c).size(), frames * sample_bytes);
            }
            EXPECT_THROW((void)buffer.plane<std::byte>(channel_count), std::out_of_range);
            EXPECT_THROW((void)buffer.samples<std::byte>(), std::logic_error);
        } else {
            EXPECT_EQ(buffer.samples<std::byte>().size(), frames * channel_count * sample_bytes);
            EXPECT_EQ(buffer.samples<std::byte>().data(), buffer->data);
            EXPECT_THROW((void)buffer.plane<std::byte>(0), std::logic_error);
        }
    }
    EXPECT_EQ(seen.frame_count(), 3 * frames);
    seen.expect_closed(stream);
}

INSTANTIATE_TEST_SUITE_P(all, shapes,
                         ::testing::Combine(::testing::Values(ACAP_FORMAT_S16, ACAP_FORMAT_S24, ACAP_FORMAT_S32, ACAP_FORMAT_F32,
                                                              ACAP_FORMAT_U8),
                                            ::testing::Values(1u, 2u, 7u), ::testing::Bool()));

TEST_F(counting, a_buffers_figures)
{
    acap::reader reader(stream);
    advance(2);
    const acap::buffer one = reader.borrow();
    const acap::buffer two = reader.borrow();
    EXPECT_EQ(one->position, 0u);
    EXPECT_EQ((*two).position, frames);
    EXPECT_EQ(two.time() - one.time(), std::chrono::milliseconds(10));
    EXPECT_EQ(one.time().time_since_epoch().count(), one->time_ns);
    EXPECT_EQ(one->sample_rate_hz, 48'000u);
    EXPECT_EQ(one.get(), &*one);
    EXPECT_EQ(one.samples<float>().size(), 2 * frames);
    EXPECT_EQ(one.samples<float>()[2], counter_sample<float>(1, 0));
}

TEST_F(counting, another_type_is_an_error)
{
    acap::reader reader(stream);
    advance(1);
    const acap::buffer buffer = reader.borrow();
    EXPECT_THROW((void)buffer.samples<std::int16_t>(), std::logic_error);
    EXPECT_THROW((void)buffer.samples<std::int32_t>(), std::logic_error);
    EXPECT_THROW((void)buffer.samples<std::uint8_t>(), std::logic_error);
    EXPECT_THROW((void)buffer.plane<float>(0), std::logic_error);
}

TEST_F(counting, levels)
{
    acap::reader reader(stream);
    advance(1);
    const acap::buffer buffer = reader.borrow();
    const acap::levels levels = buffer.measure();
    ASSERT_EQ(levels.peak.size(), 2u);
    ASSERT_EQ(levels.rms.size(), 2u);
    const acap::span<const float> samples = buffer.samples<float>();
    double squares = 0;
    for (std::size_t i = 1; i < samples.size(); i += 2)
        squares += double{samples[i]} * double{samples[i]};
    EXPECT_FLOAT_EQ(levels.peak[0], 1.0f);
    EXPECT_NEAR(levels.rms[1], std::sqrt(squares / frames), 1e-6);
    EXPECT_EQ(levels.clipped, 1u) << "the counter begins at -1.0";
    EXPECT_EQ(levels.zeros, 0u);
}

TEST_F(counting, standard_algorithms)
{
    acap::reader reader(stream);
    advance(1);
    const acap::buffer buffer = reader.borrow();
    const acap::span<const float> samples = buffer.samples<float>();
    const auto [least, most] = std::minmax_element(samples.begin(), samples.end());
    EXPECT_EQ(*least, -1.0f);
    EXPECT_EQ(*most, counter_sample<float>(frames - 1, 1));
#if __cplusplus > 201703L
    const std::span<const float> standard = buffer.samples<float>();
    EXPECT_EQ(standard.data(), samples.data());
    EXPECT_EQ(standard.size(), samples.size());
    EXPECT_EQ(std::ranges::min_element(buffer.samples<float>()), samples.begin());
    const std::span<const std::byte> octets = buffer.bytes();
    EXPECT_EQ(octets.size(), 3840u);
#endif
}

TEST_F(counting, an_empty_buffer_is_an_error)
{
    acap::reader reader(stream);
    advance(1);
    acap::buffer buffer = reader.borrow();
    buffer.release();
    buffer.release(); /* nothing is left to give back */
    EXPECT_EQ(pool.stats().rejected_releases, 0u);
    const acap::buffer never;
    for (const acap::buffer *empty : {&std::as_const(buffer), &never}) {
        EXPECT_FALSE(*empty);
        EXPECT_EQ(empty->get(), nullptr);
        EXPECT_EQ(empty->reference_count(), 0u);
        EXPECT_THROW((void)(*empty)->position, std::logic_error);
        EXPECT_THROW((void)(**empty).position, std::logic_error);
        EXPECT_THROW((void)empty->time(), std::logic_error);
        EXPECT_THROW((void)empty->bytes(), std::logic_error);
        EXPECT_THROW((void)empty->samples<float>(), std::logic_error);
        EXPECT_THROW((void)empty->plane<float>(0), std::logic_error);
        EXPECT_THROW((void)empty->measure(), std::logic_error);
    }
    EXPECT_THROW((void)buffer.writable(), std::logic_error);
}

/* ---- Who shares them ------------------------------------------------------------------------- */

TEST_F(counting, copies_share_and_the_last_one_gives_back)
{
    acap::reader reader(stream);
    advance(2);
    acap::buffer one = reader.borrow();
    acap::buffer two = reader.borrow();
    const acap_buffer *first = one.get();
    acap::buffer copy = one;
    EXPECT_EQ(copy.get(), first);
    EXPECT_EQ(one.reference_count(), 2u);
    acap::buffer &alias = copy;
    copy = alias;
    EXPECT_EQ(copy.reference_count(), 2u) << "assigned to itself";
    copy = std::move(alias);
    EXPECT_EQ(copy.get(), first) << "moved to itself";
    EXPECT_EQ(copy.reference_count(), 2u);
    one = two; /* gives its own back */
    EXPECT_EQ(copy.reference_count(), 1u);
    EXPECT_EQ(two.reference_count(), 2u);
    std::swap(copy, two);
    EXPECT_EQ(two.get(), first);
    two = std::move(copy);
    EXPECT_FALSE(copy); // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(pool.stats().in_use, 1u);
    EXPECT_EQ(one.get(), two.get());
    one.release();
    two = acap::buffer();
    EXPECT_EQ(pool.stats().in_use, 0u);
    expect_pool_law(pool.stats());
}

TEST_F(counting, a_buffer_passes_to_c_and_back)
{
    acap::reader reader(stream);
    advance(1);
    acap::buffer buffer = reader.borrow();
    const acap_buffer *raw = buffer.detach();
    EXPECT_FALSE(buffer);
    EXPECT_EQ(acap_buffer_reference_count(raw), 1u);
    buffer = acap::buffer::adopt(raw);
    EXPECT_TRUE(counts(buffer));
    buffer.release();
    EXPECT_EQ(pool.stats().in_use, 0u);
}

TEST_F(counting, containers_of_buffers)
{
    acap::reader_config config;
    config.queue_buffers = 64;
    acap::reader reader(stream, config);
    account seen(reader);
    advance(40);
    stream.stop();
    std::vector<acap::buffer> held;
    for (acap::buffer &buffer : reader) {
        seen.add(buffer);
        held.push_back(std::move(buffer)); /* no further reference */
    }
    ASSERT_EQ(held.size(), 40u);
    for (const acap::buffer &buffer : held)
        EXPECT_EQ(buffer.reference_count(), 1u);
    std::vector<acap::buffer> copies(held);
    std::reverse(held.begin(), held.end());
    held.erase(held.begin() + 10, held.end());
    EXPECT_EQ(pool.stats().in_use, 40u);
    copies.erase(copies.begin(), copies.begin() + 20);
    EXPECT_EQ(pool.stats().in_use, 20u);
    copies.clear();
    EXPECT_EQ(pool.stats().in_use, 10u);
    EXPECT_TRUE(std::all_of(held.begin(), held.end(), counts));
    held.clear();
    EXPECT_EQ(pool.stats().in_use, 0u);
    seen.expect_closed(stream);
}

TEST_F(counting, shared_pointers_of_samples)
{
    acap::reader reader(stream);
    advance(1);
    std::shared_ptr<const float> samples;
    {
        const auto holder = std::make_shared<acap::buffer>(reader.borrow());
        samples = std::shared_ptr<const float>(holder, holder->samples<float>().data());
    }
    EXPECT_EQ(pool.stats().in_use, 1u);
    EXPECT_EQ(*samples, -1.0f);
    samples.reset();
    EXPECT_EQ(pool.stats().in_use, 0u);
}

/* ---- Threads --------------------------------------------------------------------------------- */

/* Hands buffers to one thread; an empty one is the end. */
class channel {
public:
    void put(acap::buffer buffer)
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        queue_.push_back(std::move(buffer));
        changed_.notify_one();
    }
    acap::buffer take()
    {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [this] { return !queue_.empty(); });
        acap::buffer buffer = std::move(queue_.front());
        queue_.pop_front();
        return buffer;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<acap::buffer> queue_;
};

/* Holds eight buffers at a time and checks each when it lets it go. */
void consume(channel &in, std::uint64_t &good)
{
    std::deque<acap::buffer> held;
    for (acap::buffer buffer = in.take(); buffer; buffer = in.take()) {
        held.push_back(buffer);
        if (held.size() > 8) {
            good += counts(held.front()) ? 1 : 0;
            held.pop_front();
        }
    }
    for (const acap::buffer &buffer : held)
        good += counts(buffer) ? 1 : 0;
}

TEST_F(counting, threads_share_buffers)
{
    constexpr std::uint64_t buffer_count = 2000;
    acap::reader_config config;
    config.queue_buffers = buffer_count;
    acap::reader reader(stream, config);
    account seen(reader);
    std::array<channel, 3> channels;
    std::array<std::uint64_t, 3> good{};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < channels.size(); i++)
        threads.emplace_back([&, i] { consume(channels[i], good[i]); });
    threads.emplace_back([this] {
        for (std::uint64_t i = 0; i < buffer_count / 10; i++)
            advance(10);
        stream.stop();
    });
    for (const acap::buffer &buffer : reader) {
        seen.add(buffer);
        for (channel &one : channels)
            one.put(buffer);
    }
    for (channel &one : channels)
        one.put(acap::buffer());
    for (std::thread &thread : threads)
        thread.join();
    for (const std::uint64_t count : good)
        EXPECT_EQ(count, buffer_count);
    EXPECT_EQ(pool.stats().in_use, 0u);
    seen.expect_closed(stream);
}

} // namespace
