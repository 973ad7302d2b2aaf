/* SPDX-License-Identifier: MIT */
/* Owns: a program that instantiates everything in acap.hpp, to be compiled with every warning in every dialect; nobody runs it. */
#include <acap/acap.hpp>
#include <acap/acap.hpp>

#include <utility>

namespace {

template <typename T> std::size_t look(const acap::buffer &buffer)
{
    return buffer.samples<T>().size_bytes() + buffer.plane<T>(0).subspan(1).size() + (buffer.bytes().empty() ? 0u : 1u);
}

std::size_t look_at_all(acap::reader &reader)
{
    std::size_t total = 0;
    for (acap::buffer &buffer : reader) {
        total += look<float>(buffer) + look<std::int32_t>(buffer) + look<std::int16_t>(buffer) + look<std::uint8_t>(buffer);
        total += look<std::byte>(buffer) + buffer.measure().peak.size() + buffer.reference_count();
        acap::buffer kept = std::move(buffer);
        total += kept.writable().size() + kept.writable<float>().size();
        kept = kept.time() < acap::clock::now() ? acap::buffer() : acap::buffer(kept);
    }
    for (auto at = reader.begin(); at != reader.end(); at++)
        total += at->get()->frame_count;
    return total;
}

acap::stream open(const acap::context &context)
{
    acap::stream_config config("sim:counter");
    config.channel_count = 1;
    return context.supports(config) ? acap::stream(context, config) : acap::stream(context);
}

std::size_t run()
{
    acap::context context("sim");
    std::size_t total = 0;
    for (const acap_device_info &device : acap::device_list(context))
        total += device.max_channel_count;
    acap::stream stream = open(context);
    acap::reader reader(stream, acap::reader_config());
    acap::pool_config config;
    config.buffer_size_bytes = 64;
    acap::pool pool(config);
    pool = stream.pool();
    stream.start();
    stream.sim_advance(480);
    stream.push(nullptr, 1, acap::clock::now());
    stream.stop();
    total += look_at_all(reader) + pool.stats().in_use + stream.info().channel_count + pool.acquire().reference_count();
    total += reader.borrow(std::chrono::duration<double>(0.5)) && reader.borrow(std::chrono::hours(1)) && reader.try_borrow() ? 1u : 0u;
    total += context.next_event(std::chrono::milliseconds(1)) || context.next_event() ? 1u : 0u;
    total += reader.last_result() == ACAP_END && context.wait_handle() == reader.wait_handle() ? 1u : 0u;
    context.interrupt();
    reader.interrupt();
    reader.finish();
    acap::stream moved = std::move(stream);
    return total + reader.stats().frames_lost + moved.stats().frames_lost;
}

} // namespace

int main()
{
    try {
        return run() != 0 ? 0 : 1;
    } catch (const acap::device_lost_error &error) {
        return static_cast<int>(error.result());
    } catch (const acap::error &error) {
        return error.name()[0];
    }
}
