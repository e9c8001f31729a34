#!/usr/bin/env python3
"""Compares the parser with a reference implementation on bodies made up by the dice.

    differential.py PARSE_BATCH [--oracle ORACLE.py] [--count N] [--seed N] [--jobs N] [--mode strict|lenient]

The oracle is a slow reading of the same rules that sees the whole body at once; tests/oracle.py, or
another one:

    parse(content_type: str, body: bytes, mode: str, limits: dict) ->
        {"ok": True, "parts": [{"name", "filename", "content_type", "headers", "size", "sha256"}]}
        {"ok": False, "code": the name of the error, "offset": where, or None}
        {"ok": False, "error_class": one of CLASSES' values}    if it does not know these

The same seed makes the same bodies. A difference is printed with what is needed to see it again.

To PARSE_BATCH go records: 's' or 'l', the numbers of LIMITS as 4 bytes each, and content type and body
as 4 bytes of length and the bytes; little-endian. It answers a line for each: "ok" and six words for
every part (name, filename, type and headers in hex behind '=', size, SHA-256), or "error <code>
<offset>".
"""
import argparse
import collections
import importlib.util
import multiprocessing
import pathlib
import random
import struct
import subprocess
import sys
import time

LIMITS = {"max_parts": 1000, "max_files": 1000, "max_headers": 16, "max_header_bytes": 16384,
          "max_preamble_bytes": 16384, "max_field_bytes": 1 << 20, "max_file_bytes": 1 << 30,
          "max_name_bytes": 1024, "max_filename_bytes": 4096}
CLASSES = {
    "unsupported-media-type": "content_type", "malformed-content-type": "content_type",
    "bad-boundary": "boundary_param", "stray-data": "stray_data", "bad-delimiter": "delimiter",
    "bad-part-header": "header", "bad-disposition": "disposition",
    "bad-name-encoding": "encoding", "unsupported-part": "unsupported",
    "part-length-mismatch": "part_length", "truncated": "truncated", "too-many-parts": "limit",
    "too-many-files": "limit", "too-many-part-headers": "limit",
    "part-headers-too-large": "limit", "name-too-long": "limit", "filename-too-long": "limit",
    "field-too-large": "limit", "file-too-large": "limit", "preamble-too-large": "limit"}
BATCH = 2000  # bodies for one run of the program: its start costs nothing then

BOUNDARIES = [b"B", b"-", b"--", b"a-a", b"----WebKitFormBoundaryAbC", b"a b", b"x:y", b"k" * 70]
NAMES = [b"a", b"", b"upload", b"\xc3\xa9", b"\xe9", b"%22", b"a\\\\b", b"C:\\d\\x", b"\\\"q", b"a\tb",
         b"'x'", b"\xed\xa0\x80", b"a;b", b"n" * 20, b"=?utf-8?B?w6k=?=", b"=?utf-8?q?=C3=A9?="]
EXTENDED = [b"UTF-8''%C3%A9", b"utf-8''a", b"UTF-8'en'%e2%82%ac", b"iso-8859-1''%E9", b"UTF-8''%4",
            b"utf-16''a", b"UTF-8''%FF", b"a", b"UTF-8''a b", b"''a", b"UTF-8''%0A"]
TYPES = [b"text/plain", b"multipart/mixed; boundary=x", b"image/png", b"Multipart/", b"", b"\xff"]
TOKENS = [b"\r\n", b"\r", b"\n", b"--", b"\r\n--", b"--B", b"\r\n--B", b"\r\n--B\r\n", b"\n--B--", b"\r\n\r\n",
          b":", b";", b"=", b"\"", b"\\", b" ", b"\t", b"\0", b"\x7f", b"'", b"*", b"%41", b"; name=b",
          b"; filename=c", b"; filename*=UTF-8''d", b"Content-Length: 1\r\n", b"X: y\r\n", b" folded\r\n",
          b"Content-Type: a/b\r\n", b"Content-Transfer-Encoding: base64\r\n", b"\xc3\xa9", b"-"]


def one_of(dice, usual, *others, chance=0.03):
    """`usual` most of the time."""
    return dice.choice(others) if dice.random() < chance else usual


def quoted_or_not(dice, value):
    shape = dice.random()
    if shape < 0.85:
        return b'"' + value + b'"'
    if shape < 0.97:
        return value
    return dice.choice([b"'" + value + b"'", b'"' + value, b'"' + value + b'"x', b""])


def parameter(dice, name, value):
    return (one_of(dice, b"; ", b";", b" ; ", b";\t", b" ", b";;", b"; ;", b"") +
            one_of(dice, name, name.upper(), name + b"*0", b"x", b"") +
            one_of(dice, b"=", b" =", b"= ", b" = ", b"") + value)


def disposition(dice):
    value = one_of(dice, b"form-data", b"Form-Data", b"attachment", b"", b"form-data x", chance=0.04)
    names = [(b"name", NAMES)] if dice.random() < 0.95 else []
    if dice.random() < 0.5:
        names.append((b"filename", NAMES))
    dice.shuffle(names)
    for name, values in names:
        shape = dice.random()
        if shape < 0.9:
            text = dice.choice(values) if dice.random() < 0.4 else dice.choice([b"a", b"upload", b"\xc3\xa9", b"x y.txt"])
            value += parameter(dice, name, quoted_or_not(dice, text))
        if shape > 0.85:
            extended = dice.choice(EXTENDED)
            value += parameter(dice, name + b"*", one_of(dice, extended, b'"' + extended + b'"'))
        if shape < 0.02:
            value += parameter(dice, name, b"again")
    return value + one_of(dice, b"", b";", b" ", b"; ", b"; x=y", chance=0.08)


def header_lines(dice, data):
    lines = [(one_of(dice, b"Content-Disposition", b"content-disposition", chance=0.2), disposition(dice))]
    if dice.random() < 0.3:
        lines.append((b"Content-Type", dice.choice(TYPES)))
    if dice.random() < 0.08:
        size = one_of(dice, len(data), 0, len(data) + 1, 10 ** 18, chance=0.3)
        lines.append((b"Content-Length", one_of(dice, b"%d" % size, b"+1", b"", b"0x1", b"9" * 20)))
    if dice.random() < 0.08:
        lines.append((b"Content-Transfer-Encoding",
                      dice.choice([b"7bit", b"8BIT", b"binary", b"base64", b"quoted-printable", b""])))
    while dice.random() < 0.2:
        lines.append((dice.choice([b"X", b"X-A", b"Content-Type", b"Content-ID"]), dice.choice(NAMES)))
    dice.shuffle(lines)
    return lines


def part(dice, boundary, data, end):
    out = b"--" + boundary + one_of(dice, b"", b" ", b"\t ", b" " * 65, b"x", b"-", chance=0.04)
    out += one_of(dice, end, b"\n", b"\r", b"\r\n", b"", chance=0.02)
    for name, value in header_lines(dice, data):
        out += name + one_of(dice, b": ", b":", b" : ", b":\t", b"", chance=0.05) + value
        out += one_of(dice, end, end + b" ", end + b"\t x" + end, b"\n", b"\r", chance=0.04)
    return out + one_of(dice, end, b"\n", b"", b" " + end, chance=0.02) + data


def data_of(dice, boundary):
    out = b""
    while dice.random() < 0.6:
        out += dice.choice([b"x", b"text", b"\r", b"\n", b"\r\n", b"--", b"-", b"\r\n--", b"\n\r", b"\0\xff",
                            boundary[:-1], b"\r\n--" + boundary[:-1], b"x" * 30])
        if dice.random() < 0.03:
            out += dice.choice([b"\r\n--", b"\n--", b"--", b"\r--", b"\r\n-"]) + boundary
    return out


def body_of(dice, boundary):
    end = one_of(dice, b"\r\n", b"\n", chance=0.1)
    out = one_of(dice, b"", b"\r\n", b"\n", b"preamble", b"preamble\r\n", b"\r\n\r\n", b"x" * 40 + b"\r\n",
                 b"--x\r\n", chance=0.1)
    for _ in range(dice.choice([0, 1, 1, 1, 2, 2, 3])):
        out += part(dice, boundary, data_of(dice, boundary), end) + end
    out += one_of(dice, b"--" + boundary + b"--", b"--" + boundary, b"", b"--" + boundary + b"-")
    return out + dice.choice([b"", end, b"\r\n"]) + one_of(dice, b"", b"\r\n", b"x", b"\r\n--" + boundary)


def damaged(dice, body):
    for _ in range(dice.choice([0, 0, 0, 0, 1, 1, 2, 3])):
        at = dice.randrange(len(body) + 1)
        kind = dice.random()
        if kind < 0.4:
            body = body[:at] + dice.choice(TOKENS) + body[at:]
        elif kind < 0.6:
            body = body[:at] + body[at + dice.randrange(1, 5):]
        elif kind < 0.7:
            body = body[:at]
        elif kind < 0.8:
            to = at + dice.randrange(1, 40)
            body = body[:to] + body[at:]
        elif kind < 0.9:
            body = body[:at] + bytes([dice.randrange(256)]) + body[at + 1:]
        else:
            body = body[:at] + dice.choice(TOKENS) + body[at + dice.randrange(1, 3):]
    return body


def content_type(dice, boundary):
    quoted = b'"' + boundary + b'"'
    value = one_of(dice, b"multipart/form-data", b"Multipart/Form-Data", b"multipart/mixed", b"x", b"")
    value += one_of(dice, b"; ", b";", b" ; ", b"; charset=utf-8; ", b";;", b"; a=\"b;c\"; ", b"; a=\"\\\"\";", b" ",
                    chance=0.1)
    value += one_of(dice, b"boundary=", b"Boundary=", b"boundary =", b"boundary*=", b"x=y;boundary=", b"boundary=B; boundary=",
                    chance=0.04)
    value += boundary if boundary.isalpha() else one_of(dice, quoted, boundary, chance=0.1)
    value += one_of(dice, b"", b" ", b";", b"x", b"; x", b"; x=y", b"\\", chance=0.04)
    if dice.random() < 0.02:
        value = damaged(dice, value)
    return value.decode("utf-8", "surrogateescape")


def limits_of(dice):
    limits = dict(LIMITS)
    while dice.random() < 0.15:
        name = dice.choice(list(limits))
        limits[name] = dice.choice([0, 1, 2, 3, 5, 20, 60, 100])
    # Fewer would stop every form at its first byte.
    limits["max_header_bytes"] = max(limits["max_header_bytes"], 20)
    return limits


def case_of(dice):
    boundary = dice.choice(BOUNDARIES)
    body = damaged(dice, body_of(dice, boundary))
    return content_type(dice, boundary), body, limits_of(dice)


def record(mode, content_type, body, limits):
    kind = content_type.encode("utf-8", "surrogateescape")
    return (mode[0].encode() + struct.pack("<9I", *limits.values()) + struct.pack("<I", len(kind)) + kind +
            struct.pack("<I", len(body)) + body)


def text(value):
    return value if isinstance(value, bytes) else value.encode("utf-8", "replace")


def expected(answer):
    """As PARSE_BATCH would say it; of an error what the oracle knows of it."""
    if not answer["ok"]:
        if "error_class" in answer:
            return "error " + answer["error_class"]
        return f"error {answer['code']} {'-' if answer['offset'] is None else answer['offset']}"
    out = "ok"
    for p in answer["parts"]:
        words = ["-" if p[key] is None else "=" + text(p[key]).hex()
                 for key in ("name", "filename", "content_type")]
        headers = "".join(f"{text(k).hex()}:{text(v).hex()};" for k, v in p["headers"])
        out += " " + " ".join(words + ["=" + headers, str(p["size"]), p["sha256"]])
    return out


def same(line, answer):
    if line == expected(answer):
        return True
    words = line.split(" ")
    if "error_class" in answer:
        return words[0] == "error" and CLASSES.get(words[1]) == answer["error_class"]
    # An oracle that shows headers as text has no bytes that are not UTF-8.
    for i in range(1, len(words), 6):
        if words[0] != "ok":
            break
        for at in (i + 2, i + 3):
            words[at] = "".join(repaired(c) for c in words[at].replace(":", " : ").replace(";", " ; ").split())
    return " ".join(words) == expected(answer)


def repaired(word):
    sign, digits = ("=", word[1:]) if word.startswith("=") else ("", word)
    if not digits or digits in "-:;":
        return word
    return sign + text(bytes.fromhex(digits).decode("utf-8", "replace")).hex()


def load(path):
    spec = importlib.util.spec_from_file_location("oracle", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_batch(job):
    program, oracle_path, seed, count, modes = job
    oracle = load(oracle_path)
    dice = random.Random(seed)
    cases = [case_of(dice) for _ in range(count)]
    seen, differences = collections.Counter(), []
    for mode in modes:
        records = b"".join(record(mode, *case) for case in cases)
        lines = subprocess.run([program], input=records, stdout=subprocess.PIPE,
                               check=True).stdout.decode().splitlines()
        for index, (case, line) in enumerate(zip(cases, lines, strict=True)):
            answer = oracle.parse(case[0], case[1], mode, case[2])
            seen[mode, "ok" if line.startswith("ok") else line.split(" ")[1]] += 1
            if not same(line, answer):
                differences.append((seed, index, mode, case, line, answer))
    return seen, differences


def show(difference, limit_names=LIMITS):
    seed, index, mode, (kind, body, limits), line, answer = difference
    lowered = {k: v for k, v in limits.items() if v != limit_names[k]}
    print(f"seed {seed} index {index} {mode}: {kind!r} limits {lowered}\n  {body!r}\n  parser: {line}\n"
          f"  oracle: {expected(answer)}", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("program")
    options.add_argument("--oracle", default=pathlib.Path(__file__).parent / "oracle.py")
    options.add_argument("--count", type=int, default=20000, help="bodies, each in both modes")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--jobs", type=int, default=1)
    options.add_argument("--mode", choices=["strict", "lenient"])
    options.add_argument("--show", type=int, default=20, help="differences to print")
    given = options.parse_args()
    modes = [given.mode] if given.mode else ["strict", "lenient"]
    jobs = [(given.program, given.oracle, given.seed * 1000003 + i, min(BATCH, given.count - i * BATCH), modes)
            for i in range((given.count + BATCH - 1) // BATCH)]
    seen, found, done, said = collections.Counter(), 0, 0, time.monotonic()
    with multiprocessing.Pool(given.jobs) as pool:
        for batch_seen, differences in pool.imap(run_batch, jobs):
            seen.update(batch_seen)
            for difference in differences[:max(0, given.show - found)]:
                show(difference)
            found += len(differences)
            done += 1
            if time.monotonic() - said > 30:
                said = time.monotonic()
                print(f"{done * BATCH} bodies, {found} differences", flush=True)
    for mode in modes:
        counts = ", ".join(f"{n} {what}" for (m, what), n in seen.most_common() if m == mode)
        print(f"{mode}: {counts}")
    print(f"{given.count} bodies, {found} differences")
    return 1 if found or not given.count else 0


if __name__ == "__main__":
    sys.exit(main())
