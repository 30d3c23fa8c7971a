"""Says which cases of a ctest run were skipped and why, and how many passed, failed and were skipped.

Usage: test_summary.py BUILD/Testing/Temporary/LastTest.log
A test whose program writes a line a case counts with each of them: GoogleTest, `go test -v`,
`node --test --test-reporter=tap`, Maven's surefire (a line a class), `pytest -rA --no-fold-skipped`. Any other test, or a program that
ended before it could report, counts as one. A script says "SKIPPED: why" for all that it stands for.
"""
import re
import sys

GOOGLETEST = re.compile(r"^\[ +(OK|FAILED|SKIPPED) +\] (\S+?)(?:,.*)? \(\d+ ms\)$")
GO = re.compile(r"^ *--- (PASS|FAIL|SKIP): (\S+) \(\d+\.\d+s\)$")
TAP = re.compile(r"^ *(ok|not ok) \d+ - (.*?)(?: # (SKIP|TODO)\b ?(.*))?$")
SUREFIRE = re.compile(r"^\[\w+\] +Tests run: (\d+), Failures: (\d+), Errors: (\d+), Skipped: (\d+), .* in (\S+)$")
PYTEST = re.compile(r"^(PASSED|FAILED|ERROR|SKIPPED) (\S+\.py(?:::.+?)?)(?: - (.*))?$")
SCRIPT = re.compile(r"^SKIPPED: (.*)$")
TEST = re.compile(r"^\d+/\d+ Testing: (.*)$")
# Where the reason of a case that was skipped stands: in GoogleTest's output "FILE:LINE: Skipped" and
# below it, in Go's after "FILE:LINE: ".
GO_REASON = re.compile(r"^ +\S+\.go:\d+: (.*)$")
OUTCOMES = {"PASS": "OK", "FAIL": "FAILED", "SKIP": "SKIPPED", "ok": "OK", "not ok": "FAILED",
            "PASSED": "OK", "FAILED": "FAILED", "ERROR": "FAILED", "SKIPPED": "SKIPPED"}


class Summary:
    def __init__(self):
        self.counts = {"OK": 0, "FAILED": 0, "SKIPPED": 0}
        self.skipped = []  # (case, why)
        self.begin("")

    def begin(self, test):
        self.test = test
        self.cases = self.failed = 0
        self.output = []  # since the last case
        self.last = None  # outcome of the last case of TAP, until it is known to be no suite

    def count(self, outcome, case, why="", number=1):
        self.counts[outcome] += number
        self.cases += number
        self.failed += number if outcome == "FAILED" else 0
        if outcome == "SKIPPED":
            self.skipped += [(f"{self.test}: {case}", why or "no reason given")] * number
        self.output = []

    def read(self, line):
        if match := TEST.match(line):
            self.begin(match[1])
        elif match := GOOGLETEST.match(line):
            self.count(*match.groups(), googletest_reason(self.output))
        elif match := GO.match(line):
            self.count(OUTCOMES[match[1]], match[2], go_reason(self.output))
        elif match := TAP.match(line):
            self.read_tap(*match.groups())
        elif line.strip() == "type: 'suite'" and self.last:
            # Its tests were counted already.
            self.counts[self.last] -= 1
            self.cases -= 1
            self.failed -= self.last == "FAILED"
            self.last = None
        elif match := SUREFIRE.match(line):
            run, failures, errors, skipped = (int(number) for number in match.groups()[:4])
            self.count("FAILED", match[5], number=failures + errors)
            if skipped:
                self.count("SKIPPED", match[5], "see its report", skipped)
            self.count("OK", match[5], number=run - failures - errors - skipped)
        elif match := PYTEST.match(line):
            self.count(OUTCOMES[match[1]], match[2], (match[3] or "").removeprefix("Skipped: "))
        elif match := SCRIPT.match(line):
            self.count("SKIPPED", "all of it", match[1])
        elif line.startswith(("[ RUN ", "=== RUN ")):
            self.output = []
        elif line.startswith("Unable to find executable"):  # then ctest's log says "Passed"
            self.count("FAILED", "")
        elif line == "Test Passed." and self.cases == 0:
            self.count("OK", "")
        elif line == "Test Failed." and self.failed == 0:
            self.count("FAILED", "")
        else:
            self.output.append(line)

    def read_tap(self, verdict, case, directive, why):
        outcome = "SKIPPED" if directive == "SKIP" or (directive and verdict == "not ok") else OUTCOMES[verdict]
        self.count(outcome, case, why)
        self.last = outcome if outcome != "SKIPPED" else None


def googletest_reason(output):
    for number, line in enumerate(output):
        if line.endswith(": Skipped"):
            return " ".join(text for text in output[number + 1:] if text)
    return ""


def go_reason(output):
    reasons = [match[1] for line in output if (match := GO_REASON.match(line))]
    return reasons[-1] if reasons else ""


def main(path):
    summary = Summary()
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log:
            summary.read(line.rstrip("\n"))
    if summary.skipped:
        print("\nSkipped:")
        for case, why in summary.skipped:
            print(f"  {case}: {why}")
    counts = summary.counts
    print(f"\n{counts['OK']} passed, {counts['FAILED']} failed, {counts['SKIPPED']} skipped")


if __name__ == "__main__":
    main(sys.argv[1])
