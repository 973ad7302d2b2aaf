/* SPDX-License-Identifier: MIT */
/* Owns: the number of operator new's calls in this process, acap.hpp's among them.
 * Used by: test_three_runs.cpp. */
#ifndef ACAP_TESTS_CPP_ALLOCATIONS_HPP
#define ACAP_TESTS_CPP_ALLOCATIONS_HPP

#include <cstdint>

std::uint64_t allocation_count();

#endif
