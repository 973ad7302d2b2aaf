// SPDX-License-Identifier: MIT
// Owns: what a packet costs through acap.hpp, looked at in place and copied into a std::vector.
//     cpp_bench cost | card view|copy PACKETS PAUSE_MS       as c_bench.c
// Run by: run.sh.
#include "meter.h"

#include <acap/acap.hpp>

#include <cstring>
#include <iostream>
#include <string>
#include <vector>

namespace {

volatile float sink;

void view(acap::reader &reader, meter *m)
{
    const acap::buffer buffer = reader.borrow();
    const acap::span<const float> samples = buffer.samples<float>();

    sink = samples[0];
    if (m != nullptr)
        meter_take(m, samples.data(), samples.size() / CHANNELS);
}

void copy(acap::reader &reader, meter *m)
{
    const acap::buffer buffer = reader.borrow();
    const acap::span<const float> samples = buffer.samples<float>();
    const std::vector<float> own(samples.begin(), samples.end());

    sink = own[0];
    if (m != nullptr)
        meter_take(m, own.data(), own.size() / CHANNELS);
}

using way = void (*)(acap::reader &, meter *);

acap::stream_config configured(const char *device)
{
    acap::stream_config config;

    config.device = device;
    config.sample_rate_hz = RATE_HZ;
    config.channel_count = CHANNELS;
    config.frames_per_buffer = FRAMES;
    return config;
}

double batch_ns(acap::stream &stream, acap::reader &reader, way take)
{
    stream.sim_advance(BATCH_PACKETS * FRAMES);
    const int64_t start_ns = meter_cpu_ns();
    for (int i = 0; i < BATCH_PACKETS; i++)
        take(reader, nullptr);
    return static_cast<double>(meter_cpu_ns() - start_ns);
}

void cost()
{
    acap::context context;
    acap::stream stream(context, configured("sim:counter?pace=manual&period=480"));
    acap::reader_config reading;
    double view_ns = 0, copy_ns = 0;

    reading.queue_buffers = BATCH_PACKETS;
    acap::reader reader(stream, reading);
    stream.start();
    for (int i = -BATCHES / 4; i < BATCHES; i++) {
        const double a_ns = batch_ns(stream, reader, view), b_ns = batch_ns(stream, reader, copy);
        view_ns += i < 0 ? 0 : a_ns;
        copy_ns += i < 0 ? 0 : b_ns;
    }
    std::printf("ns view %.1f\nns copy %.1f\n", view_ns / BATCHES / BATCH_PACKETS, copy_ns / BATCHES / BATCH_PACKETS);
}

void card(meter &m, way take)
{
    acap::context context;
    acap::stream stream(context, configured(CARD));
    acap::reader reader(stream);

    stream.start();
    while (!m.is_done)
        take(reader, &m);
    std::cout << "told " << reader.stats().frames_lost << '\n';
}

} // namespace

int main(int argc, char **argv)
{
    const std::string mode = argc > 1 ? argv[1] : "";
    meter m = {};

    if (mode == "cost") {
        cost();
        return 0;
    }
    bench_require(mode == "card" && argc == 5, "usage: cost | card WAY PACKETS PAUSE_MS");
    m.packets = std::stoull(argv[3]);
    m.pause_ms = std::stoll(argv[4]);
    card(m, std::strcmp(argv[2], "view") == 0 ? view : copy);
    std::cout.flush();
    meter_print(&m);
    return 0;
}
