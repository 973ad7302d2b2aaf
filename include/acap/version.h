/* SPDX-License-Identifier: MIT */
/**
 * @file version.h
 * @brief The only place where acap's version is written: the build, the soname and the documentation read it from here.
 */
#ifndef ACAP_VERSION_H
#define ACAP_VERSION_H

/** changes with the ABI; the soname has it */
#define ACAP_VERSION_MAJOR 0
/** more than before, and nothing less */
#define ACAP_VERSION_MINOR 1
/** the same, better */
#define ACAP_VERSION_PATCH 0

/** major << 16 | minor << 8 | patch; compare with acap_version(), which is that of the library that runs. */
#define ACAP_VERSION ((ACAP_VERSION_MAJOR << 16) | (ACAP_VERSION_MINOR << 8) | ACAP_VERSION_PATCH)

#endif
