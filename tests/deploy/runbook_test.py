"""Every alert has its section in docs/RUNBOOK.md, and every section its alert."""
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"


class RunbookTest(unittest.TestCase):
    def test_every_alert_has_a_section(self):
        alerts = re.findall(r"^ *- alert: (\w+)$", ALERTS.read_text(), re.MULTILINE)
        sections = re.findall(r"^## (\w+)$", (ROOT / "docs/RUNBOOK.md").read_text(), re.MULTILINE)
        self.assertGreater(len(alerts), 0)
        self.assertEqual(sorted(sections), sorted(alerts))


if __name__ == "__main__":
    if not ALERTS.exists():
        print("skipped: there are no alerts")
        sys.exit(77)
    unittest.main()
