"""What a peer written in Python shares with all others: the line protocol of docs/peers.md, the
timing loop and the comparison with the reference.

An engine has `name`, `version`, `variants` (a list of Variant) and `create(request)`, which
returns an instance with `run()`, `output()` and, if it needs one, `prepare()`; it calls serve().

Import this module before the engine: engines print to standard output, even on import. From here on
that goes to standard error, and the real one is for answers.
"""

import gc
import json
import os
import statistics
import sys
import time
import zlib
from typing import NamedTuple

import numpy

_answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

WARM_UP_SHARE = 0.2  # of min_time
SAMPLES_MOST = 1_000_000


class Unsupported(Exception):
    """The engine has no such convolution: reported as such, no fault."""


class Variant(NamedTuple):
    """A way in which the engine can run a layer: a column of the table."""

    name: str  # e.g. "default/nchw"
    layout: str  # "nchw" or "nhwc": the order of the axes of the files of x and y
    timed: str  # what the time holds and leaves out, in a sentence


class Request:
    """One layer to time: the fields of the request line as attributes, and the arrays
    x, filter, bias and y (the reference)."""

    NUMBERS = set("N C H W K R S P Q stride_h stride_w dilation_h dilation_w groups".split())
    NUMBERS |= {"pad_top", "pad_left", "pad_bottom", "pad_right", "threads", "repetitions"}

    def __init__(self, line):
        for field in line.rstrip("\r\n").split("\t"):
            key, equals, value = field.partition("=")
            if not equals:
                raise ValueError(f'the field "{field}" of the request has no "="')
            if key in self.NUMBERS:
                value = int(value)
            elif key == "min_time":
                value = float(value)
            setattr(self, key, value)

    def load(self):
        nhwc = self.layout == "nhwc"
        x_shape = (self.N, self.H, self.W, self.C) if nhwc else (self.N, self.C, self.H, self.W)
        y_shape = (self.N, self.P, self.Q, self.K) if nhwc else (self.N, self.K, self.P, self.Q)
        filter_shape = (self.K, self.C // self.groups, self.R, self.S)
        self.x = _read(self.x_path, x_shape)
        self.filter = _read(self.filter_path, filter_shape)
        self.bias = _read(self.bias_path, (self.K,))
        self.y = _read(self.y_path, y_shape)

    def pads(self):
        """top, left, bottom, right: the order of ONNX."""
        return [self.pad_top, self.pad_left, self.pad_bottom, self.pad_right]


def aligned(shape):
    """Zeros whose first element is aligned to 64 bytes."""
    count = int(numpy.prod(shape))
    room = numpy.zeros(count + 16, dtype=numpy.float32)
    start = (-room.ctypes.data % 64) // 4
    return room[start : start + count].reshape(shape)


def _read(path, shape):
    array = aligned(shape)
    data = numpy.fromfile(path, dtype="<f4")
    if data.size != array.size:
        raise ValueError(f"{path} holds {data.size} floats instead of {array.size}")
    array[...] = data.reshape(shape)
    return array


def _time_calls(instance, request):
    """Milliseconds of single calls, until both min_time and repetitions are reached."""
    prepare = getattr(instance, "prepare", None) or (lambda: None)
    run, clock = instance.run, time.perf_counter_ns
    start = clock()
    while True:
        prepare()
        run()
        if clock() - start >= 1e9 * WARM_UP_SHARE * request.min_time:
            break
    samples = []
    gc.disable()
    start = clock()
    end = start
    least = 1e9 * request.min_time
    while (end - start < least or len(samples) < request.repetitions) and (
        len(samples) < SAMPLES_MOST
    ):
        prepare()
        begin = clock()
        run()
        end = clock()
        samples.append(end - begin)
    gc.enable()
    if not samples:
        raise ValueError("min_time and repetitions are both 0")
    return [1e-6 * sample for sample in samples]


def _compare(output, request):
    y = numpy.ascontiguousarray(output, dtype=numpy.float32).reshape(request.y.shape)
    worst = float(numpy.max(numpy.abs(y.astype(numpy.float64) - request.y)))
    rms = float(numpy.sqrt(numpy.mean(numpy.square(request.y, dtype=numpy.float64))))
    error = 0.0 if worst == 0 else worst / rms if rms > 0 else float("inf")
    checksum = f"{zlib.crc32(y.tobytes()):08x}"
    return (error if numpy.isfinite(error) else None), checksum


def _serve_request(engine, request):
    request.load()
    start = time.perf_counter()
    instance = engine.create(request)
    create_ms = 1e3 * (time.perf_counter() - start)
    samples = _time_calls(instance, request)
    error, checksum = _compare(instance.output(), request)
    return {
        "status": "ok",
        "implementation": getattr(instance, "implementation", ""),
        "min_ms": min(samples),
        "median_ms": statistics.median(samples),
        "samples": len(samples),
        "create_ms": create_ms,
        "checksum": checksum,
        "error": error,
    }


def _answer(engine, line):
    request = None
    try:
        request = Request(line)
        result = _serve_request(engine, request)
    except Unsupported as reason:
        result = {"status": "unsupported", "reason": str(reason)}
    except Exception as error:  # an engine may raise anything; the reason goes into the table
        sentence = " ".join(str(error).split())[:500]
        result = {"status": "error", "reason": f"{type(error).__name__}: {sentence}"}
    variant = getattr(request, "variant", "")
    return {"engine": engine.name, "version": engine.version, "variant": variant, **result}


def serve(engine):
    """Greet, then answer requests until the standard input ends."""
    greeting = {
        "protocol": 1,
        "engine": engine.name,
        "version": engine.version,
        "variants": [variant._asdict() for variant in engine.variants],
    }
    print(json.dumps(greeting), file=_answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(_answer(engine, line)), file=_answers, flush=True)
