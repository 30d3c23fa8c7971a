"""tools/plot_eval.py on what rerankctl eval --json prints. Environment: RERANKD_SOURCE_DIR."""
import json
import os
import pathlib
import subprocess
import sys
import unittest
import xml.etree.ElementTree as xml

SOURCE = pathlib.Path(os.environ["RERANKD_SOURCE_DIR"])
sys.path.insert(0, str(SOURCE / "tests" / "support"))
import gtest_style  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"


def row(model, ndcg, p50, errors=0):
    return {"model": model, "ndcg_at_10": ndcg, "mrr_at_10": ndcg, "p50_ms": p50, "p99_ms": p50, "errors": errors}


def plot(*rows):
    report = {"queries": 3, "judged_queries": 2, "rows": rows}
    done = subprocess.run([sys.executable, SOURCE / "tools" / "plot_eval.py"], input=json.dumps(report),
                          capture_output=True, text=True, check=True, encoding="utf-8")
    tree = xml.fromstring(done.stdout)
    widths = [float(rect.get("width")) for rect in tree.iter(SVG + "rect")][1:]  # after the background
    return widths, [text.text for text in tree.iter(SVG + "text")]


class PlotEvalTest(unittest.TestCase):
    def test_bars_are_in_proportion(self):
        widths, texts = plot(row("a", 0.5, 10.0), row("b", 0.25, 40.0))
        self.assertAlmostEqual(widths[0], 2 * widths[1], delta=0.2)
        self.assertAlmostEqual(widths[3], 4 * widths[2], delta=0.2)
        self.assertIn("0.2500", texts)
        self.assertIn("40.0", texts)

    def test_what_was_not_measured_and_what_failed(self):
        widths, texts = plot(row("order given", 0.4, None), row("<b> & co", None, None, errors=3))
        self.assertEqual([width > 0 for width in widths], [True, False, False, False])
        self.assertEqual(texts.count("–"), 3)
        self.assertIn("<b> & co (3 errors)", texts)


if __name__ == "__main__":
    gtest_style.main()
