"""The memory of the server is flat: it does not depend on how much is uploaded.

The limits are those of the whole process at its peak (VmHWM). 256 MiB in the usual run; with
UPSTOW_TEST_FULL=1 one file of 2 GiB and four of 512 MiB at a time.
"""
import concurrent.futures
import hashlib
import http.client
import json
import os
import sys
import tempfile
import unittest

from support import FULL, MIB, Server, blocks, main, sanitized, sha256_of, stream_form

ONE = 2048 * MIB if FULL else 256 * MIB
FOUR = 512 * MIB if FULL else 64 * MIB


def download_sha256(server, key):
    connection = http.client.HTTPConnection('127.0.0.1', server.port, timeout=600)
    connection.request('GET', f'/files/{key}')
    answer = connection.getresponse()
    digest = hashlib.sha256()
    while piece := answer.read(MIB):
        digest.update(piece)
    connection.close()
    return digest.hexdigest()


class Memory(unittest.TestCase):

    def upload(self, server, size, seed):
        status, _, body = stream_form(server, size, seed)
        self.assertEqual(status, 200, body)
        return json.loads(body)['files'][0]

    def server(self):
        # The files are removed with the server's directory. /var/tmp: /tmp may itself be memory.
        work = tempfile.TemporaryDirectory(dir='/var/tmp', prefix='upstow-memory-')
        self.addCleanup(work.cleanup)
        free = os.statvfs(work.name)
        if free.f_bavail * free.f_frsize < 2 * max(ONE, 4 * FOUR):
            self.skipTest(f'needs {2 * max(ONE, 4 * FOUR) >> 30} GiB free in /var/tmp')
        return Server('--max-size', '3GiB', '--fsync', 'none', directory=work.name + '/uploads')

    def assert_peak(self, server, mib):
        if sanitized(server):
            self.skipTest('a sanitizer is in the server: its memory says nothing')
        peak = server.peak_rss_kib()
        print(f'peak: {peak} KiB of {mib * 1024} KiB')
        self.assertLessEqual(peak, mib * 1024)

    def test_one_large_file(self):
        with self.server() as server:
            file = self.upload(server, ONE, 1)
            self.assert_peak(server, 12)
            expected = sha256_of(blocks(ONE, 1))
            self.assertEqual(file['size'], ONE)
            self.assertEqual(file['sha-256'], expected)
            self.assertEqual(download_sha256(server, file['key']), expected)
            self.assert_peak(server, 12)

    def test_four_at_a_time(self):
        with self.server() as server, concurrent.futures.ThreadPoolExecutor(4) as pool:
            files = list(pool.map(lambda seed: self.upload(server, FOUR, seed), range(4)))
            self.assert_peak(server, 16)
            for seed, file in enumerate(files):
                self.assertEqual(file['sha-256'], sha256_of(blocks(FOUR, seed)))


if __name__ == '__main__':
    sys.exit(main('__main__'))
