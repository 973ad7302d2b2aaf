/* SPDX-License-Identifier: MIT */
/* Owns: contexts, events, device lists, pools and streams. */
#include "support.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <poll.h>
#include <string>
#include <string_view>
#include <utility>

using namespace std::chrono_literals;

namespace {

bool is_readable(std::intptr_t handle)
{
    pollfd one{static_cast<int>(handle), POLLIN, 0};
    return poll(&one, 1, 0) == 1;
}

/* ---- Contexts and events --------------------------------------------------------------------- */

TEST(context, opens_each_back_end)
{
    EXPECT_TRUE(acap::context("sim"));
    EXPECT_TRUE(acap::context(nullptr));
    EXPECT_TRUE(acap::context(acap::context_config("push")));
    EXPECT_TRUE(acap::context());
    acap::context_config config;
    config.flags = 1;
    EXPECT_THROW(acap::context{config}, acap::invalid_argument_error);
    config.struct_size = 3;
    EXPECT_THROW(acap::context{config}, acap::abi_mismatch_error);
}

TEST(context, tells_what_a_device_can)
{
    const acap::context context("sim");
    acap::stream_config config("sim:counter");
    EXPECT_TRUE(context.supports(config));
    config.channel_count = ACAP_MAX_CHANNELS;
    config.sample_rate_hz = ACAP_MAX_SAMPLE_RATE_HZ;
    EXPECT_EQ(context.supports(config), acap_device_supports(context.get(), &config) == ACAP_OK);
    config.sample_rate_hz = 1;
    EXPECT_THROW((void)context.supports(config), acap::invalid_argument_error);
    EXPECT_THROW((void)context.supports(acap::stream_config("sim:nothing")), acap::error);
}

TEST(context, events)
{
    acap::context context("sim");
    EXPECT_FALSE(context.next_event(0s));
    EXPECT_FALSE(context.next_event(-1ns)) << "does not wait for ever";
    EXPECT_FALSE(is_readable(context.wait_handle()));
    acap::stream stream(context, "sim:counter?pace=manual&period=480&xrun=2s:4800f");
    stream.start();
    stream.sim_advance(480'000);
    std::optional<acap_event> event = context.next_event();
    while (event && event->type != ACAP_EVENT_FRAMES_LOST)
        event = context.next_event(0s);
    ASSERT_TRUE(event);
    EXPECT_EQ(event->frames, stream.stats().lost_host);
    EXPECT_EQ(event->level, ACAP_LEVEL_WARNING);
    EXPECT_EQ(event->stream_id, stream.info().stream_id);
    EXPECT_FALSE(std::string_view(event->text).empty());
    context.interrupt();
    EXPECT_FALSE(context.next_event()) << "interrupted";
    EXPECT_FALSE(context.next_event(1us));
    expect_stream_law(stream.stats());
}

TEST(context, the_wait_handle_is_readable_while_an_event_waits)
{
    acap::context context("sim");
    acap::stream stream(context, "sim:counter?pace=manual&period=480&stall=1s:1s");
    stream.start();
    const std::intptr_t handle = context.wait_handle();
    EXPECT_FALSE(is_readable(handle));
    stream.sim_advance(480'000);
    EXPECT_TRUE(is_readable(handle));
    while (context.next_event(0s)) {
    }
    EXPECT_FALSE(is_readable(handle));
}

/* ---- Devices --------------------------------------------------------------------------------- */

TEST(devices, range_for)
{
    const acap::context context("sim");
    std::vector<std::string> ids;
    for (const acap_device_info &device : acap::device_list(context)) {
        EXPECT_GE(device.max_channel_count, 1u);
        EXPECT_NE(std::string_view(device.name), "");
        ids.emplace_back(device.id);
    }
    const std::vector<std::string> expected{"sim:counter", "sim:sine", "sim:noise", "sim:silence"};
    EXPECT_EQ(ids, expected);
}

TEST(devices, algorithms)
{
    const acap::device_list devices(acap::context("sim")); /* outlives its context */
    ASSERT_EQ(devices.size(), 4u);
    EXPECT_FALSE(devices.empty());
    EXPECT_EQ(std::distance(devices.begin(), devices.end()), 4);
    const auto is_sine = [](const acap_device_info &one) { return one.id == std::string("sim:sine"); };
    const auto sine = std::find_if(devices.begin(), devices.end(), is_sine);
    ASSERT_NE(sine, devices.end());
    EXPECT_EQ(&*sine, &devices[1]);
    EXPECT_STREQ(sine->id, "sim:sine");
    auto at = devices.begin();
    EXPECT_EQ(at++, devices.begin());
    EXPECT_EQ(++at, std::next(devices.begin(), 2));
    const auto is_default = [](const acap_device_info &one) { return (one.flags & ACAP_DEVICE_DEFAULT) != 0; };
    EXPECT_EQ(std::count_if(devices.begin(), devices.end(), is_default), 1);
    EXPECT_THROW(devices[4], std::out_of_range);
}

TEST(devices, of_nothing)
{
    acap::device_list devices;
    EXPECT_EQ(devices.begin(), devices.end());
    EXPECT_THROW(devices[0], std::out_of_range);
    acap::context context("sim");
    devices = acap::device_list(context);
    EXPECT_EQ(devices.size(), 4u);
    devices.close();
    EXPECT_TRUE(devices.empty());
    context.close();
    EXPECT_THROW(acap::device_list{context}, acap::invalid_argument_error);
}

/* ---- Pools ----------------------------------------------------------------------------------- */

acap::pool make_pool(std::uint32_t size_bytes, std::uint32_t buffer_count)
{
    acap::pool_config config;
    config.buffer_size_bytes = size_bytes;
    config.buffers_max = buffer_count;
    return acap::pool(config);
}

TEST(pool, a_programs_own_buffers)
{
    acap::pool pool = make_pool(4096, 2);
    acap::buffer one = pool.acquire();
    const acap::buffer two = pool.acquire();
    EXPECT_FALSE(pool.acquire()) << "exhausted is no error";
    EXPECT_EQ(pool.stats().exhausted, 1u);
    EXPECT_EQ(pool.stats().in_use, 2u);
    const acap::span<std::int16_t> samples = one.writable<std::int16_t>();
    ASSERT_EQ(samples.size(), 2048u);
    std::fill(samples.begin(), samples.end(), std::int16_t{-7});
    EXPECT_EQ(one.bytes().size(), 4096u);
    EXPECT_EQ(one.bytes()[4094], std::byte{0xf9});
    EXPECT_THROW((void)one.samples<std::int16_t>(), std::logic_error) << "it has no format";
    EXPECT_THROW((void)one.measure(), acap::invalid_argument_error);
    one.release();
    EXPECT_TRUE(pool.acquire());
    EXPECT_THROW(make_pool(0, 1), acap::invalid_argument_error);
}

TEST(pool, only_the_only_holder_writes)
{
    acap::pool pool = make_pool(64, 1);
    acap::buffer buffer = pool.acquire();
    {
        const acap::buffer other = buffer;
        EXPECT_EQ(buffer.reference_count(), 2u);
        EXPECT_THROW((void)buffer.writable(), std::logic_error);
    }
    EXPECT_EQ(buffer.writable().size(), 64u);
    EXPECT_EQ(buffer.writable<double>().size(), 8u);
    EXPECT_EQ(static_cast<const void *>(buffer.writable().data()), buffer->data);
}

TEST(pool, copies_share_it)
{
    acap::pool pool = make_pool(64, 4);
    const acap::buffer held = pool.acquire();
    acap::pool copy = pool;
    EXPECT_EQ(copy.get(), pool.get());
    pool = acap::pool();
    EXPECT_FALSE(pool);
    EXPECT_EQ(copy.stats().in_use, 1u);
    copy = *&copy;
    EXPECT_EQ(copy.stats().in_use, 1u);
    copy.release();
    copy.release();
    EXPECT_THROW((void)copy.stats(), acap::invalid_argument_error);
    EXPECT_THROW((void)copy.acquire(), acap::invalid_argument_error);
    EXPECT_EQ(held->size_bytes, 64u) << "the buffer keeps its memory";
}

TEST(pool, shared_by_streams)
{
    acap::context context("sim");
    acap::pool pool = make_pool(3840, 64);
    acap::stream_config config(counter_device);
    config.pool = pool.get();
    acap::stream one(context, config);
    acap::stream two(context, config);
    acap::reader first(one);
    acap::reader second(two);
    account of_first(first);
    account of_second(second);
    one.start();
    two.start();
    one.sim_advance(3 * frames);
    two.sim_advance(5 * frames);
    EXPECT_EQ(one.pool().get(), pool.get());
    EXPECT_EQ(pool.stats().in_use, 8u);
    EXPECT_EQ(drain(first, of_first).size(), 3u);
    EXPECT_EQ(drain(second, of_second).size(), 5u);
    of_first.expect_closed(one);
    of_second.expect_closed(two);
}

/* ---- Streams --------------------------------------------------------------------------------- */

TEST(stream, what_was_opened)
{
    acap::context context("sim");
    acap::stream_config config(counter_device);
    config.sample_rate_hz = 44'100;
    config.channel_count = 3;
    config.format = ACAP_FORMAT_S24;
    config.frames_per_buffer = 100;
    config.flags = ACAP_STREAM_PLANAR;
    const acap::stream stream(context, config);
    const acap_stream_info info = stream.info();
    EXPECT_EQ(info.sample_rate_hz, 44'100u);
    EXPECT_EQ(info.channel_count, 3u);
    EXPECT_EQ(info.format, static_cast<std::uint32_t>(ACAP_FORMAT_S24));
    EXPECT_EQ(info.frames_per_buffer, 100u);
    EXPECT_EQ(info.flags, ACAP_STREAM_PLANAR);
    EXPECT_STREQ(info.backend, "sim");
    EXPECT_STREQ(info.device_id, counter_device);
    EXPECT_EQ(stream.stats().state, ACAP_STATE_STOPPED);
}

TEST(stream, a_device_by_its_name)
{
    const acap::context context("sim");
    EXPECT_STREQ(acap::stream(context).info().backend, "sim");
    EXPECT_STREQ(acap::stream(context, "sim:sine").info().device_id, "sim:sine");
    EXPECT_STREQ(acap::stream(context, std::string("push:").c_str()).info().backend, "push");
    EXPECT_THROW((acap::stream{context, acap_stream_config{}}), acap::abi_mismatch_error);
}

TEST(stream, push)
{
    acap::context context("push");
    acap::stream_config config("push:");
    config.channel_count = 1;
    config.format = ACAP_FORMAT_S16;
    config.frames_per_buffer = 4;
    acap::stream stream(context, config);
    acap::reader reader(stream);
    account seen(reader);
    const std::array<std::int16_t, 6> frames_in{1, 2, 3, 4, 5, 6};
    EXPECT_THROW(stream.push(frames_in.data(), 6), acap::invalid_state_error) << "stopped";
    stream.start();
    const acap::clock::time_point when = acap::clock::now();
    stream.push(frames_in.data(), 6, when);
    stream.push(nullptr, 10);
    stream.push(frames_in.data(), 1);
    EXPECT_THROW(stream.sim_advance(1), acap::invalid_argument_error);
    stream.stop();
    std::vector<std::int16_t> samples;
    std::vector<std::uint64_t> lost;
    for (const acap::buffer &buffer : reader) {
        EXPECT_EQ(buffer.time() == when, buffer->position == 0);
        seen.add(buffer);
        const acap::span<const std::int16_t> view = buffer.samples<std::int16_t>();
        samples.insert(samples.end(), view.begin(), view.end());
        lost.push_back(buffer->lost_before);
    }
    EXPECT_EQ(samples, (std::vector<std::int16_t>{1, 2, 3, 4, 5, 6, 1}));
    EXPECT_EQ(lost, (std::vector<std::uint64_t>{0, 0, 10}));
    seen.expect_closed(stream);
    EXPECT_EQ(stream.stats().lost_host, 10u);
}

TEST_F(counting, positions_go_on_after_a_stop)
{
    acap::reader reader(stream);
    account seen(reader);
    advance(1);
    stream.stop();
    stream.stop();
    stream.start();
    stream.start();
    advance(1);
    EXPECT_EQ(drain(reader, seen), (std::vector<std::uint64_t>{0, 1}));
    seen.expect_closed(stream);
}

/* ---- Misuse ---------------------------------------------------------------------------------- */

TEST(misuse, closed_handles_are_errors)
{
    acap::context context("sim");
    acap::stream stream(context, counter_device);
    acap::reader reader(stream);
    for (int i = 0; i < 2; i++) { /* closing twice is closing once */
        reader.close();
        stream.close();
        context.close();
    }
    EXPECT_FALSE(context || stream || reader);
    EXPECT_EQ(stream.get(), nullptr);
    EXPECT_THROW(stream.start(), acap::invalid_argument_error);
    EXPECT_THROW(stream.stop(), acap::invalid_argument_error);
    EXPECT_THROW(stream.push("", 1), acap::invalid_argument_error);
    EXPECT_THROW(stream.sim_advance(1), acap::invalid_argument_error);
    EXPECT_THROW((void)stream.info(), acap::invalid_argument_error);
    EXPECT_THROW((void)stream.stats(), acap::invalid_argument_error);
    EXPECT_FALSE(stream.pool());
    EXPECT_THROW((void)reader.borrow(), acap::invalid_argument_error);
    EXPECT_EQ(reader.last_result(), ACAP_ERROR_INVALID_ARGUMENT);
    EXPECT_THROW((void)reader.try_borrow(), acap::invalid_argument_error);
    EXPECT_THROW(reader.begin(), acap::invalid_argument_error);
    EXPECT_THROW(reader.interrupt(), acap::invalid_argument_error);
    EXPECT_THROW(reader.finish(), acap::invalid_argument_error);
    EXPECT_THROW((void)reader.wait_handle(), acap::invalid_argument_error);
    EXPECT_THROW((void)reader.stats(), acap::invalid_argument_error);
    EXPECT_THROW((void)context.next_event(), acap::invalid_argument_error);
    EXPECT_THROW(context.interrupt(), acap::invalid_argument_error);
    EXPECT_THROW((void)context.wait_handle(), acap::invalid_argument_error);
    EXPECT_THROW(acap::stream{context}, acap::invalid_argument_error);
    EXPECT_THROW(acap::reader{stream}, acap::invalid_argument_error);
    EXPECT_THROW((void)context.supports(acap::stream_config()), acap::invalid_argument_error);
}

TEST(misuse, moved_from_handles_are_empty)
{
    acap::context context("sim");
    acap::context other = std::move(context);
    EXPECT_FALSE(context); // NOLINT(bugprone-use-after-move)
    acap::stream stream(other, counter_device);
    acap_stream *raw = stream.get();
    acap::stream moved;
    moved = std::move(stream);
    EXPECT_FALSE(stream); // NOLINT(bugprone-use-after-move)
    acap::stream &itself = moved;
    moved = std::move(itself);
    EXPECT_EQ(moved.get(), raw) << "moved to itself";
    stream = acap::stream(other, "sim:sine");
    std::swap(stream, moved);
    EXPECT_EQ(stream.get(), raw);
    EXPECT_STREQ(moved.info().device_id, "sim:sine");
}

TEST(misuse, handles_pass_to_c_and_back)
{
    acap::context context("sim");
    acap_stream *raw = acap::stream(context, counter_device).detach();
    acap::stream stream = acap::stream::adopt(raw);
    EXPECT_EQ(stream.get(), raw);
    acap_reader *open = nullptr;
    EXPECT_EQ(acap::check(acap_reader_open(stream.get(), nullptr, &open)), ACAP_OK);
    acap::reader reader = acap::reader::adopt(open);
    EXPECT_EQ(reader.stats().start_position, 0u);
    EXPECT_FALSE(acap::context::adopt(nullptr));
}

} // namespace
