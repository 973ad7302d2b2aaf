/* SPDX-License-Identifier: MIT */
/* Owns: the edge of the API: structs of any caller's age in and out, and the checks of their members.
 * Used by: every entry point that takes or fills a struct. */
#ifndef ACAP_SRC_PARAMS_H
#define ACAP_SRC_PARAMS_H

#include "base.h"

/* now + timeout_ns by acap_clock_ns(); INT64_MAX for ACAP_WAIT_FOREVER and beyond. */
int64_t acap__deadline(int64_t timeout_ns);

/* Copies a caller's parameter struct; theirs may be NULL where the defaults do. ACAP_OK or ACAP_ERROR_ABI_MISMATCH. */
acap_result acap__take_context_config(acap_context_config *ours, const acap_context_config *theirs);
acap_result acap__take_stream_config(acap_stream_config *ours, const acap_stream_config *theirs);
acap_result acap__take_reader_config(acap_reader_config *ours, const acap_reader_config *theirs);
acap_result acap__take_pool_config(acap_pool_config *ours, const acap_pool_config *theirs);
acap_result acap__take_levels(acap_levels *ours, const acap_levels *theirs);

/* Fills a caller's result struct, in whole members, as far as its struct_size reaches. */
acap_result acap__give_pool_stats(acap_pool_stats *theirs, const acap_pool_stats *ours);
acap_result acap__give_stream_info(acap_stream_info *theirs, const acap_stream_info *ours);
acap_result acap__give_stream_stats(acap_stream_stats *theirs, const acap_stream_stats *ours);
acap_result acap__give_reader_stats(acap_reader_stats *theirs, const acap_reader_stats *ours);
acap_result acap__give_event(acap_event *theirs, const acap_event *ours);
acap_result acap__give_levels(acap_levels *theirs, const acap_levels *ours);

/* Checks the members' values and puts the defaults in, as far as they do not depend on the device. */
acap_result acap__check_stream_config(acap_stream_config *config);
/* The same, with the geometry of the stream. */
acap_result acap__check_reader_config(acap_reader_config *config, uint32_t sample_rate_hz, uint32_t frames_per_buffer);
acap_result acap__check_pool_config(acap_pool_config *config);

#endif
