/* SPDX-License-Identifier: MIT */
/* Owns: the public life of a buffer.
 * Called by: any thread that holds one. */
#include "measure.h"
#include "os.h"
#include "params.h"
#include "pool.h"
#include "result.h"

const acap_buffer *ACAP_CALL acap_buffer_retain(const acap_buffer *buffer)
{
    if (buffer == NULL || acap__forked())
        return NULL;
    return acap__header_retain(acap__header_of(buffer)) ? buffer : NULL;
}

void ACAP_CALL acap_buffer_release(const acap_buffer *buffer)
{
    if (buffer == NULL || acap__forked())
        return;
    acap__header *header = acap__header_of(buffer);
    acap_pool *pool = header->pool;
    if (acap__header_drop(header) == ACAP__DROP_LAST)
        acap__pool_free(pool);
}

uint32_t ACAP_CALL acap_buffer_reference_count(const acap_buffer *buffer)
{
    return buffer == NULL ? 0 : acap__load_acquire(&acap__header_of(buffer)->references);
}

void *ACAP_CALL acap_buffer_writable_data(const acap_buffer *buffer)
{
    /* acquire: the reads of those who released theirs are over. A forked child's count says nothing: retaining does not count there. */
    if (buffer == NULL || acap__forked() || acap__load_acquire(&acap__header_of(buffer)->references) != 1)
        return NULL;
    return (void *)(uintptr_t)buffer->data;
}

acap_result ACAP_CALL acap_buffer_measure(const acap_buffer *buffer, acap_levels *levels)
{
    acap_levels ours;

    if (acap__forked())
        return acap__fail_forked();
    if (buffer == NULL || levels == NULL)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_buffer_measure: buffer and levels must not be NULL");
    const acap_result result = acap__take_levels(&ours, levels);
    if (result != ACAP_OK)
        return result;
    if (acap_format_bytes(buffer->format) == 0)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_buffer_measure: the buffer has no format");
    if ((ours.peak != NULL || ours.rms != NULL) && ours.channel_count < buffer->channel_count)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_buffer_measure: room for %u channels, the buffer has %u", ours.channel_count,
                          buffer->channel_count);
    acap__measure(buffer, ours.channel_count, ours.peak, ours.rms, &ours.clipped, &ours.zeros);
    return acap__give_levels(levels, &ours);
}
