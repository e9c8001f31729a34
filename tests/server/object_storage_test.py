"""A server with --store keeps files in a bucket, and says what is wrong with one that it cannot use.

Against a Ceph cluster with UPSTOW_TEST_FULL=1, where Ceph is installed.
"""
import hashlib
import os
import pathlib
import subprocess
import sys
import unittest

import support
from support import FULL, MIB, Server, main, need

requests = need('requests', 'python3-requests')

START = pathlib.Path(__file__).resolve().parent.parent / 'services/start_ceph'
KEYS = ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY')


def refusal(store, keys=('key', 'secret')):
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
        self.assertIn('host', refusal('s3://uploads?endpoint=http://misspelt.invalid'))


class Ceph(unittest.TestCase):
    """All of them on one cluster, which takes twenty seconds to start."""

    @classmethod
    def setUpClass(cls):
        if not FULL:
            raise unittest.SkipTest('only with UPSTOW_TEST_FULL=1')
        cls.process = subprocess.Popen([sys.executable, START], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
        lines = [cls.process.stdout.readline() for _ in range(3)]
        cls.where = dict(line.rstrip('\n').split('=', 1) for line in lines if '=' in line)
        if 'S3_ENDPOINT' not in cls.where:
            code = cls.end()
            raise unittest.SkipTest('no ceph') if code == 77 else AssertionError(code)
        os.environ.update(zip(KEYS, (cls.where['S3_KEY'], cls.where['S3_SECRET'])))
        cls.addClassCleanup(cls.end)

    @classmethod
    def end(cls):
        cls.process.stdin.close()
        code = cls.process.wait(60)
        cls.process.stdout.close()
        return code

    def store(self, bucket='uploads', **more):
        settings = {'endpoint': self.where['S3_ENDPOINT'], 'service': 'ceph', **more}
        return f's3://{bucket}/files?' + '&'.join(f'{k}={v}' for k, v in settings.items())

    def test_files_come_back(self):
        sizes = [0, 1, 8 * MIB, 8 * MIB + 1, 100 * MIB]
        contents = [bytes(hashlib.shake_256(b'%d' % size).digest(MIB) * (size // MIB + 1))[:size]
                    for size in sizes]
        with Server('--store', self.store(), in_bucket=True) as server:
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
            self.assertLess(server.peak_rss_kib(), 256 * 1024)

    def assertGone(self, server, where, content):
        """The same bytes, and nothing behind them once they are deleted."""
        url = where if where.startswith('http') else server.base + where
        got = requests.get(url, timeout=120)
        self.assertEqual(hashlib.sha256(got.content).digest(), hashlib.sha256(content).digest())
        self.assertIn(requests.delete(url, timeout=60).status_code, (200, 204))
        self.assertEqual(requests.get(url, timeout=60).status_code, 404)

    def test_what_is_wrong_is_said(self):
        keys = (self.where['S3_KEY'], self.where['S3_SECRET'])
        self.assertIn('bucket', refusal(self.store('missing'), keys))
        self.assertIn('secret', refusal(self.store(), (keys[0], 'not the one')))
        self.assertIn('access key', refusal(self.store(), ('nobody', keys[1])))


if __name__ == '__main__':
    main(__name__)
