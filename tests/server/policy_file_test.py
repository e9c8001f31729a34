"""The policy in a file: what is read, what is refused with which words, and GET /policy."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import support
from support import Server, data_files, form, form_type, main, need

requests = need('requests', 'python3-requests')

ROOT = pathlib.Path(__file__).parents[2]
AVATAR = ROOT / 'examples/server/avatar.policy.json'
PNG = bytes.fromhex('89504e470d0a1a0a0000000d49484452000000100000001008060000001ff3ff61')

SIZES = 'a size, such as 500000, "64 MiB" or "unlimited"'
FILES = '"files" wants a whole number from 0 to 4294967295, not'

# What a person may write, and what the server says to it.
REFUSED = [
    # Slips of the fingers, on the line where they are.
    ('{"limits": {"total_bytes": "3 MiB"},\n\n"fields": [\n  {"name": "a",\n\n\n"max_byte": 5}]}',
     'line 7: unknown key "max_byte"; did you mean "max_bytes"?'),
    ('{\n"feilds": []}', 'line 2: unknown key "feilds"; did you mean "fields"?'),
    ('{"pace": {"idel": 5}}', 'line 1: unknown key "idel"; did you mean "idle"?'),
    ('{"dialect":\r\n{"tolerate":\r\n[]}}',
     'line 2: unknown key "tolerate"; did you mean "tolerated"?'),
    ('{"colour": 1}', 'line 1: unknown key "colour"'),
    ('{"": 1}', 'line 1: unknown key ""'),
    ('{"\\u001b[2J\\u202e": 1}', r'line 1: unknown key "\x1b[2J\xe2\x80\xae"'),
    # Which of the two counts?
    ('{"max_pixels": 1,\n"max_pixels": 2}', 'line 2: key "max_pixels" is there twice'),
    ('{"fields": [{"name": "a",\n"name": "b"}]}', 'line 2: key "name" is there twice'),
    # Another kind of value. A number ends its line.
    ('{"limits": {"files": -1\n}}', f'line 1: {FILES} -1'),
    ('{"limits": {"files":\n1.5\n}}', f'line 2: {FILES} 1.5'),
    ('{"limits": {"files": 1e2}}', f'line 1: {FILES} 1e2'),
    ('{"limits": {"files": "7"}}', f'line 1: {FILES} "7"'),
    ('{"limits": {"files": 4294967296}}', f'line 1: {FILES} 4294967296'),
    ('{"limits": {"files": "unlimited"}}', f'line 1: {FILES} "unlimited"'),
    ('{"limits": {"total_bytes": -5}}', f'line 1: "total_bytes" wants {SIZES}, not -5'),
    ('{"limits": {"total_bytes": 9223372036854775808}}',
     f'line 1: "total_bytes" wants {SIZES}, not 9223372036854775808'),
    # The numbers that mean "unlimited" and "inherited" in C++ mean nothing here.
    ('{"limits": {"total_bytes": 18446744073709551615}}',
     f'line 1: "total_bytes" wants {SIZES}, not 18446744073709551615'),
    ('{"limits": {"total_bytes": 99999999999999999999}}',
     f'line 1: "total_bytes" wants {SIZES}, not 99999999999999999999'),
    ('{"limits": {\n"total_bytes": 1e999}}',
     'line 2: "total_bytes" has a number that is too large'),
    ('{"limits": {"total_bytes": "10 parsecs"}}',
     f'line 1: "total_bytes" wants {SIZES}, not "10 parsecs"'),
    ('{"limits": {"total_bytes": "10 "}}', f'line 1: "total_bytes" wants {SIZES}, not "10 "'),
    ('{"limits": {"total_bytes": "inherited"}}',
     f'line 1: "total_bytes" wants {SIZES}, not "inherited"'),
    ('{"limits": {"total_bytes": null}}', f'line 1: "total_bytes" wants {SIZES}, not null'),
    ('{"limits": []}', 'line 1: "limits" wants an object, not a list'),
    ('{"types": "image/png"}', 'line 1: "types" wants a list of texts, not "image/png"'),
    ('{"types": ["image/png",\n5]}', 'line 2: "types" wants a list of texts, not 5'),
    ('{"require_utf8": 0}', 'line 1: "require_utf8" wants true or false, not 0'),
    ('{"max_pixels": "16MB"}',
     'line 1: "max_pixels" wants a whole number of pixels or "unlimited", not "16MB"'),
    ('{"pace": {"total": -5}}', 'line 1: "total" wants whole seconds from 0 to 1000000000, not -5'),
    ('{"unknown": "rejct"}', 'line 1: "unknown" wants "reject", "ignore" or "accept", not "rejct"'),
    ('{"decoders": ["br"]}', re.compile('line 1: "decoders" wants .*, not "br"')),
    ('{"dialect": {"tolerated": ["lf-lines"]}}',
     re.compile('line 1: "tolerated" wants "preamble", .* or "unquoted_boundary", not "lf-lines"')),
    ('{"fields": [\n{"is_file": true}]}', 'line 2: a field needs a "name"'),
    ('{"fields": [{"name": {}}]}', 'line 1: "name" wants a text, not an object'),
    ('[]', 'line 1: a policy is an object, not a list'),
    # No JSON.
    ('{"types": [],\n }', "line 2, column 2: syntax error while parsing object key - unexpected "
     "'}'; expected string literal"),
    ('{"limits": {"total_bytes": unlimited}}',
     'line 1, column 28: syntax error while parsing value - invalid literal'),
    ('{"a": 1', "line 1, column 8: syntax error while parsing object - unexpected end of input; "
     "expected '}'"),
    ('[' * 100_000, 'line 1: lists and objects are nested too deeply'),
    # What policy::check() says.
    ('{"limits": {"total_bytes": 5}, "fields": [{"name": "a", "max_bytes": "1 KiB"}]}',
     'field "a" may have 1024 bytes, but the whole body only 5; raise limits.total_bytes, or lower '
     'max_bytes'),
    ('{"types": ["png"]}', 'types has "png"; write "type/subtype" or "type/*" in lower case'),
    ('{"dialect": {"form": false}}',
     'dialect.form is false, but rules are for the named parts of a form; set it, or read other '
     'types with multipart_parser'),
    ('{"limits": {"files": 0}, "fields": [{"name": "a", "is_file": true, "required": true}]}',
     '1 required files are more than limits.files (0); raise that, or require less'),
    (' ' * ((1 << 20) + 1), 'a policy may have 1 MiB at most'),
]

# Every member, none as the library has it.
EVERYTHING = {
    'limits': {'total_bytes': '2 GiB', 'file_bytes': '1GiB', 'field_bytes': 1000,
               'text_bytes': '2MB', 'record_bytes': 'unlimited', 'parts': 50, 'files': 40,
               'fields': 30, 'part_headers': 8, 'part_header_bytes': '8 KiB', 'name_bytes': 100,
               'filename_bytes': 200, 'refused_bytes': 'unlimited', 'preamble_bytes': 10,
               'padding_bytes': 5, 'expansion': 50},
    'dialect': {'tolerated': ['lf_lines', 'preamble'], 'form': True},
    'fields': [{'name': 'a', 'is_file': True, 'required': True, 'allow_empty': False,
                'min_bytes': '1 KiB', 'max_bytes': 'unlimited', 'min_count': 2, 'max_count': 3,
                'duplicates': 'first', 'types': ['image/png'], 'extensions': ['png'],
                'denied_extensions': ['exe'], 'content': 'refuse_unknown',
                'sniffed_types': ['image/*'], 'active_content': 'allow',
                'max_pixels': 'inherited'}],
    'unknown': 'ignore', 'types': ['text/plain'], 'extensions': ['txt'],
    'denied_extensions': ['bat'], 'content': 'off', 'sniffed_types': ['text/*'],
    'active_content': 'refuse', 'max_pixels': 99,
    'rejection': 'per_file', 'require_content_length': True, 'require_utf8': False,
    'decode_transfer_encoding': True, 'decoders': [],
    'pace': {'total': 600, 'idle': 20, 'min_rate': '1 KiB', 'rate_window': 10},
}


def members_of(header, struct):
    """The data members of a struct, as its header declares them."""
    text = (ROOT / 'include/upstow/check' / header).read_text()
    body = re.search(rf'\nstruct {struct} {{\n(.*?)\n}};', text, re.S)[1]
    body = re.sub(r'//.*', '', body)
    return set(re.findall(r'^  [\w:<>]+ (\w+)\s*(?:=[^;]*|{[^;]*})?;', body, re.M))


class PolicyFile(unittest.TestCase):

    def setUp(self):
        self.work = tempfile.TemporaryDirectory()
        self.addCleanup(self.work.cleanup)

    def file(self, text):
        path = pathlib.Path(self.work.name, 'policy.json')
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def complaint(self, *options):
        """What the server says instead of starting; it must not have made its directory."""
        uploads = pathlib.Path(self.work.name, 'uploads')
        # An address of nobody's: a policy that was taken by mistake ends there and is seen at once.
        done = subprocess.run([support.BINARY, '--bind', '192.0.2.1', '--insecure-open', '--dir',
                               str(uploads), *options], capture_output=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout), (2, b''), done.stderr)
        self.assertFalse(uploads.exists())
        self.assertTrue(done.stderr.startswith(b'upload_server: '), done.stderr)
        return done.stderr.decode().removeprefix('upload_server: ').rstrip('\n')

    def serve(self, policy):
        server = Server('--fsync', 'none', '--policy', policy)
        self.addCleanup(server.kill)
        return server

    def test_every_mistake_has_its_sentence(self):
        for text, expected in REFUSED:
            with self.subTest(text[:60]):
                path = self.file(text)
                said = self.complaint('--policy', path)
                self.assertTrue(said.startswith(path + ': '), said)
                sentence = said.removeprefix(path + ': ')
                if isinstance(expected, re.Pattern):
                    self.assertRegex(sentence, expected)
                else:
                    self.assertEqual(sentence, expected)

    def test_bytes_that_are_no_text(self):
        self.assertRegex(self.complaint('--policy', self.file(b'{"a\xff": 1}')),
                         'line 1, column 4: .*ill-formed UTF-8 byte$')

    def test_files_that_are_none(self):
        self.assertEqual(self.complaint('--policy', '/'), '/: Is a directory')
        self.assertRegex(self.complaint('--policy', self.work.name + '/none'), 'No such file')
        self.assertRegex(self.complaint('--policy', '/dev/zero'), '1 MiB at most')
        self.assertRegex(self.complaint('--policy='), 'wants a file')

    def test_two_sources_of_rules_contradict_each_other(self):
        for option in (['--max-size', '1MiB'], ['--allow=png']):
            for options in (['--policy', str(AVATAR), *option], [*option, '--policy', str(AVATAR)]):
                said = self.complaint(*options)
                self.assertRegex(said, f'^{option[0].split("=")[0]} and --policy contradict')

    def test_every_member_is_read(self):
        server = self.serve(self.file(json.dumps(EVERYTHING)))
        told = requests.get(f'{server.base}/policy', timeout=30).json()
        self.assertEqual(told['limits'], {
            'total_bytes': 2 << 30, 'file_bytes': 1 << 30, 'field_bytes': 1000,
            'text_bytes': 2_000_000, 'parts': 50, 'files': 40, 'fields': 30, 'name_bytes': 100,
            'filename_bytes': 200})
        self.assertEqual(told['rejection'], 'per_file')
        self.assertEqual(told['unknown_fields'], 'ignore')
        field = told['fields'][0]
        for name, value in {'name': 'a', 'kind': 'file', 'required': True, 'allow_empty': False,
                            'min_bytes': 1024, 'max_bytes': 2 << 30, 'min_count': 2,
                            'max_count': 3, 'duplicates': 'first', 'types': ['image/png'],
                            'extensions': ['png'], 'denied_extensions': ['bat', 'exe'],
                            'content': 'refuse_unknown', 'sniffed_types': ['image/*'],
                            'active_content': 'allow', 'max_pixels': 99}.items():
            self.assertEqual(field[name], value, name)

    def test_no_member_is_forgotten(self):
        """The headers are the list: a member that is new there is missed here."""
        policy = dict(EVERYTHING)
        rule = policy['fields'][0]
        self.assertEqual(members_of('policy.hpp', 'field_rule'), set(rule))
        self.assertEqual(members_of('policy.hpp', 'pace'), set(policy['pace']))
        self.assertEqual(members_of('policy.hpp', 'policy'), set(policy))
        self.assertEqual(members_of('../limits.hpp', 'limits'), set(policy['limits']))
        self.assertEqual(members_of('../parse/dialect.hpp', 'dialect'), set(policy['dialect']))

    def test_decoders_that_were_built(self):
        for coding in ('gzip', 'deflate', 'zstd'):
            path = self.file('{"decoders": ["%s"]}' % coding)
            done = subprocess.run([support.BINARY, '--policy', path, '--bind', '192.0.2.1',
                                   '--insecure-open', '--dir', self.work.name + '/d'],
                                  capture_output=True, timeout=60, check=False)
            if b'built without' in done.stderr:
                self.skipTest('the server was built without decoders')
            self.assertIn(b'cannot listen', done.stderr)


class Description(unittest.TestCase):

    def setUp(self):
        self.server = Server('--fsync', 'none', '--policy', str(AVATAR))
        self.addCleanup(self.server.kill)

    def test_the_route(self):
        answer = requests.get(f'{self.server.base}/policy', timeout=30)
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.headers['content-type'], 'application/json')
        self.assertEqual(answer.headers['cache-control'], 'no-store')
        self.assertEqual(answer.headers['x-content-type-options'], 'nosniff')
        self.assertEqual([f['name'] for f in answer.json()['fields']], ['avatar', 'bio'])
        head = requests.head(f'{self.server.base}/policy', timeout=30)
        self.assertEqual((head.status_code, head.text), (200, ''))
        wrong = requests.post(f'{self.server.base}/policy', timeout=30)
        self.assertEqual((wrong.status_code, wrong.headers['allow']), (405, 'GET, HEAD'))

    def test_the_guard_stands_before_it(self):
        stranger = requests.get(f'{self.server.base}/policy', headers={'Host': 'evil.example'},
                                timeout=30)
        self.assertEqual(stranger.status_code, 421)
        with Server('--policy', str(AVATAR), '--token', 'geheim') as locked:
            url = f'{locked.base}/policy'
            self.assertEqual(requests.get(url, timeout=30).status_code, 401)
            self.assertEqual(requests.get(url, headers={'Authorization': 'Bearer geheim'},
                                          timeout=30).status_code, 200)

    def test_the_rules_hold(self):
        def post(name, filename, data, kind):
            return requests.post(f'{self.server.base}/upload', timeout=30,
                                 files={name: (filename, data, kind)})
        self.assertEqual(post('avatar', 'a.png', PNG, 'image/png').status_code, 200)
        self.assertEqual(post('file', 'a.png', PNG, 'image/png').json()['name'], 'unknown-field')
        no = post('avatar', 'a.txt', b'a', 'text/plain').json()
        self.assertEqual((no['name'], no['field'], no['rule']),
                         ('type-not-allowed', 'avatar', 'types'))
        self.assertIn(no['rule'], requests.get(f'{self.server.base}/policy', timeout=30)
                      .json()['fields'][0]['sentences'])

    def test_a_raw_body_comes_under_the_field_for_files(self):
        url = f'{self.server.base}/upload/a.png'
        self.assertEqual(requests.put(url, data=PNG, headers={'Content-Type': 'image/png'},
                                      timeout=30).status_code, 201)
        no = requests.put(url, data=b'a', headers={'Content-Type': 'text/plain'}, timeout=30)
        self.assertEqual(no.json()['field'], 'avatar')

    def test_a_page_names_the_files_that_were_refused(self):
        body = form(('avatar', b'<b>.png', PNG), ('avatar', b'b&.txt', b'text'))
        body = body.replace(b'.png"\r\n', b'.png"\r\nContent-Type: image/png\r\n')
        page = requests.post(f'{self.server.base}/upload', data=body, timeout=30,
                             headers={'Content-Type': form_type(), 'Accept': 'text/html'})
        self.assertEqual(page.status_code, 200, page.text)
        self.assertEqual(len(re.findall('<li class="stored">', page.text)), 1)
        self.assertRegex(page.text, '<li class="failed">.*b&#38;.txt.*Files of this type')
        self.assertEqual(len(data_files(self.server)), 1)


if __name__ == '__main__':
    sys.exit(main('__main__'))
