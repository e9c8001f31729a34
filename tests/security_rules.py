#!/usr/bin/env python3
"""Every test that the page of demands names exists, and every demand has an answer.

A row of the page ends with two cells: "test", "host's duty" or "not provided"; and the evidence. For
a test that is pairs of a file in backquotes and its cases in quotes, or functions in backquotes:
`tests/check/a_test.cpp` "this", "that"; `tests/server/b_test.py` `test_that`. Usage: security_rules.py ROOT PAGE
"""
import pathlib
import re
import sys

VERDICTS = ("test", "host's duty", "not provided")
FILE = re.compile(r"`(tests/[^`]+)`")


def cases_of(path):
    """Names of its test cases; a long one is written as several literals."""
    text = path.read_text()
    if path.suffix == ".py":
        return set(re.findall(r"^\s*def (test_\w+)\(", text, re.M))
    found = re.findall(r'TEST_CASE\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)', text)
    return {"".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals)) for literals in found}


def faults_of_file(root, name, rest):
    """`rest` is what the page says between this file and the next one."""
    if not (root / name).is_file():
        return [f"{name} does not exist"]
    named = re.findall(r"`(test_\w+)`" if name.endswith(".py") else r'"([^"]+)"', rest)
    there = cases_of(root / name)
    faults = [f'{name} has no case "{case}"' for case in named if case not in there]
    return faults if named else [f"{name}: no case is named"]


def faults_of_row(root, verdict, evidence):
    if verdict not in VERDICTS:
        return [f"'{verdict}' is none of {', '.join(VERDICTS)}"]
    pieces = FILE.split(evidence)  # text, file, text, file, text
    faults = []
    for name, rest in zip(pieces[1::2], pieces[2::2]):
        faults += faults_of_file(root, name, rest)
    if len(pieces) == 1 and (verdict == "test" or not evidence):
        faults.append("no evidence" if verdict == "test" else "no reason")
    return faults


def main(root, page):
    wrong = rows = 0
    for number, line in enumerate((root / page).read_text().splitlines(), 1):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|") or cells[0] == "demand" or set(line) <= set("|- "):
            continue
        rows += 1
        faults = faults_of_row(root, *cells[2:]) if len(cells) == 4 else ["not four cells"]
        wrong += len(faults)
        for fault in faults:
            print(f"{page}:{number}: {fault}")
    print(f"{rows} demands, {wrong} faults")
    return 1 if wrong or not rows else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), sys.argv[2]))
