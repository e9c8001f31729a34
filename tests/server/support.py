"""What the tests of the reference server share: a server of one's own, clients that misbehave.

Every test starts its server on a free port of 127.0.0.1 in a directory of its own and ends it by
its process id. Nothing here waits for a fixed time: until() polls a condition with a deadline.
"""
import contextlib
import hashlib
import importlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

FULL = os.environ.get('UPSTOW_TEST_FULL') == '1'
SKIPPED = 77  # ctest: SKIP_RETURN_CODE
MIB = 1 << 20
DEBIAN_PYTHON = '/usr/bin/python3'
BINARY = None  # set by main()


def find(module):
    """Imports a module that is no part of Python; None if there is none. Debian's packages are for
    Debian's interpreter, which need not be the first in the path: it takes over if it has more."""
    try:
        return importlib.import_module(module)
    except ImportError:
        other = os.path.exists(DEBIAN_PYTHON) and os.path.realpath(
            sys.executable) != os.path.realpath(DEBIAN_PYTHON)
    if other and subprocess.run([DEBIAN_PYTHON, '-c', f'import {module}'], capture_output=True,
                                check=False).returncode == 0:
        os.execv(DEBIAN_PYTHON, [DEBIAN_PYTHON, *sys.argv])
    return None


def need(module, package):
    """As find(), but the script is skipped without it."""
    found = find(module)
    if found is None:
        print(f'skipped: Python module {module} is missing: package {package}')
        sys.exit(SKIPPED)
    return found


def until(condition, what, seconds=30):
    """Polls until `condition()` is true and returns its value; fails by name at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f'not within {seconds} s: {what}')
        time.sleep(0.01)


class Server:
    """The reference server as a process. `directory` outlives it where the test gives one."""

    def __init__(self, *options, directory=None, preexec=None, in_bucket=False):
        self.work = tempfile.mkdtemp(prefix='upstow-server-')
        self.directory = directory or os.path.join(self.work, 'uploads')
        self.log_path = os.path.join(self.work, 'stderr')
        with open(self.log_path, 'wb') as log:
            self.process = subprocess.Popen(
                [BINARY, '--port', '0', *([] if in_bucket else ['--dir', self.directory]), *options],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, preexec_fn=preexec)
        self.first_line = self.process.stdout.readline().decode()
        match = re.fullmatch(r'listening on (http://(.+):(\d+)/)\n', self.first_line)
        if not match:
            self.process.wait(30)
            raise AssertionError(f'no address: {self.first_line!r} {self.log()}')
        self.base, self.port = match[1].rstrip('/'), int(match[3])
        self.files_at_start = self.open_files()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            sys.stderr.write(f'log of the server:\n{self.log()[-4000:]}\n')
        self.kill()

    def kill(self, number=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(60)
        self.process.stdout.close()
        shutil.rmtree(self.work, ignore_errors=True)

    def stop(self, seconds=20):
        """SIGTERM; answers the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def raw_log(self):
        return pathlib.Path(self.log_path).read_bytes()

    def log(self):
        return self.raw_log().decode('utf-8', 'backslashreplace')

    def files(self):
        """Every file below the directory, published or not."""
        return sorted(str(p.relative_to(self.directory))
                      for p in pathlib.Path(self.directory).rglob('*') if p.is_file())

    def peak_rss_kib(self):
        return self.status_kib('VmHWM')

    def status_kib(self, name):
        status = pathlib.Path(f'/proc/{self.process.pid}/status').read_text()
        return int(re.search(rf'{name}:\s+(\d+) kB', status)[1])

    def open_files(self):
        return len(os.listdir(f'/proc/{self.process.pid}/fd'))

    def is_storing(self, connections=1):
        """True while files are being written: more descriptors than the connections have."""
        return self.open_files() > self.files_at_start + connections

    def connect(self):
        return socket.create_connection(('127.0.0.1', self.port), 30)


def sanitized(server):
    """A sanitizer keeps a shadow of all memory, so its numbers say nothing."""
    maps = pathlib.Path(f'/proc/{server.process.pid}/maps').read_text()
    return any(name in maps for name in ('libasan', 'libtsan', 'libubsan')) \
        or server.status_kib('VmSize') > 1 << 30


def skip_without_descriptors(test, server):
    """UBSan's check of dynamic types opens a pipe to see whether memory can be read: without a
    descriptor it takes every object for none."""
    if sanitized(server):
        test.skipTest('a sanitizer is in the server: it needs descriptors itself')


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(('::1', 0))
        return True
    except OSError:
        return False


def data_files(server):
    """Files with data: what is stored, without the metadata beside it."""
    return [f for f in server.files() if not f.endswith('.meta')]


@contextlib.contextmanager
def small_disk(test):
    """A directory on a file system of 8 MiB. Skips `test` where none can be mounted."""
    with tempfile.TemporaryDirectory() as work:
        if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', work],
                          capture_output=True, check=False).returncode != 0:
            test.skipTest('mount -t tmpfs is not allowed here')
        try:
            yield work
        finally:
            subprocess.run(['umount', work], check=False)


def blocks(size, seed=0):
    """`size` bytes that are the same for the same seed, in pieces; no two blocks are equal."""
    base = hashlib.shake_256(b'upstow %d' % seed).digest(256 * 1024 - 8)
    number = 0
    while size > 0:
        block = (number.to_bytes(8, 'big') + base)[:size]
        size -= len(block)
        number += 1
        yield block


def content(size, seed=0):
    return b''.join(blocks(size, seed))


def sha256_of(pieces):
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


BOUNDARY = 'upstow-test-boundary-7c1f'


def part_head(name='file', filename=b'a.bin', extra=b''):
    head = b'--%s\r\nContent-Disposition: form-data; name="%s"' % (BOUNDARY.encode(), name.encode())
    if filename is not None:
        head += b'; filename="%s"' % filename
    return head + b'\r\n' + extra + b'\r\n'


CLOSING = b'\r\n--%s--\r\n' % BOUNDARY.encode()


def form(*parts):
    """A multipart body of (name, filename or None, data)."""
    body = b''.join(part_head(name, filename) + data + b'\r\n' for name, filename, data in parts)
    return body + b'--%s--\r\n' % BOUNDARY.encode()


def form_type():
    return f'multipart/form-data; boundary={BOUNDARY}'


def request_head(server, length, method='POST', path='/upload', more=()):
    lines = [f'{method} {path} HTTP/1.1', f'Host: 127.0.0.1:{server.port}', *more]
    if length is not None:
        lines.append(f'Content-Length: {length}')
    if not any(line.lower().startswith('content-type:') for line in more):
        lines.append(f'Content-Type: {form_type()}')
    return ('\r\n'.join(lines) + '\r\n\r\n').encode()


def read_answer(stream):
    """One response from a socket: status, headers (lower case), body."""
    file = stream.makefile('rb')
    while True:
        line = file.readline()
        match = re.match(rb'HTTP/1\.1 (\d+)', line)
        if not match:
            raise AssertionError(f'no status line: {line!r}')
        headers = {}
        while (line := file.readline()) not in (b'\r\n', b''):
            name, _, value = line.decode('latin-1').partition(':')
            headers[name.lower()] = value.strip()
        if match[1] != b'100':
            break
    body = file.read(int(headers.get('content-length', 0)))
    return int(match[1]), headers, body


def stream_form(server, size, seed=0, filename=b'large.bin'):
    """Uploads one made-up file of `size` bytes without ever holding it; answers the response."""
    head = part_head(filename=filename)
    with server.connect() as stream:
        stream.settimeout(600)
        stream.sendall(request_head(server, len(head) + size + len(CLOSING)) + head)
        for block in blocks(size, seed):
            stream.sendall(block)
        stream.sendall(CLOSING)
        return read_answer(stream)


def main(module):
    """Runs the tests of a script whose first argument is the server; 77 if all were skipped."""
    global BINARY
    if len(sys.argv) < 2:
        sys.exit(f'usage: {sys.argv[0]} PATH-OF-SERVER [TEST...]')
    BINARY = os.path.abspath(sys.argv.pop(1))
    program = unittest.main(module=module, verbosity=2, exit=False)
    result = program.result
    for test, reason in result.skipped:
        print(f'skipped: {test.id()}: {reason}')
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if result.testsRun and len(result.skipped) == result.testsRun else 0)
