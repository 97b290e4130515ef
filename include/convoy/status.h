/**
 * @file status.h
 * What every public function returns, and the sentence that belongs to it.
 *
 * The library never prints, aborts or exits; but CONVOY_VERBOSE=1 in the environment asks for a
 * line on stderr for each plan created and for each execution. A function that does not return
 * CONVOY_OK has changed none of its outputs.
 */
#ifndef CONVOY_STATUS_H
#define CONVOY_STATUS_H

#if defined(__GNUC__)
#define CONVOY_API __attribute__((visibility("default")))
#else
#define CONVOY_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** One code a cause. The numbers are part of the ABI: new codes are appended. */
typedef enum convoy_status {
    CONVOY_OK = 0,
    CONVOY_ERROR_NULL,     /**< a pointer that must not be NULL is NULL */
    CONVOY_ERROR_ARGUMENT, /**< an option or parameter is outside its range */
    CONVOY_ERROR_SYNTAX,   /**< a problem string or layer file cannot be parsed */
    CONVOY_ERROR_EXTENT,   /**< an extent, stride or dilation is zero, negative or above 2^31-1 */
    CONVOY_ERROR_OVERFLOW, /**< a size or a count does not fit 64 bits */
    CONVOY_ERROR_GROUPS,   /**< the groups do not divide C or K */
    CONVOY_ERROR_EMPTY_OUTPUT, /**< the dilated filter is larger than the padded input */
    CONVOY_ERROR_SHAPE,        /**< a tensor's extents are not the ones the layer needs */
    CONVOY_ERROR_LAYOUT,       /**< a tensor's layout or strides are not usable here */
    CONVOY_ERROR_TYPE,         /**< a tensor's element type is not usable here */
    CONVOY_ERROR_ALIGNMENT,    /**< a pointer is not aligned as its parameter asks */
    CONVOY_ERROR_OVERLAP,      /**< an output shares memory with an input */
    CONVOY_ERROR_ALGORITHM,    /**< no algorithm of that name, or it does not apply to the layer */
    CONVOY_ERROR_ISA,          /**< that ISA is not compiled in or not usable on this machine */
    CONVOY_ERROR_TOLERANCE,    /**< no algorithm is as accurate as asked */
    CONVOY_ERROR_LIMIT,        /**< no algorithm keeps the limits */
    CONVOY_ERROR_TOO_LARGE,    /**< more memory than the machine has; nothing was allocated */
    CONVOY_ERROR_MEMORY,       /**< an allocation failed */
    CONVOY_ERROR_FORMAT,       /**< a file is not what its format demands */
    CONVOY_ERROR_UNSUPPORTED,  /**< a valid file or request that Convoy does not handle */
    CONVOY_ERROR_IO,           /**< the operating system could not read or write */
    CONVOY_ERROR_IN_USE,       /**< memory of the library's is held that the call would lose */
    CONVOY_STATUS_COUNT
} convoy_status;

/** The code's name, e.g. "CONVOY_ERROR_GROUPS"; never NULL. */
CONVOY_API const char *convoy_status_name(convoy_status status);

/** A general sentence for the code, e.g. "the groups do not divide C or K"; never NULL. */
CONVOY_API const char *convoy_status_message(convoy_status status);

/**
 * The particular sentence of the last error on the calling thread: what was wrong, with the
 * numbers, and what would be right. Valid until the next failing call on this thread; "" before
 * any. Successful calls leave it alone, so ask only after a failure.
 */
CONVOY_API const char *convoy_error_detail(void);

#ifdef __cplusplus
}
#endif
#endif
