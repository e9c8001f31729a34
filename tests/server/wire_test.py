"""Requests that two programs could read differently, byte for byte at the running server.

Behind each stands a canary that deletes a file. It must never run.
"""
import socket
import sys
import unittest

from support import Server, form, form_type, main, need, read_answer, until

requests = need('requests', 'python3-requests')


def read_to_end(stream):
    """All that the server says; an end by reset is one too."""
    said = b''
    try:
        while piece := stream.recv(65536):
            said += piece
    except ConnectionResetError:
        pass
    return said


def statuses(said):
    return [int(part[:3]) for part in said.split(b'HTTP/1.1 ')[1:]]


# Behind the request line of POST /upload and its Host.
LENGTHS = {
    'two equal lengths': b'Content-Length: 0\r\nContent-Length: 0\r\n\r\n',
    'two lengths': b'Content-Length: 0\r\nContent-Length: 500\r\n\r\n',
    'a list of lengths': b'Content-Length: 0, 0\r\n\r\n',
    'length and coding': b'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'coding and length': b'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n',
    'a signed length': b'Content-Length: +0\r\n\r\n',
    'a length with an underscore': b'Content-Length: 1_0\r\n\r\n',
    'a length in hexadecimal': b'Content-Length: 0x0\r\n\r\n',
    'a length with a NUL': b'Content-Length: 0\x00\r\n\r\n',
    'a length with a vertical tab': b'Content-Length: \x0b0\r\n\r\n',
    'a length that overflows': b'Content-Length: 18446744073709551616\r\n\r\n',
    'a long length': b'Content-Length: ' + b'9' * 400 + b'\r\n\r\n',
    'no length value': b'Content-Length: \r\n\r\n',
    'a space before the colon': b'Content-Length : 0\r\n\r\n',
    'a tab before the colon': b'Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n',
    'a NUL in a name': b'Content\x00-Length: 5\r\n\r\n',
    'a high byte in a name': b'Content-Length\xa0: 5\r\n\r\n',
}
CODINGS = {
    'identity': b'Transfer-Encoding: identity\r\n\r\n',
    'gzip': b'Transfer-Encoding: gzip\r\n\r\n',
    'gzip, chunked': b'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    'chunked, gzip': b'Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n',
    'chunked, identity': b'Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n',
    'chunked, chunked': b'Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n',
    'chunked twice': b'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'identity and chunked': b'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'xchunked': b'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
    'chunkedx': b'Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n',
    'a comma': b'Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n',
    'a comma behind': b'Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n',
    'a parameter': b'Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n',
    'quoted': b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    'empty': b'Transfer-Encoding:\r\n\r\n0\r\n\r\n',
    'a vertical tab': b'Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n',
    'a folded line': b'Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n',
    'a NUL': b'Transfer-Encoding: chunked\x00\r\n\r\n0\r\n\r\n',
}
LINES = {
    'a folded line': b'X: a\r\n b\r\n\r\n',
    'LF alone': b'X: a\nY: b\r\n\r\n',
    'LF at the end': b'X: a\n\n',
    'CR LF LF': b'X: a\r\n\n',
    'CR alone': b'X: a\rContent-Length: 500\r\n\r\n',
    'CR CR LF': b'X: a\r\r\n\r\n',
    'a NUL in a value': b'X: a\x00b\r\n\r\n',
    'a line without a colon': b'X\r\n\r\n',
    'a name that is empty': b': x\r\n\r\n',
    'two types': b'Content-Type: text/plain\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n',
    'two dispositions': b'Content-Disposition: a\r\nContent-Disposition: a\r\n\r\n',
    'two content codings': b'Content-Encoding: identity\r\ncontent-encoding: gzip\r\n\r\n',
    'a second host': b'Host: localhost\r\n\r\n',
}
# Instead of the whole head.
HEADS = {
    'no host': b'GET /files HTTP/1.1\r\n\r\n',
    'a host with a user': b'GET /files HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n',
    'a user at our host': b'GET /files HTTP/1.1\r\nHost: evil.example@localhost\r\n\r\n',
    'a host with a path': b'GET /files HTTP/1.1\r\nHost: localhost/\r\n\r\n',
    'a host with a space': b'GET /files HTTP/1.1\r\nHost: localhost evil\r\n\r\n',
    'two hosts': b'GET /files HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n',
    'another host in the target':
        b'GET http://evil.example/files HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'a user in the target': b'GET http://a@localhost/files HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'another scheme': b'GET ftp://localhost/files HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'no scheme': b'GET localhost/files HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'a fragment': b'GET /files#x HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'an asterisk': b'GET * HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'a NUL in the target': b'GET /files\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'two spaces': b'GET  /files HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'a space in the target': b'GET /files x HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'HTTP/0.9': b'GET /files\r\n\r\n',
    'a coding in HTTP/1.0':
        b'POST /upload HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.10': b'GET /files HTTP/1.10\r\nHost: localhost\r\n\r\n',
    'a long method': b'A' * 9000 + b' / HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'a long target': b'GET /' + b'a' * 9000 + b' HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'a long name': b'GET / HTTP/1.1\r\nHost: localhost\r\n' + b'a' * 17000 + b': x\r\n\r\n',
    'a long value': b'GET / HTTP/1.1\r\nHost: localhost\r\nX: ' + b'a' * 17000 + b'\r\n\r\n',
    'many fields': b'GET / HTTP/1.1\r\nHost: localhost\r\n' + b'X: y\r\n' * 100 + b'\r\n',
}
# A chunked body that begins well: {size} is the true one, in front of the form.
CHUNKS = {
    'a size of 2^64 and more': b'10000000000000{size:04}\r\n{form}\r\n0\r\n\r\n',
    'a size near 2^64': b'ffffffffffffffff\r\n{form}\r\n0\r\n\r\n',
    'a size of 2^63': b'8000000000000000\r\n{form}\r\n0\r\n\r\n',
    'a plus': b'+{size}\r\n{form}\r\n0\r\n\r\n',
    'a minus': b'-{size}\r\n{form}\r\n0\r\n\r\n',
    '0x': b'0x{size}\r\n{form}\r\n0\r\n\r\n',
    'a space before': b' {size}\r\n{form}\r\n0\r\n\r\n',
    'a tab behind': b'{size}\t\r\n{form}\r\n0\r\n\r\n',
    'an underscore': b'0_{size}\r\n{form}\r\n0\r\n\r\n',
    'a NUL behind': b'{size}\x00\r\n{form}\r\n0\r\n\r\n',
    'no size': b'\r\n{form}\r\n0\r\n\r\n',
    'LF behind the size': b'{size}\n{form}\r\n0\r\n\r\n',
    'CR behind the size': b'{size}\r{form}\r\n0\r\n\r\n',
    'LF behind the data': b'{size}\r\n{form}\n0\r\n\r\n',
    'nothing behind the data': b'{size}\r\n{form}0\r\n\r\n',
    'two bytes too many': b'{size}\r\n{form}xx0\r\n\r\n',
    'LF in an extension': b'{size};a\nb\r\n{form}\r\n0\r\n\r\n',
    'CR in an extension': b'{size};a\rb\r\n{form}\r\n0\r\n\r\n',
    'a NUL in an extension': b'{size};a\x00b\r\n{form}\r\n0\r\n\r\n',
    'a long extension': b'{size};' + b'a' * 300 + b'\r\n{form}\r\n0\r\n\r\n',
    'LF in the trailers': b'{size}\r\n{form}\r\n0\r\nX: y\n\r\n',
    'LF at the end': b'{size}\r\n{form}\r\n0\r\n\n',
    'a folded trailer': b'{size}\r\n{form}\r\n0\r\nX: y\r\n z\r\n\r\n',
    'many trailers': b'{size}\r\n{form}\r\n0\r\n' + b'X: y\r\n' * 101 + b'\r\n',
    'long trailers': b'{size}\r\n{form}\r\n0\r\nX: ' + b'y' * 17000 + b'\r\n\r\n',
}


class Wire(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.server = Server('--fsync', 'none')
        put = requests.put(f'{cls.server.base}/upload/kept', data=b'kept', timeout=30)
        cls.location = put.headers['Location']
        cls.canary = f'DELETE {cls.location} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode()

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def setUp(self):
        self.before = self.server.files()

    def tearDown(self):
        self.assertEqual(self.server.files(), self.before)
        self.assertEqual(requests.get(self.server.base + self.location, timeout=30).content, b'kept')

    def say(self, raw):
        """Answers all that the server says until it closes."""
        with self.server.connect() as stream:
            try:
                stream.sendall(raw)
                stream.shutdown(socket.SHUT_WR)
            except (ConnectionError, OSError):
                pass  # closed while we were still writing
            return read_to_end(stream)

    def assert_refused(self, raw, *expected):
        """One answer, an end, and nothing behind it was a request."""
        said = self.say(raw + self.canary + self.canary)
        self.assertEqual(len(statuses(said)), 1, said)
        self.assertIn(statuses(said)[0], expected or (400,), said)
        self.assertIn(b'\r\nConnection: close\r\n', said)
        self.assertEqual(requests.get(self.server.base + self.location, timeout=30).content, b'kept')

    def upload(self, rest):
        return (f'POST /upload HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\n'.encode() + rest)

    def test_lengths(self):
        for name, rest in LENGTHS.items():
            with self.subTest(name):
                self.assert_refused(self.upload(rest))

    def test_codings(self):
        for name, rest in CODINGS.items():
            with self.subTest(name):
                self.assert_refused(self.upload(rest), 400, 501)

    def test_lines(self):
        for name, rest in LINES.items():
            with self.subTest(name):
                self.assert_refused(self.upload(rest))

    def test_heads(self):
        for name, head in HEADS.items():
            with self.subTest(name):
                self.assert_refused(head, 400, 414, 431, 501, 505)

    def test_chunks(self):
        body = form(('f', b'a.txt', b'x' * 300))
        for name, chunks in CHUNKS.items():
            size = b'%x' % len(body)
            for mark, text in ((b'{size:04}', size.zfill(4)), (b'{size}', size), (b'{form}', body)):
                chunks = chunks.replace(mark, text)
            with self.subTest(name):
                head = f'Content-Type: {form_type()}\r\nTransfer-Encoding: chunked\r\n\r\n'
                self.assert_refused(self.upload(head.encode()) + chunks)

    def test_what_is_allowed(self):
        """The strict reader still takes what clients do send."""
        body = form(('f', b'a.txt', b'x' * 300))
        head = self.upload(f'Content-Type: {form_type()}\r\nTransfer-Encoding: Chunked\r\n\r\n'.encode())
        for chunks in (b'%x\r\n%s\r\n0\r\n\r\n', b'%X\r\n%s\r\n0\r\n\r\n',
                       b'00000000000000000%x\r\n%s\r\n00\r\n\r\n',
                       b'%x;name="a;b"\r\n%s\r\n0;last\r\nX-Sum: 1\r\nHost: evil\r\n\r\n'):
            said = self.say(head + chunks % (len(body), body))
            self.assertEqual(statuses(said), [200], said)
            key = said.partition(b'"key":"')[2].partition(b'"')[0].decode()
            requests.delete(f'{self.server.base}/files/{key}', timeout=30).raise_for_status()
        port = self.server.port
        self.assertEqual(statuses(self.say(
            f'GET http://localhost:{port}/files HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n'.encode())), [200])
        self.assertEqual(statuses(self.say(b'GET /files HTTP/1.0\r\nHost: localhost\r\n\r\n')), [200])
        self.assertEqual(statuses(self.say(b'GET /files HTTP/1.0\r\n\r\n')), [421])

    def test_body_of_a_refused_request(self):
        """Refused at its head, in its body or behind it: the body is never a request."""
        for head in (f'POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/css',
                     'POST /upload HTTP/1.1\r\nHost: evil.example',
                     'POST /upload HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example',
                     'POST /nothing HTTP/1.1\r\nHost: localhost',
                     'GET /files HTTP/1.1\r\nHost: localhost',
                     'DELETE /files/nothing HTTP/1.1\r\nHost: localhost',
                     'PUT /upload/%zz HTTP/1.1\r\nHost: localhost',
                     f'POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: {form_type()}'):
            for framing in ('Content-Length: %d\r\n\r\n%s',
                            'Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n'):
                for waits in (False, True):
                    with self.subTest(head=head, framing=framing, waits=waits):
                        body = self.canary.decode()
                        raw = f'{head}\r\n{framing % (len(body), body)}'.encode()
                        with self.server.connect() as stream:
                            split = raw.index(b'\r\n\r\n') + 4
                            stream.sendall(raw[:split])
                            early = waits and 'multipart' not in head
                            first = read_answer(stream)[0] if early else None
                            try:
                                stream.sendall(raw[split:])
                                stream.sendall(b'GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n')
                                stream.shutdown(socket.SHUT_WR)
                            except OSError:
                                pass
                            rest = statuses(read_to_end(stream))
                        got = ([first] if first else []) + rest
                        # The refusal, and the request behind it if the connection went on.
                        self.assertIn(got[1:], ([], [404]), got)
                        self.assertNotEqual(got[0], 204)


class Log(unittest.TestCase):

    def test_refused_uploads_leave_a_line(self):
        with Server('--fsync', 'none') as server:
            for headers, says in (({'Host': 'evil.example'}, '421 misdirected-request'),
                                  ({'Origin': 'null'}, '403 cross-origin')):
                requests.post(f'{server.base}/upload', data=b'', headers=headers, timeout=30)
                until(lambda text=says: text in server.log(), says)

    def test_the_log_says_what_was_answered(self):
        with Server('--fsync', 'none') as server, server.connect() as stream:
            stream.sendall(f'POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: {form_type()}\r\n'
                           'Transfer-Encoding: chunked\r\n\r\nxyz\r\n'.encode())
            status, _, body = read_answer(stream)
            self.assertEqual((status, b'malformed-chunked-body' in body), (400, True), body)
            until(lambda: ' POST /upload 400 malformed-chunked-body ' in server.log(), 'the line')


if __name__ == '__main__':
    sys.exit(main('__main__'))
