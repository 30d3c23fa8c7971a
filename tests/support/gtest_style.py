"""Runs unittest cases and reports them in GoogleTest's format, which tools/lib/test_summary.py counts
case by case and lists with the reason of each that was skipped."""
import sys
import time
import unittest


class _Result(unittest.TestResult):
    def startTest(self, test):
        super().startTest(test)
        self.name = f"{type(test).__name__}.{test._testMethodName}"
        self.started = time.monotonic()
        self.outcome = "OK"
        print(f"[ RUN      ] {self.name}", flush=True)

    def stopTest(self, test):
        super().stopTest(test)
        milliseconds = int((time.monotonic() - self.started) * 1000)
        print(f"[{self.outcome:>9} ] {self.name} ({milliseconds} ms)", flush=True)

    def addError(self, test, err):
        super().addError(test, err)
        self.fail(self.errors)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.fail(self.failures)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.fail(self.failures or self.errors)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.outcome = "SKIPPED"
        print(f"{__file__}: Skipped\n{reason}")

    def fail(self, reports):
        self.outcome = "FAILED"
        print(reports[-1][1])


def main():
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    result = _Result()
    suite.run(result)
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)
