#!/usr/bin/env python3
"""Which lines and branches of src/parse/ and include/upstow/parse/ the parse tests reach.

    coverage.py [--build DIRECTORY]      default: build/coverage; built with clang++-19 and read with
                                         llvm-cov-19

Every line runs and every branch is taken both ways, but for those that cannot be: tests/uncovered.txt
lists them with their reasons. Fails if another one was missed, or if a reason is not needed any more.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = {"parse_tests": [], "coding_tests": [],
            "conformance": [ROOT / "tests/cases/multipart.jsonl"]}
FOLDERS = ("src/parse/", "include/upstow/parse/")


def tool(name):
    for version in ("-19", "-18", "-17", "-16", "-15", "-14", ""):
        if path := shutil.which(name + version):
            return path
    sys.exit(f"{name} is not installed")


def build(directory):
    flags = "-fprofile-instr-generate -fcoverage-mapping"
    subprocess.run(["cmake", "-S", ROOT, "-B", directory, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
                    f"-DCMAKE_CXX_COMPILER={tool('clang++')}", f"-DCMAKE_CXX_FLAGS={flags}",
                    "-DUPSTOW_EXAMPLES=OFF", "-DUPSTOW_BENCHMARKS=OFF",
                    "-DUPSTOW_COMPONENTS=zlib;zstd"],
                   check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", directory, "--target", *PROGRAMS], check=True)


def measure(directory):
    """What llvm-cov exports for the files of FOLDERS."""
    profiles = []
    for name, arguments in PROGRAMS.items():
        profiles.append(directory / f"{name}.profraw")
        subprocess.run([directory / "tests" / name, *arguments], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "LLVM_PROFILE_FILE": str(profiles[-1])})
    merged = directory / "merged.profdata"
    subprocess.run([tool("llvm-profdata"), "merge", "-o", merged, *profiles], check=True)
    first, *others = (str(directory / "tests" / name) for name in PROGRAMS)
    exported = subprocess.run([tool("llvm-cov"), "export", "-instr-profile", merged, first,
                               *(f"-object={other}" for other in others)],
                              check=True, capture_output=True).stdout
    files = json.loads(exported)["data"][0]["files"]
    return [f for f in files if relative(f["filename"]).startswith(FOLDERS)]


def relative(path):
    path = os.path.realpath(path)
    return os.path.relpath(path, ROOT)


def percent(files, what):
    covered, count = (sum(f["summary"][what][k] for f in files) for k in ("covered", "count"))
    return 100 * covered / count, count - covered


def justified():
    """(file, text of the line) of what cannot be reached."""
    lines = (ROOT / "tests/uncovered.txt").read_text().splitlines()
    return {tuple(line.split(": ", 1)) for line in lines if line.startswith(FOLDERS)}


def missed_in(file):
    """(file, text, where) of lines that did not run and branches that went one way only."""
    name = relative(file["filename"])
    text = pathlib.Path(file["filename"]).read_text().splitlines()
    missed = set()
    for line, column, _, _, true_count, false_count, *_ in file["branches"]:
        if true_count == 0 or false_count == 0:
            way = "neither way" if true_count == false_count else "never true" if true_count == 0 else "never false"
            missed.add((line, column, way))
    missed |= {(s[0], s[1], "not run") for s in file["segments"] if s[3] and s[4] and s[2] == 0}
    for line, column, way in sorted(missed):
        code = text[line - 1].strip()
        # LLVM counts a branch for values that an enumeration does not have.
        if not (code.startswith("switch (") and way == "never true"):
            yield name, code, f"{name}:{line}:{column}: {way}: {code}"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--build", type=pathlib.Path, default=ROOT / "build/coverage")
    directory = options.parse_args().build.resolve()
    build(directory)
    files = measure(directory)
    missed = [m for file in files for m in missed_in(file)]
    reasons = justified()
    unknown = [where for name, code, where in missed if (name, code) not in reasons]
    stale = reasons - {(name, code) for name, code, _ in missed}
    for where in unknown:
        print(where)
    for name, code in sorted(stale):
        print(f"tests/uncovered.txt: not needed: {name}: {code}")
    for file in files:
        lines, branches = file["summary"]["lines"], file["summary"]["branches"]
        print(f"{lines['percent']:6.2f} % of lines {branches['percent']:6.2f} % of branches  "
              f"{relative(file['filename'])}")
    lines, missed_lines = percent(files, "lines")
    branches, missed_branches = percent(files, "branches")
    print(f"{lines:.2f} % of lines ({missed_lines} missed), {branches:.2f} % of branches "
          f"({missed_branches} missed)")
    print(f"{len(unknown)} places that tests/uncovered.txt does not know, {len(stale)} that it knows in vain")
    return 0 if files and not unknown and not stale else 1


if __name__ == "__main__":
    sys.exit(main())
