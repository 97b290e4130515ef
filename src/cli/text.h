/**
 * @file text.h
 * Numbers for a person, and colours for a terminal.
 */
#ifndef CONVOY_CLI_TEXT_H
#define CONVOY_CLI_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/* Room for any of the texts below. */
#define TEXT_SIZE 40

/** 8192000000 -> "8,192,000,000". @return text */
const char *text_grouped(int64_t value, char text[TEXT_SIZE]);

/** "12.3 us", "4.56 ms", "7.8 s", "3 min 20 s", "1 h 5 min". @return text */
const char *text_duration(double seconds, char text[TEXT_SIZE]);

/** "640 bytes", "12.5 KiB", "1.5 MiB". @return text */
const char *text_bytes(uint64_t bytes, char text[TEXT_SIZE]);

enum colour { COLOUR_NONE, COLOUR_BOLD, COLOUR_GOOD, COLOUR_BAD };

/** The escape sequence of a colour; "" unless stdout is a terminal that wants colours. */
const char *colour_text(enum colour colour);

/** Seconds of a clock that never goes back. */
double seconds_now(void);

#endif
