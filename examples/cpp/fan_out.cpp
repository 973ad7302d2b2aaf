/* SPDX-License-Identifier: MIT */
/* Owns: acap-cpp-fan-out, which shows one stream with three independent readers: a file, a level meter and a checksum.
 * Thread: main opens, waits and reports; each reader has a thread of its own, and all three see the very same buffers. */
#include "cli.hpp"
#include "take.hpp"

#include <acap/acap.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <csignal>
#include <exception>
#include <functional>
#include <getopt.h>
#include <iomanip>
#include <iostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

constexpr std::uint32_t queue_seconds = 4;

/* Peak and rms of each channel; whole buffers, so that it may hear a little too much. */
class meter {
public:
    explicit meter(std::uint32_t channel_count) : peak_(channel_count), square_sum_(channel_count) {}

    void add(const acap::buffer &buffer)
    {
        const acap::levels levels = buffer.measure();
        for (std::size_t c = 0; c < peak_.size(); c++) {
            peak_[c] = std::max(peak_[c], double{levels.peak[c]});
            square_sum_[c] += double{levels.rms[c]} * double{levels.rms[c]} * buffer->frame_count;
        }
        frame_count_ += buffer->frame_count;
        clipped_ += levels.clipped;
    }
    void print() const
    {
        std::cout << "meter:";
        for (std::size_t c = 0; c < peak_.size(); c++) {
            const double mean_square = square_sum_[c] / static_cast<double>(std::max<std::uint64_t>(frame_count_, 1));
            std::cout << " channel " << c + 1 << " peak " << decibels(peak_[c]) << " dB rms " << decibels(std::sqrt(mean_square)) << " dB,";
        }
        std::cout << ' ' << clipped_ << " clipped samples\n";
    }

private:
    static std::string decibels(double amplitude) { return cli::fixed(std::max(20 * std::log10(std::max(amplitude, 1e-9)), -99.9), 1); }

    std::vector<double> peak_;
    std::vector<double> square_sum_;
    std::uint64_t frame_count_ = 0;
    std::uint64_t clipped_ = 0;
};

/* CRC-32 as in gzip and PNG, four bits at a time. */
class checksum {
public:
    void add(acap::span<const std::byte> octets)
    {
        static constexpr std::array<std::uint32_t, 16> table{
            0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
            0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
        for (const std::byte octet : octets) {
            const auto value = std::to_integer<std::uint32_t>(octet);
            inverse_ = table[(inverse_ ^ value) & 15] ^ inverse_ >> 4;
            inverse_ = table[(inverse_ ^ value >> 4) & 15] ^ inverse_ >> 4;
        }
    }
    std::uint32_t value() const { return ~inverse_; }

private:
    std::uint32_t inverse_ = ~std::uint32_t{0};
};

/* One reader and its thread, which is joined before it goes. */
class worker {
public:
    /* Takes the first frame_count frames of a buffer. */
    using consumer = std::function<void(const acap::buffer &, std::uint32_t frame_count)>;

    worker(acap::stream &stream, const acap_stream_info &info, const char *name, std::uint64_t frame_limit, consumer consume)
        : stream_(stream), name_(name), room_(frame_limit), consume_(std::move(consume))
    {
        acap::reader_config config;
        config.queue_buffers = queue_seconds * ((info.sample_rate_hz + info.frames_per_buffer - 1) / info.frames_per_buffer);
        config.hold_buffers = 1;
        config.overflow = ACAP_OVERFLOW_DROP_NEWEST;
        config.name = name;
        reader_ = acap::reader(stream, config);
    }
    worker(const worker &) = delete;
    worker &operator=(const worker &) = delete;
    ~worker()
    {
        if (thread_.joinable())
            reader_.finish();
        join();
    }

    acap::reader &reader() { return reader_; }
    std::exception_ptr failure() const { return failure_; }
    std::uint64_t frame_count() const { return frame_count_; }
    const char *name() const { return name_; }

    void start() { thread_ = std::thread([this] { run(); }); }
    void join()
    {
        if (thread_.joinable())
            thread_.join();
    }
    void print_ledger() const
    {
        const acap_reader_stats stats = reader_.stats();
        std::cout << "ledger of " << name_ << ": from " << stats.start_position << " + delivered " << stats.frames_delivered << " + lost "
                  << stats.frames_lost << " (stream " << stats.lost_stream << ", queue " << stats.lost_queue << ") + queued "
                  << stats.frames_queued << " = " << stats.end_position << '\n';
    }

private:
    void run()
    {
        try {
            consume_all();
        } catch (...) {
            failure_ = std::current_exception(); /* main reports it */
            stop_all(); /* half of the results are no use: the others end too */
        }
    }
    void consume_all()
    {
        do {
            for (const acap::buffer &buffer : reader_) {
                const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(buffer->frame_count, room_));
                consume_(buffer, count);
                frame_count_ += count;
                room_ -= count;
                if (room_ == 0)
                    return;
            }
            if (reader_.last_result() == ACAP_INTERRUPTED)
                stop_all();
        } while (reader_.last_result() == ACAP_INTERRUPTED);
    }
    /* All readers end at the same frame; what they have queued they still get. */
    void stop_all() noexcept
    {
        try {
            stream_.stop();
        } catch (const std::exception &error) {
            cli::say("the device did not stop cleanly: ", error.what());
        }
    }

    acap::stream &stream_;
    const char *name_;
    std::uint64_t room_;
    consumer consume_;
    acap::reader reader_{};
    std::thread thread_{};
    std::exception_ptr failure_{};
    std::uint64_t frame_count_ = 0;
};

/* A stream that runs ends by itself; when it does not start, the workers' destructors end them. */
void capture(acap::stream &stream, const std::array<worker *, 3> &workers)
{
    const cli::ended_by_signals ended(workers[0]->reader(), workers[1]->reader(), workers[2]->reader());
    for (worker *one : workers)
        one->start();
    try {
        stream.start();
    } catch (...) {
        for (worker *one : workers)
            one->reader().finish();
        for (worker *one : workers)
            one->join();
        throw;
    }
    for (worker *one : workers)
        one->join();
    stream.stop();
}

int run(const char *device, const std::string &path, double seconds)
{
    acap::context context;
    acap::stream_config config(device);
    config.format = ACAP_FORMAT_S16;
    acap::stream stream(context, config);
    const acap_stream_info info = stream.info();
    const std::uint64_t limit = seconds > 0 ? cli::frames_of(seconds, info.sample_rate_hz) : take::no_limit;

    /* All readers are there before the stream starts: they begin with the same frame. */
    wav_file out(path, {info.format, info.sample_rate_hz, info.channel_count});
    take recording(out, stream.stats().position, limit);
    meter levels(info.channel_count);
    checksum sum;
    worker file(stream, info, "file", limit, [&](const acap::buffer &buffer, std::uint32_t) { recording.add(buffer); });
    worker ear(stream, info, "meter", limit, [&](const acap::buffer &buffer, std::uint32_t) { levels.add(buffer); });
    worker summer(stream, info, "checksum", limit, [&](const acap::buffer &buffer, std::uint32_t frame_count) {
        sum.add(buffer.samples<std::byte>().subspan(0, std::size_t{frame_count} * out.frame_bytes()));
    });
    const std::array<worker *, 3> workers{&file, &ear, &summer};
    capture(stream, workers);

    const acap_reader_stats stats = file.reader().stats();
    if (!file.failure() && stats.frames_queued == 0)
        recording.skip_to(stats.end_position);
    if (!file.failure())
        out.close();
    std::cout << "file: " << path << ", " << out.frames_written() << " frames, " << recording.frames_silent()
              << " of them silence for lost ones\n";
    levels.print();
    std::cout << "checksum: crc32 " << std::hex << std::setw(8) << std::setfill('0') << sum.value() << std::dec << " of "
              << summer.frame_count() << " frames\n";
    for (const worker *one : workers)
        one->print_ledger();
    for (const worker *one : workers)
        if (one->failure())
            std::rethrow_exception(one->failure());
    return cli::ok;
}

int show_help()
{
    std::cout << "Usage: acap-cpp-fan-out [-d DEVICE] [-t SECONDS] FILE.wav\n"
                 "Captures once for three readers, each in a thread of its own: a file, a level meter and a CRC-32 of the samples.\n"
                 "\n"
                 "  -d, --device=DEVICE  id or part of the name of a device; sim:sine is a simulated one\n"
                 "  -t, --time=SECONDS   how long, fractions allowed; default: until interrupted (Ctrl-C)\n"
                 "  -h, --help           print this\n";
    return cli::ok;
}

int run_command_line(int argc, char **argv)
{
    static const option long_options[] = {{"device", required_argument, nullptr, 'd'},
                                          {"time", required_argument, nullptr, 't'},
                                          {"help", no_argument, nullptr, 'h'},
                                          {}};
    const char *device = nullptr;
    double seconds = 0;
    for (int letter = 0; (letter = getopt_long(argc, argv, "d:t:h", long_options, nullptr)) != -1;) {
        if (letter == 'h')
            return show_help();
        if (letter == 'd')
            device = optarg;
        else if (letter == 't')
            seconds = cli::parse_seconds(optarg);
        else
            throw cli::misuse("bad option");
    }
    if (optind + 1 != argc)
        throw cli::misuse("exactly one file is needed");
    std::signal(SIGXFSZ, SIG_IGN); /* a file at its size limit is then an error of write() */
    return run(device, argv[optind], seconds);
}

} // namespace

int main(int argc, char **argv)
{
    return cli::run("acap-cpp-fan-out", [=] { return run_command_line(argc, argv); });
}
