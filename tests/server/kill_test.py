"""Whoever dies in the middle of an upload, nothing half-stored is visible.

A few rounds in the usual run, more than a hundred with UPSTOW_TEST_FULL=1.
"""
import concurrent.futures
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

from support import (CLOSING, FULL, MIB, Server, content, data_files, main, need, part_head,
                     read_answer, request_head, sha256_of, until)

requests = need('requests', 'python3-requests')

ROUNDS = 120 if FULL else 12
SIZE = 2 * MIB


def listed(server):
    files, cursor = [], ''
    while True:
        page = requests.get(f'{server.base}/files?limit=1000&cursor={cursor}', timeout=30).json()
        files += page['files']
        cursor = page['next']
        if not cursor:
            return files


class ClientDies(unittest.TestCase):

    def test_cut_at_many_points(self):
        body = part_head(filename=b'a.bin') + content(SIZE) + CLOSING
        points = [0, 1, 50, len(part_head()), len(body) - len(CLOSING), len(body) - 1]
        chance = random.Random(1)
        points += [chance.randrange(len(body)) for _ in range(ROUNDS)]
        for chunked in (False, True):
            with Server('--fsync', 'none') as server:
                for point in points:
                    self.cut(server, body, point, chunked)
                ends = len(points)
                until(lambda: server.log().count(' 400 client-gone ') == ends, 'a line for each upload')
                self.assertEqual(listed(server), [])
                self.assertEqual(server.files(), [])

    def cut(self, server, body, point, chunked):
        with server.connect() as stream:
            if chunked:
                head = request_head(server, None, more=('Transfer-Encoding: chunked',))
                stream.sendall(head + b'%x\r\n' % len(body) + body[:point])
            else:
                stream.sendall(request_head(server, len(body)) + body[:point])

    def test_curl_is_killed(self):
        with Server('--fsync', 'none') as server, tempfile.NamedTemporaryFile() as file:
            os.truncate(file.name, 200 * MIB)
            for _ in range(ROUNDS // 6):
                before = server.log().count(' POST /upload ')
                curl = subprocess.Popen(['curl', '-s', '--limit-rate', '20M', '-F', f'f=@{file.name}',
                                         f'{server.base}/upload'], stdout=subprocess.DEVNULL)
                until(lambda: server.is_storing() or curl.poll() is not None, 'curl has begun')
                curl.kill()
                curl.wait(30)
                until(lambda: server.log().count(' POST /upload ') > before, 'the end in the log')
            self.assertEqual(listed(server), [])
            self.assertEqual(server.files(), [])


class ServerDies(unittest.TestCase):
    """kill -9 at any moment; after the restart what was acknowledged is there, and nothing else."""

    def test_killed_while_uploads_run(self):
        for options in (('--fsync', 'none'), ('--fsync', 'full')):
            with tempfile.TemporaryDirectory() as directory:
                acknowledged = {}
                chance = random.Random(7)
                for number in range(ROUNDS // 2):
                    self.round(directory, options, acknowledged, chance, number)
                print(f'{options[1]}: {ROUNDS // 2} kills, {len(acknowledged)} acknowledged')

    def round(self, directory, options, acknowledged, chance, number):
        with Server(*options, directory=directory) as server, \
                concurrent.futures.ThreadPoolExecutor(4) as pool:
            enough = chance.randrange(1, 12)
            done = threading.Semaphore(0)
            clients = [pool.submit(self.client, server, number * 4 + i, acknowledged, done)
                       for i in range(4)]
            for _ in range(enough):
                if not done.acquire(timeout=60):
                    self.fail('no upload was acknowledged')
            server.process.kill()
            server.process.wait(30)
            for client in clients:
                client.result(60)
        with Server(*options, directory=directory) as server:
            found = {f['key']: f for f in listed(server)}
            for key, digest in acknowledged.items():
                if digest is not None:
                    self.assertEqual(found.get(key, {}).get('sha-256'), digest,
                                     'an acknowledged upload is gone')
            for key, file in found.items():
                answer = requests.get(f'{server.base}/files/{key}', timeout=30)
                self.assertEqual(len(answer.content), file['size'])
                self.assertEqual(sha256_of([answer.content]), file['sha-256'], 'half-stored')
            # Each object is its data and its metadata; whatever else is left is a temporary file.
            self.assertEqual({f.rsplit('/')[-1].removesuffix('.meta') for f in server.files()},
                             set(found))
            self.assertEqual(len(server.files()), 2 * len(found))
            # Keeps the next rounds short; the rest is looked at again by them.
            for key in list(found)[8:]:
                requests.delete(f'{server.base}/files/{key}', timeout=30)
                acknowledged[key] = None

    def client(self, server, seed, acknowledged, done):
        """Uploads until the server is gone."""
        chance = random.Random(seed)
        while True:
            files = [('f', (f'{i}.bin', content(chance.randrange(300_000), seed)))
                     for i in range(chance.randrange(1, 4))]
            try:
                answer = requests.post(f'{server.base}/upload', files=files, timeout=30)
            except requests.RequestException:
                return
            if answer.status_code == 200:
                for file in answer.json()['files']:
                    acknowledged[file['key']] = file['sha-256']
            done.release()


if __name__ == '__main__':
    sys.exit(main('__main__'))
