/**
 * @file plan_files.h
 * The files of --wisdom and --calibration.
 */
#ifndef CONVOY_CLI_PLAN_FILES_H
#define CONVOY_CLI_PLAN_FILES_H

#include "convoy/calibration.h"
#include "convoy/wisdom.h"

/**
 * Read both files into the options; lines of wisdom that are not understood are told on stderr.
 * @param wisdom, calibration  paths; NULL: none
 * @return EXIT_GOOD, or the exit code of the error that was reported; what was opened is to be
 *         closed in any case
 */
int plan_files_open(const char *wisdom, const char *calibration, convoy_options *options);
void plan_files_close(convoy_options *options);

#endif
