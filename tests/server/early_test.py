"""Who is refused early is told so: 30 MiB are being sent, and the client sees the 413 or the 415.

Each client sends each body 3 times, with UPSTOW_TEST_FULL=1 20 times; every time it must have the
status and the name of the error, and no broken connection. The table at the end says how often.
"""
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import browser
from support import (BOUNDARY, FULL, MIB, Server, form_type, main, need, part_head, read_answer,
                     request_head, sanitized)

requests = need('requests', 'python3-requests')

TRIES = 20 if FULL else 3
SIZE = 30 * MIB
CURL = shutil.which('curl')
NODE = shutil.which('node')
PROBLEM = 'application/problem+json'

Part = collections.namedtuple('Part', 'filename type start size')
# chunked: how the body must be framed for the case to be one; None: either way.
Case = collections.namedtuple('Case', 'server parts chunked expected')

PLAIN = 'application/octet-stream'
HTML = '<!DOCTYPE html><html><body><script>alert(1)</script>'
SERVERS = {'1 MiB': ('--max-size', '1MiB'),
           # The file is too large, the body is not: 2 MiB are allowed for the form around it.
           '31 MB': ('--max-size', '31000000'),
           'png': ('--allow', 'image/png')}
CASES = {
    'length': Case('1 MiB', [Part('a.bin', PLAIN, '', SIZE)], False, (413, 'body-too-large')),
    'file, as it comes': Case('1 MiB', [Part('a.bin', PLAIN, '', SIZE)], True,
                              (413, 'file-too-large')),
    'form, as it comes': Case('1 MiB', [Part(f'{i}.bin', PLAIN, '', SIZE // 40) for i in range(40)],
                              True, (413, 'body-too-large')),
    'file within a form': Case('31 MB', [Part('a.bin', PLAIN, '', SIZE)], False,
                               (413, 'file-too-large')),
    'type': Case('png', [Part('a.html', 'text/html', HTML, SIZE)], None, (415, 'type-not-allowed')),
    'content': Case('png', [Part('a.png', 'image/png', HTML, SIZE)], None,
                    (415, 'content-mismatch')),
}

# One upload from inside the page; answers [status, type, name] or [why not].
SEND = """
const [url, parts, how, done] = arguments;
const form = new FormData();
for (const p of parts) {
  const data = new Uint8Array(p.size - p.start.length).fill(120);
  form.append('file', new File([p.start, data], p.filename, {type: p.type}));
}
if (how === 'fetch') {
  fetch(url, {method: 'POST', body: form})
      .then(async (a) => done([a.status, a.headers.get('content-type'), (await a.json()).name]))
      .catch((e) => done([String(e)]));
} else {
  const request = new XMLHttpRequest();
  request.open('POST', url);
  request.onload = () => done([request.status, request.getResponseHeader('content-type'),
                               JSON.parse(request.responseText).name]);
  request.onerror = () => done(['a network error']);
  request.send(form);
}
"""


class Files:
    """The cases as files: each part, and the whole form for clients that send it as it is."""

    def __init__(self, work):
        self.work = pathlib.Path(work)
        for name, case in CASES.items():
            with open(self.form(name), 'wb') as whole:
                for part in case.parts:
                    data = part.start.encode().ljust(part.size, b'x')
                    self.part(part).write_bytes(data)
                    whole.write(part_head(filename=part.filename.encode(),
                                          extra=b'Content-Type: %s\r\n' % part.type.encode()))
                    whole.write(data + b'\r\n')
                whole.write(b'--%s--\r\n' % BOUNDARY.encode())

    def part(self, part):
        return self.work / part.filename

    def form(self, name):
        return self.work / f'{name}.form'


class Early(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        # /var/tmp: /tmp may itself be memory.
        work = tempfile.TemporaryDirectory(dir='/var/tmp', prefix='upstow-early-')
        cls.addClassCleanup(work.cleanup)
        cls.files = Files(work.name)
        cls.servers = {}
        for name, options in SERVERS.items():
            cls.servers[name] = Server('--fsync', 'none', *options)
            cls.addClassCleanup(cls.servers[name].kill)
        cls.table = collections.defaultdict(dict)

    @classmethod
    def tearDownClass(cls):
        print(f'who saw the answer, of {TRIES} tries' +
              ('' if FULL else ' (20 with UPSTOW_TEST_FULL=1)'))
        print(' | '.join([f'{"":21}', *CASES]))
        for client, row in cls.table.items():
            cells = (str(row.get(name, '-')).rjust(len(name)) for name in CASES)
            print(' | '.join([f'{client:21}', *cells]))

    def try_all(self, client, chunked, send):
        """`send(url, name, case)` yields [status, type, name] or what went wrong, for each try."""
        for name, case in CASES.items():
            if case.chunked is not None and case.chunked != chunked:
                continue
            server = self.servers[case.server]
            saw = [tuple(one) for one in send(server.base + '/upload', name, case)]
            expected = (case.expected[0], PROBLEM, case.expected[1])
            self.table[client][name] = saw.count(expected)
            with self.subTest(client=client, case=name):
                self.assertEqual(saw, [expected] * TRIES)
                self.assertEqual(server.files(), [])

    @unittest.skipUnless(CURL, 'curl is missing: package curl')
    def test_curl(self):
        for chunked in (False, True):
            for expect in (True, False):
                client = f'curl{", chunked" * chunked}{", Expect" * expect}'
                self.try_all(client, chunked, lambda url, name, case: [
                    self.curl(url, name, case, chunked, expect) for _ in range(TRIES)])

    def curl(self, url, name, case, chunked, expect):
        command = [CURL, '-sS', '--max-time', '60', '-w',
                   '\n%{http_code} %{size_upload} %{content_type}', url]
        for part in case.parts:
            command += ['-F', f'file=@{self.files.part(part)};type={part.type}']
        if chunked:
            command += ['-H', 'Transfer-Encoding: chunked']
        if not expect:
            command += ['-H', 'Expect:']
        elif chunked:
            command += ['-H', 'Expect: 100-continue']  # curl asks by itself where it knows a length
        ran = subprocess.run(command, capture_output=True, check=False)
        if ran.returncode != 0:
            return [ran.stderr.decode()]
        body, _, numbers = ran.stdout.decode().rpartition('\n')
        status, sent, kind = numbers.split(maxsplit=2)
        if name == 'length' and expect:
            self.assertEqual(int(sent), 0, 'refused by its head: no byte of the body is sent')
        return [int(status), kind, json.loads(body)['name']]

    def test_requests(self):
        self.try_all('requests', False, lambda url, name, case: [
            self.post(url, files=[('file', (p.filename, self.files.part(p).read_bytes(), p.type))
                                  for p in case.parts]) for _ in range(TRIES)])

    def test_requests_chunked(self):
        def pieces(name):
            with open(self.files.form(name), 'rb') as form:
                while piece := form.read(64 * 1024):
                    yield piece
        self.try_all('requests, chunked', True, lambda url, name, case: [
            self.post(url, data=pieces(name), headers={'Content-Type': form_type()})
            for _ in range(TRIES)])

    def post(self, url, **what):
        try:
            answer = requests.post(url, timeout=60, **what)
        except requests.RequestException as failure:
            return [repr(failure)]
        return [answer.status_code, answer.headers['Content-Type'], answer.json()['name']]

    @unittest.skipUnless(NODE, 'node is missing: package nodejs')
    def test_node(self):
        for chunked in (False, True):
            self.try_all(f'node fetch{", chunked" * chunked}', chunked,
                         lambda url, name, case: self.node(url, name, case, chunked))

    def node(self, url, name, case, chunked):
        work = {'url': url, 'tries': TRIES, 'chunked': chunked, 'type': form_type(),
                'raw': str(self.files.form(name)),
                'parts': [{'filename': p.filename, 'type': p.type, 'path': str(self.files.part(p))}
                          for p in case.parts]}
        script = pathlib.Path(__file__).with_name('early_fetch.mjs')
        ran = subprocess.run([NODE, script], input=json.dumps(work).encode(), capture_output=True,
                             timeout=TRIES * 60, check=False)
        self.assertEqual(ran.returncode, 0, ran.stderr.decode())
        return [json.loads(line) for line in ran.stdout.splitlines()]

    @unittest.skipIf(browser.MISSING, browser.MISSING)
    def test_chromium(self):
        driver = browser.start(self)
        driver.set_script_timeout(60)
        for how in ('XHR', 'fetch'):
            def send(url, name, case):
                if not driver.current_url.startswith(url.removesuffix('upload')):
                    driver.get(url.removesuffix('upload'))
                parts = [part._asdict() for part in case.parts]
                return [driver.execute_async_script(SEND, url, parts, how) for _ in range(TRIES)]
            self.try_all(f'Chromium {how}', False, send)


class Deaf(unittest.TestCase):
    """A client that does not stop for the answer, with 10 GiB to send."""

    OFFERED = 10 * 1024 * MIB
    # What is read and dropped (64 MiB, see advise_after_failure()), and room for what sockets hold:
    # those of a connection may grow to 10 MiB on Linux, or to what its administrator allows.
    MOST = 64 * MIB + 64 * MIB

    def flood(self, server, length, framed):
        sent = 0
        with server.connect() as stream:
            more = () if length else ('Transfer-Encoding: chunked',)
            stream.sendall(request_head(server, length, more=more))
            try:
                while sent < self.OFFERED:
                    stream.sendall(framed)
                    sent += len(framed)
            except ConnectionError:
                pass
        return sent

    def test_is_cut_off(self):
        block = part_head() + b'x' * MIB
        chunk = b'%x\r\n%s\r\n' % (len(block), block)
        with Server('--fsync', 'none', '--max-size', '1MiB') as server:
            for length, framed in ((self.OFFERED, block), (None, chunk)):
                sent = self.flood(server, length, framed)
                print(f'cut off after {sent // MIB} MiB')
                self.assertLess(sent, self.MOST)
            if not sanitized(server):
                # As for uploads that are stored, see memory_test.py.
                self.assertLessEqual(server.peak_rss_kib(), 12 * 1024)


if __name__ == '__main__':
    sys.exit(main('__main__'))
