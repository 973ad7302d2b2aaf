/* SPDX-License-Identifier: MIT */
/* Owns: the conservation law of acap.h as equations: over a stream's figures, over a reader's, and over the buffers that were really
 * borrowed. Independent of any test framework and of the library's inside.
 * Used by: every test that drains a reader; on any thread. */
#ifndef ACAP_TESTS_SUPPORT_CONSERVATION_H
#define ACAP_TESTS_SUPPORT_CONSERVATION_H

#include <acap/acap.h>

#include <stdint.h>

/* What one consumer really saw of a reader: begin before the first borrow, add every buffer that was borrowed, in order. */
typedef struct conservation {
    uint64_t start_position;
    uint64_t next_position;      /* of the frame after the last one seen */
    uint64_t buffers;            /* borrowed */
    uint64_t frames;             /* in them */
    uint64_t gap_frames;         /* between them, and before the first */
    uint64_t lost_before_frames; /* sum of lost_before */
    uint64_t gap_flags;          /* buffers with ACAP_BUFFER_GAP */
    uint64_t overflow_flags;     /* buffers with ACAP_BUFFER_HOST_OVERFLOW */
    uint64_t partials;           /* buffers with ACAP_BUFFER_PARTIAL */
    uint64_t queue_gaps;         /* gaps that lost_before does not explain: only this reader's queue may have made them */
    uint64_t contradictions;     /* steps back, flags that contradict lost_before, losses without a gap */
} conservation;

void conservation_begin(conservation *seen, const acap_reader *reader);
void conservation_add(conservation *seen, const acap_buffer *buffer);

/* Each tells which equation does not hold, in a text of this thread; NULL: all hold. */

/* At any moment. */
const char *conservation_of_stream(const acap_stream *stream);
const char *conservation_of_reader(const acap_reader *reader);

/* When no callback runs any more: stopped, closed, or nothing pushed. Includes both of the above. stream NULL: it is closed, or the reader
   was ended by itself and stands still while the stream goes on. Whatever was not borrowed yet is still in the reader's queue. */
const char *conservation_at_rest(const conservation *seen, const acap_stream *stream, const acap_reader *reader);

/* For cmocka programs. */
#define assert_conserved(broken_equation)         \
    do {                                          \
        const char *broken_ = (broken_equation);  \
        if (broken_ != NULL)                      \
            fail_msg("not conserved: %s", broken_); \
    } while (0)

#endif
