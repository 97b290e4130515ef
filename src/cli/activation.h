/**
 * @file activation.h
 * --activation, read and written: "relu", "leaky_relu:0.1", "clip:-1:1".
 */
#ifndef CONVOY_CLI_ACTIVATION_H
#define CONVOY_CLI_ACTIVATION_H

#include "convoy/layer.h"

#define ACTIVATION_SIZE 64

/** NULL gives the identity. @return EXIT_GOOD, or the exit code of the error that was reported */
int activation_read(const char *text, convoy_epilogue *epilogue);

/** The text that activation_read makes the same activation of. */
void activation_print(const convoy_epilogue *epilogue, char text[ACTIVATION_SIZE]);

#endif
