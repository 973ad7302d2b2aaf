/* SPDX-License-Identifier: MIT */
/* Owns: a program that leaves with buffers in its hands, in the way that its argument says; "lost" shows that it would be noticed. */
#include <acap/acap.hpp>

#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

namespace {

std::vector<acap::buffer> held; /* its destructor runs behind main */

struct device {
    acap::context context{"sim"};
    acap::stream stream;
    acap::reader reader{};

    explicit device(const char *name) : stream(context, name)
    {
        reader = acap::reader(stream);
        stream.start();
    }
};

constexpr const char *manual = "sim:counter?pace=manual&period=480";

void hold_some(device &from)
{
    from.stream.sim_advance(4800);
    for (int i = 0; i < 4; i++)
        held.push_back(from.reader.borrow());
    std::cout << "held" << std::endl;
}

device &static_device(const char *name)
{
    static device one(name);
    return one;
}

[[noreturn]] void exit_in_a_loop()
{
    device &real = static_device("sim:counter");
    for (const acap::buffer &buffer : real.reader) {
        held.push_back(buffer);
        std::cout << "held" << std::endl;
        std::exit(0);
    }
    std::abort();
}

} // namespace

int main(int argc, char **argv)
{
    const std::string way = argc == 2 ? argv[1] : "";
    if (way == "statics") {
        hold_some(static_device(manual));
    } else if (way == "main") {
        device local(manual);
        hold_some(local);
    } else if (way == "exit_in_a_loop") {
        exit_in_a_loop();
    } else if (way == "thread") { /* a thread keeps a buffer, and gives it back behind everything else */
        device local(manual);
        hold_some(local);
        std::thread([kept = held.front()]() mutable { kept.release(); }).join();
    } else if (way == "quick") {
        hold_some(static_device(manual));
        std::quick_exit(0);
    } else if (way == "never_closed") {
        static device *for_ever = new device("sim:counter"); /* captures until the end */
        held.push_back(for_ever->reader.borrow());
        std::cout << "held" << std::endl;
    } else if (way == "lost") {
        (void)acap::context("sim").detach();
        std::cout << "held" << std::endl;
    } else {
        return 2;
    }
    return 0;
}
