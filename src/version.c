/* SPDX-License-Identifier: MIT */
/* Owns: what the running library says of itself.
 * Called by: any thread. */
#include "base.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

uint32_t ACAP_CALL acap_version(void)
{
    return ACAP_VERSION;
}

const char *ACAP_CALL acap_version_string(void)
{
    return TEXT(ACAP_VERSION_MAJOR) "." TEXT(ACAP_VERSION_MINOR) "." TEXT(ACAP_VERSION_PATCH);
}
