"""Clients that send or read next to nothing are sent away, and others are served meanwhile.

What waits for the head's ten seconds runs always; the half minutes of bodies and downloads with
UPSTOW_TEST_FULL=1.
"""
import concurrent.futures
import socket
import sys
import unittest

from support import FULL, MIB, Server, content, main, need, part_head, request_head, until

requests = need('requests', 'python3-requests')


def trickle(stream, piece):
    """Sends `piece` once a second until the server has had enough; answers what it said."""
    said = b''
    stream.settimeout(1)  # this is the pace
    for _ in range(120):
        try:
            stream.sendall(piece)
            got = stream.recv(65536)
        except TimeoutError:
            continue
        except ConnectionError:
            return said
        if not got:
            return said
        said += got
    raise AssertionError('still there after two minutes')


class Slow(unittest.TestCase):

    def setUp(self):
        self.server = Server('--fsync', 'none', '--max-connections', '40')
        self.addCleanup(self.server.kill)

    def run_all(self, begin, piece, count=30):
        """`count` such clients at once; while they are there another one is served."""
        streams = [self.server.connect() for _ in range(count)]
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            for stream in streams:
                stream.sendall(begin)
            slow = [pool.submit(trickle, stream, piece) for stream in streams]
            self.assertEqual(requests.get(self.server.base + '/files', timeout=30).status_code, 200)
            answers = [one.result() for one in slow]
        for stream in streams:
            stream.close()
        until(lambda: self.server.open_files() <= self.server.files_at_start, 'all are gone')
        self.assertEqual(self.server.files(), [])
        return answers

    def test_heads(self):
        for said in self.run_all(b'GET / HTTP/1.1\r\nX: ', b'x'):
            self.assertTrue(said.startswith(b'HTTP/1.1 408 '), said)

    def test_silence(self):
        for said in self.run_all(b'', b''):
            self.assertEqual(said, b'')

    @unittest.skipUnless(FULL, 'takes half a minute: UPSTOW_TEST_FULL=1')
    def test_bodies(self):
        begin = request_head(self.server, 10 * MIB) + part_head()
        for piece in (b'x', b''):
            for said in self.run_all(begin, piece):
                self.assertTrue(said.startswith(b'HTTP/1.1 408 '), said)

    @unittest.skipUnless(FULL, 'takes half a minute: UPSTOW_TEST_FULL=1')
    def test_downloads(self):
        put = requests.put(f'{self.server.base}/upload/x', data=content(30 * MIB), timeout=60)
        streams = [self.server.connect() for _ in range(30)]
        for stream in streams:
            stream.sendall(request_head(self.server, None, 'GET', put.headers['Location']))
            self.assertTrue(stream.recv(1, socket.MSG_PEEK))
        until(lambda: self.server.open_files() <= self.server.files_at_start, 'all are gone', 90)
        for stream in streams:
            stream.close()


if __name__ == '__main__':
    sys.exit(main('__main__'))
