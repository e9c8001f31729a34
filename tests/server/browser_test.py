"""The upload page in a real browser: headless Chromium, driven with Selenium.

Screenshots go to $UPSTOW_ARTIFACTS, or to a folder "screenshots" where the test runs.
"""
import hashlib
import os
import pathlib
import re
import sys
import tempfile
import unittest

from support import MIB, Server, content, data_files, main, need, sha256_of, until

selenium = need('selenium', 'python3-selenium')
import browser  # noqa: E402
from selenium.common.exceptions import StaleElementReferenceException  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

requests = need('requests', 'python3-requests')

ARTIFACTS = pathlib.Path(os.environ.get('UPSTOW_ARTIFACTS', 'screenshots')).resolve()

# Notes every value that the page shows while it uploads.
WATCH = """
window.seen = {files: [], overall: []};
new MutationObserver(() => {
  for (const bar of document.querySelectorAll('#uploads progress')) seen.files.push(bar.value);
  seen.overall.push(document.getElementById('overall-bar').value);
}).observe(document.body, {subtree: true, childList: true, attributes: true, characterData: true});
"""

COUNT_UPLOADS = """
window.uploadsBegun = 0;
const open = XMLHttpRequest.prototype.open;
XMLHttpRequest.prototype.open = function (...all) {
  uploadsBegun += 1;
  return open.apply(this, all);
};
"""

AVATAR = pathlib.Path(__file__).parents[2] / 'examples/server/avatar.policy.json'
JPEG = bytes.fromhex('ffd8ffe000104a46494600010100000100010000ffc0000b080010001001011100')
PNG = bytes.fromhex('89504e470d0a1a0a0000000d49484452000000100000001008060000001ff3ff61')

DROP = """
const transfer = new DataTransfer();
transfer.items.add(new File(['dropped by hand'], 'dropped "ä".txt', {type: 'text/plain'}));
for (const kind of ['dragenter', 'dragover', 'drop']) {
  document.getElementById('form').dispatchEvent(
      new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer: transfer}));
}
"""


@unittest.skipIf(browser.MISSING, browser.MISSING)
class Page(unittest.TestCase):

    def setUp(self):
        self.work = tempfile.TemporaryDirectory()
        self.addCleanup(self.work.cleanup)
        ARTIFACTS.mkdir(parents=True, exist_ok=True)

    def serve(self, *options):
        server = Server('--fsync', 'none', *options)
        self.addCleanup(server.kill)
        return server

    def browse(self, width=1000, height=800, dark=False):
        driver = browser.start(self, width, height)
        driver.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', {
            'width': width, 'height': height, 'deviceScaleFactor': 1, 'mobile': width < 500})
        driver.execute_cdp_cmd('Emulation.setEmulatedMedia', {
            'features': [{'name': 'prefers-color-scheme', 'value': 'dark' if dark else 'light'}]})
        return driver

    def throttle(self, driver, rate):
        driver.execute_cdp_cmd('Network.enable', {})
        driver.execute_cdp_cmd('Network.emulateNetworkConditions', {
            'offline': False, 'latency': 0, 'downloadThroughput': -1, 'uploadThroughput': rate})

    def file(self, name, data):
        path = pathlib.Path(self.work.name, name)
        path.write_bytes(data)
        return str(path)

    def choose(self, driver, *paths):
        driver.find_element(By.ID, 'pick').send_keys('\n'.join(paths))

    def attribute(self, driver, name):
        return driver.find_element(By.ID, 'pick').get_attribute(name)

    def texts(self, driver, selector):
        """None at all while the page is being replaced: an element found may be gone when read."""
        try:
            return [e.text for e in driver.find_elements(By.CSS_SELECTOR, selector)]
        except StaleElementReferenceException:
            return []

    def assert_no_complaints(self, driver, *expected):
        """No script error, no blocked resource; answers with an error status are expected."""
        # DEBUG: hints to authors of forms, such as that a password should have a user name.
        complaints = [entry['message'] for entry in driver.get_log('browser')
                      if entry['level'] != 'DEBUG']
        self.assertEqual([c for c in complaints if not any(e in c for e in expected)], [])

    def shoot(self, driver, name):
        driver.save_screenshot(str(ARTIFACTS / f'{name}.png'))

    def test_three_files_with_progress(self):
        server = self.serve()
        driver = self.browse()
        driver.get(server.base)
        datas = {'größe "x".txt': content(5), 'two.bin': content(3 * MIB, 2),
                 '<img src=x onerror=alert(1)>.png': content(5 * MIB, 3)}
        paths = [self.file(name, data) for name, data in datas.items()]
        self.throttle(driver, 4 * MIB)
        driver.execute_script(WATCH)
        self.choose(driver, *paths)
        until(lambda: driver.execute_script('return seen.overall.some((v) => v > 20 && v < 90)'),
              'progress is shown')
        self.shoot(driver, 'uploading')
        until(lambda: len(self.texts(driver, '#uploads .stored')) == 3, 'three files stored', 60)
        until(lambda: len(self.texts(driver, '#files li')) == 3, 'three files listed')
        seen = driver.execute_script('return seen')
        self.assertGreater(len({v for v in seen['files'] if 0 < v < 100}), 2)
        self.assertGreater(len({v for v in seen['overall'] if 0 < v < 100}), 2)
        self.assertEqual(seen['overall'], sorted(seen['overall']), 'progress went back')
        self.assertEqual(set(self.texts(driver, '#uploads .verdict')), {'Stored'})
        self.assertIn('3 of 3 files', self.texts(driver, '#overall-text')[0])
        self.assertEqual(set(self.texts(driver, '#files .name')),
                         {name.replace('"', '%22') for name in datas})
        self.shoot(driver, 'stored')
        self.assertEqual({f['sha-256'] for f in requests.get(f'{server.base}/files', timeout=30)
                          .json()['files']}, {sha256_of([data]) for data in datas.values()})
        for link in driver.find_elements(By.CSS_SELECTOR, '#files a'):
            data = requests.get(link.get_attribute('href'), timeout=30).content
            self.assertIn(sha256_of([data]), {sha256_of([d]) for d in datas.values()})
        self.assert_no_complaints(driver)

    def test_refused_in_the_servers_words(self):
        """What only the server can see: a browser does not look into files."""
        server = self.serve('--max-size', '1MiB', '--allow', 'txt,png')
        driver = self.browse()
        driver.get(server.base)
        self.assertIn('1 MiB', self.texts(driver, '#rules')[0])
        self.assertIn('.png', self.texts(driver, '#rules')[0])
        self.assertEqual(self.attribute(driver, 'accept'), '.txt,.png')
        self.choose(driver, self.file('a.txt', b'fine'), self.file('text.png', b'no image'))
        until(lambda: len(self.texts(driver, '#uploads .failed')) == 1
              and len(self.texts(driver, '#uploads .stored')) == 1, 'verdicts')
        self.assertIn('The content of a file is not what its name or type says',
                      self.texts(driver, '#uploads .failed')[0])
        self.shoot(driver, 'refused')
        self.assertEqual(len(data_files(server)), 1)
        self.assert_no_complaints(driver, '415')

    def early(self, width=1000, options=('--policy', str(AVATAR))):
        """A page with rules, which counts its requests to /upload."""
        server = self.serve(*options)
        driver = self.browse(width)
        driver.get(server.base)
        driver.execute_script(COUNT_UPLOADS)
        rules = requests.get(f'{server.base}/policy', timeout=30).json()
        return server, driver, rules['fields'][0]['sentences']

    def assert_refused_early(self, server, driver, sentences):
        """One row for each, in the words of the policy, and nothing was asked of the server."""
        until(lambda: len(self.texts(driver, '#uploads .failed')) == len(sentences), 'verdicts')
        self.assertEqual(self.texts(driver, '#uploads .verdict'), ['Not sent'] * len(sentences))
        notes = [note.split(' - ', 1)[1] for note in self.texts(driver, '#uploads .note')]
        self.assertEqual(sorted(notes), sorted(sentences))
        self.assertIn(notes[0], driver.execute_script(
            "return document.getElementById('status').textContent"), 'it is read out')
        self.assertEqual(driver.execute_script('return uploadsBegun'), 0)
        self.assertNotIn('/upload', server.log())
        self.assert_no_complaints(driver)

    def test_early_each_rule(self):
        png = PNG + bytes(2 * MIB)
        rows = [('max_bytes', 'large.png', png), ('types', 'note.txt', b'a'),
                ('types', 'noname', b'a'), ('allow_empty', 'empty.png', b''),
                ('extensions', 'film.jfif', b'a'),  # to Chromium an image/jpeg
                ('denied_extensions', 'a.php.png', PNG)]
        for rule, name, data in rows:
            with self.subTest(name):
                server, driver, sentences = self.early()
                self.choose(driver, self.file(name, data))
                self.assert_refused_early(server, driver, [sentences[rule]])

    def test_early_too_many(self):
        policy = self.file(
            'strict.json', b'{"fields": [{"name": "scan", "is_file": true, "max_count": 2}]}')
        server, driver, sentences = self.early(options=('--policy', policy))
        self.assertEqual(sentences['max_count'], 'At most 2 files.')
        self.choose(driver, *[self.file(f'{i}.txt', b'x') for i in range(3)])
        self.assert_refused_early(server, driver, [sentences['max_count']] * 3)

    def test_early_per_file(self):
        """Of too many the first ones are sent where the policy takes what is good."""
        server, driver, sentences = self.early()
        self.choose(driver, *[self.file(f'{i}.png', PNG) for i in range(3)])
        until(lambda: len(self.texts(driver, '#uploads .stored')) == 2, 'two are stored')
        self.assertIn(sentences['max_count'], self.texts(driver, '#uploads .failed')[0])
        self.assertEqual(driver.execute_script('return uploadsBegun'), 2)
        self.assertEqual(len(data_files(server)), 2)

    def test_early_good_file_under_its_field(self):
        server, driver, _ = self.early()
        self.assertEqual(self.attribute(driver, 'accept'),
                         'image/png,image/jpeg,.png,.jpg,.jpeg')
        self.assertEqual(self.attribute(driver, 'name'), 'avatar')
        self.assertTrue(self.attribute(driver, 'multiple'))
        self.choose(driver, self.file('me.png', PNG + bytes(MIB - len(PNG))))  # N passes
        until(lambda: self.texts(driver, '#uploads .stored'), 'stored')
        self.assertEqual(driver.execute_script('return uploadsBegun'), 1)
        self.assertEqual(len(data_files(server)), 1)
        self.assert_no_complaints(driver)

    def test_early_looks(self):
        for width in (1200, 380):
            server, driver, sentences = self.early(width)
            self.choose(driver, self.file('holiday in the mountains.png', PNG + bytes(2 * MIB)),
                        self.file('notes.txt', b'a'))
            self.assert_refused_early(server, driver, [sentences['max_bytes'], sentences['types']])
            self.assertLessEqual(driver.execute_script('return document.body.scrollWidth'), width)
            self.shoot(driver, f'early-{width}')

    def test_without_the_description_the_server_decides(self):
        server = self.serve('--policy', str(AVATAR))
        driver = self.browse()
        driver.execute_cdp_cmd('Network.enable', {})
        driver.execute_cdp_cmd('Network.setBlockedURLs', {'urls': ['*/policy']})
        driver.get(server.base)
        self.choose(driver, self.file('note.txt', b'a'))
        until(lambda: self.texts(driver, '#uploads .failed'), 'a verdict')
        self.assertIn('Files of this type are not accepted here',
                      self.texts(driver, '#uploads .failed')[0])
        self.assert_no_complaints(driver, '415', 'ERR_BLOCKED_BY_CLIENT')

    def test_drop(self):
        server = self.serve()
        driver = self.browse()
        driver.get(server.base)
        driver.execute_script(DROP)
        until(lambda: self.texts(driver, '#uploads .stored'), 'the dropped file stored')
        file = requests.get(f'{server.base}/files', timeout=30).json()['files'][0]
        self.assertEqual(file['filename'], 'dropped %22ä%22.txt')
        self.assertEqual(file['sha-256'], sha256_of([b'dropped by hand']))
        self.assert_no_complaints(driver)

    def test_cancel(self):
        server = self.serve()
        driver = self.browse()
        driver.get(server.base)
        self.throttle(driver, MIB // 4)
        self.choose(driver, *[self.file(f'{i}.bin', content(4 * MIB, i)) for i in range(5)])
        until(lambda: any('%' in t for t in self.texts(driver, '#uploads .verdict')), 'it has begun')
        driver.find_element(By.CSS_SELECTOR, '#uploads li:last-child button').click()
        until(lambda: len(self.texts(driver, '#uploads .failed')) == 1, 'one is cancelled')
        driver.find_element(By.ID, 'cancel-all').click()
        until(lambda: self.texts(driver, '#uploads .verdict') == ['Cancelled'] * 5, 'all cancelled')
        until(lambda: server.log().count('client-gone') >= 1, 'the server noticed')
        until(lambda: server.files() == [], 'nothing stays')
        self.assert_no_complaints(driver)

    def test_delete_and_keyboard(self):
        server = self.serve()
        for name in ('first.txt', 'second.txt'):
            requests.put(f'{server.base}/upload/{name}', data=b'x', timeout=30)
        driver = self.browse()
        driver.get(server.base)
        until(lambda: len(self.texts(driver, '#files li')) == 2, 'the list')
        focused = []
        for _ in range(5):
            driver.switch_to.active_element.send_keys(Keys.TAB)
            element = driver.switch_to.active_element
            focused.append(element.get_attribute('aria-label') or element.text)
        self.assertEqual(focused[0], 'Choose files')
        self.assertRegex(focused[1], '^Download (first|second)')
        self.assertRegex(focused[2], '^Delete (first|second)')
        driver.switch_to.active_element.send_keys(Keys.ENTER)
        self.assertEqual(len(data_files(server)), 2)
        self.assertEqual(driver.switch_to.active_element.text, 'Sure?')
        driver.switch_to.active_element.send_keys(Keys.ENTER)
        until(lambda: len(self.texts(driver, '#files li')) == 1, 'one is gone')
        self.assertEqual(len(data_files(server)), 1)
        until(lambda: 'deleted' in driver.execute_script(
            "return document.getElementById('status').textContent"), 'it is read out')
        self.assert_no_complaints(driver)

    def test_phone_and_dark(self):
        server = self.serve('--allow', 'txt,jpg,image/*,text/*,application/octet-stream')
        requests.post(f'{server.base}/upload', timeout=30, files={
            'f': ('a-very-long-name-without-any-break-' + 'x' * 120 + '.txt', b'x' * 5000,
                  'text/plain')})
        requests.post(f'{server.base}/upload', timeout=30, files={
            'f': ('b.jpg', JPEG + content(MIB), 'image/jpeg')})
        for name, dark in (('phone', False), ('phone-dark', True)):
            driver = self.browse(360, 740, dark)
            driver.get(server.base)
            until(lambda: len(self.texts(driver, '#files li')) >= 2, 'the list')
            self.choose(driver, self.file('holiday photo.jpg', JPEG + content(50_000)))
            until(lambda: self.texts(driver, '#uploads .stored'), 'stored')
            self.assertLessEqual(driver.execute_script('return document.body.scrollWidth'), 360)
            self.shoot(driver, name)
            self.assert_no_complaints(driver)

    def test_token(self):
        server = self.serve('--token', 'geheim-123')
        driver = self.browse()
        driver.get(server.base)
        driver.find_element(By.NAME, 'token').send_keys('geheim-123' + Keys.ENTER)
        until(lambda: driver.find_elements(By.ID, 'pick'), 'the page')
        self.assertEqual(driver.current_url, server.base + '/')
        self.choose(driver, self.file('a.txt', b'x'))
        until(lambda: self.texts(driver, '#uploads .stored'), 'stored')
        self.assert_no_complaints(driver, '401')

    def test_without_javascript(self):
        server = self.serve()
        driver = self.browse()
        driver.execute_cdp_cmd('Emulation.setScriptExecutionDisabled', {'value': True})
        driver.get(server.base)
        self.shoot(driver, 'plain-form')
        data = content(100_000, 5)
        self.choose(driver, self.file('plain <b>.txt', data))
        driver.find_element(By.ID, 'send').click()
        until(lambda: any('plain _b_.txt' in t for t in self.texts(driver, 'body')), 'the answer')
        self.shoot(driver, 'plain-answer')
        link = driver.find_element(By.CSS_SELECTOR, 'li a').get_attribute('href')
        self.assertEqual(requests.get(link, timeout=30).content, data)


if __name__ == '__main__':
    sys.exit(main('__main__'))
