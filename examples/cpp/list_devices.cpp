/* SPDX-License-Identifier: MIT */
/* Owns: acap-cpp-devices, which lists the capture devices.
 * Thread: main is the only one. */
#include "cli.hpp"

#include <acap/acap.hpp>

#include <algorithm>
#include <getopt.h>
#include <iomanip>
#include <iostream>
#include <string>

namespace {

/* A device chooses its own name: no control character of it may reach the terminal. */
std::string printable(const char *text)
{
    std::string shown = text;
    std::replace_if(shown.begin(), shown.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
    return shown;
}

/* Columns on a terminal: UTF-8 continuation bytes take none. */
std::size_t width_of(const std::string &text)
{
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xc0) != 0x80; }));
}

std::string cell(const std::string &text, std::size_t width)
{
    return text + std::string(width + 2 - width_of(text), ' ');
}

std::size_t column_width(const acap::device_list &devices, const char *head, const char *acap_device_info::*member)
{
    std::size_t width = width_of(head);
    for (const acap_device_info &device : devices)
        width = std::max(width, width_of(printable(device.*member)));
    return width;
}

std::string flag_words(std::uint32_t flags)
{
    const bool is_loopback = (flags & ACAP_DEVICE_LOOPBACK) != 0;
    const bool is_stale = (flags & ACAP_DEVICE_STALE) != 0;
    return std::string(is_loopback ? "  loopback" : "") + (is_stale ? (is_loopback ? ", stale" : "  stale") : "");
}

void print_table(const acap::device_list &devices)
{
    const std::size_t id = column_width(devices, "ID", &acap_device_info::id);
    const std::size_t name = column_width(devices, "NAME", &acap_device_info::name);
    const std::size_t host = column_width(devices, "HOST API", &acap_device_info::host_api);
    std::cout << "  " << cell("ID", id) << cell("NAME", name) << cell("HOST API", host) << "CHANNELS    RATE  FLAGS\n";
    for (const acap_device_info &device : devices) {
        std::cout << ((device.flags & ACAP_DEVICE_DEFAULT) != 0 ? "* " : "  ") << cell(printable(device.id), id)
                  << cell(printable(device.name), name) << cell(printable(device.host_api), host) << std::setw(8)
                  << device.max_channel_count << std::setw(8) << device.default_sample_rate_hz << flag_words(device.flags) << '\n';
    }
}

std::string quoted(const char *text)
{
    constexpr const char *digits = "0123456789abcdef";
    std::string json = "\"";
    for (; *text != '\0'; text++) {
        const auto c = static_cast<unsigned char>(*text);
        if (c < 0x20)
            json += std::string("\\u00") + digits[c >> 4] + digits[c & 15];
        else
            json += std::string(c == '"' || c == '\\' ? "\\" : "") + *text;
    }
    return json + '"';
}

void print_json(const acap::device_list &devices)
{
    const char *separator = "\n  ";
    std::cout << '[' << std::boolalpha;
    for (const acap_device_info &device : devices) {
        std::cout << separator << "{ \"id\": " << quoted(device.id) << ", \"name\": " << quoted(device.name)
                  << ", \"host_api\": " << quoted(device.host_api) << ", \"max_channel_count\": " << device.max_channel_count
                  << ", \"default_sample_rate_hz\": " << device.default_sample_rate_hz
                  << ", \"low_latency_ns\": " << device.low_latency_ns << ", \"high_latency_ns\": " << device.high_latency_ns
                  << ", \"default\": " << ((device.flags & ACAP_DEVICE_DEFAULT) != 0)
                  << ", \"loopback\": " << ((device.flags & ACAP_DEVICE_LOOPBACK) != 0)
                  << ", \"stale\": " << ((device.flags & ACAP_DEVICE_STALE) != 0) << " }";
        separator = ",\n  ";
    }
    std::cout << "\n]\n";
}

int show_help()
{
    std::cout << "Usage: acap-cpp-devices [-j]\n"
                 "Lists the devices that can be captured from; * marks the default one.\n"
                 "\n"
                 "  -j, --json  print JSON\n"
                 "  -h, --help  print this\n";
    return cli::ok;
}

int list_devices(int argc, char **argv)
{
    static const option long_options[] = {{"json", no_argument, nullptr, 'j'}, {"help", no_argument, nullptr, 'h'}, {}};
    bool as_json = false;
    for (int letter = 0; (letter = getopt_long(argc, argv, "jh", long_options, nullptr)) != -1;) {
        if (letter == 'h')
            return show_help();
        if (letter != 'j')
            throw cli::misuse("bad option");
        as_json = true;
    }
    if (optind < argc)
        throw cli::misuse(std::string("what is ") + argv[optind]);
    const acap::device_list devices{acap::context()};
    if (as_json)
        print_json(devices);
    else if (devices.empty())
        std::cout << "No capture device was found; the simulated ones, such as sim:sine, can always be opened.\n";
    else
        print_table(devices);
    return cli::ok;
}

} // namespace

int main(int argc, char **argv)
{
    return cli::run("acap-cpp-devices", [=] { return list_devices(argc, argv); });
}
