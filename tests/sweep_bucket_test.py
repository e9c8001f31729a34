"""upstow-sweep of a bucket: it says what is wrong, and aborts what is old enough and the library's.

Against moto with UPSTOW_TEST_FULL=1, where moto is installed.
"""
import datetime
import http.server
import os
import pathlib
import re
import subprocess
import sys
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / 'server'))
import support  # noqa: E402
from support import FULL, main  # noqa: E402

SECRET = 'a-secret-of-tests'


def sweep(store, *more, **environment):
    keys = {'AWS_ACCESS_KEY_ID': 'key', 'AWS_SECRET_ACCESS_KEY': SECRET}
    ran = subprocess.run([support.BINARY, store, *more], env={**os.environ, **keys, **environment},
                         timeout=120, capture_output=True, text=True, check=False)
    assert SECRET not in ran.stderr + ran.stdout, ran
    return ran


class Slips(unittest.TestCase):

    def said(self, code, store):
        ran = sweep(store)
        self.assertEqual(ran.returncode, code, ran)
        self.assertEqual(ran.stdout, '')
        return ran.stderr

    def test_what_cannot_be_read(self):
        for wrong in ('s3:', 's3:/uploads', 's3://', 's3:///prefix', 's3://b/p?endpoint',
                      's3://b/p?region=', 's3://b?endpiont=x'):
            self.assertIn('wants s3://BUCKET/PREFIX', self.said(2, wrong), wrong)
        self.assertIn('service must be one of', self.said(1, 's3://uploads?service=cepf'))
        self.assertIn('no valid name', self.said(1, 's3://up loads?endpoint=http://127.0.0.1:1'))

    def test_no_keys(self):
        ran = subprocess.run([support.BINARY, 's3://uploads?endpoint=http://127.0.0.1:1'],
                             env={'HOME': '/nonexistent'}, timeout=120, capture_output=True, text=True,
                             check=False)
        self.assertEqual(ran.returncode, 1)
        self.assertIn('AWS_ACCESS_KEY_ID', ran.stderr)


class Service(http.server.ThreadingHTTPServer):
    """Answers as a script says: (method, a piece of the target) -> (status, body); the last that fits."""

    def __init__(self, script):
        self.script, self.asked, self.lock = script, [], threading.Lock()
        super().__init__(('127.0.0.1', 0), Answer)
        self.endpoint = f'http://127.0.0.1:{self.server_address[1]}'

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={'poll_interval': 0.01}).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def answer(self):
        with self.server.lock:
            self.server.asked.append((self.command, self.path))
        status, body = 404, '<Error><Code>NoSuchKey</Code></Error>'
        for (method, target), said in self.server.script.items():
            if method == self.command and target in self.path:
                status, body = said
        content = body.encode()
        self.send_response(status)
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_DELETE = answer

    def log_message(self, *_):
        pass


def upload(key, hours):
    begun = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=hours)
    return (f'<Upload><Key>{key}</Key><UploadId>{key.rsplit("/", 1)[-1]}-id</UploadId>'
            f'<Initiated>{begun:%Y-%m-%dT%H:%M:%S.000Z}</Initiated></Upload>')


NO_OBJECTS = (200, '<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>')
UPLOADS = (200, '<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>' +
           upload('files/old', 25) + upload('files/young', 1) + upload('files/UPPER?', 25) +
           upload('others/old', 25) + '</ListMultipartUploadsResult>')


class Scripted(unittest.TestCase):

    def swept(self, script, *more):
        usual = {('GET', 'list-type=2'): NO_OBJECTS, ('GET', 'uploads='): UPLOADS,
                 ('DELETE', '/uploads/'): (204, '')}
        with Service({**usual, **script}) as service:
            ran = sweep(f's3://uploads/files?endpoint={service.endpoint}', *more)
            return ran, [target for method, target in service.asked if method == 'DELETE']

    def test_what_is_old_enough_and_ours(self):
        ran, deleted = self.swept({})
        self.assertEqual((ran.returncode, ran.stdout), (0, 'removed 1\n'), ran)
        self.assertEqual(deleted, ['/uploads/files/old?uploadId=old-id'])

    def test_an_age_below_a_day_is_taken_by_its_word(self):
        ran, deleted = self.swept({}, '--older-than', '30m')
        self.assertEqual((ran.returncode, ran.stdout), (0, 'removed 2\n'), ran)
        self.assertEqual(len(deleted), 2)

    def test_what_may_not_be_removed_is_said(self):
        ran, _ = self.swept({('DELETE', '/uploads/'): (403, '<Error><Code>AccessDenied</Code></Error>')})
        self.assertEqual((ran.returncode, ran.stdout), (1, 'removed 0\n'), ran)
        self.assertIn('s3:AbortMultipartUpload', ran.stderr)

    def test_a_clock_that_stays_wrong(self):
        skewed = '<Error><Code>RequestTimeTooSkewed</Code></Error>'
        ran, deleted = self.swept({('GET', '/uploads?'): (403, skewed)})
        self.assertEqual((ran.returncode, deleted), (1, []), ran)
        self.assertIn('set the clock', ran.stderr)

    def test_a_redirect_to_another_region(self):
        moved = '<Error><Code>PermanentRedirect</Code></Error>'
        ran, deleted = self.swept({('GET', '/uploads?'): (301, moved)})
        self.assertEqual((ran.returncode, deleted), (1, []), ran)
        self.assertIn('set the region, and the endpoint', ran.stderr)

    def test_a_region_that_the_service_names(self):
        wrong = ('<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>')
        ran, deleted = self.swept({('GET', '/uploads?'): (400, wrong)})
        self.assertEqual((ran.returncode, deleted), (1, []), ran)
        self.assertIn('region=eu-west-1', ran.stderr)


@unittest.skipUnless(FULL, 'only with UPSTOW_TEST_FULL=1')
class Moto(unittest.TestCase):

    def test_an_upload_that_was_left_is_aborted(self):
        requests = support.need('requests', 'python3-requests')
        moto = subprocess.Popen([sys.executable, HERE / 'services/start_moto'], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (moto.stdin.close(), moto.wait(60), moto.stdout.close()))
        where = dict(line.rstrip('\n').split('=', 1) for line in (moto.stdout.readline() for _ in '123')
                     if '=' in line)
        if 'S3_ENDPOINT' not in where:
            self.skipTest('no moto')
        url = f'{where["S3_ENDPOINT"]}/uploads'
        somebody = {'Authorization': 'AWS4-HMAC-SHA256 Credential=x/20200101/us-east-1/s3/aws4_request, '
                                     'SignedHeaders=host, Signature=x'}
        begun = requests.post(f'{url}/files/left?uploads', headers=somebody, timeout=60)
        self.assertEqual(begun.status_code, 200, begun.text)

        def open_uploads():
            listed = requests.get(f'{url}?uploads', headers=somebody, timeout=60).text
            return len(re.findall('<UploadId>', listed))

        self.assertEqual(open_uploads(), 1)
        # moto calls the beginning of every upload the same day of 2010.
        swept = sweep(f's3://uploads/files?endpoint={where["S3_ENDPOINT"]}')
        self.assertEqual(swept.stdout, 'removed 1\n', swept)
        self.assertEqual(open_uploads(), 0)


if __name__ == '__main__':
    main(__name__)
