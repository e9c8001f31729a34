"""A server with --clamd stores what ClamAV calls clean, and nothing else."""
import pathlib
import subprocess
import sys
import unittest

from support import MIB, Server, data_files, main, need

requests = need('requests', 'python3-requests')

START = pathlib.Path(__file__).resolve().parent.parent / 'services/start_clamd'
# In halves, so that no scanner takes this file for what it describes.
EICAR = rb'X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR' + rb'-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'


class Clamd:
    """ClamAV with one signature; ends with its standard input."""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, START], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        lines = [self.process.stdout.readline() for _ in range(3)]
        self.where = dict(line.rstrip('\n').split('=', 1) for line in lines if '=' in line)

    def end(self):
        self.process.stdin.close()
        code = self.process.wait(60)
        self.process.stdout.close()
        return code


class Scanned(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.clamd = Clamd()
        if 'CLAMD_SOCKET' not in cls.clamd.where:
            code = cls.clamd.end()
            raise unittest.SkipTest('no clamd') if code == 77 else AssertionError(code)

    @classmethod
    def tearDownClass(cls):
        cls.clamd.end()

    def post(self, server, *files):
        return requests.post(f'{server.base}/upload', timeout=60,
                             files=[('file', (f'{i}.txt', data)) for i, data in enumerate(files)])

    def test_clean_and_infected(self):
        for address in (self.clamd.where['CLAMD_SOCKET'],
                        '127.0.0.1:' + self.clamd.where['CLAMD_PORT']):
            with Server('--fsync', 'none', '--clamd', address) as server:
                good = self.post(server, b'clean', b'x' * 100_000)
                self.assertEqual(good.status_code, 200, good.text)
                self.assertEqual(len(data_files(server)), 2)
                bad = self.post(server, b'clean', EICAR)
                self.assertEqual(bad.status_code, 422)
                self.assertEqual(bad.json()['name'], 'malware')
                self.assertEqual(bad.json()['value'], 'Test.Eicar.UNOFFICIAL')
                put = requests.put(f'{server.base}/upload/a.txt', data=EICAR, timeout=60)
                self.assertEqual(put.json()['name'], 'malware')
                self.assertEqual(len(data_files(server)), 2)

    def test_too_large_to_scan(self):
        with Server('--fsync', 'none', '--clamd', self.clamd.where['CLAMD_SOCKET']) as server:
            answer = self.post(server, b'x' * (2 * MIB))  # above StreamMaxLength
            self.assertEqual(answer.json()['name'], 'scan-too-large')
            self.assertEqual(answer.status_code, 413)
            self.assertEqual(data_files(server), [])

    def test_no_scanner_no_upload(self):
        with Server('--fsync', 'none', '--clamd', '/nowhere/clamd.ctl') as server:
            answer = self.post(server, b'clean')
            self.assertEqual(answer.status_code, 503)
            self.assertEqual(answer.json()['name'], 'scan-unavailable')
            self.assertEqual(data_files(server), [])


if __name__ == '__main__':
    sys.exit(main('__main__'))
