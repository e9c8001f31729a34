"""Bad input gets a clear error, and nothing is stored."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from support import (MIB, Server, content, data_files, form, form_type, main, need,
                     read_answer, request_head, small_disk, until)

requests = need('requests', 'python3-requests')


PNG = b'\x89PNG\r\n\x1a\n' + b'\0\0\0\rIHDR' + b'\0\0\0\x02\0\0\0\x03'


class BadInput(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.server = Server('--max-size', '2MiB', '--fsync', 'none', '--allow', 'png,txt')

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def setUp(self):
        self.before = self.server.files()

    def tearDown(self):
        self.assertEqual(self.server.files(), self.before, 'something was stored')
        self.assertIsNone(self.server.process.poll(), 'the server has ended')

    def post(self, body, content_type=None, **headers):
        return requests.post(f'{self.server.base}/upload', data=body, timeout=30,
                             headers={'Content-Type': content_type or form_type(), **headers})

    def assert_problem(self, answer, status, name, **members):
        self.assertEqual(answer.status_code, status, answer.text)
        self.assertEqual(answer.headers['Content-Type'], 'application/problem+json')
        problem = answer.json()
        self.assertEqual(problem['status'], status)
        self.assertEqual(problem['name'], name)
        self.assertTrue(problem['title'])
        for member, value in members.items():
            self.assertEqual(problem[member], value)
        self.assertNotIn(self.server.directory, answer.text)

    def test_not_multipart(self):
        for content_type in ('application/x-www-form-urlencoded', 'text/plain', 'application/json',
                             'multipart/mixed; boundary=x'):
            self.assert_problem(self.post(b'a=b', content_type), 415, 'unsupported-media-type')

    def test_no_content_type(self):
        with self.server.connect() as stream:
            stream.sendall(f'POST /upload HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\n'
                           'Content-Length: 3\r\n\r\na=b'.encode())
            self.assertEqual(read_answer(stream)[0], 415)

    def test_no_boundary(self):
        for content_type in ('multipart/form-data', 'multipart/form-data; boundary=',
                             'multipart/form-data; boundary="' + 'a' * 71 + '"'):
            answer = self.post(form(('f', b'a.txt', b'x')), content_type)
            self.assertEqual(answer.status_code, 400, content_type)

    def test_cut_body(self):
        whole = form(('f', b'a.txt', b'some data'))
        for size in range(0, len(whole) - 2, 3):
            self.assertEqual(self.post(whole[:size]).status_code, 400, size)

    def test_encoded_body(self):
        answer = self.post(form(('f', b'a.txt', b'x')), **{'Content-Encoding': 'gzip'})
        self.assert_problem(answer, 415, 'unsupported-content-encoding')

    def test_too_large_is_told_before_the_body(self):
        with self.server.connect() as stream:
            stream.sendall(request_head(self.server, 100 * MIB, more=('Expect: 100-continue',)))
            status, headers, body = read_answer(stream)
            self.assertEqual(status, 413)
            self.assertEqual(json.loads(body)['name'], 'body-too-large')
            self.assertEqual(headers['connection'], 'close')

    def test_too_large_is_seen_by_curl(self):
        with tempfile.NamedTemporaryFile(suffix='.txt') as file:
            file.write(b'x' * (30 * MIB))
            file.flush()
            for expect in ('Expect:', 'Expect: 100-continue'):
                for extra in ([], ['-H', 'Transfer-Encoding: chunked']):
                    done = subprocess.run(
                        ['curl', '-sS', '-m', '60', '-H', expect, *extra, '-F', f'f=@{file.name}',
                         '-w', '\n%{http_code}', f'{self.server.base}/upload'],
                        capture_output=True, check=False)
                    body, _, status = done.stdout.rpartition(b'\n')
                    self.assertEqual(int(status), 413, done.stderr)
                    self.assertIn(json.loads(body)['name'], ('body-too-large', 'file-too-large'))

    def test_too_large_is_seen_by_requests(self):
        self.assert_problem(self.post(form(('f', b'a.txt', b'x' * (30 * MIB)))), 413, 'body-too-large')

    def test_one_byte_too_much(self):
        answer = self.post(form(('f', b'a.txt', b'x' * (2 * MIB + 1))))
        self.assert_problem(answer, 413, 'file-too-large')

    def test_put_too_large(self):
        answer = requests.put(f'{self.server.base}/upload/a.txt', data=b'x' * (5 * MIB), timeout=30,
                              headers={'Content-Type': 'text/plain'})
        self.assertEqual(answer.status_code, 413)

    def test_too_many_parts(self):
        fields = [(f'f{i}', None, b'') for i in range(1001)]
        answer = self.post(form(*fields))
        self.assertEqual(answer.status_code, 413)
        self.assertIn(answer.json()['name'], ('too-many-parts', 'too-many-fields'))

    def test_too_many_files(self):
        files = [('f', b'a%d.txt' % i, b'x') for i in range(101)]
        self.assert_problem(self.post(form(*files)), 413, 'too-many-files')

    def test_extension(self):
        for name in (b'a.exe', b'a', b'a.png.exe'):
            self.assert_problem(self.post(form(('file', name, b'x'))), 422, 'extension-not-allowed',
                                field='file', rule='extensions', limit='png, txt')
            put = requests.put(f'{self.server.base}/upload/{name.decode()}', data=b'x', timeout=30)
            self.assert_problem(put, 422, 'extension-not-allowed', field='file', limit='png, txt')

    def test_script_names_wherever_they_stand(self):
        for name in (b'a.php.png', b'a.PHP.txt', b'x.phtml.png'):
            self.assert_problem(self.post(form(('f', name, b'x'))), 422, 'extension-not-allowed')

    def test_type(self):
        with Server('--allow', 'image/*,text/plain', '--fsync', 'none') as server:
            for sent, data, status in (('image/png', PNG, 200), ('TEXT/Plain; charset=x', b'x', 200),
                                       ('text/html', b'x', 415), ('application/pdf', b'x', 415)):
                answer = requests.post(f'{server.base}/upload', timeout=30,
                                       files={'file': ('a.bin', data, sent)})
                self.assertEqual(answer.status_code, status, answer.text)
                if status == 415:
                    self.assert_problem(answer, 415, 'type-not-allowed', field='file', value=sent,
                                        rule='types', limit='image/*, text/plain')
            self.assertEqual(len(data_files(server)), 2)

    def test_content(self):
        with Server('--allow', 'image/*', '--fsync', 'none') as server:
            answer = requests.post(f'{server.base}/upload', timeout=30,
                                   files={'file': ('a.png', b'<!DOCTYPE html>', 'image/png')})
            self.assert_problem(answer, 415, 'content-mismatch', field='file', rule='content',
                                limit='image/png', value='text/html')
            self.assertEqual(data_files(server), [])

    def test_late_failure_takes_the_early_files_back(self):
        good = [('f', b'a%d.txt' % i, b'%d' % i * 100_000) for i in range(5)]
        self.assertEqual(self.post(form(*good, ('f', b'b.exe', b'x'))).status_code, 422)
        self.assertEqual(self.post(form(*good)[:-3]).status_code, 400)

    def test_client_text_is_not_echoed(self):
        for name in (b'<script>alert(1)</script>.exe', '\u202egpj.exe'.encode()):
            answer = self.post(form((name.decode().replace('"', ''), name, b'x')))
            self.assertNotIn('<', answer.text)
            self.assertNotIn('\u202e', answer.text)

    def test_garbage_instead_of_http(self):
        for garbage in (b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc', b'GET\r\n\r\n', b'\0' * 100,
                        b'GET / HTTP/9.9\r\n\r\n', b'x' * 100_000):
            with self.server.connect() as stream:
                try:
                    stream.sendall(garbage)
                    line = stream.makefile('rb').readline()
                except ConnectionError:
                    continue  # closed while we were still writing
                self.assertRegex(line, rb'^(HTTP/1\.1 [45]\d\d .*\r\n)?$')

    def test_refused_body_is_not_a_request(self):
        with self.server.connect() as stream:
            smuggled = b'DELETE /files/abc HTTP/1.1\r\nHost: localhost\r\n\r\n'
            stream.sendall(request_head(self.server, len(smuggled), more=('Content-Type: text/css',)))
            self.assertEqual(read_answer(stream)[0], 415)
            stream.sendall(smuggled)
            stream.sendall(request_head(self.server, None, 'GET', '/files', ('Connection: close',)))
            self.assertEqual(read_answer(stream)[0], 200)
        self.assertNotIn('DELETE', self.server.log())


class Storage(unittest.TestCase):
    """When it is the server that cannot."""

    def test_unwritable_directory(self):
        with Server('--fsync', 'none') as server:
            # Removing the root works for every user, root included; permissions would not.
            shutil.rmtree(server.directory)
            pathlib.Path(server.directory).write_bytes(b'not a directory any more')
            answer = requests.post(f'{server.base}/upload', files={'f': b'x'}, timeout=30)
            self.assertEqual(answer.status_code, 500, answer.text)
            self.assertEqual(answer.json()['name'], 'storage-failed')
            self.assertNotIn(server.directory, answer.text)
            self.assertNotRegex(answer.text, 'cause=|ENOENT|No such')
            until(lambda: 'cause=' in server.log(), 'the cause in the log')
            os.remove(server.directory)

    @unittest.skipUnless(os.geteuid() == 0, 'needs root: mounts a small tmpfs')
    def test_full_disk(self):
        with small_disk(self) as work:
            with Server('--fsync', 'none', directory=work + '/uploads') as server:
                small = requests.post(f'{server.base}/upload', files={'f': b'x'}, timeout=30)
                self.assertEqual(small.status_code, 200)
                before = server.files()
                answer = requests.post(f'{server.base}/upload', timeout=60,
                                       files={'f': content(30 * MIB)})
                self.assertEqual(answer.status_code, 507, answer.text)
                self.assertEqual(answer.json()['name'], 'storage-full')
                self.assertEqual(server.files(), before)
                again = requests.post(f'{server.base}/upload', timeout=30,
                                      files={'f': content(MIB)})
                self.assertEqual(again.status_code, 200, 'the space came back')


if __name__ == '__main__':
    sys.exit(main('__main__'))
