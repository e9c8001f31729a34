"""The decisions of src/parse/README.md as a slow reading of whole bodies: what tests/differential.py
compares the parser with.

Written from the table and not from the parser: it looks at the whole body at once, with searches and
regular expressions, and knows nothing of chunks. It says which fault comes first, and where.

    parse(content_type, body, mode, limits)    mode is "strict" or "lenient"
"""
import base64
import binascii
import hashlib
import re

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")  # all but HTAB
MAX_PADDING = 64
KNOWN = (b"content-disposition", b"content-type", b"content-transfer-encoding", b"content-length")


class Fault(Exception):
    def __init__(self, code, offset=None):
        super().__init__(code)
        self.code, self.offset = code, offset


# Content-Type of the request ---------------------------------------------------------------------

def boundary_of(value, strict):
    value = value.strip(b" \t")
    if not value:
        raise Fault("unsupported-media-type")
    media = re.match(rb"(%s)/(%s)" % (TOKEN, TOKEN), value)
    if not media:
        raise Fault("malformed-content-type")
    if media[0].lower() != b"multipart/form-data":
        raise Fault("unsupported-media-type")
    found, rest = None, value[media.end():]
    while rest := rest.lstrip(b" \t"):
        if not rest.startswith(b";"):
            raise Fault("malformed-content-type")
        rest = rest[1:].lstrip(b" \t")
        if not rest or rest.startswith(b";"):
            continue
        name = re.match(TOKEN, rest)
        if not name:
            raise Fault("malformed-content-type")
        name, rest = name[0].lower(), rest[name.end():]
        if name.startswith(b"boundary*"):
            raise Fault("bad-boundary")
        fault = "bad-boundary" if name == b"boundary" else "malformed-content-type"
        quoted = re.match(rb'="((?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[\t\x20-\x7e\x80-\xff])*)"(?=[ \t;]|\Z)', rest)
        plain = re.match(rb"=(%s)(?=[ \t;]|\Z)" % (TOKEN if strict else rb'[^" \t;\x00-\x1f\x7f]+'), rest)
        got = quoted or (None if rest.startswith(b'="') else plain)
        if not got:
            raise Fault(fault)
        rest = rest[got.end():]
        if name != b"boundary":
            continue
        if found is not None or not BOUNDARY.fullmatch(got[1]):
            raise Fault("bad-boundary")
        found = got[1]
    if found is None:
        raise Fault("bad-boundary")
    return found


# Content-Disposition -----------------------------------------------------------------------------

def disposition_parameters(value, strict):
    """(name in lower case, value, quoted) of each."""
    kind = re.match(TOKEN, value)
    if not kind or kind[0].lower() != b"form-data":
        raise Fault("bad-disposition")
    out, rest = [], value[kind.end():]
    while rest := rest.lstrip(b" \t"):
        if not rest.startswith(b";"):
            raise Fault("bad-disposition")
        rest = rest[1:].lstrip(b" \t")
        if not rest or rest.startswith(b";"):
            if strict:
                raise Fault("bad-disposition")
            continue
        name = re.match(rb"(%s)%s" % (TOKEN, rb"=" if strict else rb"[ \t]*=[ \t]*"), rest)
        if not name:
            raise Fault("bad-disposition")
        rest = rest[name.end():]
        if rest.startswith(b'"'):
            got = first_quoted(rest)
            text = re.sub(rb'\\([\\"])', rb"\1", got)
            rest = rest[len(got) + 2:]
            if rest and rest[:1] not in b" \t;":
                raise Fault("bad-disposition")
            out.append((name[1].lower(), text, True))
            continue
        got = re.match(rb"[^;]*", rest)[0]
        rest = rest[len(got):]
        text = got.strip(b" \t")
        if strict and (not re.fullmatch(TOKEN, text) or text.startswith(b"'") or got[:1] in (b" ", b"\t")):
            raise Fault("bad-disposition")
        if b'"' in text:
            raise Fault("bad-disposition")
        out.append((name[1].lower(), text, False))
    return out


def first_quoted(rest):
    """What stands between the quotes, escapes and all."""
    at = 1
    while at < len(rest):
        if rest[at:at + 1] == b'"':
            return rest[1:at]
        at += 2 if re.match(rb'\\[\\"]', rest[at:]) else 1
    raise Fault("bad-disposition")


def plain_text(raw, strict):
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        if strict:
            raise Fault("bad-name-encoding") from None
        text = raw.decode("utf-8", "replace")
    return without_controls(text, strict)


def without_controls(text, strict):
    if re.search("[\x00-\x1f\x7f]", text if strict else text.replace("\t", "")):
        raise Fault("bad-disposition")
    return text


def extended_text(raw, strict):
    pieces = raw.split(b"'", 2)
    if len(pieces) < 3 or not re.fullmatch(rb"(?:%[0-9A-Fa-f]{2}|[!#$&+\-.^_`|~0-9A-Za-z])*", pieces[2]):
        raise Fault("bad-disposition")
    data = re.sub(rb"%(..)", lambda m: bytes([int(m[1], 16)]), pieces[2])
    charset = pieces[0].lower()
    if charset == b"iso-8859-1" and not strict:
        return without_controls(data.decode("latin-1"), strict)
    try:
        if charset != b"utf-8":
            raise Fault("bad-name-encoding")
        return without_controls(data.decode(), strict)
    except UnicodeDecodeError:
        raise Fault("bad-name-encoding") from None


def word_says(text, meaning):
    """RFC 2047: is `text` one encoded-word for `meaning`?"""
    word = re.fullmatch(r"=\?utf-8\?([bq])\?([!->@-~]*)\?=", text, re.I)
    if not word:
        return False
    try:
        if word[1] in "bB":
            data = base64.b64decode(word[2], validate=True)
        elif re.search(r"=(?![0-9A-Fa-f]{2})", word[2]):
            return False
        else:
            data = re.sub(rb"=(..)", lambda m: bytes([int(m[1], 16)]), word[2].encode().replace(b"_", b" "))
        return data == meaning.encode()
    except binascii.Error:
        return False


def names_of(value, strict):
    seen = {}
    for name, text, quoted in disposition_parameters(value, strict):
        base, star, more = name.partition(b"*")
        if base not in (b"name", b"filename"):
            continue
        if more or (base, star) in seen or (star and quoted and strict):
            raise Fault("bad-disposition")
        seen[base, star] = text
    out = []
    for base in (b"name", b"filename"):
        plain, extended = seen.get((base, b"")), seen.get((base, b"*"))
        text = plain_text(plain, strict) if plain is not None else None
        if extended is not None:
            other = extended_text(extended, strict)
            if strict and text is not None and text != other and not word_says(text, other):
                raise Fault("bad-disposition")
            text = other
        out.append(text)
    if out[0] is None:
        if strict:
            raise Fault("bad-disposition")
        out[0] = ""
    return out


# The body ----------------------------------------------------------------------------------------

class Reader:
    def __init__(self, body, boundary, strict, limits):
        self.body, self.strict, self.limits = body, strict, limits
        self.dash = b"--" + boundary
        self.lf_lines = None  # not known before the first delimiter line
        self.parts, self.files = [], 0

    def read(self):
        at, closed = self.first_delimiter()
        while not closed:
            if len(self.parts) == self.limits["max_parts"]:
                raise Fault("too-many-parts", at - 1)
            headers, at = self.header_block(at)
            try:
                part = self.head(headers)
            except Fault as fault:
                raise Fault(fault.code, at - 1) from None
            at, closed = self.data(part, at)
        if self.strict:
            self.epilogue(at)
        return self.parts

    def tail(self, at):
        """Behind "--boundary": "part", "close" and where it ends; "none" and the byte that says so;
        "short" if the body ends too early to tell."""
        blanks = 0
        if not self.strict:
            blanks = len(re.match(rb"[ \t]*", self.body[at:])[0])
            if blanks > MAX_PADDING:
                raise Fault("bad-delimiter", at + MAX_PADDING)
        p = at + blanks
        rest = self.body[p:p + 2]
        if not rest or rest == b"\r" or (rest == b"-" and not blanks):
            return "short", None
        if rest == b"\r\n":
            return "part", p + 2
        if rest[:1] == b"\n" and not self.strict and self.lf_lines is not False:
            return "part", p + 1
        if rest == b"--" and not blanks:
            return "close", p + 2
        return "none", p + (1 if rest[:1] == b"\r" or (rest[:1] == b"-" and not blanks) else 0)

    def note_style(self, kind, end):
        if self.lf_lines is None and kind == "part":
            self.lf_lines = self.body[end - 2:end] != b"\r\n"

    def first_delimiter(self):
        return self.opening() if self.strict else self.preamble()

    def opening(self):
        body, at = self.body, 0
        if body[:1] == b"\r":
            if body[1:2] not in (b"\n", b""):
                raise Fault("stray-data", 1)
            at = 2
        for i, wanted in enumerate(self.dash):
            if at + i >= len(body):
                raise Fault("truncated", len(body))
            if body[at + i] != wanted:
                raise Fault("stray-data", at + i)
        kind, end = self.tail(at + len(self.dash))
        if kind == "short":
            raise Fault("truncated", len(body))
        if kind == "none":
            raise Fault("bad-delimiter", end)
        self.note_style(kind, end)
        return end, kind == "close"

    def preamble(self):
        body, most = self.body, self.limits["max_preamble_bytes"]
        for match in re.finditer(rb"(?:\A|(?<=\n))" + re.escape(self.dash), body):
            if match.start() > most and body[:match.start()] != b"\r\n":
                break
            kind, end = self.tail(match.end())
            if kind == "none":
                continue
            if kind == "short":
                raise Fault("truncated", len(body))
            self.note_style(kind, end)
            return end, kind == "close"
        held = 0 if self.dash.startswith(body) else self.held_from(0)
        lines = re.match(rb"\r?\n?", body[held:])[0]
        if held + len(lines) > most and not (held == 0 and lines in (b"", b"\r", b"\r\n")):
            raise Fault("preamble-too-large", most)
        raise Fault("truncated", len(body))

    def header_block(self, start):
        body, most, out, at = self.body, self.limits["max_header_bytes"], [], start
        while True:
            line_end = body.find(b"\r\n" if self.strict else b"\n", at)
            end = line_end + (2 if self.strict else 1)
            if line_end < 0 or end - start > most:
                if len(body) - start > most:
                    raise Fault("part-headers-too-large", start + most)
                rest = body[at:-1] if body.endswith(b"\r") and len(body) > at else body[at:]
                raise Fault("bad-part-header" if CONTROL.search(rest) else "truncated", len(body))
            line = body[at:line_end]
            if not self.strict and line.endswith(b"\r"):
                line = line[:-1]
            at = end
            if not line:
                return out, at
            code = self.header_line(line, out)
            if code:
                raise Fault(code, end - 1)

    def header_line(self, line, out):
        if CONTROL.search(line):
            return "bad-part-header"
        if line[:1] in (b" ", b"\t"):
            if self.strict or not out:
                return "bad-part-header"
            name, value = out[-1]
            out[-1] = name, b" ".join(v for v in (value, line.strip(b" \t")) if v)
            return None
        if len(out) == self.limits["max_headers"]:
            return "too-many-part-headers"
        field = re.match(rb"(%s):(.*)" % TOKEN, line, re.S)
        if not field:
            return "bad-part-header"
        out.append((field[1], field[2].strip(b" \t")))
        return None

    def head(self, headers):
        known = {}
        for name, value in headers:
            if name.lower() in KNOWN:
                if name.lower() in known:
                    raise Fault("bad-part-header")
                known[name.lower()] = value
        if KNOWN[0] not in known:
            raise Fault("bad-disposition")
        name, filename = names_of(known[KNOWN[0]], self.strict)
        if len(name.encode()) > self.limits["max_name_bytes"]:
            raise Fault("name-too-long")
        if filename is not None and len(filename.encode()) > self.limits["max_filename_bytes"]:
            raise Fault("filename-too-long")
        kind, length = known.get(KNOWN[1]), known.get(KNOWN[3])
        if self.strict:
            if known.get(KNOWN[2], b"binary").lower() not in (b"7bit", b"8bit", b"binary"):
                raise Fault("unsupported-part")
            if filename is None and kind is not None and kind.lower().startswith(b"multipart/"):
                raise Fault("unsupported-part")
            if length is not None and not re.fullmatch(rb"[0-9]{1,19}", length):
                raise Fault("part-length-mismatch")
        if filename is not None:
            self.files += 1
            if self.files > self.limits["max_files"]:
                raise Fault("too-many-files")
        return {"name": name, "filename": filename, "content_type": kind, "headers": headers,
                "length": int(length) if length is not None and self.strict else None}

    def held_from(self, start):
        """Where the bytes at the body's end begin that may yet become a delimiter."""
        far = max(start, len(self.body) - len(self.dash) - 2)
        for match in re.finditer(rb"\r\n|\r|\n", self.body[far:]):
            rest = self.body[far + match.end():]
            if len(rest) < len(self.dash) and self.dash.startswith(rest):
                return far + match.start()
        return len(self.body)

    def data(self, part, start):
        """Where the next part, or the epilogue, begins; and which of the two."""
        body, length = self.body, part.pop("length")
        most = self.limits["max_field_bytes" if part["filename"] is None else "max_file_bytes"]
        too_much = "field-too-large" if part["filename"] is None else "file-too-large"
        if length is not None and length < most:
            most, too_much = length, "part-length-mismatch"

        def room_for(end):
            if end - start > most:
                raise Fault(too_much, start + most)

        for match in re.finditer(rb"(\r\n|\r|\n|\A)" + re.escape(self.dash), body[start:]):
            end, lead, behind = start + match.start(), match[1], start + match.end()
            room_for(end)
            if lead == b"" and self.strict:
                raise Fault("bad-delimiter", behind - 1)
            if lead == b"\r" or (lead == b"\n" and not self.lf_lines):
                if self.strict:
                    raise Fault("bad-delimiter", behind - 1)
                continue
            kind, at = self.tail(behind)
            if kind == "short":
                raise Fault("truncated", len(body))
            if kind == "none":
                if self.strict:
                    raise Fault("bad-delimiter", at)
                continue
            if lead == b"" or (length is not None and end - start != length):
                raise Fault("bad-delimiter" if lead == b"" else "part-length-mismatch", at - 1)
            data = body[start:end]
            part.update(size=len(data), sha256=hashlib.sha256(data).hexdigest())
            self.parts.append(part)
            return at, kind == "close"
        rest = body[start:]
        room_for(start if len(rest) < len(self.dash) and self.dash.startswith(rest) else self.held_from(start))
        raise Fault("truncated", len(body))

    def epilogue(self, at):
        rest = self.body[at:]
        if rest in (b"", b"\r\n"):
            return
        if rest == b"\r":
            raise Fault("stray-data", len(self.body))
        if rest.startswith(b"\r\n"):
            raise Fault("stray-data", at + 2)
        raise Fault("bad-delimiter", at + (1 if rest.startswith(b"\r") else 0))


def parse(content_type, body, mode, limits):
    strict = mode == "strict"
    try:
        boundary = boundary_of(content_type.encode("utf-8", "surrogateescape"), strict)
        return {"ok": True, "parts": Reader(body, boundary, strict, limits).read()}
    except Fault as fault:
        return {"ok": False, "code": fault.code, "offset": fault.offset}
