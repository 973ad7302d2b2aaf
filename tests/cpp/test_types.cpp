/* SPDX-License-Identifier: MIT */
/* Owns: what the compiler knows of acap.hpp, and the header against acap.h, so that the two cannot drift apart. */
#include "support.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#if __cplusplus > 201703L
#include <ranges>
#include <span>
#endif

using namespace std::chrono_literals;

namespace {

/* ---- Handles --------------------------------------------------------------------------------- */

template <typename T> constexpr bool is_move_only = !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T>
    && std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T> && std::is_nothrow_destructible_v<T>;
template <typename T> constexpr bool is_shared = std::is_nothrow_copy_constructible_v<T> && std::is_nothrow_copy_assignable_v<T>
    && std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T> && std::is_nothrow_destructible_v<T>;

static_assert(is_move_only<acap::context> && is_move_only<acap::device_list> && is_move_only<acap::stream> && is_move_only<acap::reader>);
static_assert(is_shared<acap::buffer> && is_shared<acap::pool>);
static_assert(sizeof(acap::buffer) == sizeof(void *) && sizeof(acap::stream) == sizeof(void *));
static_assert(std::is_nothrow_default_constructible_v<acap::buffer> && std::is_nothrow_default_constructible_v<acap::stream>);

/* Nothing becomes a handle, or stops being one, without being told. */
static_assert(!std::is_convertible_v<const acap_buffer *, acap::buffer> && !std::is_constructible_v<acap::buffer, const acap_buffer *>);
static_assert(!std::is_convertible_v<acap::buffer, const acap_buffer *> && !std::is_convertible_v<acap::buffer, bool>);
static_assert(!std::is_convertible_v<const char *, acap::context> && !std::is_convertible_v<acap::context &, acap::device_list>);
static_assert(!std::is_convertible_v<acap::context &, acap::stream> && !std::is_convertible_v<acap::stream &, acap::reader>);
static_assert(!std::is_convertible_v<acap_result, acap::error> && !std::is_convertible_v<acap_pool_config, acap::pool>);

static_assert(std::is_nothrow_copy_constructible_v<acap::error> && std::is_base_of_v<std::runtime_error, acap::error>);

/* A buffer cannot be closed, and a stream cannot be released: each has its own word. */
template <typename T, typename = void> struct has_close : std::false_type {};
template <typename T> struct has_close<T, std::void_t<decltype(std::declval<T &>().close())>> : std::true_type {};
static_assert(has_close<acap::stream>::value && !has_close<acap::buffer>::value && !has_close<acap::pool>::value);

/* ---- Time ------------------------------------------------------------------------------------ */

static_assert(acap::timeout_ns(0s) == 0 && acap::timeout_ns(1ns) == 1 && acap::timeout_ns(2s) == 2'000'000'000);
static_assert(acap::timeout_ns(-1ns) == 0 && acap::timeout_ns(std::chrono::hours::min()) == 0);
static_assert(acap::timeout_ns(std::chrono::duration<std::int64_t, std::pico>(1)) == 1, "rounds up");
static_assert(acap::timeout_ns(std::chrono::duration<std::int64_t, std::pico>::max()) == INT64_MAX / 1000 + 1);
static_assert(acap::timeout_ns(std::chrono::duration<double>(0.25)) == 250'000'000);
static_assert(acap::timeout_ns(std::chrono::duration<float>(-1.0f)) == 0);
static_assert(acap::timeout_ns(std::chrono::duration<unsigned>(7)) == 7'000'000'000);
static_assert(acap::timeout_ns(std::chrono::nanoseconds::max()) == INT64_MAX);
static_assert(acap::timeout_ns(std::chrono::seconds::max()) == INT64_MAX);
static_assert(acap::timeout_ns(std::chrono::hours::max()) == INT64_MAX);
static_assert(acap::timeout_ns(9'223'372'036s) == 9'223'372'036'000'000'000 && acap::timeout_ns(9'223'372'037s) == INT64_MAX);
static_assert(acap::timeout_ns(std::chrono::duration<double>(1e300)) == INT64_MAX);
static_assert(acap::clock::is_steady && std::is_same_v<acap::clock::time_point::clock, acap::clock>);

TEST(time, timeouts_that_are_no_numbers)
{
    EXPECT_EQ(acap::timeout_ns(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN())), 0);
    EXPECT_EQ(acap::timeout_ns(std::chrono::duration<double>(std::numeric_limits<double>::infinity())), INT64_MAX);
    EXPECT_EQ(acap::timeout_ns(std::chrono::duration<double>(-std::numeric_limits<double>::infinity())), 0);
}

TEST(time, clock_is_that_of_the_library)
{
    const std::int64_t before = acap_clock_ns();
    const acap::clock::time_point now = acap::clock::now();
    EXPECT_LE(before, now.time_since_epoch().count());
    EXPECT_LE(now.time_since_epoch().count(), acap_clock_ns());
}

/* ---- Views ----------------------------------------------------------------------------------- */

static_assert(std::is_trivially_copyable_v<acap::span<float>> && std::is_nothrow_default_constructible_v<acap::span<float>>);
static_assert(std::is_convertible_v<acap::span<float>, acap::span<const float>>);
static_assert(!std::is_convertible_v<acap::span<const float>, acap::span<float>>);
static_assert(!std::is_convertible_v<acap::span<std::int32_t>, acap::span<const float>>);

constexpr std::array<int, 4> four{1, 2, 3, 4};
constexpr acap::span<const int> view(four.data(), four.size());
static_assert(view.size() == 4 && view.size_bytes() == 16 && !view.empty() && view[3] == 4 && *view.begin() == 1);
static_assert(view.end() - view.begin() == 4 && view.subspan(1).size() == 3 && view.subspan(1)[0] == 2);
static_assert(view.subspan(1, 2).size() == 2 && view.subspan(4).empty() && view.subspan(9).empty() && view.subspan(2, 9).size() == 2);
static_assert(acap::span<int>().empty() && acap::span<int>().data() == nullptr && acap::span<int>().subspan(1).empty());

/* ---- Iterators ------------------------------------------------------------------------------- */

template <typename T, typename Tag> constexpr bool is_iterator
    = std::is_base_of_v<Tag, typename std::iterator_traits<T>::iterator_category> && std::is_copy_constructible_v<T>
    && std::is_copy_assignable_v<T> && std::is_default_constructible_v<T> && std::is_same_v<decltype(++std::declval<T &>()), T &>
    && std::is_convertible_v<decltype(*std::declval<T &>()++), typename std::iterator_traits<T>::value_type>;
static_assert(is_iterator<acap::reader::iterator, std::input_iterator_tag>);
static_assert(is_iterator<acap::device_list::iterator, std::forward_iterator_tag>);

#if __cplusplus > 201703L
static_assert(std::input_iterator<acap::reader::iterator> && std::sentinel_for<acap::reader::iterator, acap::reader::iterator>);
static_assert(std::forward_iterator<acap::device_list::iterator>);
static_assert(std::ranges::input_range<acap::reader> && std::ranges::forward_range<acap::device_list>);
static_assert(std::ranges::sized_range<const acap::device_list>);
static_assert(std::ranges::contiguous_range<acap::span<float>> && std::ranges::sized_range<acap::span<float>>);
static_assert(std::ranges::borrowed_range<acap::span<float>>);
static_assert(std::is_constructible_v<std::span<const float>, acap::span<const float>>);
static_assert(std::is_constructible_v<std::span<float>, acap::span<float>>);
static_assert(!std::is_constructible_v<std::span<float>, acap::span<const float>>);
static_assert(std::is_convertible_v<acap::span<const float>, std::span<const float>>);
static_assert(std::is_convertible_v<acap::span<const std::byte>, std::span<const std::byte>>);
#endif

/* ---- The two headers ------------------------------------------------------------------------- */

std::string read_header(const char *name)
{
    const char *directory = std::getenv("ACAP_INCLUDE_DIR");
    std::ifstream file(std::string(directory != nullptr ? directory : "") + "/acap/" + name);
    std::ostringstream text;
    text << file.rdbuf();
    EXPECT_GT(text.str().size(), 1000u) << "ACAP_INCLUDE_DIR must name the directory that has acap/acap.h";
    return text.str();
}

std::set<std::string> found(const std::string &text, const char *pattern)
{
    const std::regex regex(pattern);
    std::set<std::string> names;
    for (auto at = std::sregex_iterator(text.begin(), text.end(), regex); at != std::sregex_iterator(); ++at)
        names.insert((*at)[1]);
    return names;
}

TEST(header, every_function_is_called)
{
    const std::set<std::string> declared = found(read_header("acap.h"), R"(ACAP_CALL (acap_\w+)\()");
    const std::set<std::string> named = found(read_header("acap.hpp"), R"(\b(acap_\w+))");
    const std::set<std::string> as_it_is{"acap_version", "acap_version_string"}; /* C++ has no shorter word for these */
    ASSERT_GT(declared.size(), 40u);
    for (const std::string &name : declared)
        EXPECT_NE(named.count(name) != 0, as_it_is.count(name) != 0) << name;
}

TEST(header, every_error_has_its_type)
{
    const std::set<std::string> declared = found(read_header("acap.h"), R"(#define (ACAP_ERROR_\w+))");
    EXPECT_EQ(declared, found(read_header("acap.hpp"), R"(= error_of<(ACAP_ERROR_\w+)>)"));
    EXPECT_EQ(declared.size(), static_cast<std::size_t>(-ACAP_ERROR_PERMISSION)) << "the numbers have a gap";
}

TEST(header, every_parameter_struct_has_its_defaults)
{
    const std::set<std::string> declared = found(read_header("acap.h"), R"(#define (ACAP_\w+_CONFIG_INIT))");
    EXPECT_EQ(declared, found(read_header("acap.hpp"), R"(acap_\w+_config (ACAP_\w+_CONFIG_INIT) \{\})"));
}

/* ---- Errors ---------------------------------------------------------------------------------- */

template <typename Error> void expect_type(acap_result result)
{
    try {
        acap::check(result);
        ADD_FAILURE() << acap_result_name(result);
    } catch (const Error &error) {
        EXPECT_EQ(error.result(), result);
        EXPECT_STREQ(error.name(), acap_result_name(result));
        EXPECT_EQ(std::string_view(error.what()).substr(0, std::strlen(error.name()) + 2), error.name() + std::string(": "));
    }
}

TEST(errors, each_result_has_its_type)
{
    expect_type<acap::invalid_argument_error>(ACAP_ERROR_INVALID_ARGUMENT);
    expect_type<acap::no_memory_error>(ACAP_ERROR_NO_MEMORY);
    expect_type<acap::invalid_state_error>(ACAP_ERROR_INVALID_STATE);
    expect_type<acap::no_device_error>(ACAP_ERROR_NO_DEVICE);
    expect_type<acap::device_busy_error>(ACAP_ERROR_DEVICE_BUSY);
    expect_type<acap::device_lost_error>(ACAP_ERROR_DEVICE_LOST);
    expect_type<acap::unsupported_format_error>(ACAP_ERROR_UNSUPPORTED_FORMAT);
    expect_type<acap::pool_exhausted_error>(ACAP_ERROR_POOL_EXHAUSTED);
    expect_type<acap::limit_error>(ACAP_ERROR_LIMIT);
    expect_type<acap::backend_error>(ACAP_ERROR_BACKEND);
    expect_type<acap::abi_mismatch_error>(ACAP_ERROR_ABI_MISMATCH);
    expect_type<acap::forked_error>(ACAP_ERROR_FORKED);
    expect_type<acap::host_stuck_error>(ACAP_ERROR_HOST_STUCK);
    expect_type<acap::permission_error>(ACAP_ERROR_PERMISSION);
    for (const acap_result unheard : {-15, -1000, INT32_MIN})
        expect_type<acap::error>(unheard);
    for (const acap_result positive : {ACAP_OK, ACAP_TIMED_OUT, ACAP_END, ACAP_INTERRUPTED, 77})
        EXPECT_EQ(acap::check(positive), positive);
}

TEST(errors, have_the_librarys_words)
{
    acap::context context("sim");
    try {
        acap::stream stream(context, "no such device");
        FAIL();
    } catch (const acap::no_device_error &error) {
        EXPECT_NE(std::string(error.what()).find("no such device"), std::string::npos);
        const acap::error copy = error;
        EXPECT_STREQ(copy.what(), error.what());
    }
    EXPECT_THROW(acap::context("carrier pigeon"), acap::invalid_argument_error);
    EXPECT_THROW(acap::stream(context, "sim:counter?fail=open"), acap::backend_error);
}

} // namespace
