/* SPDX-License-Identifier: MIT */
/* Owns: what the example programs' command lines have in common: strict numbers, messages, the signals that end a recording.
 * Used by: list_devices.cpp, record.cpp, fan_out.cpp.
 * Thread: main; say() on any. */
#ifndef ACAP_EXAMPLES_CLI_HPP
#define ACAP_EXAMPLES_CLI_HPP

#include <acap/acap.hpp>

#include <array>
#include <atomic>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace cli {

/* Exit statuses. */
constexpr int ok = 0;
constexpr int failed = 1;
constexpr int usage = 2;

/* A wrong command line. */
class misuse : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

inline const char *program_name = "acap";

/* A message on standard error, in one piece: lines of several threads do not mix. */
template <typename... Parts> void say(const Parts &...parts)
{
    std::ostringstream line;
    line << program_name << ": ";
    (line << ... << parts) << '\n';
    std::cerr << line.str() << std::flush;
}

/* printf's %.*f */
inline std::string fixed(double value, int digits)
{
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.*f", digits, value);
    return text.data();
}

inline std::uint32_t parse_count(const std::string &text)
{
    const bool is_number = !text.empty() && text.size() <= 9 && text.find_first_not_of("0123456789") == std::string::npos;
    const unsigned long value = is_number ? std::stoul(text) : 0;
    if (value == 0)
        throw misuse(text + " is no positive number");
    return static_cast<std::uint32_t>(value);
}

inline double parse_seconds(const std::string &text)
{
    char *end = nullptr;
    const bool is_number = !text.empty() && text.find_first_not_of("0123456789.") == std::string::npos;
    const double value = is_number ? std::strtod(text.c_str(), &end) : 0;
    if (!(value > 0) || value > 1e9 || *end != '\0')
        throw misuse(text + " is no time in seconds");
    return value;
}

/* Exact to the frame, and at least one. */
inline std::uint64_t frames_of(double seconds, std::uint32_t sample_rate_hz)
{
    return static_cast<std::uint64_t>(std::fmax(std::round(seconds * sample_rate_hz), 1.0));
}

constexpr std::array<std::pair<const char *, std::uint32_t>, 5> formats{
    {{"s16", ACAP_FORMAT_S16}, {"s24", ACAP_FORMAT_S24}, {"s32", ACAP_FORMAT_S32}, {"f32", ACAP_FORMAT_F32}, {"u8", ACAP_FORMAT_U8}}};

inline std::uint32_t parse_format(const std::string &text)
{
    for (const auto &[name, format] : formats)
        if (text == name)
            return format;
    throw misuse(text + " is no format; s16, s24, s32, f32 and u8 are");
}

inline std::string format_name(std::uint32_t wanted)
{
    for (const auto &[name, format] : formats)
        if (wanted == format)
            return name;
    return "?";
}

/* While it lives the first SIGINT or SIGTERM interrupts these readers, and a second one ends the program at once. */
class ended_by_signals {
public:
    template <typename... Readers> explicit ended_by_signals(const Readers &...readers)
    {
        static_assert(sizeof...(readers) <= most);
        std::size_t index = 0;
        ((slots[index++] = readers.get()), ...);
        set(on_signal);
    }
    ended_by_signals(const ended_by_signals &) = delete;
    ended_by_signals &operator=(const ended_by_signals &) = delete;
    ~ended_by_signals()
    {
        set(SIG_DFL); /* before the readers go that the handler would interrupt */
        for (std::atomic<acap_reader *> &slot : slots)
            slot = nullptr;
    }

private:
    static constexpr std::size_t most = 3;
    static inline std::array<std::atomic<acap_reader *>, most> slots{};
    static_assert(std::atomic<acap_reader *>::is_always_lock_free, "a signal handler must not lock");

    static void set(void (*handler)(int))
    {
        struct sigaction action {};
        sigemptyset(&action.sa_mask);
        action.sa_handler = handler;
        action.sa_flags = SA_RESTART;
        sigaction(SIGINT, &action, nullptr);
        sigaction(SIGTERM, &action, nullptr);
    }
    static void on_signal(int)
    {
        set(SIG_DFL);
        for (const std::atomic<acap_reader *> &slot : slots)
            if (acap_reader *reader = slot)
                acap_reader_interrupt(reader); /* the C function: it is async-signal-safe, and throws nothing */
    }
};

/* Runs a program; whatever it throws becomes a message and an exit status. */
template <typename Program> int run(const char *name, Program program)
{
    program_name = name;
    try {
        const int status = program();
        std::cout.flush();
        if (!std::cout)
            throw std::runtime_error("standard output cannot be written");
        return status;
    } catch (const misuse &error) {
        say(error.what(), "; --help tells more");
        return usage;
    } catch (const std::exception &error) {
        say(error.what());
        return failed;
    }
}

} // namespace cli

#endif
