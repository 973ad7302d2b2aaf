/* SPDX-License-Identifier: MIT */
/* Owns: 3,000, 30,000 and 359,937 packets of 3,840 bytes: nothing lost, nothing kept, nothing allocated, memory flat. */
#include "allocations.hpp"
#include "support.hpp"

#include <algorithm>
#include <fstream>
#include <unistd.h>

namespace {

constexpr std::uint64_t block = 40; /* packets that the device captures before the consumer takes them */

long resident_bytes()
{
    long pages = 0;
    std::ifstream("/proc/self/statm") >> pages >> pages;
    return pages * sysconf(_SC_PAGESIZE);
}

/* Every sample of a block, within one loop that the range-for of acap.hpp makes. */
std::uint64_t take_block(acap::reader &reader, account &seen, std::uint64_t packet_count)
{
    std::uint64_t good = 0;
    std::uint64_t left = packet_count;
    for (const acap::buffer &buffer : reader) {
        seen.add(buffer);
        good += counts(buffer) && buffer->size_bytes == 3840 ? 1 : 0;
        if (--left == 0)
            break; /* the next one would wait */
    }
    return good;
}

class three_runs : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(three_runs, in_virtual_time)
{
    const std::uint64_t packet_count = GetParam();
    acap::context context("sim");
    acap::stream stream(context, counter_device);
    acap::reader_config config;
    config.queue_buffers = block;
    config.hold_buffers = 1;
    acap::reader reader(stream, config);
    account seen(reader);
    stream.start();
    std::uint64_t good = 0;
    long resident = 0;
    std::uint64_t allocated = 0;
    for (std::uint64_t done = 0; done < packet_count;) {
        const std::uint64_t count = std::min(block, packet_count - done);
        stream.sim_advance(count * frames);
        good += take_block(reader, seen, count);
        done += count;
        if (resident == 0 && done >= 1000) {
            resident = resident_bytes();
            allocated = allocation_count();
        }
    }
    EXPECT_EQ(allocation_count(), allocated);
    EXPECT_LT(resident_bytes() - resident, 4 << 20);
    EXPECT_EQ(good, packet_count);
    EXPECT_EQ(seen.frame_count(), packet_count * frames);
    seen.expect_closed(stream);
    EXPECT_EQ(reader.stats().frames_lost, 0u);
    EXPECT_EQ(stream.stats().frames_lost, 0u);
    const acap_pool_stats stats = stream.pool().stats();
    EXPECT_EQ(stats.acquired, packet_count);
    EXPECT_GE(stats.recycled, packet_count - stats.capacity);
    EXPECT_EQ(stats.hit_rate, 1.0);
    EXPECT_EQ(stats.exhausted, 0u);
    EXPECT_EQ(stats.in_use, 0u);
    EXPECT_LE(stats.in_use_peak, block + 2);
}

INSTANTIATE_TEST_SUITE_P(packets, three_runs, ::testing::Values(3'000u, 30'000u, 359'937u));

} // namespace
