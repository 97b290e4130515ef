/**
 * @file json_check.h
 * Is a text one valid JSON document (RFC 8259), in UTF-8?
 */
#ifndef CONVOY_TESTS_JSON_CHECK_H
#define CONVOY_TESTS_JSON_CHECK_H

/** NULL when it is; else the place where it ceases to be. */
const char *json_check(const char *text);

#endif
