"""Many clients, several servers and other programs at the same directory; and a machine that runs out.
"""
import concurrent.futures
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from support import (CLOSING, MIB, Server, content, data_files, main, need, part_head, read_answer,
                     request_head, sha256_of, skip_without_descriptors, small_disk,
                     until)

requests = need('requests', 'python3-requests')


def put(server, data, name='a.bin'):
    answer = requests.put(f'{server.base}/upload/{name}', data=data, timeout=60)
    assert answer.status_code == 201, answer.text
    return answer.json()['files'][0]


def listed(server):
    files, cursor = {}, ''
    while True:
        answer = requests.get(f'{server.base}/files', params={'limit': 1000, 'cursor': cursor},
                              timeout=60)
        assert answer.status_code == 200, answer.text
        files.update({file['key']: file for file in answer.json()['files']})
        cursor = answer.json()['next']
        if not cursor:
            return files


class OneDirectory(unittest.TestCase):

    def test_one_key_deleted_read_and_listed_at_once(self):
        """Exactly one deletion wins; a reader has all of the file or none of it."""
        with Server('--fsync', 'none') as server, concurrent.futures.ThreadPoolExecutor(8) as pool:
            data = content(300_000)
            for _ in range(20):
                url = f'{server.base}/files/{put(server, data)["key"]}'
                reads = [pool.submit(requests.get, url, timeout=60) for _ in range(3)]
                drops = [pool.submit(requests.delete, url, timeout=60) for _ in range(3)]
                lists = [pool.submit(listed, server) for _ in range(2)]
                self.assertEqual(sorted(d.result().status_code for d in drops), [204, 404, 404])
                for answer in (r.result() for r in reads):
                    self.assertIn(answer.status_code, (200, 404))
                    self.assertTrue(answer.status_code == 404 or answer.content == data)
                for one in lists:
                    one.result()
            self.assertEqual(server.files(), [])

    def test_two_servers(self):
        """A server that starts spares what another one is writing, and both see the same files."""
        data = content(3 * MIB)
        body = part_head() + data + CLOSING
        with Server('--fsync', 'none') as first, first.connect() as stream:
            stream.sendall(request_head(first, len(body)) + body[:2 * MIB])
            until(first.is_storing, 'the upload has begun')
            with Server('--fsync', 'none', directory=first.directory) as second, \
                    concurrent.futures.ThreadPoolExecutor(8) as pool:
                stream.sendall(body[2 * MIB:])
                self.assertEqual(read_answer(stream)[0], 200)
                both = (first, second)
                self.assertEqual(listed(first), listed(second))
                made = list(pool.map(lambda i: put(both[i % 2], content(10_000, i)), range(40)))
                for i, file in enumerate(made):
                    answer = requests.get(f'{both[i % 2 - 1].base}/files/{file["key"]}', timeout=60)
                    self.assertEqual(sha256_of([answer.content]), file['sha-256'])
                urls = [f'{s.base}/files/{key}' for key in listed(first) for s in both]
                drops = list(pool.map(lambda url: requests.delete(url, timeout=60).status_code, urls))
                self.assertEqual(drops.count(204), 41)
                self.assertEqual(drops.count(404), 41)
            self.assertEqual(first.files(), [])

    def test_planted_links(self):
        """Nobody is led out of the directory, whoever put the link there."""
        with tempfile.TemporaryDirectory() as outside, Server('--fsync', 'none') as server:
            secret = pathlib.Path(outside, 'secret')
            secret.write_bytes(b'secret')
            file = put(server, b'mine')
            path = pathlib.Path(server.directory,
                                next(f for f in data_files(server) if f.endswith(file['key'])))
            url = f'{server.base}/files/{file["key"]}'
            kept = path.with_name('kept')
            path.rename(kept)
            path.symlink_to(secret)
            for method in ('GET', 'HEAD', 'DELETE'):
                answer = requests.request(method, url, timeout=30)
                self.assertIn(answer.status_code, (404, 500), method)
                self.assertNotIn(b'secret', answer.content)
            self.assertEqual(secret.read_bytes(), b'secret')
            self.assertNotIn(file['key'], listed(server))
            path.unlink()
            os.link(secret, path)  # another name of the same file is a file
            path.unlink()
            kept.rename(path)
            # A whole level of the tree leads away.
            shard = pathlib.Path(server.directory, path.relative_to(server.directory).parts[0])
            shard.rename(pathlib.Path(outside, 'shard'))
            shard.symlink_to(pathlib.Path(outside, 'shard'))
            self.assertIn(requests.get(url, timeout=30).status_code, (404, 500))
            self.assertIn(requests.delete(url, timeout=30).status_code, (404, 500))
            self.assertEqual(listed(server), {})
            self.assertTrue(list(pathlib.Path(outside, 'shard').rglob(file['key'])))

    def test_what_is_no_file(self):
        """A pipe in the place of a file must not hold the server up."""
        with Server('--fsync', 'none') as server:
            file = put(server, b'mine')
            path = pathlib.Path(server.directory,
                                next(f for f in data_files(server) if f.endswith(file['key'])))
            for make in (os.mkfifo, os.mkdir):
                path.rename(path.with_name('kept'))
                make(path)
                answer = requests.get(f'{server.base}/files/{file["key"]}', timeout=30)
                self.assertIn(answer.status_code, (404, 500))
                self.assertEqual(listed(server), {})
                (os.rmdir if path.is_dir() else os.unlink)(path)
                path.with_name('kept').rename(path)
            self.assertEqual(requests.get(f'{server.base}/files/{file["key"]}', timeout=30).content,
                             b'mine')

    def test_directory_removed_while_uploads_run(self):
        body = part_head() + content(3 * MIB) + CLOSING
        with Server('--fsync', 'none') as server, server.connect() as stream:
            stream.sendall(request_head(server, len(body)) + body[:2 * MIB])
            until(server.is_storing, 'the upload has begun')
            shutil.rmtree(server.directory)
            stream.sendall(body[2 * MIB:])
            status, _, answer = read_answer(stream)
            self.assertEqual(status, 500, answer)
            self.assertNotIn(server.directory.encode(), answer)
            self.assertFalse(os.path.exists(server.directory))
            for path in ('/', '/files/abc'):
                self.assertLess(requests.get(server.base + path, timeout=30).status_code, 501)
            until(lambda: 'cause=' in server.log(), 'the cause in the log')
            self.assertEqual(server.stop(), 0)


class Shortage(unittest.TestCase):

    @unittest.skipUnless(os.geteuid() == 0, 'needs root: mounts a small tmpfs')
    def test_directory_that_becomes_read_only(self):
        with small_disk(self) as work:
            with Server('--fsync', 'none', directory=work + '/uploads') as server:
                url = f'{server.base}/files/{put(server, b"mine")["key"]}'
                subprocess.run(['mount', '-o', 'remount,ro', work], check=True)
                for method, to in (('PUT', f'{server.base}/upload/x'), ('DELETE', url)):
                    answer = requests.request(method, to, data=b'x', timeout=30)
                    self.assertEqual(answer.status_code, 500, answer.text)
                    self.assertEqual(answer.json()['name'], 'storage-failed')
                    self.assertNotRegex(answer.text, 'cause|Read-only|EROFS|' + work)
                    until(lambda m=method: any(f' {m} ' in line and 'cause=' in line for line in
                                               server.log().splitlines()), 'the cause in the log')
                self.assertEqual(requests.get(url, timeout=30).content, b'mine')
                subprocess.run(['mount', '-o', 'remount,rw', work], check=True)
                self.assertEqual(requests.delete(url, timeout=30).status_code, 204)
                put(server, b'again')

    @unittest.skipUnless(os.geteuid() == 0, 'needs root: mounts a small tmpfs')
    def test_disk_that_fills_up_under_several_uploads(self):
        with small_disk(self) as work:
            with Server('--fsync', 'none', directory=work + '/uploads') as server, \
                    concurrent.futures.ThreadPoolExecutor(6) as pool:
                def upload(seed):
                    return requests.post(f'{server.base}/upload', timeout=60, files=[
                        ('f', ('a', content(MIB, seed))), ('f', ('b', content(2 * MIB, seed)))])
                answers = list(pool.map(upload, range(12)))
                self.assertEqual({a.status_code for a in answers} - {200, 507}, set())
                self.assertIn(507, [a.status_code for a in answers])
                keys = {f['key'] for a in answers if a.status_code == 200
                        for f in a.json()['files']}
                until(lambda: len(server.files()) == 2 * len(keys), 'nothing else stays')
                self.assertEqual(set(listed(server)), keys)

    def test_uploads_without_descriptors(self):
        """Where no file can be opened an upload is told to come again; nothing of it stays."""
        limit = 40
        with Server('--fsync', 'none', preexec=lambda: resource.setrlimit(
                resource.RLIMIT_NOFILE, (limit, limit))) as server:
            skip_without_descriptors(self, server)
            upload = server.connect()
            body = part_head() + b'x' * 1000 + CLOSING
            upload.sendall(request_head(server, len(body)))
            others = [server.connect() for _ in range(limit)]
            until(lambda: server.open_files() >= limit, 'all descriptors taken')
            until(lambda: 'accepting pauses' in server.log(), 'a line in the log')
            upload.sendall(body)
            status, headers, answer = read_answer(upload)
            self.assertEqual(status, 503, answer)
            self.assertIn(b'too-many-open', answer)
            self.assertEqual(server.files(), [])
            for stream in (*others, upload):
                stream.close()
            until(lambda: server.open_files() <= server.files_at_start, 'descriptors free again')
            put(server, b'x')


class Ending(unittest.TestCase):

    def test_a_reader_that_does_not_read_is_cut(self):
        with Server('--fsync', 'none') as server, server.connect() as stream:
            key = put(server, content(30 * MIB))['key']
            stream.sendall(request_head(server, None, 'GET', f'/files/{key}'))
            self.assertTrue(stream.recv(1))
            self.assertEqual(server.stop(20), 0)

    def test_many_uploads_at_the_end(self):
        """Each upload is whole or not there, whatever the moment of the signal."""
        directory = tempfile.mkdtemp(prefix='upstow-ending-')
        self.addCleanup(shutil.rmtree, directory)
        with Server('--fsync', 'none', directory=directory) as server, \
                concurrent.futures.ThreadPoolExecutor(8) as pool:
            stored = []

            def client(seed):
                try:
                    while True:
                        stored.append(put(server, content(200_000, seed)))
                except requests.RequestException:
                    pass
            clients = [pool.submit(client, seed) for seed in range(8)]
            until(lambda: len(stored) > 20, 'uploads')
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(server.process.wait(20), 0)
            for one in clients:
                one.result(60)
            self.assertNotIn('connections are cut', server.log())
        with Server('--fsync', 'none', directory=directory) as server:
            self.assertNotIn('unfinished', server.log())
            found = listed(server)
            self.assertLessEqual({f['key'] for f in stored}, set(found))
            self.assertEqual(len(server.files()), 2 * len(found))


if __name__ == '__main__':
    sys.exit(main('__main__'))
