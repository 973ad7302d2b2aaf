/* SPDX-License-Identifier: MIT */
/* Owns: the coming and going of a stream's readers under its audio thread.
 * Used by: stream.c; the reader functions of the API that need the stream. */
#ifndef ACAP_SRC_STREAM_READERS_H
#define ACAP_SRC_STREAM_READERS_H

#include "stream.h"

/* Frees the retired readers that no callback can know any more. Under the stream's lock, or with nobody else left. */
void acap__stream_drain_retired(acap_stream *stream);
/* Gives the history back to the pool. With no producer inside. */
void acap__stream_forget_history(acap_stream *stream);

#endif
