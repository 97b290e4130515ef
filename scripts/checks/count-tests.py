#!/usr/bin/env python3
"""count-tests.py TESTLOG.json: print `passed failed skipped` of a meson run. The tests inside of
cmocka and unittest programs are counted one by one, other programs as one."""
import json
import re
import sys


def cmocka(output):
    """Tests of all groups of a program; None if it is none of cmocka's."""
    if "[==========] Running" not in output:
        return None
    # Also of a group that crashed, and so has no summary: what has begun and has not passed.
    begun = sum(map(int, re.findall(r"\[==========\] Running (\d+) test", output)))
    passed = len(re.findall(r"^\[       OK \] ", output, re.M))
    # Each is named twice: in its place, and in the summary.
    skipped = len(set(re.findall(r"^\[  SKIPPED \] ([a-zA-Z]\w*)$", output, re.M)))
    return passed, begun - passed - skipped, skipped


def unittest(output):
    """Tests of a Python program; None if it is none."""
    ran = re.search(r"^Ran (\d+) tests? in ", output, re.M)
    if not ran:
        return None
    counts = {name: sum(map(int, re.findall(rf"^(?:OK|FAILED) \(.*?{name}=(\d+)", output, re.M)))
              for name in ("failures", "errors", "skipped")}
    failed = counts["failures"] + counts["errors"]
    return int(ran[1]) - failed - counts["skipped"], failed, counts["skipped"]


def count(test):
    output = test.get("stdout", "") + "\n" + test.get("stderr", "")
    if test["result"] == "SKIP":
        return 0, 0, 1
    good = test["result"] == "OK"
    passed, failed, skipped = cmocka(output) or unittest(output) or (int(good), 0, 0)
    # A program may fail outside of its tests (a leak, a crash at the end): that is one more.
    if not good and failed <= 0:
        failed = 1
    return passed, failed, skipped


def main():
    totals = [0, 0, 0]
    with open(sys.argv[1], encoding="utf-8") as log:
        for line in log:
            totals = [total + more for total, more in zip(totals, count(json.loads(line)))]
    print(*totals)


main()
