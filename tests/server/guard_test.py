"""Who may talk to the server: command lines, Host, Origin, tokens; and how it ends."""
import signal
import subprocess
import sys
import tempfile
import unittest

import support
from support import (CLOSING, Server, content, data_files, form, form_type, main, need, part_head,
                     read_answer, request_head, until)

requests = need('requests', 'python3-requests')


def run(*arguments, seconds=20):
    return subprocess.run([support.BINARY, *arguments], capture_output=True, timeout=seconds,
                          check=False, text=True)


class CommandLine(unittest.TestCase):

    def test_bad_command_lines(self):
        for arguments, says in [
                (['--nonsense'], '--nonsense'), (['stray'], 'stray'), (['--port'], '--port'),
                (['--port', '65536'], '--port'), (['--port', 'x'], '--port'),
                (['--port', '-1'], '--port'), (['--port', ''], '--port'),
                (['--bind', 'example.org'], '--bind'), (['--dir', ''], '--dir'),
                (['--max-size', '0'], '--max-size'), (['--max-size', '12XB'], '--max-size'),
                (['--max-size', '99999999999TiB'], '--max-size'), (['--allow', 'a,,b'], '--allow'),
                (['--allow', ''], '--allow'), (['--token', 'a b'], '--token'),
                (['--token', ''], '--token'), (['--max-connections', '0'], '--max-connections'),
                (['--threads', '0'], '--threads'), (['--threads', '257'], '--threads'),
                (['--host', ''], '--host'), (['--host', 'a:80'], '--host'), (['--host', 'a b'], '--host'),
                (['--host', 'http://a'], '--host'), (['--host', '[a]'], '--host'),
                (['--host', '[::1'], '--host'), (['--host', '*'], '--host'),
                (['--max-connections', '4294967296'], '--max-connections'),
                (['--max-connections', '1 '], '--max-connections'),
                (['--max-size', '-1'], '--max-size'), (['--max-size', '1.5GiB'], '--max-size'),
                (['--max-size', ''], '--max-size'), (['--max-size', 'MiB'], '--max-size'),
                (['--bind', ''], '--bind'), (['--bind', '127.1'], '--bind'),
                (['--token', 'x' * 513], '--token'), (['--token='], '--token'),
                (['--token', 'ä'], '--token'), (['--fsync'], '--fsync'), (['--bind'], '--bind'),
                (['--dir'], '--dir'), (['--max-size'], '--max-size'), (['--allow'], '--allow'),
                (['--token'], '--token'), (['--host'], '--host'), (['--threads'], '--threads'),
                (['--max-connections'], '--max-connections'), (['-x'], '-x'), (['--'], '--'),
                ([''], 'option'), (['--port=1', '--port'], '--port'), (['--fsync', 'maybe'], '--fsync'),
                (['--bind', '0.0.0.0'], '--token'), (['--bind', '::'], '--insecure-open'),
                (['--bind=192.0.2.1'], '--token'), (['--insecure-open=1'], '--insecure-open')]:
            with self.subTest(arguments=arguments):
                done = run(*arguments)
                self.assertEqual(done.returncode, 2)
                self.assertEqual(done.stdout, '')
                self.assertEqual(done.stderr.count('\n'), 1)
                self.assertIn(says, done.stderr)

    def test_bad_policy_is_a_sentence(self):
        done = run('--allow', 'php', '--port', '0', '--dir', '/nonexistent/x')
        self.assertEqual(done.returncode, 2)
        self.assertIn('php', done.stderr)

    def test_secret_is_not_repeated(self):
        self.assertNotIn('geheim', run('--token', 'geheim wort').stderr)

    def test_terminal_is_not_obeyed(self):
        self.assertNotIn('\x1b', run('--x\x1b[2J').stderr)

    def test_help(self):
        done = run('--help')
        self.assertEqual(done.returncode, 0)
        for option in ('--port', '--bind', '--dir', '--max-size', '--allow', '--token',
                       '--insecure-open', '--host', '--max-connections', '--threads', '--fsync'):
            self.assertIn(option, done.stdout)

    def test_directory_that_cannot_be_used(self):
        with tempfile.NamedTemporaryFile() as file:
            for path in (file.name, '/proc/nothing', '/nonexistent/deeper'):
                done = run('--port', '0', '--dir', path)
                self.assertEqual(done.returncode, 1)
                self.assertIn(path, done.stderr)

    def test_port_that_is_taken(self):
        with Server() as server, tempfile.TemporaryDirectory() as work:
            done = run('--port', str(server.port), '--dir', work)
            self.assertEqual(done.returncode, 1)
            self.assertIn(str(server.port), done.stderr)

    def test_first_lines(self):
        with Server() as server:
            self.assertEqual(server.first_line, f'listening on http://127.0.0.1:{server.port}/\n')
            self.assertIn('curl', server.process.stdout.readline().decode())


class Hosts(unittest.TestCase):
    """A page elsewhere whose name resolves to this machine must not reach it (DNS rebinding)."""

    def status(self, server, *headers, method='GET', path='/files', body=b''):
        with server.connect() as stream:
            lines = [f'{method} {path} HTTP/1.1', *headers, f'Content-Length: {len(body)}']
            stream.sendall('\r\n'.join([*lines, '', '']).encode() + body)
            return read_answer(stream)[0]

    def test_hosts(self):
        with Server('--host', 'uploads.example', '--host', 'Other.Example') as server:
            port = server.port
            for host, status in [
                    (f'127.0.0.1:{port}', 200), ('127.0.0.1', 200), (f'localhost:{port}', 200),
                    (f'LOCALHOST:{port}', 200), ('uploads.example', 200), ('other.example:1', 200),
                    (f'evil.example:{port}', 421), ('127.0.0.1.evil.example', 421), ('', 421),
                    (f'127.0.0.2:{port}', 421), (f'[::1]:{port}', 421), ('localhost:x', 421),
                    ('localhost.', 421), ('uploads.example.evil', 421), ('[localhost]', 421),
                    (f'[localhost]:{port}', 421), ('[127.0.0.1]', 421), ('[uploads.example]', 421),
                    ('[::ffff:127.0.0.1]', 200), ('localhost:', 200), (f'127.1:{port}', 421),
                    ('0x7f000001', 421), ('[]', 421), ('[', 421), ('localhost]', 421), (':80', 421),
                    ('[::ffff:127.0.0.1', 421), ('localhost:80:80', 421)]:
                with self.subTest(host=host):
                    self.assertEqual(self.status(server, f'Host: {host}'), status)
                    for path in ('/', '/app.js', '/nothing', '/files/abc'):
                        if status == 421:
                            self.assertEqual(self.status(server, f'Host: {host}', path=path), 421)

    def test_all_addresses(self):
        with Server('--bind', '0.0.0.0', '--insecure-open') as server:
            self.assertEqual(self.status(server, f'Host: 127.0.0.1:{server.port}'), 200)
            self.assertEqual(self.status(server, 'Host: evil.example'), 421)

    @unittest.skipUnless(support.has_ipv6(), 'this machine has no IPv6')
    def test_all_addresses_of_both_kinds(self):
        # The system calls an IPv4 client of such a socket ::ffff:127.0.0.1.
        with Server('--bind', '::', '--insecure-open') as server:
            port = server.port
            for host, status in [(f'127.0.0.1:{port}', 200), (f'localhost:{port}', 200),
                                 (f'[::ffff:127.0.0.1]:{port}', 200), (f'[::ffff:7f00:1]:{port}', 200),
                                 ('127.0.0.2', 421), ('[::1]', 421), ('evil.example', 421)]:
                with self.subTest(host=host):
                    self.assertEqual(self.status(server, f'Host: {host}'), status)
            answer = requests.get(f'http://[::1]:{port}/files', timeout=30)
            self.assertEqual(answer.status_code, 200)

    @unittest.skipUnless(support.has_ipv6(), 'this machine has no IPv6')
    def test_an_address_has_many_spellings(self):
        with Server('--bind', '0:0:0:0:0:0:0:1', '--host', '[FD00::1]') as server:
            for host, status in [('[::1]', 200), ('[0:0::1]', 200), ('::1', 421), ('[fd00:0::1]', 200),
                                 ('[fd00::2]', 421)]:
                answer = requests.get(f'http://[::1]:{server.port}/files', timeout=30,
                                      headers={'Host': host})
                self.assertEqual(answer.status_code, status, host)

    def test_writes_from_elsewhere(self):
        with Server('--fsync', 'none') as server:
            own = f'127.0.0.1:{server.port}'
            for headers, status in [
                    ([], 200), ([f'Origin: http://{own}'], 200), ([f'Origin: https://{own}'], 200),
                    (['Sec-Fetch-Site: same-origin'], 200), (['Sec-Fetch-Site: none'], 200),
                    (['Origin: null'], 403), (['Origin: http://evil.example'], 403),
                    (['Origin: http://127.0.0.1:1'], 403), (['Origin: http://127.0.0.1'], 403),
                    ([f'Origin: http://{own}.evil.example'], 403), (['Origin: '], 403),
                    ([f'Origin: ftp://{own}'], 403), (['Sec-Fetch-Site: cross-site'], 403),
                    (['Sec-Fetch-Site: same-site'], 403),
                    ([f'Origin: http://{own}', 'Sec-Fetch-Site: cross-site'], 403)]:
                with self.subTest(headers=headers):
                    body = form(('file', b'a.txt', b'x'))
                    before = data_files(server)
                    for method, path, good in [('POST', '/upload', 200), ('PUT', '/upload/x', 201),
                                               ('DELETE', '/files/nothing', 404)]:
                        got = self.status(server, f'Host: {own}', f'Content-Type: {form_type()}',
                                          *headers, method=method, path=path, body=body)
                        self.assertEqual(got, good if status == 200 else 403)
                    self.assertEqual(len(data_files(server)), len(before) + (2 if status == 200 else 0))


class Tokens(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.server = Server('--token', 'geheim-123', '--fsync', 'none')

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def test_every_route_asks(self):
        for method, path in [('GET', '/'), ('GET', '/app.js'), ('GET', '/app.css'), ('GET', '/files'),
                             ('POST', '/upload'), ('PUT', '/upload/x'), ('GET', '/files/abc'),
                             ('DELETE', '/files/abc'), ('GET', '/nothing'), ('HEAD', '/files')]:
            for authorization in (None, 'Bearer wrong', 'Bearer geheim-12', 'Bearer geheim-1234',
                                  'Basic geheim-123', 'geheim-123', 'Bearer ', 'Bearer'):
                headers = {} if authorization is None else {'Authorization': authorization}
                answer = requests.request(method, self.server.base + path, headers=headers, timeout=30)
                self.assertEqual(answer.status_code, 401, f'{method} {path} {authorization}')
                self.assertIn('Bearer', answer.headers['WWW-Authenticate'])

    def test_bearer(self):
        headers = {'Authorization': 'Bearer geheim-123'}
        answer = requests.post(f'{self.server.base}/upload', headers=headers, timeout=30,
                               files={'f': b'x'})
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(requests.get(f'{self.server.base}/files', headers=headers,
                                      timeout=30).status_code, 200)

    def test_two_of_them(self):
        """Of two, a proxy may have looked at the other one."""
        good, bad = 'Authorization: Bearer geheim-123', 'Authorization: Bearer wrong'
        for pair in ((good, bad), (bad, good), (good, good), (good, 'authorization: Basic x')):
            with self.server.connect() as stream:
                stream.sendall(request_head(self.server, None, 'GET', '/files', pair))
                self.assertEqual(read_answer(stream)[0], 401, pair)

    def test_spellings(self):
        for authorization, status in (
                ('bearer geheim-123', 200), ('BEARER geheim-123', 200), ('Bearer geheim-123 ', 200),
                ('Bearer\tgeheim-123', 401), ('Bearer GEHEIM-123', 401), ('Bearergeheim-123', 401),
                ('Bearer geheim-123, Bearer geheim-123', 401), ('Bearer "geheim-123"', 401),
                ('Bearer geheim-123geheim-123', 401), ('Bearer g', 401)):
            with self.server.connect() as stream:
                stream.sendall(request_head(self.server, None, 'GET', '/files',
                                            (f'Authorization: {authorization}',)))
                self.assertEqual(read_answer(stream)[0], status, authorization)

    def test_cookies(self):
        for cookie, status in (
                ('upload_token=geheim-123', 200), ('a=b; upload_token=geheim-123', 200),
                ('upload_token=wrong', 401), ('upload_token=', 401), ('upload_token', 401),
                ('xupload_token=geheim-123', 401), ('Upload_Token=geheim-123', 401),
                ('a=upload_token=geheim-123', 401), ('upload_token="geheim-123"', 401)):
            answer = requests.get(self.server.base + '/files', headers={'Cookie': cookie}, timeout=30)
            self.assertEqual(answer.status_code, status, cookie)

    def test_nothing_is_stored_or_told_without_it(self):
        before = self.server.files()
        for method, path in (('POST', '/upload'), ('PUT', '/upload/x'), ('GET', '/?token=wrong')):
            answer = requests.request(method, self.server.base + path, data=b'x' * 100_000, timeout=30)
            self.assertEqual(answer.status_code, 401)
            self.assertNotIn('Set-Cookie', answer.headers)
        self.assertEqual(self.server.files(), before)

    def test_browser_keeps_it_in_a_cookie(self):
        with requests.Session() as session:
            asked = session.get(self.server.base + '/', headers={'Accept': 'text/html'}, timeout=30)
            self.assertEqual(asked.status_code, 401)
            self.assertIn('name="token"', asked.text)
            wrong = session.get(self.server.base + '/?token=wrong', timeout=30)
            self.assertEqual(wrong.status_code, 401)
            self.assertNotIn('Set-Cookie', wrong.headers)
            right = session.get(self.server.base + '/?token=geheim-123', timeout=30,
                                allow_redirects=False)
            self.assertEqual(right.status_code, 303)
            self.assertEqual(right.headers['Location'], '/')
            cookie = right.headers['Set-Cookie']
            self.assertIn('HttpOnly', cookie)
            self.assertIn('SameSite=Strict', cookie)
            self.assertEqual(session.get(self.server.base + '/', timeout=30).status_code, 200)
            self.assertEqual(session.post(f'{self.server.base}/upload', files={'f': b'x'},
                                          timeout=30).status_code, 200)

    def test_token_in_the_query_is_for_the_page_alone(self):
        answer = requests.get(f'{self.server.base}/files?token=geheim-123', timeout=30)
        self.assertEqual(answer.status_code, 401)

    def test_token_is_not_in_the_log(self):
        requests.get(self.server.base + '/?token=geheim-123', timeout=30)
        self.assertNotIn('geheim-123', self.server.log())


class Ending(unittest.TestCase):

    def test_running_uploads_are_finished(self):
        data = content(5_000_000, 2)
        body = part_head() + data + CLOSING
        with Server('--fsync', 'none') as server, server.connect() as stream, \
                server.connect() as idle:
            idle.sendall(request_head(server, None, 'GET', '/files'))
            self.assertEqual(read_answer(idle)[0], 200)
            stream.sendall(request_head(server, len(body)) + body[:2_000_000])
            until(lambda: server.is_storing(2), 'the upload has begun')
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(idle.recv(1), b'')  # an idle connection ends at once
            with self.assertRaises(OSError):
                server.connect()
            stream.sendall(body[2_000_000:])
            status, headers, answer = read_answer(stream)
            self.assertEqual(status, 200, answer)
            self.assertEqual(headers.get('connection'), 'close')
            self.assertEqual(server.process.wait(20), 0)
            self.assertEqual(len(data_files(server)), 1)

    def test_uploads_that_do_not_end_are_given_up(self):
        with Server('--fsync', 'none') as server, server.connect() as stream:
            body = part_head() + content(1_000_000)
            stream.sendall(request_head(server, 5_000_000) + body)
            until(server.is_storing, 'the upload has begun')
            self.assertEqual(server.stop(20), 0)
            self.assertEqual(server.files(), [])

    def test_interrupt_is_like_terminate(self):
        with Server() as server:
            server.process.send_signal(signal.SIGINT)
            self.assertEqual(server.process.wait(20), 0)


if __name__ == '__main__':
    sys.exit(main('__main__'))
