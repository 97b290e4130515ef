/**
 * @file plan_choice.h
 * The options of run and explain that say how a plan is chosen.
 */
#ifndef CONVOY_CLI_PLAN_CHOICE_H
#define CONVOY_CLI_PLAN_CHOICE_H

#include "cli/options.h"
#include "convoy/calibration.h"
#include "convoy/wisdom.h"

struct plan_choice {
    const char *tolerance, *wisdom, *calibration;      /* NULL: not given */
    int64_t workspace_limit, packed_limit, executions; /* 0: not given */
};

/** Their rows, of a member `choice` of a command's options; C has no word for an offset into it. */
#define TOLERANCE_ROW(options)                                                                     \
    {                                                                                              \
        "tolerance", OPTION_TEXT, offsetof(options, choice.tolerance), "T",                        \
            "strict, default, fast, or an error bound", 0, 0                                       \
    }
#define CALIBRATION_ROW(options)                                                                   \
    {                                                                                              \
        "calibration", OPTION_TEXT, offsetof(options, choice.calibration), "FILE",                 \
            "predict by what 'convoy calibrate' has measured", 0, 0                                \
    }
#define PLAN_CHOICE_ROWS(options)                                                                  \
    TOLERANCE_ROW(options),                                                                        \
        {"workspace-limit",                                                                        \
         OPTION_INTEGER,                                                                           \
         offsetof(options, choice.workspace_limit),                                                \
         "BYTES",                                                                                  \
         "of scratch memory (none)",                                                               \
         1,                                                                                        \
         INT64_MAX},                                                                               \
        {"packed-limit",                                                                           \
         OPTION_INTEGER,                                                                           \
         offsetof(options, choice.packed_limit),                                                   \
         "BYTES",                                                                                  \
         "of packed weights (none)",                                                               \
         1,                                                                                        \
         INT64_MAX},                                                                               \
        {"executions",                                                                             \
         OPTION_INTEGER,                                                                           \
         offsetof(options, choice.executions),                                                     \
         "N",                                                                                      \
         "the plan will be executed N times, so its creation counts",                              \
         1,                                                                                        \
         INT64_MAX},                                                                               \
        {"wisdom",                                                                                 \
         OPTION_TEXT,                                                                              \
         offsetof(options, choice.wisdom),                                                         \
         "FILE",                                                                                   \
         "choose by what 'convoy tune' has measured",                                              \
         0,                                                                                        \
         0},                                                                                       \
        CALIBRATION_ROW(options)

/** Read a file of wisdom; lines that are not understood are told on stderr. @return as
 *  plan_choice_open; the wisdom, or NULL, is to be destroyed in any case */
int wisdom_open(const char *path, convoy_wisdom **wisdom);

/**
 * Set what was chosen and read the files.
 * @return EXIT_GOOD, or the exit code of the error that was reported; what was opened is to be
 *         closed in any case
 */
int plan_choice_open(const struct plan_choice *choice, convoy_options *options);
void plan_choice_close(convoy_options *options);

#endif
