"""Says which cases of a ctest run were skipped and why, and how many passed, failed and were skipped.

Usage: test_summary.py BUILD/Testing/Temporary/LastTest.log
A GoogleTest program counts with each of its cases; any other test, or a program that ended before
it could report, counts as one.
"""
import re
import sys

CASE = re.compile(r"^\[ +(OK|FAILED|SKIPPED) +\] (\S+?)(?:,.*)? \(\d+ ms\)$")
TEST = re.compile(r"^\d+/\d+ Testing: (.*)$")


def main(path):
    counts = {"OK": 0, "FAILED": 0, "SKIPPED": 0}
    skipped = []
    name, cases, failed_cases, output = "", 0, 0, []
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log:
            line = line.rstrip("\n")
            if match := TEST.match(line):
                name, cases, failed_cases, output = match.group(1), 0, 0, []
            elif match := CASE.match(line):
                outcome, case = match.groups()
                counts[outcome] += 1
                cases += 1
                failed_cases += outcome == "FAILED"
                if outcome == "SKIPPED":
                    skipped.append((f"{name}: {case}", reason(output)))
                output = []
            elif line.startswith("[ RUN "):
                output = []
            elif line.startswith("Unable to find executable"):  # then ctest's log says "Passed"
                counts["FAILED"] += 1
                cases += 1
            elif line == "Test Passed." and cases == 0:
                counts["OK"] += 1
            elif line == "Test Failed." and failed_cases == 0:
                counts["FAILED"] += 1
            else:
                output.append(line)
    if skipped:
        print("\nSkipped:")
        for case, why in skipped:
            print(f"  {case}: {why}")
    print(f"\n{counts['OK']} passed, {counts['FAILED']} failed, {counts['SKIPPED']} skipped")


def reason(output):
    """GoogleTest prints "FILE:LINE: Skipped" and the message below it."""
    for number, line in enumerate(output):
        if line.endswith(": Skipped"):
            return " ".join(text for text in output[number + 1:] if text)
    return "no reason given"


if __name__ == "__main__":
    main(sys.argv[1])
