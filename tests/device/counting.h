/* SPDX-License-Identifier: MIT */
/* Owns: the counting signal: each sample tells the frame and the channel that it belongs to, so that loss, repetition, reordering and
 * mixed-up channels are provable. The same function of frame and channel as "sim:counter" of acap.h.
 * Used by: the virtual card, the feeders of the sound servers and every test that checks what came out; on any thread. */
#ifndef ACAP_TESTS_DEVICE_COUNTING_H
#define ACAP_TESTS_DEVICE_COUNTING_H

#include <acap/acap.h>

#include <stdbool.h>
#include <stdint.h>

/* A sample as the signal has it; bits holds the sample's bytes, native endian, in its low bits. */
uint32_t counting_sample_bits(uint32_t format, uint32_t counter, uint32_t channel);

/* Writes, or compares with, one sample of acap_format_bytes(format) bytes at any alignment. */
void counting_write(uint32_t format, uint32_t counter, uint32_t channel, void *sample);
bool counting_matches(uint32_t format, uint32_t counter, uint32_t channel, const void *sample);

/* The counter that a sample of channel 0 stands for, modulo counting_modulus(). */
uint32_t counting_read(uint32_t format, const void *sample);

/* After so many frames the signal repeats itself. */
uint32_t counting_modulus(uint32_t format);

/* Bytes of a sample, without the library; 0 for an unknown format. */
uint32_t counting_bytes(uint32_t format);

/* "s16", "s24", "s32", "f32" or "u8" to ACAP_FORMAT_*; 0 for another word. */
uint32_t counting_format_of(const char *word);

#endif
