#!/usr/bin/env python3
"""Keeps the structure of the source tree honest.

Includes go down only: base < parse < {check, store} < intake < http < host, where check and store
do not know each other; fmt stays out of the public headers; no file is longer than 600 lines; the
sources named in CMakeLists.txt are those that exist; sources are ASCII; includes of the library are
written "upstow/...", and a public header has a #pragma once.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
ROOT = ROOT if ROOT.is_dir() else ROOT.parent.parent
MAX_LINES = 600  # what one person can hold in mind; longer files had a second subject in them

# What each layer may include besides itself.
BELOW = {"base": set(), "parse": {"base"}, "check": {"base", "parse"}, "store": {"base"}}
BELOW["intake"] = set(BELOW)
BELOW["http"] = set(BELOW)
BELOW["host"] = set(BELOW)
UMBRELLA = "upstow/upstow.hpp"
# Public headers are included by everybody: these cost compile time or hide I/O.
BANNED = {"functional", "filesystem", "iostream", "format", "ranges", "variant"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def layer_of(path):
    """`path` is relative to include/upstow or src."""
    return path.parts[0] if len(path.parts) > 1 else "base"


def includes(file):
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1), found.group(2)


def check_file(file, layer, public):
    faults = []
    for number, quote, name in includes(file):
        where = f"{file.relative_to(ROOT)}:{number}"
        if public and name.startswith("fmt/"):
            faults.append(f"{where}: fmt in a public header")
        if public and quote == "<" and name in BANNED and layer != "host":
            faults.append(f"{where}: <{name}> in a public header")
        if name.startswith("upstow/bodies/"):
            own = "upstow/bodies/" + file.relative_to(ROOT / "include/upstow").with_suffix(".cpp").as_posix()
            if name != own:
                faults.append(f"{where}: a header includes its own body only, {own}")
            continue
        if name == UMBRELLA:
            faults.append(f"{where}: the umbrella header is for users")
        if quote != '"':
            continue
        if name.startswith("upstow/"):
            target = layer_of(pathlib.PurePath(name).relative_to("upstow"))
            if not (ROOT / "include" / name).exists():
                faults.append(f"{where}: {name} does not exist")
        elif (file.parent / name).exists() and not public:
            target = layer
        else:
            faults.append(f'{where}: write "upstow/<folder>/<name>.hpp"')
            continue
        if target != layer and target not in BELOW[layer]:
            faults.append(f"{where}: {layer} must not include {target}")
    return faults


def check_tree():
    faults = []
    for top, public in (("include/upstow", True), ("src", False)):
        for file in sorted((ROOT / top).rglob("*.[ch]pp")):
            inside = file.relative_to(ROOT / top)
            if public and inside.as_posix() == "upstow.hpp":
                continue
            layer = layer_of(inside)
            if layer not in BELOW:
                faults.append(f"{top}/{inside}: no layer is called {layer}")
                continue
            faults += check_file(file, layer, public)
            has_guard = "\n#pragma once\n" in "\n" + file.read_text(encoding="utf-8")
            if file.suffix == ".hpp" and not has_guard:
                faults.append(f"{top}/{inside}: no #pragma once")
            if file.suffix == ".cpp" and has_guard:
                faults.append(f"{top}/{inside}: #pragma once in a source file")
    return faults


def check_text():
    faults = []
    for folder in ("include", "src", "examples", "tests", "benchmarks", "cmake"):
        for file in sorted((ROOT / folder).rglob("*")):
            if file.suffix not in {".hpp", ".cpp", ".inc", ".cmake", ".py", ".txt"} or not file.is_file():
                continue
            text = file.read_bytes()
            name = file.relative_to(ROOT)
            if text.count(b"\n") > MAX_LINES:
                faults.append(f"{name}: {text.count(bytes([10]))} lines, at most {MAX_LINES}")
            if file.suffix in {".hpp", ".cpp", ".inc"} and not text.isascii():
                faults.append(f"{name}: not ASCII")
    if (ROOT / "CMakeLists.txt").read_text().count("\n") > 150:
        faults.append("CMakeLists.txt: more than 150 lines")
    return faults


def check_lists():
    """A source that is not listed would be missed by nobody until a user links."""
    lists = (ROOT / "CMakeLists.txt").read_text() + (ROOT / "cmake/components.cmake").read_text()
    listed = set(re.findall(r"\bsrc/[\w/]+\.cpp\b", lists))
    present = {p.relative_to(ROOT).as_posix() for p in (ROOT / "src").rglob("*.cpp")}
    faults = [f"CMakeLists.txt: {name} is listed and does not exist" for name in sorted(listed - present)]
    faults += [f"CMakeLists.txt: {name} is not listed" for name in sorted(present - listed)]
    return faults


def main():
    faults = check_tree() + check_text() + check_lists()
    for fault in faults:
        print(fault)
    print(f"layers: {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
