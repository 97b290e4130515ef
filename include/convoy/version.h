/**
 * @file version.h
 * The version of the headers (macros) and of the library (function).
 */
#ifndef CONVOY_VERSION_H
#define CONVOY_VERSION_H

#include "convoy/status.h"

#define CONVOY_VERSION_MAJOR 0
#define CONVOY_VERSION_MINOR 1
#define CONVOY_VERSION_PATCH 0
#define CONVOY_VERSION       "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/** The library's version, "major.minor.patch"; compare with CONVOY_VERSION of the headers. */
CONVOY_API const char *convoy_version(void);

#ifdef __cplusplus
}
#endif
#endif
