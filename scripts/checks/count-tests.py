#!/usr/bin/env python3
"""Print `passed failed skipped` of a meson testlog.json; cmocka's tests are counted one by one."""
import json
import re
import sys

passed = failed = skipped = 0
with open(sys.argv[1], encoding="utf-8") as log:
    for line in log:
        test = json.loads(line)
        output = test.get("stdout", "") + test.get("stderr", "")
        ran = sum(map(int, re.findall(r"\[  PASSED  \] (\d+) test", output)))
        bad = sum(map(int, re.findall(r"\[  FAILED  \] (\d+) test", output)))
        skipped += sum(map(int, re.findall(r"\[  SKIPPED \] (\d+) test", output)))
        if test["result"] == "SKIP":
            skipped += 1
        elif test["result"] == "OK":
            passed += ran or 1
        else:
            passed += ran
            failed += bad or 1
print(passed, failed, skipped)
