"""The tables: a block a layer while the run goes on, then a summary; and one in Markdown."""

import math

MARKS = """\
* under ten times the engine's call overhead: says little about the kernel
~ the rounds' minima differ by more than 10 %: the machine was not quiet
! error above 0.01 of the reference's rms: something else was computed, not ranked"""
SPREAD_MOST = 1.1
FEW = 3  # variants of an engine that are shown each when they do not apply
HEAD = f"  {'engine':<12}{'variant':<18}{'min ms':>10}{'median':>10}{'GFLOP/s':>9}{'peak':>7}"
HEAD += f"{'ratio':>8}  {'error':<9}kernel"


def plural(threads):
    return f"{threads} thread{'' if threads == 1 else 's'}"


def significant(value, digits=4):
    """A plain decimal with so many significant digits."""
    if value <= 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(value)))
    return f"{value:.{places}f}"


def marks(result):
    text = ""
    if result["under_ten_overheads"]:
        text += "*"
    if result["spread"] and result["spread"] > SPREAD_MOST:
        text += "~"
    if result["status"] == "ok" and not result["ranked"]:
        text += "!"
    return text


def _error(result):
    return "not finite" if result["error"] is None else f"{result['error']:.1e}"


def _row(result, peak):
    name = f"  {result['engine']:<12}{result['variant']:<18}"
    if result["status"] != "ok":
        return f"{name}{result['status']}: {result['reason']}"[:118]
    gflops = result["effective_gflops"]
    fraction = f"{gflops / peak:.2f}" if peak else "-"
    ratio = "-" if result["ratio"] is None else f"{result['ratio']:.2f}"
    text = f"{name}{significant(result['min_ms']):>10}{significant(result['median_ms']):>10}"
    text += f"{gflops:>9.1f}{fraction:>7}{ratio:>8}  {_error(result):<9}"
    return f"{text}{marks(result):<3}{result['implementation']}"[:118]


def _unsupported(results):
    """A line for each engine that has many variants which do not apply."""
    names = {}
    for result in results:
        if result["status"] == "unsupported":
            names.setdefault(result["engine"], []).append(result["variant"])
    many = {engine: variants for engine, variants in names.items() if len(variants) > FEW}
    lines = [
        f"  {engine:<12}unsupported: {', '.join(variants)}" for engine, variants in many.items()
    ]
    return set(many), lines


def layer_block(layer, results, peak):
    """The layer's name and a line a column. `peak` in GFLOP/s, or 0."""
    threads = results[0]["threads"]
    name = layer["layer"] if layer["layer"] != layer["problem"] else ""
    folded, folded_lines = _unsupported(results)
    head = f"{name} {layer['problem']}".strip()
    lines = [f"{head}  {plural(threads)}  {2e-9 * layer['macs']:.3f} GFLOP", HEAD]
    for result in results:
        if result["status"] != "unsupported" or result["engine"] not in folded:
            lines.append(_row(result, peak))
    return "\n".join(lines + folded_lines) + "\n"


def overheads(columns, threads):
    """Milliseconds of the layer of one multiplication, for each column."""
    lines = [f"call overhead (1x1x1x1 layer), {plural(threads)}, us"]
    for column in columns:
        time = column.overhead_ms
        text = "not measured" if time is None else significant(1e3 * time, 3)
        lines.append(f"  {column.peer.name:<12}{column.variant:<18}{text:>10}")
    return "\n".join(lines) + "\n"


def _columns(results):
    """The (engine, variant) pairs in their order of appearance."""
    return list(dict.fromkeys((r["engine"], r["variant"]) for r in results))


def summary(results):
    """For each column and thread count: geometric mean of the ratios, and how often it wins."""
    head = f"  {'engine':<12}{'variant':<18}{'threads':>7}{'layers':>8}{'faster':>8}"
    head += f"{'ratio, geometric mean':>23}{'largest error':>15}"
    lines = ["all layers (ratio: its time over ours; faster: layers in which it beats ours)", head]
    for threads in sorted({r["threads"] for r in results}):
        for engine, variant in _columns(results):
            mine = [
                r
                for r in results
                if (r["engine"], r["variant"], r["threads"]) == (engine, variant, threads)
            ]
            if all(r["status"] == "unsupported" for r in mine):
                continue
            ratios = [r["ratio"] for r in mine if r["ratio"]]
            errors = [r["error"] for r in mine if r["error"] is not None]
            faster = sum(ratio < 1 for ratio in ratios)
            mean = "-"
            if ratios:
                mean = f"{math.exp(sum(map(math.log, ratios)) / len(ratios)):.2f}"
            worst = f"{max(errors):.1e}" if errors else "-"
            lines.append(
                f"  {engine:<12}{variant:<18}{threads:>7}{len(ratios):>8}{faster:>8}"
                f"{mean:>23}{worst:>15}"
            )
    return "\n".join(lines) + "\n\n" + MARKS + "\n"


def notes(results):
    """What each column's time holds."""
    timed = {(r["engine"], r["variant"]): r["timed"] for r in results}
    lines = [f"  {engine:<12}{variant:<18}{text}" for (engine, variant), text in timed.items()]
    return "what the times hold\n" + "\n".join(lines) + "\n"


def _cell(result):
    if result["status"] != "ok":
        return result["status"]
    ratio = "" if result["ratio"] is None else f" ({result['ratio']:.2f})"
    return f"{significant(result['min_ms'], 3)}{ratio} {_error(result)}{marks(result)}"


def markdown(results):
    """A table a thread count, layers down and columns across: `ms (ratio) error marks`."""
    text = "Cells: minimum in ms (ratio to the first column) error relative to the rms.\n"
    columns = _columns(results)
    for threads in sorted({r["threads"] for r in results}):
        mine = [r for r in results if r["threads"] == threads]
        text += f"\n### {plural(threads)}\n\n| layer | problem |"
        text += "".join(f" {engine} {variant} |" for engine, variant in columns)
        text += "\n|---|---|" + "---|" * len(columns) + "\n"
        for layer, problem in dict.fromkeys((r["layer"], r["problem"]) for r in mine):
            cells = {
                (r["engine"], r["variant"]): _cell(r)
                for r in mine
                if (r["layer"], r["problem"]) == (layer, problem)
            }
            row = "".join(f" {cells.get(column, '-')} |" for column in columns)
            text += f"| {layer} | {problem} |{row}\n"
    return text + "\n" + "\n".join("- " + line for line in MARKS.splitlines()) + "\n"
