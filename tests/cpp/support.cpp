/* SPDX-License-Identifier: MIT */
/* Owns: the proof of every sample. A file of its own, to be optimized where the tests are not: it looks at hundreds of millions. */
#include "support.hpp"

namespace {

struct row { /* the samples of one channel */
    std::size_t first;
    std::size_t step;
};

template <typename T>
bool channel_counts(acap::span<const T> samples, row at, std::uint64_t position, std::uint32_t frame_count, std::uint32_t channel)
{
    std::uint32_t wrong = 0;
    for (std::uint32_t i = 0; i < frame_count; i++)
        wrong += samples[at.first + i * at.step] != counter_sample<T>(position + i, channel) ? 1 : 0;
    return wrong == 0;
}

/* S24, three bytes a sample. */
bool channel_counts(acap::span<const std::byte> octets, row at, std::uint64_t position, std::uint32_t frame_count, std::uint32_t channel)
{
    std::uint32_t wrong = 0;
    for (std::uint32_t i = 0; i < frame_count; i++) {
        const std::uint32_t expected = (static_cast<std::uint32_t>(position + i) + channel * 0x010101u) & 0xffffffu;
        const acap::span<const std::byte> three = octets.subspan(3 * (at.first + i * at.step), 3);
        const auto octet = [&three](std::size_t index) { return std::to_integer<std::uint32_t>(three[index]); };
        wrong += (octet(0) | octet(1) << 8 | octet(2) << 16) != expected ? 1 : 0;
    }
    return wrong == 0;
}

template <typename T> bool counts_as(const acap::buffer &buffer)
{
    const bool is_planar = buffer->plane_stride_bytes != 0;
    bool ok = true;
    for (std::uint32_t c = 0; c < buffer->channel_count; c++) {
        const acap::span<const T> samples = is_planar ? buffer.plane<T>(c) : buffer.samples<T>();
        const row at = is_planar ? row{0, 1} : row{c, buffer->channel_count};
        ok = ok && channel_counts(samples, at, buffer->position, buffer->frame_count, c);
    }
    return ok;
}

} // namespace

bool counts(const acap::buffer &buffer)
{
    switch (buffer->format) {
    case ACAP_FORMAT_S16: return counts_as<std::int16_t>(buffer);
    case ACAP_FORMAT_S24: return counts_as<std::byte>(buffer);
    case ACAP_FORMAT_S32: return counts_as<std::int32_t>(buffer);
    case ACAP_FORMAT_F32: return counts_as<float>(buffer);
    case ACAP_FORMAT_U8: return counts_as<std::uint8_t>(buffer);
    default: return false;
    }
}
