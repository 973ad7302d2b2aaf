/* SPDX-License-Identifier: MIT */
/* Owns: the programs of examples/cpp, as people run them, and the parts that they are made of. */
#include "child.hpp"
#include "support.hpp"

#include "take.hpp"
#include "wav.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <map>
#include <regex>
#include <thread>

using namespace std::chrono_literals;

namespace {

/* ---- Reading what they wrote ----------------------------------------------------------------- */

template <typename T> T number_at(const std::string &octets, std::size_t at)
{
    T value{};
    if (at + sizeof(value) <= octets.size())
        std::memcpy(&value, octets.data() + at, sizeof(value));
    return value;
}

/* Name and content of each chunk; "" is the file's first word. */
std::map<std::string, std::string> chunks_of(const std::string &octets)
{
    std::map<std::string, std::string> chunks{{"", octets.substr(0, 4)}};
    EXPECT_EQ(octets.substr(8, 4), "WAVE");
    EXPECT_EQ(number_at<std::uint32_t>(octets, 4), octets.size() - 8);
    std::size_t at = 12;
    while (at + 8 <= octets.size()) {
        const auto size = number_at<std::uint32_t>(octets, at + 4);
        chunks[octets.substr(at, 4)] = octets.substr(at + 8, size);
        at += 8 + size + size % 2;
    }
    EXPECT_EQ(at, octets.size());
    return chunks;
}

template <typename T> bool is_frame(const std::string &data, std::uint64_t position, std::uint32_t channel_count)
{
    bool ok = true;
    for (std::uint32_t c = 0; c < channel_count; c++)
        ok = ok && number_at<T>(data, (position * channel_count + c) * sizeof(T)) == counter_sample<T>(position, c);
    return ok;
}

template <typename T> std::uint64_t frames_that_count(const std::string &data, std::uint32_t channel_count)
{
    std::uint64_t good = 0;
    for (std::uint64_t position = 0; position < data.size() / sizeof(T) / channel_count; position++)
        good += is_frame<T>(data, position, channel_count) ? 1 : 0;
    return good;
}

template <> std::uint64_t frames_that_count<std::byte>(const std::string &data, std::uint32_t channel_count)
{
    std::uint64_t good = 0;
    for (std::uint64_t position = 0; position < data.size() / 3 / channel_count; position++) {
        bool ok = true;
        for (std::uint32_t c = 0; c < channel_count; c++) {
            const std::string three = data.substr((position * channel_count + c) * 3, 3) + '\0';
            ok = ok && number_at<std::uint32_t>(three, 0) == ((position + c * 0x010101u) & 0xffffffu);
        }
        good += ok ? 1 : 0;
    }
    return good;
}

struct figures {
    std::uint64_t captured, recorded, left_out, lost, host, pool, queue, silence;
};

/* record's last line, and its equations. */
figures ledger(const std::string &text)
{
    const std::regex line(R"(captured (\d+) = recorded (\d+) \+ left out (\d+); )"
                          R"(lost (\d+) \(host (\d+), pool (\d+), queue (\d+)\); silence written (\d+))");
    std::smatch match;
    if (!std::regex_search(text, match, line)) {
        ADD_FAILURE() << text;
        return {};
    }
    const auto number = [&match](std::size_t index) { return std::stoull(match[index].str()); };
    const figures found{number(1), number(2), number(3), number(4), number(5), number(6), number(7), number(8)};
    EXPECT_EQ(found.captured, found.recorded + found.left_out);
    EXPECT_EQ(found.lost, found.host + found.pool + found.queue);
    return found;
}

/* ---- list_devices ---------------------------------------------------------------------------- */

TEST(list_devices, table)
{
    child program({"env", "ACAP_BACKEND=sim", built("list_devices")});
    EXPECT_EQ(program.wait(), 0);
    EXPECT_EQ(program.err(), "");
    const std::string out = program.out();
    EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 5);
    EXPECT_TRUE(std::regex_search(out, std::regex("^  ID +NAME +HOST API +CHANNELS +RATE  FLAGS\n\\* sim:counter"))) << out;
}

TEST(list_devices, json)
{
    child program({"env", "ACAP_BACKEND=sim", built("list_devices"), "--json"});
    EXPECT_EQ(program.wait(), 0);
    const std::string expected = "[\n  { \"id\": \"sim:counter\", \"name\": \"sim:counter\", \"host_api\": \"simulated\", ";
    EXPECT_EQ(program.out().substr(0, expected.size()), expected);
    EXPECT_EQ(program.out().substr(program.out().size() - 4), "}\n]\n");
    child full({"sh", "-c", "ACAP_BACKEND=sim " + built("list_devices") + " > /dev/full"});
    EXPECT_EQ(full.wait(), 1);
}

/* ---- record ---------------------------------------------------------------------------------- */

TEST(record, every_format_bit_for_bit)
{
    const std::vector<std::pair<const char *, std::uint64_t (*)(const std::string &, std::uint32_t)>> formats{
        {"s16", frames_that_count<std::int16_t>}, {"s24", frames_that_count<std::byte>}, {"s32", frames_that_count<std::int32_t>},
        {"f32", frames_that_count<float>}, {"u8", frames_that_count<std::uint8_t>}};
    const scratch directory;
    const std::string path = (directory / "out.wav").string();
    for (const auto &[name, count] : formats) {
        child program({built("record"), "-d", "sim:counter", "-r", "44100", "-c", "3", "-f", name, "-t", "0.25", path});
        ASSERT_EQ(program.wait(), 0) << program.err();
        const std::map<std::string, std::string> chunks = chunks_of(read_file(path));
        EXPECT_EQ(count(chunks.at("data"), 3), 11'025u) << name;
        EXPECT_EQ(number_at<std::uint16_t>(chunks.at("fmt "), 0), 0xfffeu);
        EXPECT_EQ(number_at<std::uint32_t>(chunks.at("fmt "), 4), 44'100u);
        const figures found = ledger(program.err());
        EXPECT_EQ(found.recorded, 11'025u);
        EXPECT_EQ(found.silence + found.lost, 0u);
        EXPECT_NE(program.err().find("0.250 s, 11025 frames of 3 channels " + std::string(name) + " at 44100 Hz"), std::string::npos);
    }
}

TEST(record, a_device_that_is_too_fast_leaves_silence_where_frames_were_lost)
{
    const scratch directory;
    const std::string path = (directory / "out.wav").string();
    child program({built("record"), "-d", "sim:counter?pace=fast", "-f", "s32", "-t", "60", path});
    ASSERT_EQ(program.wait(), 0) << program.err();
    const std::string data = chunks_of(read_file(path)).at("data");
    ASSERT_EQ(data.size(), 60u * 48'000 * 8);
    std::uint64_t silent = 0;
    std::uint64_t wrong = 0;
    for (std::uint64_t position = 0; position < 60 * 48'000; position++) {
        const bool is_silent = number_at<std::uint64_t>(data, position * 8) == 0;
        silent += is_silent ? 1 : 0;
        wrong += is_silent || is_frame<std::int32_t>(data, position, 2) ? 0 : 1;
    }
    const figures found = ledger(program.err());
    EXPECT_EQ(wrong, 0u);
    EXPECT_EQ(found.silence, silent);
    EXPECT_EQ(found.recorded + found.silence, 60u * 48'000);
}

TEST(record, a_signal_ends_the_file_properly)
{
    for (const int number : {SIGINT, SIGTERM}) {
        const scratch directory;
        const std::filesystem::path path = directory / "out.wav";
        child program({built("record"), "-d", "sim:counter", path.string()});
        std::error_code missing;
        while (!std::filesystem::exists(path) || std::filesystem::file_size(path, missing) < 100'000) /* several wake-ups */
            std::this_thread::sleep_for(10ms);
        kill(program.pid(), number);
        EXPECT_EQ(program.wait(), 0) << program.err();
        const std::string data = chunks_of(read_file(path)).at("data");
        const figures found = ledger(program.err());
        EXPECT_EQ(found.left_out, 0u);
        EXPECT_EQ(found.recorded, data.size() / 4);
        EXPECT_EQ(frames_that_count<std::int16_t>(data, 2), found.recorded);
    }
}

struct failing {
    std::vector<std::string> arguments;
    int status;
    const char *words;
};

TEST(record, fails_with_a_reason)
{
    const scratch directory;
    const std::string out = (directory / "out.wav").string();
    const std::vector<failing> cases{
        {{"-d", "no such device", out}, 1, "no such device"},
        {{"-d", "sim:sine?fail=start", "-t", "1", out}, 1, "ACAP_ERROR_BACKEND"},
        {{"-d", "sim:counter?pace=fast&unplug=1s", "-t", "60", out}, 1, "ACAP_ERROR_DEVICE_LOST"},
        {{"-d", "sim:sine", "-t", "0.1", (directory / "no").string() + "/out.wav"}, 1, "No such file"},
        {{"-d", "sim:sine", "-t", "0.5", "/dev/full"}, 1, "No space left"},
        {{"-d", "sim:sine", "-t", "never", out}, 2, "no time"},
        {{"-d", "sim:sine", "-t", "1.2.3", out}, 2, "no time"},
        {{"-d", "sim:sine", "-f", "s20", out}, 2, "no format"},
        {{"-d", "sim:sine", "-c", "0", out}, 2, "no positive number"},
        {{"-d", "sim:sine", "-r", "99999999999999999999", out}, 2, "no positive number"},
        {{"--wrong", out}, 2, "bad option"},
        {{}, 2, "exactly one file"},
    };
    for (const failing &one : cases) {
        std::vector<std::string> command{"env", "ACAP_BACKEND=sim", built("record")};
        command.insert(command.end(), one.arguments.begin(), one.arguments.end());
        child program(command);
        EXPECT_EQ(program.wait(), one.status) << program.err();
        EXPECT_NE(program.err().find(one.words), std::string::npos) << program.err();
    }
}

/* ---- fan_out --------------------------------------------------------------------------------- */

std::uint32_t crc32(const std::string &octets)
{
    std::uint32_t inverse = ~std::uint32_t{0};
    for (const char octet : octets) {
        inverse ^= static_cast<unsigned char>(octet);
        for (int bit = 0; bit < 8; bit++)
            inverse = inverse >> 1 ^ ((inverse & 1) != 0 ? 0xedb88320u : 0u);
    }
    return ~inverse;
}

TEST(fan_out, three_readers_see_the_same)
{
    ASSERT_EQ(crc32("123456789"), 0xcbf43926u);
    const scratch directory;
    const std::string path = (directory / "out.wav").string();
    child program({built("fan_out"), "-d", "sim:counter", "-t", "0.5", path});
    ASSERT_EQ(program.wait(), 0) << program.err();
    const std::string data = chunks_of(read_file(path)).at("data");
    EXPECT_EQ(frames_that_count<std::int16_t>(data, 2), 24'000u);
    std::array<char, 64> sum{};
    std::snprintf(sum.data(), sum.size(), "checksum: crc32 %08x of 24000 frames\n", crc32(data));
    EXPECT_NE(program.out().find(sum.data()), std::string::npos) << program.out();
    EXPECT_NE(program.out().find("meter: channel 1 peak -2.7 dB"), std::string::npos) << program.out();
    const std::regex line(R"(ledger of (\w+): from (\d+) \+ delivered (\d+) \+ lost (\d+) )"
                          R"(\(stream (\d+), queue (\d+)\) \+ queued (\d+) = (\d+))" "\n");
    const std::string out = program.out();
    std::vector<std::string> names;
    for (auto at = std::sregex_iterator(out.begin(), out.end(), line); at != std::sregex_iterator(); ++at) {
        const auto number = [&at](std::size_t index) { return std::stoull((*at)[index].str()); };
        names.push_back((*at)[1]);
        EXPECT_EQ(number(2) + number(3) + number(4) + number(7), number(8));
        EXPECT_EQ(number(4), number(5) + number(6));
        EXPECT_EQ(number(4), 0u);
    }
    EXPECT_EQ(names, (std::vector<std::string>{"file", "meter", "checksum"}));
}

TEST(fan_out, a_signal_ends_all)
{
    const scratch directory;
    const std::filesystem::path path = directory / "out.wav";
    child program({built("fan_out"), "-d", "sim:counter", path.string()});
    std::error_code missing;
    while (!std::filesystem::exists(path) || std::filesystem::file_size(path, missing) < 100'000)
        std::this_thread::sleep_for(10ms);
    kill(program.pid(), SIGINT);
    EXPECT_EQ(program.wait(), 0) << program.err();
    const std::string data = chunks_of(read_file(path)).at("data");
    EXPECT_EQ(frames_that_count<std::int16_t>(data, 2), data.size() / 4);
    EXPECT_NE(program.out().find(" of " + std::to_string(data.size() / 4) + " frames\n"), std::string::npos) << program.out();
}

TEST(fan_out, fails_with_a_reason)
{
    const scratch directory;
    const std::string out = (directory / "out.wav").string();
    const std::vector<failing> cases{{{"-d", "sim:sine?fail=start", out}, 1, "ACAP_ERROR_BACKEND"},
                                     {{"-d", "sim:counter?pace=fast&unplug=1s", out}, 1, "ACAP_ERROR_DEVICE_LOST"},
                                     {{"-d", "sim:sine", "-t", "1", "/dev/full"}, 1, "No space left"},
                                     {{}, 2, "exactly one file"}};
    for (const failing &one : cases) {
        std::vector<std::string> command{built("fan_out")};
        command.insert(command.end(), one.arguments.begin(), one.arguments.end());
        child program(command);
        EXPECT_EQ(program.wait(), one.status) << program.err();
        EXPECT_NE(program.err().find(one.words), std::string::npos) << program.err();
    }
}

/* ---- Files ----------------------------------------------------------------------------------- */

TEST(files, beyond_4_gb_are_rf64)
{
    const wav_layout layout{ACAP_FORMAT_S16, 48'000, 2};
    const std::uint64_t frame_count = (1u << 31) + 100;
    const std::string header = layout.header(frame_count);
    EXPECT_EQ(header.size(), layout.header(0).size()) << "the data stays where it is";
    EXPECT_EQ(layout.header(0).substr(0, 4), "RIFF");
    EXPECT_EQ(layout.header(1'000'000'000).substr(0, 4), "RIFF");
    EXPECT_EQ(header.substr(0, 4), "RF64");
    EXPECT_EQ(header.substr(12, 4), "ds64");
    EXPECT_EQ(number_at<std::uint64_t>(header, 20), header.size() + frame_count * 4 - 8);
    EXPECT_EQ(number_at<std::uint64_t>(header, 28), frame_count * 4);
    EXPECT_EQ(number_at<std::uint64_t>(header, 36), frame_count);
    EXPECT_EQ(header.substr(header.size() - 8), "data\xff\xff\xff\xff");
}

TEST(files, of_odd_length)
{
    const scratch directory;
    const std::string path = (directory / "out.wav").string();
    wav_file out(path, {ACAP_FORMAT_U8, 8000, 1});
    out.write_silence(3);
    out.close();
    EXPECT_EQ(chunks_of(read_file(path)).at("data"), "\x80\x80\x80");
}

TEST(files, that_are_never_closed_play)
{
    const scratch directory;
    const std::string path = (directory / "out.wav").string();
    wav_file out(path, {ACAP_FORMAT_F32, 8000, 1});
    for (int i = 0; i < 20; i++)
        out.write_silence(1000);
    const std::string octets = read_file(path);
    const std::size_t data = octets.find("data");
    EXPECT_EQ(number_at<std::uint32_t>(octets, data + 4), 16'000u * 4);
    EXPECT_EQ(number_at<std::uint32_t>(octets, octets.find("fact") + 8), 16'000u);
    EXPECT_GE(octets.size(), data + 8 + 16'000 * 4);
}

TEST_F(counting, what_is_lost_becomes_silence)
{
    const scratch directory;
    const std::string path = (directory / "out.wav").string();
    acap::reader_config config;
    config.queue_buffers = 4;
    config.overflow = ACAP_OVERFLOW_DROP_NEWEST;
    acap::reader reader(stream, config);
    account seen(reader);
    wav_file out(path, {ACAP_FORMAT_F32, 48'000, 2});
    take recording(out, reader.stats().start_position, 26 * frames + 17);
    for (const std::uint64_t count : {4u, 10u, 1u, 7u, 5u}) { /* what the queue does not hold is lost */
        advance(count);
        while (const acap::buffer buffer = reader.try_borrow()) {
            seen.add(buffer);
            recording.add(buffer);
        }
    }
    EXPECT_FALSE(recording.is_full());
    recording.skip_to(reader.stats().end_position);
    EXPECT_TRUE(recording.is_full());
    out.close();
    EXPECT_EQ(recording.frames_silent(), 9 * frames + 17);
    EXPECT_EQ(recording.frames_captured(), 17 * frames);
    const std::string data = chunks_of(read_file(path)).at("data");
    ASSERT_EQ(data.size(), (26 * frames + 17) * 8);
    for (std::uint64_t position = 0; position < 26 * frames + 17; position++) {
        const std::uint64_t buffer = position / frames;
        const bool is_lost = (buffer >= 8 && buffer < 14) || (buffer >= 19 && buffer < 22) || buffer == 26;
        ASSERT_TRUE(is_lost ? number_at<std::uint64_t>(data, position * 8) == 0 : is_frame<float>(data, position, 2)) << position;
    }
    seen.expect_closed(stream);
}

} // namespace
