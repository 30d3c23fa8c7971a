"""tools/lib/test_summary.py on what each test runner writes. Environment: RERANKD_SOURCE_DIR."""
import os
import pathlib
import sys
import unittest

SOURCE = pathlib.Path(os.environ["RERANKD_SOURCE_DIR"])
sys.path[:0] = [str(SOURCE / "tests" / "support"), str(SOURCE / "tools" / "lib")]
import gtest_style  # noqa: E402
from test_summary import Summary  # noqa: E402


def read(log):
    summary = Summary()
    for line in f"1/2 Testing: some_test\n{log}".splitlines():
        summary.read(line)
    return summary


class TestSummaryTest(unittest.TestCase):
    def expect(self, log, passed, failed, skipped=()):
        summary = read(log)
        self.assertEqual(summary.counts, {"OK": passed, "FAILED": failed, "SKIPPED": len(skipped)})
        self.assertEqual(summary.skipped, [(f"some_test: {case}", why) for case, why in skipped])

    def test_googletest(self):
        self.expect("""\
[ RUN      ] A.Works
[       OK ] A.Works (1 ms)
[ RUN      ] A.Breaks
[  FAILED  ] A.Breaks, where GetParam() = 3 (2 ms)
[ RUN      ] A.Waits
a_test.cc:3: Skipped
no model
here
[  SKIPPED ] A.Waits (0 ms)
Test Failed.""", 1, 1, [("A.Waits", "no model here")])

    def test_go(self):
        self.expect("""\
=== RUN   TestWorks
--- PASS: TestWorks (0.05s)
    --- PASS: TestWorks/in_part (0.02s)
=== RUN   TestWaits
    server_test.go:39: no server
--- SKIP: TestWaits (0.00s)
--- FAIL: TestBreaks (1.00s)
FAIL
Test Failed.""", 2, 1, [("TestWaits", "no server")])

    def test_node(self):
        self.expect("""\
TAP version 13
ok 1 - plain \\# hash
  ---
  duration_ms: 0.75
  ...
ok 2 - waits # SKIP no server
    ok 1 - inner
    not ok 2 - breaks
      ---
      failureType: 'testCodeFailure'
      ...
not ok 3 - suite
  ---
  type: 'suite'
  ...
not ok 4 - later # TODO some day
1..4
# pass 2
Test Failed.""", 2, 1, [("waits", "no server"), ("later", "some day")])

    def test_surefire(self):
        self.expect("""\
[INFO] Running rerankd.ClientTest
[ERROR] Tests run: 6, Failures: 1, Errors: 1, Skipped: 1, Time elapsed: 0.9 s <<< FAILURE! -- in rerankd.ClientTest
[INFO] Tests run: 2, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.1 s -- in rerankd.RetryTest
[ERROR] Tests run: 8, Failures: 1, Errors: 1, Skipped: 1
Test Failed.""", 5, 2, [("rerankd.ClientTest", "see its report")])

    def test_pytest(self):
        self.expect("""\
tests/test_a.py .sFE                                        [100%]
=========================== short test summary info ============================
PASSED tests/test_a.py::test_one[with - dash]
PASSED tests/test_a.py::test_two
SKIPPED tests/test_a.py::test_three - Skipped: needs the package x - or y
FAILED tests/test_a.py::test_four - AssertionError: PASSED tests/test_a.py::test_five
ERROR tests/test_b.py - ImportError
============= 1 failed, 2 passed, 1 skipped, 1 error in 0.04s ==============
Test Failed.""", 2, 2, [("tests/test_a.py::test_three", "needs the package x - or y")])
        self.expect("ERROR: usage: pytest [options]\nTest Failed.", 0, 1)

    def test_a_script_that_skips_counts_once(self):
        self.expect("SKIPPED: go is not installed\nTest Passed.", 0, 0, [("all of it", "go is not installed")])

    def test_what_reports_no_cases_counts_as_one(self):
        self.expect("anything\nTest Passed.", 1, 0)
        self.expect("anything\nTest Failed.", 0, 1)
        self.expect("Unable to find executable: x\nTest Passed.", 0, 1)

    def test_a_program_that_breaks_after_its_cases_has_failed(self):
        self.expect("[       OK ] A.Works (1 ms)\nTest Failed.", 1, 1)


if __name__ == "__main__":
    gtest_style.main()
