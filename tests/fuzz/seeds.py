#!/usr/bin/env python3
"""Seeds for the fuzz targets, made from the corpus of cases: seeds.py CASES.jsonl TARGET DIRECTORY.

A seed is what the target takes: its choices first (zeros: the defaults), then the text itself.
"""
import base64
import hashlib
import json
import pathlib
import random
import re
import struct
import sys
import zlib

DISPOSITION = re.compile(rb"content-disposition[ \t]*:[ \t]*([^\r\n]*)", re.I)
URLENCODED = [b"a=1&b=2", b"a=%C3%A9+x&&=&b", b"%41=%zz&a", b"a=1;b=2&a=1", b""]
ZSTD = ["28b52ffd045895000060613d3126623d3220746578740100e84a1223ad32", "28b52ffd240001000099e9d851",
        # Blocks that are not compressed, and a size in front that is more, and less, than there is.
        "28b52ffd80582a000000400000616161616161616149000062626262626262626262",
        "28b52ffd805804000000410000616161616161616161",
        # A size that reads like the magic number of an older format.
        "28b52ffd80f627b52ffd800000000000000d0a0d0a0000000000"]
DIGESTS = [b"", b"sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:", b"1B2M2Y8AsgTpgAmY7PhCfg==", b"e3069283",
           b"md5=:1B2M2Y8AsgTpgAmY7PhCfg==:, adler=:OZkGFw==:,\tcrc32c=:Q3lHIA:", b"d41d8cd98f00b204e9800998ecf8427e",
           b"sha=:07CavjDP4u3/TungoUHJO/Wzr4c=:;a;b=-1.5;c=\"x\\\"\";d=t/k:n;e=?1;f=@9;g=%\"%c3%a9\";h=:QQ==:"]
ENCODED = [b"", b"QUFB", b"QQ==", b"QU FB\r\nQg==\r\n", b"a=3Db=\r\nc \r\nd", b"=41=C3=A9", b"x=\n"]
NAMES = ["photo\u202egpj.exe", "a/../b", "C:\\x", "x.txt::$DATA", "con.txt", "COM\xb9 .a", "..", " a. ",
         "\u2764\ufe0f\u200d\U0001f525.png", "\u0645\u06cc\u200c\u062e.pdf", "a\u3000 \u200b b", "-a\x9b\xad"]



def zip_entry(name, data=b"x"):
    header = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, 0, 0, len(data), len(data), len(name), 0)
    return header + name + data


def box(name, inside):
    return struct.pack(">I4s", 8 + len(inside), name) + inside


HEADS = [
    b"", b"text\n", b"<!-- a --><svg>", b"<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY a '>'>]><svg>",
    "<html>".encode("utf-16"), b"%PDF-1.7 /JavaScript /JS(x)", b"GIF89a\1\0\1\0\0\0\0,\0\0\0\0\2\0\2\0\0<script>",
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xea\x60\0\0\xea\x60\x08\6\0\0\0",
    b"\xff\xd8\xff\xe0\0\x04xx\xff\xc0\0\x0b\x08\0\1\0\1\1\1\x11\0",
    b"\xff\xd8\xff\xfe\x20\0" + bytes(8190) + b"\xff\xc0\0\x0b\x08\0\1\0\1\1\1\x11\0",
    b"GIF89a\1\0\1\0\0\0\0PK\5\6" + bytes(18), b"<svg onload='x'><a href='&#106;avascript:x'>",
    b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\1\0\0\1\0\0",
    b"BM" + bytes(12) + struct.pack("<Iii", 40, 3, -4),
    box(b"ftyp", b"mif1\0\0\0\0heic") + box(b"meta", bytes(4) + box(b"iprp", box(b"ipco", box(
        b"ispe", bytes(4) + struct.pack(">II", 3, 4))))),
    zip_entry(b"[Content_Types].xml") + zip_entry(b"word/document.xml"),
    zip_entry(b"mimetype", b"application/epub+zip"), zip_entry(b"META-INF/MANIFEST.MF"),
    b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm", b"OggS\0\2" + bytes(20) + b"\1\7\1vorbis",
    (b"\xff\xfb\x90\x44" + bytes(413)) * 2, b"ID3\4\0\0\0\0\1\x7f",
    b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0", b"\xca\xfe\xba\xbe\0\0\0\x34",
]


def parser(cases):
    for content_type, body in cases:
        for dialect in range(3):
            yield bytes([0, dialect]) + bytes(8) + body
        # The same in pieces, and with limits that small bodies meet.
        yield b"\x1c\0\x40\xaa\x44\x66\0\0\0\x07" + body
        yield b"\x3c\1\x40\xaa\x44\x66\0\0\0\x09" + body


def content_type(cases):
    return {content_type for content_type, body in cases}


def disposition(cases):
    return {value for _, body in cases for value in DISPOSITION.findall(body)}


def scan(cases):
    return {b"\x05" + body for _, body in cases}


def urlencoded(cases):
    return {bytes(9) + form for form in URLENCODED} | {b"\x1f\x20\x33\x44\x55\0\0\0\7" + form for form in URLENCODED}


def transfer(cases):
    return {bytes([encoding]) + b"\0\0\0\5" + text for encoding in range(3) for text in ENCODED}


def digest_field(cases):
    return DIGESTS


def content(cases):
    for choice, format in enumerate((31, 15)):  # zlib's names of gzip and zlib
        for text in (b"", b"a=1&b=2", b"text " * 50):
            packer = zlib.compressobj(wbits=format)
            yield bytes([choice]) + b"\0\0\0\5" + packer.compress(text) + packer.flush()
    for frame in ZSTD:
        yield b"\2\0\0\0\5" + bytes.fromhex(frame)


def names(cases):
    return {bytes([bound]) + name.encode() for bound in (0, 16) for name in NAMES}


def sniff(cases):
    """A head for each matcher that reads numbers; the dictionary has the words."""
    for number, head in enumerate(HEADS):
        yield bytes([number % 9, 32 + number % 12]) + head


def s3(cases):
    """Heads with bodies, documents with fields, text to sign, and a record."""
    heads = [b"Content-Length: 5\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x\r\nlo\r\n0\r\nT: t\r\n\r\n",
             b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", b"\r\n"]
    for status in (b"200 OK", b"204 No Content", b"500 Oops"):
        for head in heads:
            yield b"\0\0\0\0\x07HTTP/1.1 " + status + b"\r\nETag: \"e\"\r\n" + head
    yield b"\0\0\0\0\x07HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n" + heads[0]
    for document in [
            b"<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>n"
            b"</NextContinuationToken><Contents><Key>a%20b</Key><Size>3</Size><ETag>e</ETag></Contents></ListBucketResult>",
            b"<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>u"
            b"</NextUploadIdMarker><Upload><Key>k</Key><UploadId>u</UploadId><Initiated>2013-05-24T01:02:03.000Z</Initiated>"
            b"</Upload></ListMultipartUploadsResult>",
            b"<ListPartsResult><Part><PartNumber>1</PartNumber><Size>7</Size><ETag>e</ETag></Part></ListPartsResult>",
            b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>",
            b"<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>",
            b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-1</Region></Error>"]:
        for status in range(5):
            yield bytes([1 + 4 * status]) + bytes(4) + document
    yield b"\1\0\0\0\0ETag: \"e\"\nLast-Modified: Mon, 30 Nov 2026 08:00:00 GMT\nContent-Range: bytes 2-5/6\nx-amz-meta-upstow-mark: m\n\nbody"
    yield b"\2\0\0\0\0a/b c+%\xc3\xbc"
    yield b"\3\0\0\0\0f=a%20b.txt;t=text%2Fplain;d=sha-256:" + b"0a" * 32


def words(cases):
    """A byte for each word, in dialects and limits of all kinds; the fuzzer finds the rest."""
    draw = random.Random(1)
    for _ in range(2000):
        limits = bytes(draw.choice((0, 1, 3, 5, 17, 64, 255, draw.randrange(256))) for _ in range(4))
        body = draw.choice((b"", b"\x03\0", b"\x03\0\x11\x0c")) + draw.randbytes(draw.randrange(20))
        yield bytes([draw.randrange(256), draw.randrange(8)]) + limits + draw.randbytes(4) + body


def writer(cases):
    yield b"\x01\x01\x05\x0a\x04" b"f" b"x.txt" b"text/plain" b"salt"
    yield b"\x03\x03\x02\x00\x02" b'a"\\' b"\r\n" b"\r\n" b"\x00\x01\x00\x00\x00" b"b"


def read_cases(path):
    for line in path.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        # Longer ones have many of something; the fuzzer gets there with small limits.
        if case["body_b64"] and len(case["body_b64"]) < 4000:
            yield (case["content_type"].encode("utf-8", "surrogateescape"),
                   base64.b64decode(case["body_b64"]))


def main(path, target, directory):
    makers = {f.__name__: f for f in (parser, content_type, disposition, scan, transfer, content, digest_field,
                                      urlencoded, sniff, names, words, writer, s3)}
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    make = makers.get(target, lambda cases: {body for _, body in cases})
    for seed in set(make(list(read_cases(pathlib.Path(path))))):
        (directory / hashlib.sha1(seed).hexdigest()).write_bytes(seed)


if __name__ == "__main__":
    main(*sys.argv[1:])
