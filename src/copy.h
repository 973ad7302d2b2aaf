/* SPDX-License-Identifier: MIT */
/* Owns: the copy of a run of bytes, where nothing is to be converted.
 * Used by: convert_rt.c, on the audio thread. */
#ifndef ACAP_SRC_COPY_H
#define ACAP_SRC_COPY_H

#include "base.h"

/* rt: memcpy, but with one speed whatever the addresses. */
void acap__copy(void *restrict target, const void *restrict source, size_t size_bytes) ACAP__NONBLOCKING;

#endif
