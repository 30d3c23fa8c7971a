"""Draws what `rerankctl eval --json` measured: nDCG@10 and the time of a query of each model, as SVG.

Usage: rerankctl eval --data SET --qrels QRELS --models A,B --json | python3 tools/plot_eval.py > quality.svg
Needs nothing but Python. What a row has no figure of is drawn as "–".
"""
import html
import json
import sys

ROW, TOP, LABEL, PANEL, GAP = 34, 64, 240, 260, 70
PANELS = [("nDCG@10, more is better", "ndcg_at_10", "#2a6f97", "{:.4f}"),
          ("ms a query (p50), less is better", "p50_ms", "#c8773a", "{:.1f}")]


def text(x, y, content, anchor="start", weight="normal"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">{html.escape(content)}</text>'


def bars(rows, left, title, key, color, form):
    most = max((row[key] for row in rows if row[key] is not None), default=0) or 1
    parts = [text(left, TOP - 16, title, weight="bold")]
    for number, row in enumerate(rows):
        top, value = TOP + number * ROW, row[key]
        width = PANEL * (value or 0) / most
        parts.append(f'<rect x="{left}" y="{top}" width="{width:.1f}" height="{ROW - 12}" fill="{color}"/>')
        parts.append(text(left + width + 6, top + 16, "–" if value is None else form.format(value)))
    return parts


def svg(report):
    rows = report["rows"]
    width, height = LABEL + len(PANELS) * (PANEL + GAP), TOP + len(rows) * ROW + 24
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
             ' font-family="sans-serif" font-size="13">',
             f'<rect width="{width}" height="{height}" fill="white"/>',
             text(16, 24, f"{report['judged_queries']} judged queries", weight="bold")]
    for number, row in enumerate(rows):
        failed = f" ({row['errors']} errors)" if row["errors"] else ""
        parts.append(text(LABEL - 12, TOP + number * ROW + 16, row["model"] + failed, "end"))
    for number, panel in enumerate(PANELS):
        parts += bars(rows, LABEL + number * (PANEL + GAP), *panel)
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    sys.stdout.write(svg(json.load(sys.stdin)))
