"""tools/lib/test_summary.py counts the cases of each kind of test program.

Environment: RERANKD_SOURCE_DIR.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["RERANKD_SOURCE_DIR"])
sys.path.insert(0, str(SOURCE / "tests" / "support"))
import gtest_style  # noqa: E402


def summary(*tests):
    """What it prints of a log with these tests, each (output, passed)."""
    log = ""
    for number, (output, passed) in enumerate(tests, 1):
        log += f"{number}/{len(tests)} Testing: program_{number}\n{output}\nTest {'Passed' if passed else 'Failed'}.\n"
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(log)
        file.flush()
        return subprocess.run([sys.executable, SOURCE / "tools" / "lib" / "test_summary.py", file.name],
                              capture_output=True, text=True, check=True).stdout


class TestSummaryTest(unittest.TestCase):
    def test_a_program_that_reports_no_case_is_one(self):
        self.assertIn("1 passed, 1 failed, 0 skipped", summary(("", True), ("boom", False)))

    def test_googletest(self):
        output = ("[ RUN      ] A.B\n[       OK ] A.B (0 ms)\n[ RUN      ] A.C\nfile.cc:3: Skipped\nno network\n\n"
                  "[  SKIPPED ] A.C (0 ms)\n[ RUN      ] A.D\n[  FAILED  ] A.D (1 ms)")
        printed = summary((output, False))
        self.assertIn("1 passed, 1 failed, 1 skipped", printed)
        self.assertIn("program_1: A.C: no network", printed)

    def test_pytest(self):
        output = """tests/test_a.py .sFE                                        [100%]
=========================== short test summary info ============================
PASSED tests/test_a.py::test_one[with - dash]
PASSED tests/test_a.py::test_two
SKIPPED tests/test_a.py::test_three - Skipped: needs the Python package x - or y
FAILED tests/test_a.py::test_four - AssertionError: PASSED tests/test_a.py::test_five
ERROR tests/test_b.py - ImportError
============= 1 failed, 2 passed, 1 skipped, 1 error in 0.04s =============="""
        printed = summary((output, False))
        self.assertIn("2 passed, 2 failed, 1 skipped", printed)
        self.assertIn("program_1: tests/test_a.py::test_three: needs the Python package x - or y\n", printed)

    def test_pytest_that_ended_before_it_could_report_failed(self):
        self.assertIn("0 passed, 1 failed, 0 skipped", summary(("ERROR: usage", False)))

    def test_a_script_that_is_skipped(self):
        self.assertIn("0 passed, 0 failed, 1 skipped", summary(("SKIPPED: no such tool", True)))


if __name__ == "__main__":
    gtest_style.main()
