/* SPDX-License-Identifier: MIT */
/* Owns: the proof that an installed acap can be used from C++17 by way of acap.hpp: a simulated device is opened, advanced and drained, and
 * every sample compared with its definition in acap.h.
 * Run by: check.sh, once for each way to find and link the library; one thread. */
#include <acap/acap.hpp>

#include <cstdint>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>

namespace {

constexpr std::uint32_t channel_count = 3;
constexpr std::uint64_t frame_count = 1000;

acap_stream_config simulated_device()
{
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;

    config.device = "sim:counter?pace=manual&period=100";
    config.channel_count = channel_count;
    config.format = ACAP_FORMAT_S32;
    config.frames_per_buffer = 64;
    return config;
}

acap_reader_config long_queue()
{
    acap_reader_config config = ACAP_READER_CONFIG_INIT;

    config.queue_buffers = 32;
    return config;
}

/* sim:counter in S32: x << 8 | c. */
void check_samples(const acap::buffer &buffer)
{
    const acap::span<const std::int32_t> samples = buffer.samples<std::int32_t>();

    for (std::size_t i = 0; i < samples.size(); i++) {
        const auto frame = static_cast<std::uint32_t>(buffer->position + i / channel_count);
        if (static_cast<std::uint32_t>(samples[i]) != (frame << 8 | i % channel_count))
            throw std::runtime_error("frame " + std::to_string(frame) + " is not what was captured");
    }
}

std::uint64_t drain(acap::reader &reader)
{
    std::uint64_t position = 0;

    for (const acap::buffer &buffer : reader) {
        if (buffer->position != position)
            throw std::runtime_error("a gap before frame " + std::to_string(buffer->position));
        check_samples(buffer);
        position += buffer->frame_count;
    }
    return position;
}

void run()
{
    acap::context context("sim");
    acap::stream stream(context, simulated_device());
    acap::reader reader(stream, long_queue());

    stream.start();
    stream.sim_advance(frame_count);
    stream.stop();
    const std::uint64_t drained = drain(reader);
    if (drained != frame_count)
        throw std::runtime_error(std::to_string(drained) + " frames came of " + std::to_string(frame_count));
    std::cout << "C++: " << drained << " frames exact, acap " << acap_version_string() << '\n';
}

} // namespace

int main()
{
    try {
        run();
        return 0;
    } catch (const std::exception &error) {
        std::cerr << "consumer: " << error.what() << '\n';
        return 1;
    }
}
