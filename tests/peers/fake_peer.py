"""A peer without an engine, for test_coordinator.py: behaves as its arguments say.

fake_peer.py NAME BEHAVIOUR MILLISECONDS, where the behaviour is one of: good, wrong (large error),
lost (no finite error), refuses, dies, hangs, babbles (answers no JSON).
"""

import json
import os
import sys
import time

name, behaviour, milliseconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
ERRORS = {"wrong": 0.5, "lost": None}


def answer(fields):
    if behaviour == "refuses":
        return {"status": "unsupported", "reason": "no such convolution"}
    overhead = fields["problem"] == "n1c1h1w1_k1r1s1"
    return {
        "status": "ok",
        "min_ms": 0.5 if overhead else milliseconds,
        "median_ms": milliseconds,
        "samples": 5,
        "create_ms": 1.0,
        "checksum": "00000000",
        "error": ERRORS.get(behaviour, 1e-6),
        "implementation": f"threads {fields['threads']} of {os.environ['OMP_NUM_THREADS']}",
    }


variants = [{"name": "auto/nhwc", "layout": "nhwc", "timed": "nothing"}]
print(json.dumps({"protocol": 1, "engine": name, "version": "0", "variants": variants}), flush=True)
for line in sys.stdin:
    if behaviour == "dies":
        os._exit(3)
    if behaviour == "hangs":
        time.sleep(60)
    if behaviour == "babbles":
        print("hello", flush=True)
        continue
    fields = dict(field.split("=", 1) for field in line.rstrip("\n").split("\t"))
    print(json.dumps(answer(fields)), flush=True)
