#!/usr/bin/env python3
"""Counts the parser's instructions under callgrind and fails where they are above a limit.

    instruction_counts.py <counted_parse> [<case>...]

Counts are the same on every machine with AVX2, busy or not, so this can be a test; times cannot.
Exit code 77 is "skipped": no valgrind, or a processor without AVX2.
"""
import re
import shutil
import subprocess
import sys

# Most instructions for one byte (or for one part), with room for another compiler's taste, and what
# we want to get to, or have got to; where it was passed, lower both.
LIMITS = {
    #                        limit   goal
    "random":               (0.25,  0.18),
    "text":                 (0.25,  0.18),
    "CR":                   (0.30,  0.25),
    # Data made for the boundary: as slow as it gets.
    "wrong in the middle":  (2.3,   1.5),
    "dense, 4":             (2.3,   1.5),
    "dense, short":         (3.0,   2.0),
    # What a call costs, and what a part costs. Of the former some 40 are the host's loop.
    "random, by the byte":  (160,   130),
    "fields":               (600,   450),
}


def count(program, case):
    """Instructions for one unit, and what that is."""
    run = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
         "--toggle-collect=counted", program, case],
        capture_output=True, text=True)
    if run.returncode == 77:
        print("skipped:", run.stdout.strip())
        sys.exit(77)
    collected = re.search(r"Collected *: *(\d+)", run.stderr)
    unit = re.match(r"(\w+) (\d+)", run.stdout)
    if run.returncode != 0 or not collected or not unit or collected.group(1) == "0":
        sys.exit(f"{case}: code {run.returncode}\n{run.stdout}{run.stderr}")
    return int(collected.group(1)) / int(unit.group(2)), unit.group(1)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if not shutil.which("valgrind"):
        print("skipped: valgrind is not installed")
        return 77
    program, cases = sys.argv[1], sys.argv[2:] or list(LIMITS)
    worst = 0
    print(f"{'':24}{'count':>10}{'goal':>10}{'limit':>10}")
    for case in cases:
        got, unit = count(program, case)
        limit, goal = LIMITS.get(case, (float("inf"), float("inf")))
        verdict = "" if got <= goal else "above the goal" if got <= limit else "ABOVE THE LIMIT"
        worst = max(worst, got > limit)
        print(f"{case:24}{got:10.3f}{goal:10.3f}{limit:10.3f}  for one {unit}  {verdict}")
    return 1 if worst else 0


if __name__ == "__main__":
    sys.exit(main())
