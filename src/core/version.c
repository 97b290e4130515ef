/**
 * @file version.c
 * The version of the library.
 */
#include "convoy/version.h"

const char *convoy_version(void)
{
    return CONVOY_VERSION;
}
