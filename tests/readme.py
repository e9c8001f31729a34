#!/usr/bin/env python3
"""Every C++ snippet of a page is text of a file that is compiled.

A ```cpp block follows a line `<!-- path/of/file -->`; its lines, whatever their indentation as a
whole, stand in that file in one piece. Usage: readme.py ROOT PAGE...
"""
import pathlib
import re
import sys
import textwrap


def normal(lines):
    return [line.rstrip() for line in textwrap.dedent("\n".join(lines)).split("\n")]


def stands_in(block, text):
    lines = text.split("\n")
    return any(normal(lines[i:i + len(block)]) == block for i in range(len(lines) - len(block) + 1))


def main(root, pages):
    wrong = checked = 0
    for page in pages:
        text = (root / page).read_text()
        for match in re.finditer(r"(<!-- (\S+) -->\n)?```cpp\n(.*?)\n```", text, re.S):
            checked += 1
            where = f"{page}:{text.count(chr(10), 0, match.start()) + 1}"
            if match[2] is None:
                wrong += 1
                print(f"{where}: a snippet names no file")
            elif not stands_in(normal(match[3].split("\n")), (root / match[2]).read_text()):
                wrong += 1
                print(f"{where}: the snippet is not in {match[2]}")
    print(f"{checked} snippets, {wrong} wrong")
    return 1 if wrong or not checked else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), sys.argv[2:]))
