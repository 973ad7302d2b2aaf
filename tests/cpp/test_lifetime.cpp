/* SPDX-License-Identifier: MIT */
/* Owns: everything in any order: closing, throwing, forking, leaving the program. */
#include "child.hpp"
#include "support.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <random>
#include <regex>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {

/* ---- Any order ------------------------------------------------------------------------------- */

struct parts {
    acap::context context{"sim"};
    acap::stream stream{context, counter_device};
    acap::reader reader{stream};
    acap::pool pool{stream.pool()};
    acap::buffer buffer{};

    parts()
    {
        stream.start();
        stream.sim_advance(3 * frames);
        buffer = reader.borrow();
    }
    void close(int which)
    {
        switch (which) {
        case 0: return context.close();
        case 1: return stream.close();
        case 2: return reader.close();
        case 3: return pool.release();
        default:
            EXPECT_TRUE(counts(buffer));
            buffer.release();
        }
    }
};

TEST(lifetime, any_order_of_closing)
{
    std::array<int, 5> order{0, 1, 2, 3, 4};
    int orders = 0;
    do {
        parts all;
        const acap::pool observer = all.pool;
        std::for_each(order.begin(), order.end(), [&all](int which) { all.close(which); });
        EXPECT_EQ(observer.stats().in_use, 0u);
        expect_pool_law(observer.stats());
        orders++;
    } while (std::next_permutation(order.begin(), order.end()));
    EXPECT_EQ(orders, 120);
}

TEST(lifetime, a_buffer_outlives_everything)
{
    acap::buffer kept;
    {
        acap::context context("sim");
        acap::stream stream(context, counter_device);
        acap::reader reader(stream);
        stream.start();
        stream.sim_advance(frames);
        kept = reader.borrow();
        expect_reader_law(reader.stats());
    }
    EXPECT_TRUE(counts(kept));
    std::thread([buffer = std::move(kept)]() mutable { buffer.release(); }).join();
    EXPECT_FALSE(kept); // NOLINT(bugprone-use-after-move)
}

TEST(lifetime, closing_the_context_ends_all)
{
    acap::context context("sim");
    acap::stream stream(context, counter_device);
    acap::reader reader(stream);
    account seen(reader);
    stream.start();
    stream.sim_advance(2 * frames);
    context.close();
    EXPECT_EQ(drain(reader, seen).size(), 2u);
    EXPECT_FALSE(reader.borrow());
    EXPECT_EQ(reader.last_result(), ACAP_END);
    EXPECT_THROW(stream.start(), acap::invalid_state_error);
    seen.expect_closed(stream);
}

/* What a program holds in members and loses by an exception in the middle of its constructor. */
struct half_made {
    acap::context context{"sim"};
    acap::stream stream{context, counter_device};
    acap::reader reader{stream};
    acap::buffer buffer{};
    acap::reader impossible{stream, too_long()};

    static acap_reader_config too_long()
    {
        acap::reader_config config;
        config.queue_buffers = ACAP_MAX_QUEUE_BUFFERS + 1;
        return config;
    }
};

TEST(lifetime, a_constructor_that_throws_leaks_nothing)
{
    EXPECT_THROW(half_made(), acap::limit_error);
    const std::unique_ptr<parts> whole = std::make_unique<parts>();
    EXPECT_TRUE(whole->buffer);
}

/* ---- Torture --------------------------------------------------------------------------------- */

/* Holds, copies, swaps and drops buffers in an order that a seed decides. */
void torture(std::uint32_t seed)
{
    std::mt19937 random(seed);
    acap::context context("sim");
    acap::stream stream(context, counter_device);
    acap::reader_config config;
    config.queue_buffers = 16;
    acap::reader reader(stream, config);
    account seen(reader);
    std::vector<acap::buffer> held(24);
    const auto any = [&]() -> acap::buffer & { return held[random() % held.size()]; };
    stream.start();
    for (int step = 0; step < 3000; step++) {
        stream.sim_advance(frames * (random() % 3));
        while (acap::buffer buffer = reader.try_borrow()) {
            seen.add(buffer);
            any() = random() % 2 != 0 ? std::move(buffer) : buffer;
        }
        any() = any();
        any() = std::move(any());
        std::swap(any(), any());
        const acap::buffer &one = any();
        EXPECT_TRUE(!one || counts(one)) << "seed " << seed;
        any().release();
    }
    held.clear();
    EXPECT_EQ(stream.pool().stats().in_use, 0u);
    EXPECT_GT(stream.pool().stats().recycled, 0u);
    seen.expect_closed(stream);
}

TEST(lifetime, torture)
{
    std::vector<std::thread> threads;
    for (const std::uint32_t seed : {1u, 2u, 3u})
        threads.emplace_back(torture, seed);
    for (std::thread &thread : threads)
        thread.join();
}

/* ---- fork ------------------------------------------------------------------------------------ */

/* In the child: every call is an error, closing does nothing; the number of calls that were none. */
int calls_that_did_not_throw(parts &all)
{
    const std::vector<std::function<void()>> calls{
        [] { acap::context("sim"); },
        [] { acap::pool_config config; config.buffer_size_bytes = 1; acap::pool{config}; },
        [&] { (void)all.context.next_event(); },
        [&] { all.context.interrupt(); },
        [&] { (void)all.context.wait_handle(); },
        [&] { acap::device_list{all.context}; },
        [&] { (void)all.context.supports(acap::stream_config("sim:sine")); },
        [&] { acap::stream{all.context}; },
        [&] { acap::reader{all.stream}; },
        [&] { all.stream.start(); },
        [&] { all.stream.stop(); },
        [&] { all.stream.sim_advance(1); },
        [&] { all.stream.push("", 0); },
        [&] { (void)all.stream.info(); },
        [&] { (void)all.stream.stats(); },
        [&] { (void)all.reader.borrow(); },
        [&] { (void)all.reader.try_borrow(); },
        [&] { all.reader.interrupt(); },
        [&] { all.reader.finish(); },
        [&] { (void)all.reader.wait_handle(); },
        [&] { (void)all.reader.stats(); },
        [&] { (void)all.pool.stats(); },
        [&] { (void)all.pool.acquire(); },
        [&] { (void)all.buffer.measure(); },
    };
    int count = 0;
    for (const std::function<void()> &call : calls) {
        try {
            call();
            count++;
        } catch (const acap::forked_error &) {
        }
    }
    return count;
}

TEST(lifetime, fork)
{
    parts all;
    const pid_t pid = fork();
    if (pid == 0) {
        int wrong = calls_that_did_not_throw(all);
        wrong += counts(all.buffer) ? 0 : 100; /* what was held can still be read */
        {
            parts gone = std::move(all); /* every destructor */
        }
        _exit(wrong);
    }
    int status = -1;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    ASSERT_TRUE(WIFEXITED(status)) << status;
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_TRUE(counts(all.buffer));
    EXPECT_EQ(all.pool.stats().in_use, 3u);
    all.buffer.release();
    EXPECT_TRUE(all.reader.borrow());
    expect_reader_law(all.reader.stats());
    expect_stream_law(all.stream.stats());
}

/* ---- The program's exit ---------------------------------------------------------------------- */

class exits : public ::testing::TestWithParam<const char *> {};

/* In a build with AddressSanitizer its leak check looks, too. */
TEST_P(exits, are_clean)
{
    child program({built("held_at_exit"), GetParam()});
    EXPECT_EQ(program.wait(), 0) << program.err();
    EXPECT_EQ(program.out(), "held\n");
    EXPECT_EQ(program.err(), "");
}

/* Runs under valgrind: what is left of what acap has allocated, a text for each place. */
std::vector<std::string> left_behind(const std::string &way, int &status)
{
    const scratch directory;
    const std::string log = (directory / "log").string();
    child program({"valgrind", "--leak-check=full", "--show-leak-kinds=all", "--errors-for-leak-kinds=definite,indirect",
                   "--error-exitcode=99", "--log-file=" + log, built("held_at_exit"), way});
    status = program.wait();
    EXPECT_EQ(program.out(), "held\n");
    EXPECT_EQ(program.err(), "");
    const std::string text = read_file(log);
    const std::regex between("==[0-9]+== *\n");
    std::vector<std::string> left;
    for (auto at = std::sregex_token_iterator(text.begin(), text.end(), between, -1); at != std::sregex_token_iterator(); ++at) {
        const std::string record = *at;
        const auto names = [&record](const char *function) { return record.find(function) != std::string::npos; };
        /* A feed rests in the library, in case the host calls again; so does the host's thread. */
        if (names(": acap_") && !names("acap__feed_create") && !names("pthread_create"))
            left.push_back(record);
    }
    return left;
}

bool has_valgrind()
{
    return child({"valgrind", "--version"}).wait() == 0;
}

TEST_P(exits, leave_nothing_for_valgrind)
{
    if (!has_valgrind())
        GTEST_SKIP() << "skipped: there is no valgrind";
    const std::string way = GetParam();
    int status = -1;
    const std::vector<std::string> left = left_behind(way, status);
    EXPECT_EQ(status, 0);
    if (way == "statics" || way == "main" || way == "thread") { /* the others leave before their destructors */
        EXPECT_EQ(left, std::vector<std::string>());
    }
}

TEST(lifetime, valgrind_finds_a_lost_handle)
{
    if (!has_valgrind())
        GTEST_SKIP() << "skipped: there is no valgrind";
    int status = -1;
    const std::vector<std::string> left = left_behind("lost", status);
    ASSERT_FALSE(left.empty());
    EXPECT_NE(left.front().find("acap_context_create"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(held, exits,
                         ::testing::Values("statics", "main", "exit_in_a_loop", "thread", "quick", "never_closed"),
                         [](const auto &way) { return std::string(way.param); });

} // namespace
