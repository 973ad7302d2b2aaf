/* SPDX-License-Identifier: MIT */
/* Owns: the count of threads and posted calls that are on their way out, so that a process that closes everything and exits at once does
 * not pull the floor from under them: its exit waits for them, for a second at most.
 * Used by: whoever tells a thread to end or posts a close, and that thread as its last act. */
#ifndef ACAP_SRC_LEAVING_H
#define ACAP_SRC_LEAVING_H

void acap__leaving_begin(void);
void acap__leaving_end(void);
/* Once, at the first use of the library. */
void acap__leaving_watch_exit(void);

#endif
