"""The chart's rules and queries, as Prometheus evaluates them over series with the labels that the operator gives them."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import chart
from chart import render

RELEASE = 'namespace="search", service="ranks", job="ranks", pod="ranks-1", instance="10.0.0.1:9464"'
ON = "metrics.enabled=true,metrics.serviceMonitor.enabled=true,metrics.alerts.enabled=true,fullnameOverride=ranks"


class ChartAlertsTest(unittest.TestCase):
    def evaluate(self, rules, **test):
        """Runs promtool's own test. JSON is YAML, too."""
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "rules.yaml").write_text(json.dumps(rules))
            pathlib.Path(folder, "test.yaml").write_text(json.dumps({"rule_files": ["rules.yaml"], "evaluation_interval": "30s", "tests": [{"interval": "30s", **test}]}))
            for command in (("check", "rules", "rules.yaml"), ("test", "rules", "test.yaml")):
                done = subprocess.run([chart.PROMTOOL, *command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stdout)

    def fires(self, rules, alert, series, labels):
        """Whether the alert fires after ten minutes, and nothing else of its name, with these labels; None: it does not."""
        rule = next(r for group in rules["groups"] for r in group["rules"] if r["alert"] == alert)
        # Names and texts are tested with the rules themselves; here it is about who is meant.
        bare = {"groups": [{"name": "bare", "rules": [{key: rule[key] for key in ("alert", "expr", "for")}]}]}
        self.evaluate(bare, input_series=[{"series": name, "values": values} for name, values in series], alert_rule_test=[
            {"eval_time": "10m", "alertname": alert, "exp_alerts": [] if labels is None else [{"exp_labels": labels}]}])

    def test_alerts_are_about_this_release(self):
        rules = render("--set", ON)["PrometheusRule", "ranks"]["spec"]
        mine = dict(pair.split("=") for pair in RELEASE.replace('"', "").split(", "))
        job = {"job": "ranks", "namespace": "search"}
        down, up, other = (f"up{{{RELEASE}}}", "0x40"), (f"up{{{RELEASE}}}", "1x40"), ('up{job="ranks", namespace="elsewhere"}', "0x40")
        self.fires(rules, "RerankdDown", [down, other], mine)
        self.fires(rules, "RerankdDown", [up, other], None)
        self.fires(rules, "RerankdAbsent", [other], job)
        self.fires(rules, "RerankdAbsent", [down, other], None)
        limits = [(f"process_max_fds{{{RELEASE}}}", "100x40"), (f"process_open_fds{{{RELEASE}}}", "90x40")]
        self.fires(rules, "RerankdFewFileDescriptors", limits, mine)

    def test_keda_counts_the_calls_that_wait(self):
        objects = render("--set", ON + ",autoscaling.enabled=true,autoscaling.keda.prometheus=http://p:9090")
        query = objects["ScaledObject", "ranks"]["spec"]["triggers"][0]["metadata"]["query"]
        # Each second one call waits at one replica, and two at the other; another release has a longer queue.
        waited = [(RELEASE, "0+30x20"), (RELEASE.replace("-1", "-2"), "0+60x20"), (RELEASE.replace("search", "elsewhere"), "0+900x20")]
        self.evaluate({"groups": []}, input_series=[{"series": f"rerankd_queue_seconds_sum{{{labels}}}", "values": values} for labels, values in waited],
                      promql_expr_test=[{"expr": query, "eval_time": "5m", "exp_samples": [{"labels": "{}", "value": 3}]}])


if __name__ == "__main__":
    if chart.PROMTOOL is None:
        print("skipped: promtool is not installed; tools/setup.sh --tests brings it")
        sys.exit(77)
    chart.main()
