"""The alerts in deploy/prometheus and the dashboard in deploy/grafana: promtool's own tests of the alerts, and
that both speak only of metrics and labels that docs/OPERATIONS.md lists.

Environment: RERANKD_SOURCE_DIR, RERANKD_PROMTOOL (the program; without it its cases are skipped).
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(os.environ["RERANKD_SOURCE_DIR"])
sys.path.insert(0, str(ROOT / "tests" / "support"))
import gtest_style  # noqa: E402

PROMTOOL = os.environ["RERANKD_PROMTOOL"]
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"
DASHBOARD = ROOT / "deploy" / "grafana" / "rerankd.json"

# What Prometheus itself adds to a scrape.
ADDED_METRICS = {"up": set()}
ADDED_LABELS = {"job", "instance"}
FAMILY = re.compile(r"^\| `(\w+)` \| (\w+) \| (.*?) \|")
SELECTOR = re.compile(r"\b((?:rerankd|process|exposer)_\w+|up)\b(?:\{([^}]*)\})?")
GROUPING = re.compile(r"\b(?:by|without|on|ignoring) *\(([^)]*)\)")


def documented():
    """{metric as it is queried: its labels}"""
    text = (ROOT / "docs" / "OPERATIONS.md").read_text()
    section = text.split("\n## Metrics\n")[1].split("\n## ")[0]
    metrics = {}
    for name, kind, labels in filter(None, (FAMILY.match(line) and FAMILY.match(line).groups()
                                            for line in section.splitlines())):
        labels = set(re.findall(r"`(\w+)`", labels))
        suffixes = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}.get(kind, ("",))
        for suffix in suffixes:
            metrics[name + suffix] = labels | ({"le"} if suffix == "_bucket" else set())
    return metrics


def alert_expressions():
    """Of a file whose expressions are on the line of "expr:" or indented below it."""
    expressions, lines = [], ALERTS.read_text().splitlines()
    for i, line in enumerate(lines):
        if not line.strip().startswith("expr:"):
            continue
        indent = len(line) - len(line.lstrip())
        expression = [line.split("expr:")[1].strip().removeprefix("|")]
        for below in lines[i + 1:]:
            if len(below) - len(below.lstrip()) <= indent:
                break
            expression.append(below.strip())
        expressions.append(" ".join(expression))
    return expressions


def dashboard_expressions():
    dashboard = json.loads(DASHBOARD.read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]


class PrometheusFilesTest(unittest.TestCase):
    def promtool(self, *arguments):
        if not os.access(PROMTOOL, os.X_OK):
            self.skipTest(f"no promtool at {PROMTOOL}; tools/setup.sh --tests brings it")
        done = subprocess.run([PROMTOOL, *arguments], cwd=ALERTS.parent, text=True, timeout=100,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_alerts_are_rules(self):
        self.promtool("check", "rules", ALERTS.name)

    def test_alerts_fire_when_they_should(self):
        self.promtool("test", "rules", "alerts_test.yaml")

    def test_every_alert_is_tested(self):
        tests = (ALERTS.parent / "alerts_test.yaml").read_text()
        alerts = re.findall(r"- alert: (\w+)", ALERTS.read_text())
        self.assertGreater(len(alerts), 10)
        for alert in alerts:
            fires = re.search(rf"alertname: {alert}\n +exp_alerts:\n +- exp_labels", tests)
            self.assertTrue(fires, f"nothing in alerts_test.yaml expects {alert}")

    def test_expressions_speak_of_what_is_documented(self):
        metrics = documented() | ADDED_METRICS
        expressions = alert_expressions() + dashboard_expressions()
        self.assertGreater(len(expressions), 40)
        for expression in expressions:
            labels = set()
            for name, matchers in SELECTOR.findall(expression):
                self.assertIn(name, metrics, expression)
                labels |= metrics[name]
                used = set(re.findall(r"(\w+) *(?:=~|!~|!=|=)", matchers))
                self.assertLessEqual(used, metrics[name] | ADDED_LABELS, expression)
            for grouping in GROUPING.findall(expression):
                used = {label.strip() for label in grouping.split(",")}
                self.assertLessEqual(used, labels | ADDED_LABELS, expression)

    def test_every_panel_has_a_place_of_its_own(self):
        panels = json.loads(DASHBOARD.read_text())["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        cells = set()
        for panel in panels:
            at = panel["gridPos"]
            self.assertLessEqual(at["x"] + at["w"], 24, panel["title"])
            own = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            self.assertFalse(cells & own, panel["title"])
            cells |= own


if __name__ == "__main__":
    gtest_style.main()
