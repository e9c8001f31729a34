"""A server with --store keeps files in a bucket, and says what is wrong with one that it cannot use.

Against a Ceph cluster with UPSTOW_TEST_FULL=1, where Ceph is installed.
"""
import hashlib
import http.server
import itertools
import os
import pathlib
import shutil
import subprocess
import threading
import unittest

import support
from cluster import KEYS, PATIENCE, Cluster
from support import (FULL, MIB, Server, blocks, main, need, read_answer, request_head, sanitized,
                     sha256_of, until)

requests = need('requests', 'python3-requests')


SECRET = 'f3c1d0-that-nobody-may-see'


def refusal(store, keys=('key', SECRET)):
    """What a server says that does not start."""
    given = {**os.environ, **dict(zip(KEYS, keys))}
    ran = subprocess.run([support.BINARY, '--port', '0', '--store', store], env=given, timeout=120,
                         capture_output=True, text=True, check=False)
    assert ran.returncode in (1, 2), ran
    assert keys[1] not in ran.stderr and keys[1] not in ran.stdout
    return ran.stderr


class Slips(unittest.TestCase):

    def test_what_cannot_be_read(self):
        for wrong in ('s3:/uploads', 's3://', 's3:///prefix', 's3://b/p?endpoint', 's3://b/p?region=',
                      's3://b?endpiont=x', 'file:///tmp'):
            self.assertIn('wants s3://BUCKET/PREFIX', refusal(wrong), wrong)
        self.assertIn('service must be one of', refusal('s3://uploads?service=cepf'))
        self.assertIn('no valid name', refusal('s3://up loads?endpoint=http://127.0.0.1:1'))

    def test_nobody_there(self):
        self.assertIn('check host and port', refusal('s3://uploads?endpoint=http://127.0.0.1:1'))
        self.assertIn('how the endpoint is spelt', refusal('s3://uploads?endpoint=http://misspelt.invalid'))
        self.assertIn('lower-case', refusal('s3://uploads/Incoming?endpoint=http://127.0.0.1:1'))

    def test_somebody_else_there(self):
        page = self.serve(Page)
        self.assertIn('does not speak S3', refusal(f's3://uploads?endpoint=http://127.0.0.1:{page}'))

    def serve(self, handler):
        """A service of a test's own; its port."""
        service = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
        self.addCleanup(service.server_close)
        threading.Thread(target=service.serve_forever).start()
        self.addCleanup(service.shutdown)
        os.environ.update(zip(KEYS, ('key', SECRET)))
        return service.server_port

    def test_what_fails_later_is_in_the_log(self):
        # As with a secret that was replaced meanwhile.
        store = f's3://uploads?endpoint=http://127.0.0.1:{self.serve(Refusing)}'
        with Server('--store', store, in_bucket=True) as server:
            answer = requests.put(f'{server.base}/upload/a.bin', data=b'x', timeout=30)
            self.assertEqual(answer.status_code // 100, 5, answer.text)
            self.assertNotIn(SECRET, answer.text)
            until(lambda: 'check the secret key' in server.log(), 'what to change')
            self.assertNotIn(SECRET, server.log())

    def test_a_bucket_that_hangs_does_not_keep_the_server(self):
        Hanging.reached.clear()
        self.addCleanup(Hanging.go_on.set)
        store = f's3://uploads?endpoint=http://127.0.0.1:{self.serve(Hanging)}'
        with Server('--store', store, in_bucket=True) as server:
            with SlowPut(server, 1) as put:
                put.send()
                self.assertTrue(Hanging.reached.wait(PATIENCE))
                self.assertEqual(server.stop(seconds=PATIENCE), 1)
            self.assertIn('left to a sweep', server.log())


class Refusing(http.server.BaseHTTPRequestHandler):
    """A bucket that is empty and takes nothing."""

    def say(self, status, text):
        self.send_response(status)
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        name = b'ListMultipartUploadsResult' if 'uploads=' in self.path else b'ListBucketResult'
        self.say(200, b'<%s><IsTruncated>false</IsTruncated></%s>' % (name, name))

    def do_PUT(self):
        self.rfile.read(int(self.headers['Content-Length']))
        self.say(403, b'<Error><Code>SignatureDoesNotMatch</Code></Error>')

    def log_message(self, *_):
        pass


class Hanging(Refusing):
    reached, go_on = threading.Event(), threading.Event()

    def do_PUT(self):
        self.reached.set()
        self.go_on.wait()


class Page(Refusing):
    """A web server that somebody took for the bucket."""

    def do_GET(self):
        self.say(404, b'<html>not found</html>')


def full_only():
    if not FULL:
        raise unittest.SkipTest('only with UPSTOW_TEST_FULL=1')


def swept(store):
    """How many upstow-sweep removes of what is older than a second."""
    program = pathlib.Path(support.BINARY).with_name('upstow-sweep')
    ran = subprocess.run([program, store, '--older-than', '1s'], timeout=PATIENCE,
                         capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran
    return int(ran.stdout.removeprefix('removed '))


class SlowPut:
    """A file on its way to the server, as far as a test wants it to be."""

    def __init__(self, server, size, seed=0):
        self.stream = server.connect()
        self.stream.settimeout(PATIENCE)
        self.stream.sendall(request_head(server, size, 'PUT', '/upload/large.bin',
                                         ('Content-Type: application/octet-stream',)))
        self.rest = blocks(size, seed)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()

    def send(self, pieces=None):
        """So many of blocks(), or all there are."""
        for piece in itertools.islice(self.rest, pieces):
            self.stream.sendall(piece)


class Ceph(unittest.TestCase):
    """All of them on one cluster, which takes twenty seconds to start."""

    @classmethod
    def setUpClass(cls):
        full_only()
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.end)

    def test_files_come_back(self):
        sizes = [0, 1, 8 * MIB, 8 * MIB + 1, 100 * MIB]
        contents = [bytes(hashlib.shake_256(b'%d' % size).digest(MIB) * (size // MIB + 1))[:size]
                    for size in sizes]
        with Server('--store', self.cluster.store(), in_bucket=True) as server:
            for content in contents:
                stored = requests.put(f'{server.base}/upload/a.bin', data=content, timeout=120)
                self.assertEqual(stored.status_code, 201, stored.text)
                self.assertGone(server, stored.headers['Location'], content)
            form = [('file', (f'{i}.bin', content)) for i, content in enumerate(contents)]
            stored = requests.post(f'{server.base}/upload', files=form, timeout=300)
            self.assertEqual(stored.status_code, 200, stored.text)
            listed = requests.get(f'{server.base}/files', timeout=60).json()
            self.assertEqual(len(listed['files']), len(contents), listed)
            for row, content in zip(stored.json()['files'], contents):
                self.assertGone(server, f'/files/{row["key"]}', content)
            if not sanitized(server):
                self.assertLess(server.peak_rss_kib(), 256 * 1024)

    def assertGone(self, server, where, content):
        """The same bytes, and nothing behind them once they are deleted."""
        url = where if where.startswith('http') else server.base + where
        got = requests.get(url, timeout=120)
        self.assertEqual(hashlib.sha256(got.content).digest(), hashlib.sha256(content).digest())
        self.assertIn(requests.delete(url, timeout=60).status_code, (200, 204))
        self.assertEqual(requests.get(url, timeout=60).status_code, 404)

    def test_what_is_wrong_is_said(self):
        keys = (self.cluster.key, self.cluster.secret)
        self.assertIn('create the bucket', refusal(self.cluster.store('missing'), keys))
        self.assertIn('check the secret key', refusal(self.cluster.store(), (keys[0], 'not the one')))
        self.assertIn('check the access key id', refusal(self.cluster.store(), ('nobody', keys[1])))

    def test_client_leaves(self):
        store = self.cluster.store(prefix='left')
        with Server('--store', store, in_bucket=True) as server:
            with SlowPut(server, 1024 * MIB) as put:
                put.send(50 * 4)
                until(lambda: self.cluster.unfinished('left'), 'an upload has begun', PATIENCE)
            until(lambda: not self.cluster.unfinished('left'), 'it is aborted', PATIENCE)
            self.assertEqual(requests.get(f'{server.base}/files', timeout=60).json()['files'], [])
            self.assertEqual(swept(store), 0)

    # A server that starts spares what is left: for all it knows, another one is writing it.
    def test_server_is_killed(self):
        store = self.cluster.store(prefix='killed')
        with Server('--store', store, in_bucket=True) as server, SlowPut(server, 1024 * MIB) as put:
            put.send(50 * 4)
            until(lambda: self.cluster.unfinished('killed'), 'an upload has begun', PATIENCE)
            server.kill()
        with Server('--store', store, in_bucket=True) as server:
            self.assertEqual(requests.get(f'{server.base}/files', timeout=60).json()['files'], [])
            self.assertEqual(len(self.cluster.unfinished('killed')), 1)
            until(lambda: swept(store), 'it is a second old and goes', PATIENCE)
        self.assertEqual(self.cluster.unfinished('killed'), [])
        self.assertEqual(swept(store), 0)


class Swift(unittest.TestCase):

    def test_another_region(self):
        full_only()
        swift = Cluster(script='start_swift')
        self.addCleanup(swift.end)
        store = swift.store(service='generic', region='eu-nowhere-1')
        said = refusal(store, (swift.key, swift.secret))
        self.assertIn('set the region', said)
        self.assertIn('region=us-east-1', said)


class OtherTools(unittest.TestCase):
    """What aws-cli reads is what was uploaded. One copy of each object, so that 3 GiB are no more."""

    SIZES = (0, 1, 8 * MIB, 8 * MIB + 1, 100 * MIB, 3 * 1024 * MIB)

    @classmethod
    def setUpClass(cls):
        full_only()
        if shutil.which('aws') is None:
            raise unittest.SkipTest('no aws (pip: awscli)')
        cls.cluster = Cluster('--copies', '1')
        cls.addClassCleanup(cls.cluster.end)

    def test_aws_reads_what_was_uploaded(self):
        with Server('--store', self.cluster.store(), '--max-size', '4GiB', in_bucket=True) as server:
            for size in self.SIZES:
                with self.subTest(size=size), SlowPut(server, size, seed=size) as put:
                    put.send()
                    status, headers, body = read_answer(put.stream)
                    self.assertEqual(status, 201, body)
                    digest, length = self.read(headers['location'].rsplit('/', 1)[-1])
                    self.assertEqual(length, size)
                    self.assertEqual(digest, sha256_of(blocks(size, size)))
            if not sanitized(server):
                self.assertLess(server.peak_rss_kib(), 128 * 1024)

    def read(self, key):
        """Digest and length of an object as aws-cli fetches it."""
        # Checks that came later than this Ceph, which refuses them.
        given = {**os.environ, 'AWS_REQUEST_CHECKSUM_CALCULATION': 'when_required',
                 'AWS_RESPONSE_CHECKSUM_VALIDATION': 'when_required'}
        out, into = os.pipe()
        command = ['aws', '--endpoint-url', self.cluster.endpoint, '--region', 'us-east-1', 's3api',
                   'get-object', '--bucket', 'uploads', '--key', f'files/{key}', f'/dev/fd/{into}']
        digest, length = hashlib.sha256(), 0
        with subprocess.Popen(command, env=given, stdout=subprocess.DEVNULL, pass_fds=[into]) as aws:
            os.close(into)
            with open(out, 'rb') as content:
                while piece := content.read(MIB):
                    digest.update(piece)
                    length += len(piece)
        self.assertEqual(aws.returncode, 0)
        return digest.hexdigest(), length


class ServerOfObjectsDies(unittest.TestCase):

    def test_in_the_middle_of_an_upload(self):
        full_only()
        cluster = Cluster()
        self.addCleanup(cluster.end)
        size = 256 * MIB
        with Server('--store', cluster.store(), in_bucket=True) as server, \
                SlowPut(server, size) as put:
            put.send(50 * 4)
            until(cluster.unfinished, 'an upload has begun', PATIENCE)
            cluster.order('kill 1')
            self.assertEqual(len(cluster.unfinished()), 1, 'the upload was over before')
            put.send()
            status, headers, body = read_answer(put.stream)
            self.assertEqual(status, 201, body)
            got = requests.get(server.base + headers['location'], timeout=PATIENCE,
                               stream=True)
            self.assertEqual(sha256_of(got.iter_content(MIB)), sha256_of(blocks(size)))
            self.assertEqual(cluster.unfinished(), [])


if __name__ == '__main__':
    main(__name__)
