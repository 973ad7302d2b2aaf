/* SPDX-License-Identifier: MIT */
/* Owns: the levels of a buffer: peak and root mean square by channel, samples at full scale, samples of digital silence.
 * Used by: buffer.c, on the caller's thread. */
#ifndef ACAP_SRC_MEASURE_H
#define ACAP_SRC_MEASURE_H

#include "base.h"

/* rt: fills channel_count entries of each array that is given, with 0 beyond the buffer's channels; clipped and zeros count samples of all
   of the buffer's channels. Full scale is 1.0, the most negative code. Clipped: the most negative or the most positive code, or a float
   from 1.0 on, infinities among them. NaN is neither clipped nor zero, and adds 0 to peak and mean. The buffer has one of the five formats
   and at most ACAP_MAX_CHANNELS channels. */
void acap__measure(const acap_buffer *buffer, uint32_t channel_count, float *peak_or_null, float *rms_or_null, uint64_t *clipped,
                   uint64_t *zeros);

#endif
