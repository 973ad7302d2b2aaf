/* SPDX-License-Identifier: MIT */
/* Owns: operator new that counts; a file of its own, so that no compiler sees it together with what it is called for. */
#include "allocations.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

static std::atomic<std::uint64_t> count{0};

std::uint64_t allocation_count() { return count.load(); }

void *operator new(std::size_t size)
{
    count.fetch_add(1, std::memory_order_relaxed);
    if (void *memory = std::malloc(size != 0 ? size : 1))
        return memory;
    throw std::bad_alloc();
}

void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, std::size_t) noexcept { std::free(memory); }
