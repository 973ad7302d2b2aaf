/* SPDX-License-Identifier: MIT */
/* Owns: acap-cpp-record, which records a device into a WAV file that keeps time, and accounts for every frame.
 * Thread: main is the only one. */
#include "cli.hpp"
#include "take.hpp"

#include <acap/acap.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <exception>
#include <getopt.h>
#include <iostream>
#include <string>

using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t queue_seconds = 4; /* disks pause; nothing is lost until this much waits */
constexpr std::uint32_t wake_ms = 150;     /* seven wake-ups a second instead of a hundred */
constexpr auto stall_time = 2s;

struct options {
    acap::stream_config device{};
    std::string path{};
    double seconds = 0; /* 0: until interrupted */
};

int show_help()
{
    std::cout << "Usage: acap-cpp-record [options] FILE.wav\n"
                 "Records a capture device until interrupted (Ctrl-C), or for -t seconds. Lost frames become silence.\n"
                 "\n"
                 "  -d, --device=DEVICE   id or part of the name of a device; sim:sine is a simulated one\n"
                 "  -r, --rate=HZ         sample rate; default 48000, or what the device has\n"
                 "  -c, --channels=COUNT  channels; default 2, or 1 where the device has one\n"
                 "  -f, --format=FORMAT   s16 (default), s24, s32, f32 or u8\n"
                 "  -t, --time=SECONDS    length of the file, fractions allowed, exact to the frame\n"
                 "  -h, --help            print this\n";
    return cli::ok;
}

void take_option(options &wanted, int letter)
{
    switch (letter) {
    case 'd': wanted.device.device = optarg; break;
    case 'r': wanted.device.sample_rate_hz = cli::parse_count(optarg); break;
    case 'c': wanted.device.channel_count = cli::parse_count(optarg); break;
    case 'f': wanted.device.format = cli::parse_format(optarg); break;
    case 't': wanted.seconds = cli::parse_seconds(optarg); break;
    default: throw cli::misuse("bad option");
    }
}

/* The reader is there before the stream starts, so that the file begins with the device's first frame. */
acap::reader open_reader(const acap::stream &stream, const acap_stream_info &info)
{
    const std::uint32_t buffers_per_second = (info.sample_rate_hz + info.frames_per_buffer - 1) / info.frames_per_buffer;
    acap::reader_config config;
    config.queue_buffers = queue_seconds * buffers_per_second;
    config.wake_buffers = buffers_per_second * wake_ms / 1000;
    config.hold_buffers = 1;
    config.overflow = ACAP_OVERFLOW_DROP_NEWEST; /* one long gap instead of many short ones */
    config.name = "acap-cpp-record";
    return acap::reader(stream, config);
}

/* What is queued stays borrowable, so that the file gets it all. */
void stop(acap::stream &stream)
{
    try {
        stream.stop();
    } catch (const acap::error &error) {
        cli::say("the device did not stop cleanly: ", error.what());
    }
}

/* Until the file is long enough or nothing more comes. */
void record(acap::stream &stream, acap::reader &reader, take &recording)
{
    bool has_stalled = false;
    stream.start();
    while (!recording.is_full()) {
        if (const acap::buffer buffer = reader.borrow(stall_time)) {
            recording.add(buffer);
            has_stalled = false;
        } else if (reader.last_result() == ACAP_TIMED_OUT) {
            if (!has_stalled)
                cli::say("the device has delivered nothing for ", stall_time.count(), " s; still waiting");
            has_stalled = true;
        } else if (reader.last_result() == ACAP_INTERRUPTED) {
            stop(stream);
        } else {
            return;
        }
    }
}

/* Writes the silence for what was lost behind the last buffer, and the file's end. */
void complete(wav_file &out, const acap::reader &reader, take &recording)
{
    const acap_reader_stats stats = reader.stats();
    if (stats.frames_queued == 0)
        recording.skip_to(stats.end_position);
    out.close();
}

void report(const options &wanted, const acap_stream_info &info, const acap_stream_stats &source, const acap_reader_stats &stats,
            const take &recording)
{
    const std::uint64_t captured = stats.frames_delivered + stats.frames_queued;
    const std::uint64_t written = recording.frames_captured() + recording.frames_silent();
    cli::say(wanted.path, ": ", cli::fixed(static_cast<double>(written) / info.sample_rate_hz, 3), " s, ", written, " frames of ",
             info.channel_count, info.channel_count == 1 ? " channel " : " channels ", cli::format_name(info.format), " at ",
             info.sample_rate_hz, " Hz");
    cli::say("captured ", captured, " = recorded ", recording.frames_captured(), " + left out ", captured - recording.frames_captured(),
             "; lost ", stats.frames_lost, " (host ", source.lost_host, ", pool ", source.lost_pool, ", queue ", stats.lost_queue,
             "); silence written ", recording.frames_silent());
}

/* What a step throws, so that the ones behind it come all the same. */
template <typename Step> std::exception_ptr caught(Step step)
{
    try {
        step();
        return nullptr;
    } catch (...) {
        return std::current_exception();
    }
}

int run(const options &wanted)
{
    acap::context context;
    acap::stream stream(context, wanted.device);
    const acap_stream_info info = stream.info();
    acap::reader reader = open_reader(stream, info);
    const cli::ended_by_signals ended(reader);
    wav_file out(wanted.path, {info.format, info.sample_rate_hz, info.channel_count});
    take recording(out, reader.stats().start_position,
                   wanted.seconds > 0 ? cli::frames_of(wanted.seconds, info.sample_rate_hz) : take::no_limit);

    std::exception_ptr failure = caught([&] { record(stream, reader, recording); });
    stop(stream);
    const std::exception_ptr later = caught([&] { complete(out, reader, recording); });
    report(wanted, info, stream.stats(), reader.stats(), recording);
    if (failure || later)
        std::rethrow_exception(failure ? failure : later);
    return cli::ok;
}

int run_command_line(int argc, char **argv)
{
    static const option long_options[] = {
        {"device", required_argument, nullptr, 'd'}, {"rate", required_argument, nullptr, 'r'},
        {"channels", required_argument, nullptr, 'c'}, {"format", required_argument, nullptr, 'f'},
        {"time", required_argument, nullptr, 't'}, {"help", no_argument, nullptr, 'h'}, {}};
    options wanted;
    wanted.device.format = ACAP_FORMAT_S16;
    for (int letter = 0; (letter = getopt_long(argc, argv, "d:r:c:f:t:h", long_options, nullptr)) != -1;) {
        if (letter == 'h')
            return show_help();
        take_option(wanted, letter);
    }
    if (optind + 1 != argc)
        throw cli::misuse("exactly one file is needed");
    wanted.path = argv[optind];
    std::signal(SIGXFSZ, SIG_IGN); /* a file at its size limit is then an error of write() */
    return run(wanted);
}

} // namespace

int main(int argc, char **argv)
{
    return cli::run("acap-cpp-record", [=] { return run_command_line(argc, argv); });
}
