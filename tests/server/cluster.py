"""A Ceph cluster of a test's own, and what its gateway says of unfinished uploads."""
import base64
import email.utils
import hmac
import os
import pathlib
import subprocess
import sys
import unittest
import urllib.parse
import urllib.request
import xml.etree.ElementTree

SERVICES = pathlib.Path(__file__).resolve().parent.parent / 'services'
KEYS = ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY')
PATIENCE = 180  # s: with an object server gone everything waits for a while


class Cluster:
    """Takes twenty seconds to start. SkipTest where Ceph is not installed, or what `script` starts."""

    def __init__(self, *options, script='start_ceph'):
        self.process = subprocess.Popen([sys.executable, SERVICES / script, *options], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        lines = [self.process.stdout.readline() for _ in range(3)]
        where = dict(line.rstrip('\n').split('=', 1) for line in lines if '=' in line)
        if 'S3_ENDPOINT' not in where:
            code = self.end()
            raise unittest.SkipTest(f'{script}: not installed') if code == 77 else AssertionError(code)
        self.endpoint, self.key, self.secret = (where[f'S3_{n}'] for n in ('ENDPOINT', 'KEY', 'SECRET'))
        os.environ.update(zip(KEYS, (self.key, self.secret)))

    def end(self):
        self.process.stdin.close()
        code = self.process.wait(60)
        self.process.stdout.close()
        return code

    def order(self, line):
        """"kill N" or "start N"; returns once that is done."""
        print(line, file=self.process.stdin, flush=True)
        assert self.process.stdout.readline() == line + '\n', line

    def store(self, bucket='uploads', prefix='files', **more):
        """What a server's --store is given."""
        settings = {'endpoint': self.endpoint, 'service': 'ceph', **more}
        return f's3://{bucket}/{prefix}?' + '&'.join(f'{k}={v}' for k, v in settings.items())

    def unfinished(self, prefix='files'):
        """Names of objects whose multipart upload is open, asked of the gateway by the oldest
        signature there is: it is a line long, and no code of the library is in it."""
        date = email.utils.formatdate(usegmt=True)
        signed = hmac.digest(self.secret.encode(), f'GET\n\n\n{date}\n/uploads?uploads'.encode(), 'sha1')
        query = urllib.parse.urlencode({'prefix': prefix + '/'})
        request = urllib.request.Request(f'{self.endpoint}/uploads?uploads&{query}', headers={
            'Date': date, 'Authorization': f'AWS {self.key}:{base64.b64encode(signed).decode()}'})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            tree = xml.etree.ElementTree.parse(answer)
        return [key.text for key in tree.iterfind('.//{*}Upload/{*}Key')]
