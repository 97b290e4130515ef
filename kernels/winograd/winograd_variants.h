/**
 * @file winograd_variants.h
 * Every F(m_h x m_w, r x s) there is, as X(m_h, m_w, r, s). Adding one is adding a line.
 *
 * alpha = m + r - 1 must be 4, 6 or 8 (or 1 on an axis without taps): sizes with an input transform
 * in winograd_transforms.h.
 */
/* clang-format off */
#define WINOGRAD_VARIANTS(X)                                              \
    X(2, 2, 3, 3) X(2, 4, 3, 3) X(4, 2, 3, 3) X(4, 4, 3, 3) X(6, 6, 3, 3) \
    X(2, 2, 5, 5) X(2, 4, 5, 5) X(4, 2, 5, 5) X(4, 4, 5, 5)               \
    X(2, 2, 7, 7)                                                         \
    X(3, 3, 2, 2) X(5, 5, 2, 2)                                           \
    X(3, 3, 4, 4) X(5, 5, 4, 4)                                           \
    X(3, 3, 6, 6)                                                         \
    X(1, 2, 1, 3) X(1, 4, 1, 3) X(1, 6, 1, 3)                             \
    X(1, 5, 1, 4) X(1, 2, 1, 5) X(1, 4, 1, 5)                             \
    X(1, 2, 1, 7)                                                         \
    X(2, 1, 3, 1) X(4, 1, 3, 1) X(6, 1, 3, 1)                             \
    X(5, 1, 4, 1) X(2, 1, 5, 1) X(4, 1, 5, 1)                             \
    X(2, 1, 7, 1)
/* clang-format on */
