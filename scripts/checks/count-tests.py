#!/usr/bin/env python3
"""count-tests.py TESTLOG.json: print `passed failed skipped` of a meson run, then a line for each
skipped test. The tests inside of cmocka and unittest programs are counted one by one, other
programs as one."""
import json
import re
import sys


def skipped_tests(output):
    """Each is named twice: in its place, and in cmocka's summary."""
    return sorted(set(re.findall(r"^\[  SKIPPED \] ([a-zA-Z]\w*)$", output, re.M)))


def cmocka(output):
    """Tests of all groups of a program; None if it is none of cmocka's."""
    if "[==========] Running" not in output:
        return None
    # Also of a group that crashed, and so has no summary: what has begun and has not passed.
    begun = sum(map(int, re.findall(r"\[==========\] Running (\d+) test", output)))
    passed = len(re.findall(r"^\[       OK \] ", output, re.M))
    skipped = len(skipped_tests(output))
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


def output_of(test):
    return test.get("stdout", "") + "\n" + test.get("stderr", "")


def count(test):
    output = output_of(test)
    if test["result"] == "SKIP":
        return 0, 0, 1
    good = test["result"] == "OK"
    passed, failed, skipped = cmocka(output) or unittest(output) or (int(good), 0, 0)
    # A program may fail outside of its tests (a leak, a crash at the end): that is one more.
    if not good and failed <= 0:
        failed = 1
    return passed, failed, skipped


def main():
    with open(sys.argv[1], encoding="utf-8") as log:
        tests = [json.loads(line) for line in log]
    totals = [sum(column) for column in zip(*map(count, tests))] or [0, 0, 0]
    print(*totals)
    for test in tests:
        if test["result"] == "SKIP":
            print(f"skipped {test['name']}: {output_of(test).strip()}")
        for name in skipped_tests(output_of(test)):
            print(f"skipped {test['name']}: {name}")


main()
