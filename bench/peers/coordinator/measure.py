"""The run itself: layer by layer, round by round, one column after the other."""

import json
import os
import statistics
import subprocess
import sys
import time

from .engines import program_path
from .process import PeerDied

ERROR_MOST = 1e-2  # relative to the reference's rms; above that, something else was computed
OVERHEAD_PROBLEM = "n1c1h1w1_k1r1s1"
OVERHEAD_MIN_TIME = 0.05
OVERHEAD_TIMES = 10


class Column:
    """One variant of one engine, on some threads."""

    def __init__(self, peer, variant):
        self.peer = peer
        self.variant = variant["name"]
        self.layout = variant["layout"]
        self.timed = variant.get("timed", "")
        self.overhead_ms = None


class Data:
    """The program that knows layers: their lists, their files, and the machine's peak."""

    def __init__(self, build, directory):
        self.program = program_path(build, "convoy-layer-data")
        self.directory = directory
        os.makedirs(directory, exist_ok=True)

    def _run(self, *arguments, threads=None):
        environment = dict(os.environ)
        if threads:
            environment["OMP_NUM_THREADS"] = str(threads)
        done = subprocess.run(
            [self.program, *arguments], capture_output=True, text=True, env=environment
        )
        if done.returncode != 0:
            raise ValueError(done.stderr.strip() or f"{self.program} failed: {done.returncode}")
        return done.stdout.splitlines()

    def layers(self, lists):
        return [json.loads(line) for line in self._run("list", *lists)]

    def requests(self, problem):
        """The request lines by layout; the files are written if they are not there yet."""
        nchw, nhwc = self._run("write", self.directory, problem)
        return {"nchw": nchw, "nhwc": nhwc}

    def peak(self, threads):
        return json.loads(self._run("peak", str(threads), threads=threads)[0])


class Measurement:
    """What is common to all requests of one thread count."""

    def __init__(self, threads, rounds, min_time, repetitions, timeout):
        self.threads = threads
        self.rounds = rounds
        self.min_time = min_time
        self.repetitions = repetitions
        self.timeout = timeout

    def ask(self, column, requests, min_time=None):
        fields = {
            "variant": column.variant,
            "threads": self.threads,
            "min_time": self.min_time if min_time is None else min_time,
            "repetitions": self.repetitions,
        }
        line = requests[column.layout]
        for key, value in fields.items():
            line += f"\t{key}={value}"
        try:
            return column.peer.ask(line, self.timeout)
        except PeerDied as reason:
            return {"status": "error", "reason": str(reason)}

    def overheads(self, columns, data):
        """Time the layer of one multiplication; a column that cannot run it has no overhead."""
        requests = data.requests(OVERHEAD_PROBLEM)
        for column in columns:
            answer = self.ask(column, requests, OVERHEAD_MIN_TIME)
            column.overhead_ms = answer.get("min_ms")

    def layer(self, layer, columns, requests, progress):
        """One result a column, in the columns' order."""
        answers = [[] for _ in columns]
        for _ in range(self.rounds):
            for column, got in zip(columns, answers):
                if not got or got[-1]["status"] == "ok":
                    progress(column)
                    got.append(self.ask(column, requests))
        results = [self._merge(layer, column, got) for column, got in zip(columns, answers)]
        _rate(results)
        return results

    def _merge(self, layer, column, answers):
        last = answers[-1]
        result = {
            "layer": layer["layer"],
            "problem": layer["problem"],
            "macs": layer["macs"],
            "threads": self.threads,
            "engine": column.peer.name,
            "version": column.peer.version,
            "variant": column.variant,
            "layout": column.layout,
            "timed": column.timed,
            "status": last["status"],
            "reason": last.get("reason"),
        }
        keys = "implementation min_ms median_ms spread create_ms error checksum checksums_equal"
        keys += " ranked ratio effective_gflops peak_fraction under_ten_overheads rounds"
        result.update(dict.fromkeys(keys.split()))
        if last["status"] == "ok":
            result.update(_merge_rounds(answers))
            result["effective_gflops"] = 2e-6 * layer["macs"] / result["min_ms"]
            if column.overhead_ms is not None:
                least = OVERHEAD_TIMES * column.overhead_ms
                result["under_ten_overheads"] = result["min_ms"] < least
        return result


def _merge_rounds(answers):
    minima = [answer["min_ms"] for answer in answers]
    errors = [answer["error"] for answer in answers]
    error = None if None in errors else max(errors)
    checksums = [answer["checksum"] for answer in answers]
    return {
        "implementation": answers[-1].get("implementation", ""),
        "min_ms": min(minima),
        "median_ms": statistics.median(answer["median_ms"] for answer in answers),
        "spread": max(minima) / min(minima),
        "create_ms": min(answer["create_ms"] for answer in answers),
        "error": error,
        "checksum": checksums[0],
        "checksums_equal": len(set(checksums)) == 1,
        "ranked": error is not None and error <= ERROR_MOST,
        "rounds": minima,
    }


def _rate(results):
    """Ratios to ours: the first result of Convoy that counts."""
    ours = [r["min_ms"] for r in results if r["engine"] == "convoy" and r["ranked"]]
    for result in results:
        if ours and result["ranked"]:
            result["ratio"] = result["min_ms"] / ours[0]


def rate_peaks(results, peaks):
    """peak_fraction, by the larger of the two measurements of each thread count."""
    best = {p["threads"]: max(p["gflops_before"], p["gflops_after"] or 0.0) for p in peaks}
    for result in results:
        gflops, peak = result["effective_gflops"], best.get(result["threads"])
        if gflops is not None and peak:
            result["peak_fraction"] = gflops / peak


class Progress:
    """What runs now and the time that is left, on standard error if that is a terminal."""

    def __init__(self, steps):
        self.steps = steps
        self.done = 0
        self.start = time.monotonic()
        self.shown = sys.stderr.isatty()

    def __call__(self, text):
        if self.shown:
            spent = time.monotonic() - self.start
            left = spent / self.done * (self.steps - self.done) if self.done else 0
            words = f"[{self.done}/{self.steps}] {text}, {left:.0f} s left"
            print(f"\r\033[K{words[:110]}", end="", file=sys.stderr, flush=True)
        self.done += 1

    def clear(self):
        if self.shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
