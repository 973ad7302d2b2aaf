/* SPDX-License-Identifier: MIT */
/* Owns: readers: borrowing, range-for and its ends, timeouts, losses. */
#include "support.hpp"

#include <algorithm>
#include <iterator>
#include <poll.h>
#include <stdexcept>
#include <thread>
#if __cplusplus > 201703L
#include <ranges>
#endif

using namespace std::chrono_literals;
using positions = std::vector<std::uint64_t>;

namespace {

bool is_readable(std::intptr_t handle)
{
    pollfd one{static_cast<int>(handle), POLLIN, 0};
    return poll(&one, 1, 0) == 1;
}

positions loop(acap::reader &reader, account &seen)
{
    positions found;
    for (const acap::buffer &buffer : reader) {
        seen.add(buffer);
        found.push_back(buffer->position / frames);
    }
    return found;
}

/* ---- Range-for ------------------------------------------------------------------------------- */

TEST_F(counting, a_loop_ends_with_the_stream)
{
    acap::reader reader(stream);
    account seen(reader);
    advance(3);
    stream.stop();
    EXPECT_EQ(loop(reader, seen), (positions{0, 1, 2}));
    EXPECT_EQ(reader.last_result(), ACAP_END);
    EXPECT_EQ(loop(reader, seen), positions{}) << "for ever";
    seen.expect_closed(stream);
}

TEST_F(counting, a_loop_ends_at_an_interrupt_and_another_goes_on)
{
    acap::reader reader(stream);
    account seen(reader);
    advance(4);
    positions found;
    for (const acap::buffer &buffer : reader) {
        seen.add(buffer);
        found.push_back(buffer->position / frames);
        if (found.size() == 2)
            reader.interrupt();
    }
    EXPECT_EQ(found, (positions{0, 1}));
    EXPECT_EQ(reader.last_result(), ACAP_INTERRUPTED);
    stream.stop();
    EXPECT_EQ(loop(reader, seen), (positions{2, 3}));
    EXPECT_EQ(reader.last_result(), ACAP_END);
    seen.expect_closed(stream);
}

TEST_F(counting, a_loop_ends_when_the_reader_does)
{
    acap::reader reader(stream);
    account seen(reader);
    advance(2);
    reader.finish();
    advance(2);
    EXPECT_EQ(loop(reader, seen), (positions{0, 1})) << "what is queued, and no more";
    EXPECT_EQ(reader.last_result(), ACAP_END);
    expect_reader_law(reader.stats());
}

TEST(loops, a_lost_device_leaves_by_an_exception_once_drained)
{
    acap::context context("sim");
    acap::stream stream(context, "sim:counter?pace=manual&period=480&unplug=100ms");
    acap::reader reader(stream);
    account seen(reader);
    stream.start();
    stream.sim_advance(48'000 * 10);
    positions found;
    try {
        for (const acap::buffer &buffer : reader) {
            seen.add(buffer);
            found.push_back(buffer->position / frames);
        }
        FAIL() << acap_result_name(reader.last_result());
    } catch (const acap::device_lost_error &error) {
        EXPECT_EQ(error.result(), ACAP_ERROR_DEVICE_LOST);
    }
    EXPECT_EQ(found, (positions{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
    EXPECT_EQ(reader.last_result(), ACAP_ERROR_DEVICE_LOST);
    EXPECT_THROW((void)reader.borrow(), acap::device_lost_error);
    seen.expect_closed(stream);
}

TEST_F(counting, leaving_a_loop_leaks_nothing)
{
    acap::reader reader(stream);
    account seen(reader);
    advance(3);
    try {
        for (const acap::buffer &buffer : reader) {
            seen.add(buffer);
            const acap::buffer copy = buffer;
            throw std::runtime_error("enough");
        }
        FAIL();
    } catch (const std::runtime_error &) {
        EXPECT_EQ(pool.stats().in_use, 2u) << "those that are queued";
    }
    for (const acap::buffer &buffer : reader) {
        seen.add(buffer);
        break;
    }
    EXPECT_EQ(pool.stats().in_use, 1u);
    EXPECT_EQ(drain(reader, seen), positions{2});
    seen.expect_closed(stream);
}

TEST_F(counting, a_loop_holds_one_buffer_and_none_while_it_waits)
{
    acap::reader reader(stream);
    advance(2);
    auto at = reader.begin();
    EXPECT_EQ(pool.stats().in_use, 2u);
    ++at;
    EXPECT_EQ(pool.stats().in_use, 1u);
    reader.interrupt();
    ++at;
    EXPECT_EQ(at, reader.end());
    EXPECT_EQ(pool.stats().in_use, 0u);
    expect_reader_law(reader.stats());
}

TEST_F(counting, iterators_are_input_iterators)
{
    acap::reader reader(stream);
    account seen(reader);
    advance(6);
    stream.stop();
    auto at = reader.begin();
    EXPECT_EQ((*at)->position, 0u);
    EXPECT_EQ(at->get()->position, 0u);
    seen.add(*at);
    acap::buffer before = *at++;
    EXPECT_EQ(before->position, 0u);
    EXPECT_EQ((*at)->position, frames);
    EXPECT_NE(at, reader.end());
    EXPECT_EQ(acap::reader::iterator(), reader.end());
    const auto same = at;
    EXPECT_EQ(same->get(), at->get()) << "copies of an iterator share its buffer";
    const auto count = std::count_if(at, reader.end(), [&seen](const acap::buffer &buffer) { return seen.add(buffer), true; });
    EXPECT_EQ(count, 5);
    before.release();
    seen.expect_closed(stream);
}

TEST_F(counting, an_iterator_that_threw_is_at_the_end)
{
    acap::reader reader(stream);
    advance(1);
    auto at = reader.begin();
    reader.close();
    EXPECT_THROW(++at, acap::invalid_argument_error);
    EXPECT_EQ(at, acap::reader::iterator());
    EXPECT_FALSE(*at);
}

#if __cplusplus > 201703L && (!defined(__clang__) || __clang_major__ >= 16)
TEST_F(counting, ranges)
{
    acap::reader reader(stream);
    account seen(reader);
    advance(5);
    stream.stop();
    positions found;
    const auto is_even = [&seen](const acap::buffer &buffer) { return seen.add(buffer), buffer->position / frames % 2 == 0; };
    const auto position = [](const acap::buffer &buffer) { return buffer->position / frames; };
    for (const std::uint64_t one : reader | std::views::filter(is_even) | std::views::transform(position))
        found.push_back(one);
    EXPECT_EQ(found, (positions{0, 2, 4}));
    seen.expect_closed(stream);
}
#endif

/* ---- Borrowing ------------------------------------------------------------------------------- */

TEST_F(counting, results_of_borrow)
{
    acap::reader reader(stream);
    account seen(reader);
    EXPECT_EQ(reader.last_result(), ACAP_OK);
    EXPECT_FALSE(reader.try_borrow());
    EXPECT_EQ(reader.last_result(), ACAP_TIMED_OUT);
    EXPECT_FALSE(reader.borrow(1ms));
    EXPECT_EQ(reader.last_result(), ACAP_TIMED_OUT);
    EXPECT_FALSE(reader.borrow(-1ns)) << "no time, not all time";
    EXPECT_EQ(reader.last_result(), ACAP_TIMED_OUT);
    EXPECT_FALSE(reader.borrow(acap::clock::time_point() - acap::clock::now()));
    reader.interrupt();
    EXPECT_FALSE(reader.borrow());
    EXPECT_EQ(reader.last_result(), ACAP_INTERRUPTED);
    reader.interrupt();
    EXPECT_FALSE(reader.borrow(std::chrono::hours::max())) << "292 years, no overflow";
    EXPECT_EQ(reader.last_result(), ACAP_INTERRUPTED);
    advance(1);
    EXPECT_TRUE(reader.borrow(std::chrono::duration<double>(1e12)));
    EXPECT_EQ(reader.last_result(), ACAP_OK);
    reader.finish();
    for (int i = 0; i < 2; i++) {
        EXPECT_FALSE(reader.borrow(5s));
        EXPECT_EQ(reader.last_result(), ACAP_END);
    }
    expect_reader_law(reader.stats());
}

TEST_F(counting, overflow)
{
    for (const std::uint32_t overflow : {ACAP_OVERFLOW_DROP_OLDEST, ACAP_OVERFLOW_DROP_NEWEST}) {
        acap::reader_config config;
        config.queue_buffers = 4;
        config.overflow = overflow;
        config.name = "slow";
        acap::reader reader(stream, config);
        account seen(reader);
        const std::uint64_t first = reader.stats().start_position / frames;
        advance(10);
        const positions oldest{first + 6, first + 7, first + 8, first + 9};
        const positions newest{first, first + 1, first + 2, first + 3};
        EXPECT_EQ(drain(reader, seen), overflow == ACAP_OVERFLOW_DROP_OLDEST ? oldest : newest);
        EXPECT_EQ(reader.stats().lost_queue, 6 * frames);
        EXPECT_EQ(reader.stats().queued_buffers_peak, 4u);
        seen.expect_closed(stream);
    }
}

TEST_F(counting, an_exhausted_pool_loses_and_says_so)
{
    acap::stream_config config(counter_device);
    config.pool_buffers_max = 8;
    acap::stream small(context, config);
    acap::reader_config few;
    few.queue_buffers = 2;
    few.hold_buffers = 1;
    acap::reader reader(small, few);
    account seen(reader);
    small.start();
    std::vector<acap::buffer> held;
    for (int i = 0; i < 12; i++) {
        small.sim_advance(frames);
        if (acap::buffer buffer = reader.try_borrow()) {
            seen.add(buffer);
            held.push_back(std::move(buffer));
        }
    }
    EXPECT_GT(small.stats().lost_pool, 0u);
    EXPECT_GT(small.pool().stats().exhausted, 0u);
    held.clear();
    small.sim_advance(2 * frames);
    drain(reader, seen);
    EXPECT_EQ(reader.stats().lost_stream, small.stats().lost_pool);
    seen.expect_closed(small);
}

TEST(reader, preroll)
{
    acap::context context("sim");
    acap::stream_config config(counter_device);
    config.history_ns = 100'000'000;
    acap::stream stream(context, config);
    stream.start();
    stream.sim_advance(100 * frames);
    acap::reader_config past;
    past.preroll_ns = 50'000'000;
    acap::reader reader(stream, past);
    account seen(reader);
    EXPECT_EQ(drain(reader, seen), (positions{95, 96, 97, 98, 99}));
    seen.expect_closed(stream);
}

TEST_F(counting, the_wait_handle)
{
    acap::reader_config config;
    config.queue_buffers = 16;
    config.wake_buffers = 4;
    acap::reader reader(stream, config);
    account seen(reader);
    const std::intptr_t handle = reader.wait_handle();
    EXPECT_EQ(drain(reader, seen), positions{});
    EXPECT_FALSE(is_readable(handle));
    advance(3);
    EXPECT_FALSE(is_readable(handle));
    advance(1);
    EXPECT_TRUE(is_readable(handle));
    EXPECT_EQ(drain(reader, seen), (positions{0, 1, 2, 3}));
    EXPECT_FALSE(is_readable(handle));
    reader.finish();
    EXPECT_TRUE(is_readable(handle));
    expect_reader_law(reader.stats());
}

/* ---- Threads that wait ----------------------------------------------------------------------- */

TEST_F(counting, ending_a_thread_that_waits)
{
    const std::vector<std::pair<void (*)(acap::reader &, acap::stream &), acap_result>> endings{
        {[](acap::reader &reader, acap::stream &) { reader.finish(); }, ACAP_END},
        {[](acap::reader &reader, acap::stream &) { reader.interrupt(); }, ACAP_INTERRUPTED},
        {[](acap::reader &, acap::stream &its) { its.stop(); }, ACAP_END},
        {[](acap::reader &, acap::stream &its) { its.close(); }, ACAP_END},
    };
    for (const auto &[end, result] : endings) {
        acap::reader reader(stream);
        account seen(reader);
        std::thread waits([&] { loop(reader, seen); });
        end(reader, stream);
        waits.join();
        EXPECT_EQ(reader.last_result(), result);
        expect_reader_law(reader.stats());
        reader.close();
    }
}

TEST(reader, real_time)
{
    acap::context context("sim");
    acap::stream stream(context, "sim:counter");
    acap::reader reader(stream);
    account seen(reader);
    stream.start();
    for (const acap::buffer &buffer : reader) {
        EXPECT_TRUE(counts(buffer));
        seen.add(buffer);
        if (seen.frame_count() >= 4800)
            stream.stop(); /* what is queued is still to come */
    }
    EXPECT_EQ(reader.last_result(), ACAP_END);
    seen.expect_closed(stream);
}

} // namespace
