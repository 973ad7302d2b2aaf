/* SPDX-License-Identifier: MIT */
/* Owns: assertions of debug builds, what tells AddressSanitizer that a free buffer is nobody's, and RealtimeSanitizer what is meant.
 * Used by: every file; costs nothing in release builds. */
#ifndef ACAP_SRC_CHECK_H
#define ACAP_SRC_CHECK_H

#ifdef ACAP_DEBUG_CHECKS
#define acap__check(condition) ((condition) ? (void)0 : __builtin_trap())
#else
#define acap__check(condition) ((void)0)
#endif

#if defined(__SANITIZE_ADDRESS__)
#define ACAP__HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ACAP__HAS_ASAN 1
#endif
#endif

#ifdef ACAP__HAS_ASAN
#include <sanitizer/asan_interface.h>
#define acap__poison(memory, size_bytes) __asan_poison_memory_region(memory, size_bytes)
#define acap__unpoison(memory, size_bytes) __asan_unpoison_memory_region(memory, size_bytes)
#else
#define acap__poison(memory, size_bytes) ((void)(memory), (void)(size_bytes))
#define acap__unpoison(memory, size_bytes) ((void)(memory), (void)(size_bytes))
#endif

/* Around the audio thread's only system calls, those that wake a sleeper. */
#if defined(__has_feature)
#if __has_feature(realtime_sanitizer)
#define ACAP__HAS_RTSAN 1
#endif
#endif

#ifdef ACAP__HAS_RTSAN
#include <sanitizer/rtsan_interface.h>
#define acap__rt_exception_begin() __rtsan_disable()
#define acap__rt_exception_end() __rtsan_enable()
#else
#define acap__rt_exception_begin() ((void)0)
#define acap__rt_exception_end() ((void)0)
#endif

#endif
