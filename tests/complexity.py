#!/usr/bin/env python3
"""Twice the bytes may cost at most 2.2 times the instructions, whatever they are and however they are
cut: complexity.py PROGRAM. Linear is 2; what is quadratic comes near to 4.

Exit code 77 is "skipped": no valgrind.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

MOST = 2.2


def counts(program, directory):
    """Instructions by name and by how many times the bytes came."""
    subprocess.run(["valgrind", "--tool=callgrind", "--collect-atstart=no",
                    f"--callgrind-out-file={directory}/out", program],
                   check=True, capture_output=True)
    found = {}
    for file in pathlib.Path(directory).iterdir():
        text = file.read_text()
        name = re.search(r"^desc: Trigger: Client Request: (.*)\|(\d)$", text, re.M)
        if name:
            found[name[1], int(name[2])] = int(re.search(r"^totals: (\d+)$", text, re.M)[1])
    return found


def main(program):
    if not shutil.which("valgrind"):
        print("skipped: valgrind is not installed")
        return 77
    with tempfile.TemporaryDirectory() as directory:
        found = counts(program, directory)
    names = sorted({name for name, _ in found})
    ratios = {name: found[name, 2] / found[name, 1] for name in names}
    wrong = [name for name in names if found[name, 1] == 0 or ratios[name] > MOST]
    for name in sorted(names, key=ratios.get)[-5:] + wrong:
        print(f"{ratios[name]:.2f}  {name}: {found[name, 1]} and {found[name, 2]} instructions")
    print(f"{len(names)} shapes and chunk sizes, {len(wrong)} not linear")
    return 1 if wrong or not names else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
