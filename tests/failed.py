"""failed.py REPORT: the failed tests of a JUnit report of ctest, each with the end of what it said.

A log of CI is long and may be cut: what decides stands at its end.
"""
import sys
import xml.etree.ElementTree as xml

LINES = 12  # an assertion with its values, or the top of a sanitizer's stack

for test in xml.parse(sys.argv[1]).getroot().iter('testcase'):
    if test.get('status') == 'fail':
        print('    ' + test.get('name'))
        for line in (test.findtext('system-out') or '').splitlines()[-LINES:]:
            print('      | ' + line)
