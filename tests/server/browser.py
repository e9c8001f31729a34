"""Headless Chromium, driven with Selenium. MISSING says what it lacks here, if anything."""
import shutil
import tempfile

from support import find

CHROMIUM = shutil.which('chromium')
DRIVER = shutil.which('chromedriver')
MISSING = ('' if CHROMIUM else 'chromium is missing: package chromium') or \
    ('' if DRIVER else 'chromedriver is missing: package chromium-driver') or \
    ('' if find('selenium') else 'Python module selenium is missing: package python3-selenium')
FLAGS = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
         '--disable-background-networking', '--disable-component-update', '--disable-sync',
         '--disable-dev-shm-usage']


def start(test, width=1000, height=800):
    """A browser of one's own, with an empty profile; it ends with `test`."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    profile = tempfile.TemporaryDirectory()
    test.addCleanup(profile.cleanup)
    for flag in [*FLAGS, f'--user-data-dir={profile.name}', f'--window-size={width},{height}']:
        options.add_argument(flag)
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
    driver = webdriver.Chrome(service=Service(DRIVER), options=options)
    test.addCleanup(driver.quit)
    return driver
