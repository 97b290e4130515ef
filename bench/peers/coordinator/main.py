"""The command line of scripts/peers."""

import argparse
import datetime
import json
import os
import platform
import shlex
import subprocess

from . import engines, install, table
from .measure import Column, Data, Measurement, Progress, rate_peaks
from .process import Peer, PeerDied

DEFAULT_BUILD = os.path.join(engines.ROOT, "build-peers")
NAMES = ",".join(engine.name for engine in engines.ENGINES)


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="scripts/peers",
        description="Time public convolution engines and Convoy on the same layers, in one run. "
        "See docs/peers.md.",
    )
    add = parser.add_argument
    add("--install", action="store_true", help="fetch the engines first (Debian packages, wheels)")
    add("--engines", default=NAMES, metavar="A,B", help=f"default: {NAMES}; convoy always runs")
    add("--layers", metavar="WHAT,...", help="layer file, list name (core) or problem string")
    add("--threads", default="1,2", metavar="T,...", help="default: 1,2")
    add("--algorithms", default="auto,im2col", metavar="A,B", help="Convoy's, or all")
    add("--layouts", default="nhwc", metavar="L,...", help="Convoy's: nhwc, nchw or both")
    add("--rounds", type=int, default=2, help="times that all columns take turns (default: 2)")
    add("--min-time", type=float, default=0.2, metavar="S", help="seconds of each timing")
    add("--repetitions", type=int, default=5, metavar="N", help="calls of each timing, at least")
    add("--timeout", type=float, default=120.0, metavar="S", help="longest wait for an answer")
    add("--peer", action="append", default=[], metavar="NAME=COMMAND", help="an engine of your own")
    add("--json", metavar="OUT", help="write everything as JSON, for convoy-bench --report")
    add("--markdown", metavar="OUT", help="write a table of all layers as Markdown")
    add("--build", default=DEFAULT_BUILD, metavar="DIR", help="default: build-peers in the tree")
    options = parser.parse_args(arguments)
    options.build = os.path.abspath(options.build)
    try:
        options.threads = [int(text) for text in options.threads.split(",")]
        options.engines = [engines.find(name) for name in options.engines.split(",")]
    except ValueError as error:
        parser.error(str(error))
    if min(options.threads) < 1 or options.rounds < 1:
        parser.error("threads and rounds are at least 1")
    if not options.layers and not options.install:
        parser.error("nothing to do: give --layers, or --install")
    if engines.ENGINES[0] not in options.engines:
        options.engines.insert(0, engines.ENGINES[0])
    return options


def split_layers(text):
    """Lists are separated by commas, and a problem string may hold some: _pd0,1,0,1."""
    parts = []
    for part in text.split(","):
        if parts and part.partition("_")[0].isdigit():
            parts[-1] += "," + part
        else:
            parts.append(part)
    return parts


def environment(build, threads):
    """What peers see: their thread count, their own Python, and no way to install anything."""
    variables = dict(os.environ)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        variables[name] = str(threads)
    variables["PATH"] = os.path.join(build, "venv", "bin") + os.pathsep + variables["PATH"]
    variables["PYTHONPATH"] = engines.PEERS
    variables["PIP_NO_INDEX"] = "1"
    variables["PYTHONDONTWRITEBYTECODE"] = "1"
    return variables


def start_peers(options, threads, report):
    """Start every engine that can be; say of the others why not. `report`: the JSON's engines."""
    commands = [(e.name, engines.command(e, options.build), e) for e in options.engines]
    for text in options.peer:
        name, equals, command = text.partition("=")
        if not equals:
            raise ValueError(f'--peer "{text}" is not NAME=COMMAND')
        commands.append((name, shlex.split(command), None))
    peers = []
    variables = environment(options.build, threads)
    logs = os.path.join(options.build, "logs")
    os.makedirs(logs, exist_ok=True)
    for name, command, engine in commands:
        reason = engines.missing(engine, options.build) if engine else None
        peer = Peer(name, command, variables, os.path.join(logs, f"{name}.log"))
        if reason is None:
            try:
                peer.start()
                peers.append(peer)
            except (PeerDied, OSError) as error:
                reason = str(error)
        if reason is not None:
            install.say(f"{name}: left out: {reason}")
        row = {"version": peer.version, "installed": reason is None, "reason": reason}
        report[name] = {"engine": name, **row}
    return peers


def choose_columns(peers, options):
    """All variants of the others; of Convoy's, those asked for, in the order asked for."""
    columns = []
    for peer in peers:
        variants = {variant["name"]: variant for variant in peer.variants}
        names = list(variants)
        if peer.name == "convoy" and options.algorithms != "all":
            wanted = options.algorithms.split(",")
            names = [f"{a}/{layout}" for a in wanted for layout in options.layouts.split(",")]
        for name in names:
            if name not in variants:
                raise ValueError(f'{peer.name} has no variant "{name}": {", ".join(variants)}')
            columns.append(Column(peer, variants[name]))
    return columns


def commit():
    command = ["git", "-C", engines.ROOT, "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
        return done.stdout.strip()
    except FileNotFoundError:
        return ""


def cpu_name():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def context(options, arguments):
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "cpu": cpu_name(),
        "load_average": list(os.getloadavg()),
        "arguments": arguments,
        "threads": options.threads,
        "rounds": options.rounds,
        "min_time": options.min_time,
        "repetitions": options.repetitions,
        "commit": commit(),
    }


def run_layers(measurement, columns, data, layers, document, peak):
    """Every layer; one whose data cannot be made is left out with the reason."""
    progress = Progress(len(layers) * len(columns) * measurement.rounds)
    for layer in layers:

        def show(column):
            progress(f"{layer['layer']} {column.peer.name} {column.variant}")

        try:
            requests = data.requests(layer["problem"])
        except ValueError as error:
            install.say(f"{layer['layer']}: left out: {error}")
            continue
        results = measurement.layer(layer, columns, requests, show)
        progress.clear()
        document["results"] += results
        print(table.layer_block(layer, results, peak["gflops_before"]), flush=True)


def run_threads(options, threads, data, layers, document):
    """All layers on one thread count, with processes of its own."""
    report = {}
    peers = start_peers(options, threads, report)
    document["engines"] = list(report.values())
    try:
        columns = choose_columns(peers, options)
        first = data.peak(threads)
        peak = {"threads": threads, "isa": first["isa"], "gflops_before": first["gflops"]}
        peak["gflops_after"] = None
        document["peaks"].append(peak)
        timing = (options.rounds, options.min_time, options.repetitions, options.timeout)
        measurement = Measurement(threads, *timing)
        measurement.overheads(columns, data)
        for column in columns:
            row = {"engine": column.peer.name, "variant": column.variant, "threads": threads}
            document["overheads"].append({**row, "min_ms": column.overhead_ms})
        print(f"FMA peak, {table.plural(threads)}, {peak['isa']}: {first['gflops']:.1f} GFLOP/s\n")
        print(table.overheads(columns, threads), flush=True)
        run_layers(measurement, columns, data, layers, document, peak)
        peak["gflops_after"] = data.peak(threads)["gflops"]
    finally:
        for peer in peers:
            peer.close()


def finish(options, document):
    results = document["results"]
    rate_peaks(results, document["peaks"])
    if results:
        print(table.summary(results))
        print(table.notes(results))
    for peak in document["peaks"]:
        before, after = peak["gflops_before"], peak["gflops_after"]
        if after and abs(before - after) > 0.1 * min(before, after):
            print(
                f"the machine was not quiet: FMA peak on {peak['threads']} threads "
                f"{before:.1f} GFLOP/s before and {after:.1f} after the run"
            )
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
            file.write("\n")
    if options.markdown:
        with open(options.markdown, "w", encoding="utf-8") as file:
            file.write(table.markdown(results))


def main(arguments):
    options = parse(arguments)
    if options.install:
        install.install(options.engines, options.build)
    if not install.build(options.build, options.install):
        install.say("scripts/peers: our own peers could not be built")
        return 1
    if not options.layers:
        return 0
    document = {"convoy_peers": 1, "context": context(options, arguments)}
    document.update(engines=[], peaks=[], overheads=[], results=[])
    load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
    quiet = "" if load < 0.5 else ": not quiet, times and ratios are worth little"
    print(f"{document['context']['cpu']}, {cores} cores, load average {load:.2f}{quiet}\n")
    code = 0
    try:
        data = Data(options.build, os.path.join(options.build, "data"))
        layers = data.layers(split_layers(options.layers))
        for threads in options.threads:
            run_threads(options, threads, data, layers, document)
    except (ValueError, OSError) as error:
        install.say(f"scripts/peers: {error}")
        code = 1
    except KeyboardInterrupt:
        install.say("\nscripts/peers: interrupted; this is what was measured so far")
        code = 130
    if code != 1 or document["results"]:
        finish(options, document)
    return code
