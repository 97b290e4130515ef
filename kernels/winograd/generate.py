#!/usr/bin/env python3
"""Write winograd_transforms.h and winograd_matrices.c: Cook-Toom from interpolation points.

F(m, r) computes m outputs of a filter with r taps from alpha = m + r - 1 inputs with alpha
multiplications, y = A^T [(G g) * (B^T d)]. For the finite points a_i and infinity
(Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016; Blahut, "Fast
algorithms for signal processing", 2010, chapter 5):

    B^T  row i: coefficients of prod_{j != i} (x - a_j); of infinity: of prod_j (x - a_j)
    G    row i: a_i^k / prod_{j != i} (a_i - a_j);       of infinity: 1 at k = r - 1
    A^T  column i: a_i^k;                                of infinity: 1 at k = m - 1

B^T depends on the points alone, so one input transform serves every F(m, r) of the same alpha.
The points come in pairs +-p, so that rows of a pair share their even and their odd part: half of
the work. Every triple is checked in exact rational arithmetic before anything is written.

usage: generate.py [--check] DIRECTORY     --check: compare with the files that are there
"""
import sys
from fractions import Fraction as F
from pathlib import Path

# alpha -> the positive points; 0, the negative ones and infinity belong to each set. Why these:
# docs/winograd.md.
POINTS = {4: [F(1)], 6: [F(2, 3), F(3, 2)], 8: [F(1), F(2), F(1, 2)]}


def polynomial(roots):
    """Coefficients of prod (x - root), lowest power first."""
    coefficients = [F(1)]
    for root in roots:
        shifted = [F(0)] + coefficients
        for i, c in enumerate(coefficients):
            shifted[i] -= root * c
        coefficients = shifted
    return coefficients


def finite_points(alpha):
    points = [F(0)]
    for p in POINTS[alpha]:
        points += [p, -p]
    return points


def matrices(alpha, r):
    """A^T (m x alpha), G (alpha x r), B^T (alpha x alpha), exact."""
    m = alpha - r + 1
    points = finite_points(alpha)
    bt, g = [], []
    for i, a in enumerate(points):
        others = points[:i] + points[i + 1:]
        row = polynomial(others)
        bt.append(row + [F(0)] * (alpha - len(row)))
        scale = F(1)
        for other in others:
            scale *= a - other
        g.append([a**k / scale for k in range(r)])
    bt.append(polynomial(points))
    g.append([F(int(k == r - 1)) for k in range(r)])
    at = [[a**k for a in points] + [F(int(k == m - 1))] for k in range(m)]
    return at, g, bt


def check(alpha, r):
    """y_i = sum_k g_k d_{i+k}, as identities between coefficients."""
    at, g, bt = matrices(alpha, r)
    for i in range(alpha - r + 1):
        for k in range(r):
            for d in range(alpha):
                total = sum(at[i][x] * g[x][k] * bt[x][d] for x in range(alpha))
                assert total == (d == i + k), (alpha, r, i, k, d)


def literal(value):
    return f"{float(value)!r}f"


def term(coefficient, name):
    """"+ c * name" with the trivial products left out."""
    sign = "-" if coefficient < 0 else "+"
    size = abs(coefficient)
    return f"{sign} {name}" if size == 1 else f"{sign} {literal(size)} * {name}"


def dot(pairs):
    """A sum of products as one expression; the plain terms first, so that the rest can fuse."""
    pairs = sorted((p for p in pairs if p[0] != 0), key=lambda p: (p[0] != 1, abs(p[0]) != 1))
    text = " ".join(term(c, name) for c, name in pairs)
    return text[2:] if text.startswith("+ ") else text


def input_function(alpha):
    positive = POINTS[alpha]
    every = polynomial([F(0)] + [q for p in positive for q in (p, -p)])
    lines = [
        f"/* B^T d for alpha = {alpha}, points 0, "
        + ", ".join(f"+-{p}" for p in positive) + ", infinity. */",
        f"ALWAYS_INLINE void winograd_input_{alpha}(const vf d[{alpha}], vf v[{alpha}])",
        "{",
        f"    v[0] = {dot([(every[i + 1], f'd[{i}]') for i in range(alpha - 1)])};",
    ]
    for i, p in enumerate(positive):
        e = polynomial([q for o in positive if o != p for q in (o, -o)])
        even = dot([(c, f"d[{j + 2}]") for j, c in enumerate(e)])
        odd = dot([(c, f"d[{j + 1}]") for j, c in enumerate(e)])
        lines += [
            f"    vf even_{i} = {even};",
            f"    vf odd_{i} = {odd};",
            f"    v[{2 * i + 1}] = even_{i} {term(p, f'odd_{i}')};",
            f"    v[{2 * i + 2}] = even_{i} {term(-p, f'odd_{i}')};",
        ]
    lines += [f"    v[{alpha - 1}] = {dot([(c, f'd[{i}]') for i, c in enumerate(every)])};", "}"]
    return "\n".join(lines)


def output_function(alpha):
    positive = POINTS[alpha]
    lines = [
        f"/* A^T t for alpha = {alpha}: rows 0 ... m - 1, m a constant of the caller. */",
        f"ALWAYS_INLINE void winograd_output_{alpha}(const vf t[{alpha}], vf y[{alpha - 1}], "
        "const int m)",
        "{",
    ]
    for i in range(len(positive)):
        lines += [f"    vf sum_{i} = t[{2 * i + 1}] + t[{2 * i + 2}];",
                  f"    vf difference_{i} = t[{2 * i + 1}] - t[{2 * i + 2}];"]
    for k in range(alpha - 1):
        part = "difference" if k % 2 else "sum"
        pairs = [(p**k, f"{part}_{i}") for i, p in enumerate(positive)]
        if k == 0:
            pairs.append((F(1), "t[0]"))
        lines += [f"    if (m > {k}) {{", f"        y[{k}] = {dot(pairs)};"]
        lines += [f"        if (m == {k + 1}) {{", f"            y[{k}] += t[{alpha - 1}];", "        }", "    }"]
    lines.append("}")
    return "\n".join(lines)


def transforms_header():
    functions = "\n\n".join(
        f(alpha) for alpha in sorted(POINTS) for f in (input_function, output_function))
    return f"""/**
 * @file winograd_transforms.h
 * One-dimensional transforms of the Winograd family on vectors. Written by generate.py; a test
 * compares.
 */
#ifndef CONVOY_KERNELS_WINOGRAD_TRANSFORMS_H
#define CONVOY_KERNELS_WINOGRAD_TRANSFORMS_H

#include "kernels/simd.h"

{functions}

#endif
"""


def table(name, rows, comment):
    body = ",\n".join("    {" + ", ".join(repr(float(v)) for v in row) + "}" for row in rows)
    return f"/* {comment} */\nstatic const double {name}[] = {{\n" + \
        body.replace("    {", "    ").replace("}", "") + ",\n};\n"


def matrices_source():
    parts, entries = [], []
    for alpha in sorted(POINTS):
        for r in range(2, alpha):
            check(alpha, r)
            at, g, bt = matrices(alpha, r)
            m = alpha - r + 1
            parts.append(table(f"g_{alpha}_{r}", g, f"G of F({m}, {r})"))
            parts.append(table(f"at_{alpha}_{r}", at, f"A^T of F({m}, {r})"))
            entries.append(f"    {{{alpha}, {r}, g_{alpha}_{r}, at_{alpha}_{r}, bt_{alpha}}},")
        parts.append(table(f"bt_{alpha}", bt, f"B^T for alpha = {alpha}"))
    one = "static const double one[] = {1.0};\n"
    return f"""/**
 * @file winograd_matrices.c
 * The matrices of every F(m, r), rounded once from exact rationals. Written by generate.py; a test
 * compares.
 */
#include "kernels/winograd/winograd.h"

#include <stddef.h>

/* r = 1: the axis is not transformed. */
{one}
{chr(10).join(parts)}
static const struct winograd_matrices all[] = {{
    {{1, 1, one, one, one}},
{chr(10).join(entries)}
}};

const struct winograd_matrices *winograd_matrices_find(int alpha, int r)
{{
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {{
        if (all[i].alpha == alpha && all[i].r == r) {{
            return &all[i];
        }}
    }}
    return NULL;
}}
"""


def main(arguments):
    checking = arguments[:1] == ["--check"]
    directory = Path(arguments[1 if checking else 0])
    files = {"winograd_transforms.h": transforms_header(),
             "winograd_matrices.c": matrices_source()}
    for name, text in files.items():
        path = directory / name
        if not checking:
            path.write_text(text)
        elif path.read_text() != text:
            sys.exit(f"{path} is not what generate.py writes: run it again")


if __name__ == "__main__":
    main(sys.argv[1:])
