"""Uploads with curl and Python requests, and every route of the reference server."""
import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

from support import (Server, content, data_files, form, form_type, main, need, read_answer,
                     request_head, sanitized, sha256_of, skip_without_descriptors, until)

requests = need('requests', 'python3-requests')

# Names that break a page, a path, a header, a log or a terminal if anybody forgets to escape them.
NASTY = [
    'two "quotes".txt',
    'größe ÄÖÜ 文件.txt',
    '../../etc/passwd',
    '..\\..\\windows\\win.ini',
    'line\nbreak\r\nX-Evil: 1.txt',
    '<img src=x onerror=alert(1)>.txt',
    '%0d%0aX: y.txt',
    'left\u202egpj.txt',
    "semi;colon='x'.txt",
    '-rf',
    'a' * 200 + '.txt',
]


def curl(*arguments):
    """Runs curl; answers (status, body)."""
    done = subprocess.run(['curl', '-sS', '-m', '60', '-w', '\n%{http_code}', *arguments],
                          capture_output=True, check=False)
    body, _, status = done.stdout.rpartition(b'\n')
    if done.returncode != 0 and not int(status or 0):
        raise AssertionError(f'curl {arguments}: {done.stderr.decode()}')
    return int(status), body


def list_all(server, limit=1000):
    files, cursor = [], ''
    while True:
        page = requests.get(f'{server.base}/files', params={'limit': limit, 'cursor': cursor},
                            timeout=30).json()
        files += page['files']
        cursor = page['next']
        if not cursor:
            return files


class Uploads(unittest.TestCase):
    """What common clients send arrives byte for byte."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server('--max-size', '64MiB', '--fsync', 'none')
        cls.work = tempfile.TemporaryDirectory()

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()
        cls.work.cleanup()

    def file(self, name, data):
        path = pathlib.Path(self.work.name, name)
        path.write_bytes(data)
        return path

    def assert_stored(self, record, data, filename):
        self.assertEqual(record['size'], len(data))
        self.assertEqual(record['sha-256'], sha256_of([data]))
        self.assertEqual(record['filename'], filename)
        answer = requests.get(f'{self.server.base}/files/{record["key"]}', timeout=30)
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.content, data)
        return answer

    def test_curl_one_file(self):
        data = content(3_000_000, 1)
        status, body = curl('-F', f'file=@{self.file("one.bin", data)};type=image/png',
                            '-F', 'title=a title', f'{self.server.base}/upload')
        self.assertEqual(status, 200)
        answer = json.loads(body)
        self.assertEqual(answer['fields'], [{'name': 'title', 'value': 'a title'}])
        self.assertEqual(answer['files'][0]['type'], 'image/png')
        self.assert_stored(answer['files'][0], data, 'one.bin')

    def test_curl_twenty_files(self):
        datas = [content(10_000 * i, i) for i in range(1, 21)]
        arguments = []
        for i, data in enumerate(datas):
            arguments += ['-F', f'files=@{self.file(f"n{i}.bin", data)}']
        status, body = curl(*arguments, f'{self.server.base}/upload')
        self.assertEqual(status, 200)
        files = json.loads(body)['files']
        self.assertEqual(len({f['key'] for f in files}), 20)
        for i, data in enumerate(datas):
            self.assert_stored(files[i], data, f'n{i}.bin')

    def test_curl_empty_file(self):
        status, body = curl('-F', f'file=@{self.file("empty.bin", b"")}', f'{self.server.base}/upload')
        self.assertEqual(status, 200)
        self.assert_stored(json.loads(body)['files'][0], b'', 'empty.bin')

    def test_curl_chunked(self):
        data = content(1_000_000, 3)
        status, body = curl('-H', 'Transfer-Encoding: chunked', '-F',
                            f'file=@{self.file("chunked.bin", data)}', f'{self.server.base}/upload')
        self.assertEqual(status, 200)
        self.assert_stored(json.loads(body)['files'][0], data, 'chunked.bin')

    def test_curl_nasty_names(self):
        for name in NASTY:
            with self.subTest(name=name):
                data = name.encode()
                quoted = name.replace('\\', '\\\\').replace('"', '\\"')
                status, body = curl(
                    '-F', f'file=@{self.file("nasty", data)};filename="{quoted}"',
                    f'{self.server.base}/upload')
                self.assertEqual(status, 200)
                # What is escaped in form data stays escaped (RFC 7578 4.2): nobody can tell a '%22'
                # that was typed from one that stands for a quote.
                sent = name.replace('"', '%22').replace('\r', '%0D').replace('\n', '%0A')
                answer = self.assert_stored(json.loads(body)['files'][0], data, sent)
                self.assertNotIn('x-evil', answer.headers)
                self.assertNotIn('x', answer.headers)
                for forbidden in (b'<', b'\xe2\x80\xae'):
                    self.assertNotIn(forbidden, body)
        for key in data_files(self.server):
            self.assertRegex(key, r'^[0-9a-z]{2}/[0-9a-z]{2}/[0-9a-z]{26}$')

    def test_control_characters_in_names_are_refused(self):
        for bad in (b'a\x1b[31m.txt', b'a\x00.txt', b'a\x7f.txt'):
            with self.subTest(name=bad):
                body = form(('file', bad, b'x'))
                answer = requests.post(f'{self.server.base}/upload', data=body, timeout=30,
                                       headers={'Content-Type': form_type()})
                self.assertEqual(answer.status_code, 400)
                self.assertNotIn(b'\x1b', answer.content)

    def test_requests_files_and_fields(self):
        data = content(2_000_000, 4)
        answer = requests.post(f'{self.server.base}/upload', timeout=30, data={'a': 'ä'},
                               files=[('f', ('größe.txt', data)), ('f', ('b.txt', b''))])
        self.assertEqual(answer.status_code, 200)
        files = answer.json()['files']
        self.assert_stored(files[0], data, 'größe.txt')
        self.assert_stored(files[1], b'', 'b.txt')
        self.assertEqual(answer.json()['fields'], [{'name': 'a', 'value': 'ä'}])

    def test_put_names_are_decoded_once(self):
        for name, stored in [('plain.txt', 'plain.txt'), ('%C3%A4%20b.txt', 'ä b.txt'),
                             ('%252e%252e', '%2e%2e'), ('..%2F..%2Fetc%2Fpasswd', '../../etc/passwd'),
                             ('a+b.txt', 'a+b.txt'), ('%3Cimg%20onerror%3E', '<img onerror>'),
                             ('x%E2%80%AEgpj.txt', 'x\u202egpj.txt')]:
            with self.subTest(name=name):
                path = self.file('put.bin', name.encode())
                status, body = curl('-T', str(path), f'{self.server.base}/upload/{name}')
                self.assertEqual(status, 201)
                self.assert_stored(json.loads(body)['files'][0], name.encode(), stored)

    def test_put_says_where_it_is(self):
        for body in (b'hello', b''):
            answer = requests.put(f'{self.server.base}/upload/h.txt', data=body, timeout=30,
                                  headers={'Content-Type': 'text/plain'})
            self.assertEqual(answer.status_code, 201)
            got = requests.get(self.server.base + answer.headers['Location'], timeout=30)
            self.assertEqual(got.content, body)

    def test_put_refuses_what_is_no_name(self):
        for name in ('%', '%4', '%zz', '%00', '%0d%0aX:%20y', '%1b', '%ff', ''):
            with self.subTest(name=name), self.server.connect() as stream:
                stream.sendall(request_head(self.server, 1, 'PUT', '/upload/' + name) + b'x')
                status, headers, _ = read_answer(stream)
                self.assertEqual(status, 400 if name else 404)
                self.assertEqual(headers['content-type'], 'application/problem+json')

    def test_put_of_a_range_is_refused(self):
        answer = requests.put(f'{self.server.base}/upload/part', data=b'x', timeout=30,
                              headers={'Content-Range': 'bytes 5-5/10'})
        self.assertEqual(answer.status_code, 400)
        self.assertEqual(answer.json()['name'], 'partial-put')

    def test_keep_alive_goes_on(self):
        with requests.Session() as session:
            for i in range(5):
                answer = session.post(f'{self.server.base}/upload', timeout=30,
                                      files={'f': ('k.bin', content(1000, i))})
                self.assertEqual(answer.status_code, 200)
                self.assertEqual(session.get(f'{self.server.base}/files', timeout=30).status_code, 200)

    def test_form_without_javascript(self):
        browser = {'Accept': 'text/html,application/xhtml+xml,*/*;q=0.8'}
        answer = requests.post(f'{self.server.base}/upload', timeout=30, headers=browser,
                               files={'file': ('<img onerror>&.txt', b'x')})
        self.assertEqual(answer.status_code, 200)
        self.assertTrue(answer.headers['Content-Type'].startswith('text/html'))
        self.assertIn('_img onerror_&#38;.txt', answer.text)
        self.assertNotIn('<img', answer.text)
        self.assertIn("default-src 'self'", answer.headers['Content-Security-Policy'])
        refused = requests.post(f'{self.server.base}/upload', timeout=30, headers=browser,
                                files={'file': ('a.php', b'x')})
        self.assertEqual(refused.status_code, 422)
        self.assertIn('not accepted', refused.text)
        nothing = requests.post(f'{self.server.base}/upload', timeout=30, data=form(('file', b'', b'')),
                                headers={**browser, 'Content-Type': form_type()})
        self.assertEqual(nothing.status_code, 200)
        self.assertIn('No file', nothing.text)


class Routes(unittest.TestCase):
    """What is stored can be listed, read and deleted."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server('--fsync', 'none')
        cls.data = content(100_000, 9)
        answer = requests.put(f'{cls.server.base}/upload/na%C3%AFve%20"x"%20%25.txt', data=cls.data,
                              headers={'Content-Type': 'text/html'}, timeout=30)
        cls.key = answer.json()['files'][0]['key']
        cls.url = f'{cls.server.base}/files/{cls.key}'

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def get(self, url=None, **headers):
        return requests.get(url or self.url, headers=headers, timeout=30)

    def test_page_is_self_contained(self):
        page = self.get(self.server.base + '/')
        self.assertEqual(page.status_code, 200)
        self.assertEqual(page.headers['Content-Type'], 'text/html; charset=utf-8')
        policy = page.headers['Content-Security-Policy']
        self.assertTrue(policy.startswith("default-src 'self'; frame-ancestors 'none'"))
        self.assertEqual(page.headers['X-Content-Type-Options'], 'nosniff')
        self.assertNotIn('Access-Control-Allow-Origin', page.headers)
        self.assertNotIn('{{', page.text)
        for path in ('/app.js', '/app.css', '/icon.svg'):
            self.assertIn(path, page.text)
            part = self.get(self.server.base + path)
            self.assertEqual(part.status_code, 200)
            self.assertEqual(re.findall(r'(?<!xmlns=")https?://', part.text), [])
        self.assertEqual(re.findall(r'https?://|style=|<script>', page.text), [])

    def test_head_requests(self):
        for url in (self.url, self.server.base + '/', self.server.base + '/files'):
            head = requests.head(url, timeout=30)
            self.assertEqual(head.status_code, 200)
            self.assertEqual(head.content, b'')
            self.assertEqual(int(head.headers['Content-Length']), len(self.get(url).content))

    def test_list(self):
        record = [f for f in list_all(self.server) if f['key'] == self.key][0]
        self.assertEqual(record['size'], len(self.data))
        self.assertEqual(record['filename'], 'naïve "x" %.txt')
        self.assertEqual(record['type'], 'text/html')
        self.assertEqual(record['sha-256'], sha256_of([self.data]))
        self.assertRegex(record['date'], r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')

    def test_list_in_pages(self):
        keys = {requests.put(f'{self.server.base}/upload/p{i}', data=b'p', timeout=30)
                .json()['files'][0]['key'] for i in range(7)}
        listed = [f['key'] for f in list_all(self.server, limit=3)]
        self.assertEqual(len(listed), len(set(listed)))
        self.assertLessEqual(keys, set(listed))
        first = self.get(f'{self.server.base}/files?limit=3').json()
        self.assertEqual(len(first['files']), 3)
        for bad in ('limit=0', 'limit=x', 'limit=1001', 'cursor=../x', 'cursor=%2e'):
            self.assertEqual(self.get(f'{self.server.base}/files?{bad}').status_code, 400, bad)

    def test_downloads_are_never_shown(self):
        answer = self.get()
        self.assertEqual(answer.headers['Content-Type'], 'application/octet-stream')
        self.assertEqual(answer.headers['X-Content-Type-Options'], 'nosniff')
        self.assertEqual(answer.headers['Content-Security-Policy'], 'sandbox')
        self.assertEqual(answer.headers['Cross-Origin-Resource-Policy'], 'same-origin')
        self.assertNotIn('Access-Control-Allow-Origin', answer.headers)
        self.assertEqual(answer.headers['Content-Disposition'],
                         'attachment; filename="na_ve _x_ _.txt"; '
                         "filename*=UTF-8''na%C3%AFve%20_x_%20%25.txt")

    def test_download_names(self):
        for sent, plain, exact in [('..%2F..%2Fetc%2Fpasswd', 'passwd', 'passwd'),
                                   ('x%E2%80%AEgpj.txt', 'x_gpj.txt', 'x_gpj.txt'),
                                   ('a;b%5Cc', 'c', 'c'), ("it's", "it's", 'it%27s')]:
            put = requests.put(f'{self.server.base}/upload/{sent}', data=b'x', timeout=30)
            got = self.get(self.server.base + put.headers['Location'])
            self.assertEqual(got.headers['Content-Disposition'],
                             f"attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}")

    def test_ranges(self):
        size = len(self.data)
        for field, first, last in [('bytes=0-0', 0, 0), ('bytes=10-19', 10, 19),
                                   ('bytes=99990-', 99990, size - 1), ('bytes=-5', size - 5, size - 1),
                                   ('bytes=0-999999999999999999999999', 0, size - 1),
                                   ('bytes=-999999999999999999999999', 0, size - 1),
                                   ('Bytes=1-2', 1, 2)]:
            with self.subTest(field=field):
                answer = self.get(Range=field)
                self.assertEqual(answer.status_code, 206)
                self.assertEqual(answer.headers['Content-Range'], f'bytes {first}-{last}/{size}')
                self.assertEqual(answer.content, self.data[first:last + 1])

    def test_ranges_that_give_the_whole_file(self):
        for field in ('bytes=0-1,5-6', 'bytes=5-4', 'lines=1-2', 'bytes=', 'bytes=a-b', 'bytes=-',
                      'bytes=1', '0-5'):
            with self.subTest(field=field):
                answer = self.get(Range=field)
                self.assertEqual(answer.status_code, 200)
                self.assertEqual(answer.content, self.data)
                self.assertEqual(answer.headers['Accept-Ranges'], 'bytes')

    def test_two_range_fields_are_several_ranges(self):
        with self.server.connect() as stream:
            stream.sendall(request_head(self.server, None, 'GET', f'/files/{self.key}',
                                        ('Range: bytes=0-0', 'Range: bytes=5-6')))
            status, headers, body = read_answer(stream)
            self.assertEqual((status, body), (200, self.data))

    def test_ranges_of_head_are_ignored(self):
        head = requests.head(self.url, headers={'Range': 'bytes=0-0'}, timeout=30)
        self.assertEqual(head.status_code, 200)
        self.assertEqual(int(head.headers['Content-Length']), len(self.data))

    def test_ranges_of_an_empty_file(self):
        put = requests.put(f'{self.server.base}/upload/empty', data=b'', timeout=30)
        url = self.server.base + put.headers['Location']
        for field, status in (('bytes=-5', 200), ('bytes=0-', 416), ('bytes=0-0', 416),
                              ('bytes=-0', 416), ('bytes=0-0,-1', 200)):
            answer = self.get(url, Range=field)
            self.assertEqual(answer.status_code, status, field)
            self.assertTrue(status == 416 or answer.content == b'')

    def test_ranges_beyond_the_end(self):
        for field in (f'bytes={len(self.data)}-', 'bytes=-0', 'bytes=99999999999999999999999-'):
            answer = self.get(Range=field)
            self.assertEqual(answer.status_code, 416, field)
            self.assertEqual(answer.headers['Content-Range'], f'bytes */{len(self.data)}')

    def test_conditional_requests(self):
        tag = self.get().headers['ETag']
        self.assertEqual(self.get(**{'If-None-Match': tag}).status_code, 304)
        self.assertEqual(self.get(**{'If-None-Match': '"x", ' + tag}).status_code, 304)
        self.assertEqual(self.get(**{'If-None-Match': '"other"'}).status_code, 200)
        self.assertEqual(self.get(**{'Range': 'bytes=0-0', 'If-Range': tag}).status_code, 206)
        for other in ('"other"', f'W/{tag}', tag.strip('"'), f'{tag}, "x"', '*',
                      'Tue, 24 Nov 2026 16:00:00 GMT'):
            answer = self.get(**{'Range': 'bytes=0-0', 'If-Range': other})
            self.assertEqual(answer.status_code, 200, other)
            self.assertEqual(answer.content, self.data)

    def test_delete(self):
        before = self.server.files()
        put = requests.put(f'{self.server.base}/upload/gone', data=b'x', timeout=30)
        url = self.server.base + put.headers['Location']
        self.assertEqual(requests.delete(url, timeout=30).status_code, 204)
        self.assertEqual(self.get(url).status_code, 404)
        self.assertEqual(requests.delete(url, timeout=30).status_code, 404)
        self.assertEqual(self.server.files(), before)

    def test_unknown_paths_and_methods(self):
        for method, path, status, allow in [
                ('GET', '/nothing', 404, None), ('GET', '/upload/', 404, None),
                ('POST', '/', 405, 'GET, HEAD'), ('GET', '/upload', 405, 'POST'),
                ('GET', '/upload/x', 405, 'PUT'), ('POST', '/files', 405, 'GET, HEAD'),
                ('PUT', '/files/abc', 405, 'GET, HEAD, DELETE'), ('OPTIONS', '/upload', 405, 'POST'),
                ('GET', '/app.js/', 404, None), ('PUT', '/upload/a/b', 404, None)]:
            with self.subTest(method=method, path=path):
                answer = requests.request(method, self.server.base + path, timeout=30)
                self.assertEqual(answer.status_code, status)
                self.assertEqual(answer.headers.get('Allow'), allow)
                self.assertEqual(answer.headers['Content-Type'], 'application/problem+json')

    def test_keys_that_are_none(self):
        outside = os.path.join(os.path.dirname(self.server.directory), 'outside')
        pathlib.Path(outside).write_bytes(b'secret')
        for key in ('../outside', '..%2Foutside', '%2e%2e/outside', 'A', self.key + '.meta',
                    '.', '/', self.key.upper(), '%00', 'a' * 600, self.key + '/', '%s'):
            for method in ('GET', 'HEAD', 'DELETE'):
                with self.server.connect() as stream:
                    stream.sendall(request_head(self.server, None, method, '/files/' + key,
                                                ('Connection: close',)))
                    status = int(stream.makefile('rb').readline().split()[1])
                self.assertEqual(status, 404, f'{method} {key}')
        self.assertTrue(os.path.exists(outside))


class List(unittest.TestCase):
    """However long the names, a page of the list is short, and the pages together hold all."""

    PAGE = 64 * 1024 + 200  # the rows, and what is around them

    def fill(self, server, count):
        name = '\u00e9' * 2000  # 4000 bytes of the 4096 that a name may have
        body = form(*[('f', name.encode(), b'') for _ in range(50)])
        for _ in range(count // 50):
            answer = requests.post(f'{server.base}/upload', data=body, timeout=60,
                                   headers={'Content-Type': form_type()})
            self.assertEqual(answer.status_code, 200, answer.text)

    def test_pages_are_bounded(self):
        with Server('--fsync', 'none') as server:
            self.fill(server, 50)
            requests.put(f'{server.base}/upload/short', data=b'x', timeout=30)
            for limit in (1, 7, 100, 1000):
                keys, cursor = [], ''
                while True:
                    answer = requests.get(f'{server.base}/files', timeout=30,
                                          params={'limit': limit, 'cursor': cursor})
                    self.assertLessEqual(len(answer.content), self.PAGE)
                    page = answer.json()
                    self.assertTrue(0 < len(page['files']) <= limit)
                    keys += [f['key'] for f in page['files']]
                    cursor = page['next']
                    if not cursor:
                        break
                self.assertEqual(len(set(keys)), 51)
                self.assertEqual(keys, sorted(keys))

    def test_slow_readers_are_cheap(self):
        with Server('--fsync', 'none') as server, contextlib.ExitStack() as stack:
            self.fill(server, 100)
            before = server.status_kib('VmRSS')
            head = request_head(server, None, 'GET', '/files?limit=1000')
            streams = []
            for _ in range(100):
                stream = stack.enter_context(socket.socket())
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                stream.connect(('127.0.0.1', server.port))
                stream.sendall(head)
                streams.append(stream)
            for stream in streams:
                stream.recv(1)  # the answer has begun, and nobody reads on
            if not sanitized(server):
                # The page, the buffers of the connection, and room for the allocator.
                self.assertLess(server.status_kib('VmRSS') - before, 100 * 160)


class Log(unittest.TestCase):
    """One line for each upload, and nothing in it that a terminal would obey."""

    def test_one_line_each(self):
        with Server('--fsync', 'none') as server:
            for name in [*NASTY, 'c1\u0085\u009b31m', 'sep\u2028arator']:
                body = form(('file', name.replace('"', '%22').replace('\r', '%0D')
                             .replace('\n', '%0A').encode(), b'x'))
                requests.post(f'{server.base}/upload', data=body, timeout=30,
                              headers={'Content-Type': form_type()})
            requests.post(f'{server.base}/upload', data=form(('file', b'a\x1b[2J', b'x')), timeout=30,
                          headers={'Content-Type': form_type()})
            requests.post(f'{server.base}/upload', data=form(('file', b'a.php', b'x')), timeout=30,
                          headers={'Content-Type': form_type()})
            requests.put(f'{server.base}/upload/%1b%5b2J', data=b'x', timeout=30)
            expected = len(NASTY) + 5
            uploads = until(lambda: (lambda lines: len(lines) >= expected and lines)(
                [line for line in server.log().splitlines() if ' /upload' in line]), 'the log')
            self.assertEqual(len(uploads), expected)
            for line in uploads:
                self.assertRegex(line, r'^\S+Z (POST|PUT) /upload\S* \d{3} [a-z-]+ bytes=\d+ '
                                       r'files=\d+ ms=\d+')
            raw = server.raw_log()
            for byte in [*range(0x20), 0x7f]:
                if byte != 0x0a:
                    self.assertNotIn(bytes([byte]), raw)
            for mark in ('\u202e', '\u0085', '\u009b', '\u2028'):
                self.assertNotIn(mark.encode(), raw)
            stored = [line for line in uploads if ' 200 ok ' in line]
            keys = {f['key'] for f in list_all(server)}
            self.assertEqual(keys, {re.search(r'keys=(\w+)', line)[1] for line in stored})
            self.assertTrue(any('extension-not-allowed' in line for line in uploads))


class Concurrency(unittest.TestCase):

    def test_connections_over_the_limit_wait(self):
        with Server('--max-connections', '2', '--fsync', 'none') as server:
            first, second, third = (server.connect() for _ in range(3))
            head = request_head(server, None, 'GET', '/files')
            for stream in (first, second):
                stream.sendall(head)
                self.assertEqual(read_answer(stream)[0], 200)
            third.sendall(head)
            first.sendall(head)
            self.assertEqual(read_answer(first)[0], 200)
            first.close()
            self.assertEqual(read_answer(third)[0], 200)
            second.close()
            third.close()

    def test_running_out_of_descriptors_is_survived(self):
        import resource
        limit = 40
        with Server('--fsync', 'none', preexec=lambda: resource.setrlimit(
                resource.RLIMIT_NOFILE, (limit, limit))) as server:
            skip_without_descriptors(self, server)
            streams = [server.connect() for _ in range(limit + 10)]
            until(lambda: server.open_files() >= limit, 'all descriptors taken')
            until(lambda: 'accepting pauses' in server.log(), 'a line in the log')
            for stream in streams:
                stream.close()
            until(lambda: server.open_files() < limit, 'descriptors free again')
            self.assertEqual(requests.get(f'{server.base}/files', timeout=30).status_code, 200)


if __name__ == '__main__':
    sys.exit(main('__main__'))
