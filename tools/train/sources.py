#!/usr/bin/env python3
"""Extracts titled passages from documentation, manuals and dictionaries that Debian packages carry, and from SQuAD.

  sources.py OUT.jsonl [--squad DIR] [--root /] [--root UNPACKED]...   [--cap 0]

Each line of OUT is {"src", "title", "head", "text"}: `head` is the heading, term or question that the passage belongs to, `title` the
document's. A root is a file tree in which packages are installed or unpacked (`dpkg -x`). Sources that are absent are named and skipped.
"""
import argparse
import glob
import gzip
import html
import json
import os
import random
import re
from html.parser import HTMLParser

# name: (package, terms of its text, where)
SOURCES = {
    "python": ("python3.11-doc", "PSF licence", "usr/share/doc/python3.11/html/**/*.html"),
    "postgresql": ("postgresql-doc-15", "PostgreSQL licence", "usr/share/doc/postgresql-doc-15/html/*.html"),
    "git": ("git-doc", "GPL-2", "usr/share/doc/git*/**/*.html"),
    "policy": ("debian-policy", "GPL-2+", "usr/share/doc/debian-policy/policy.html/*.html"),
    "devref": ("developers-reference", "GPL-2+", "usr/share/developers-reference/*.html"),
    "debref": ("debian-reference-en", "GPL-2+", "usr/share/debian-reference/*.en.html"),
    "handbook": ("debian-handbook", "CC BY-SA 3.0 or GPL-2+", "usr/share/doc/debian-handbook/html/en-US/*.html"),
    "debfaq": ("debian-faq", "GPL-2+", "usr/share/doc/debian/FAQ/*.en.html"),
    "kernelbook": ("debian-kernel-handbook", "GPL-2+", "usr/share/doc/debian-kernel-handbook/**/*.html"),
    "install": ("installation-guide-amd64", "GPL-2", "usr/share/doc/installation-guide-amd64/en/*.html"),
    "apache": ("apache2-doc", "Apache-2.0", "usr/share/doc/apache2-doc/manual/en/**/*.html"),
    "sqlite": ("sqlite3-doc", "public domain", "usr/share/doc/sqlite3/*.html"),
    "linux": ("linux-doc-6.1", "GPL-2", "usr/share/doc/linux-doc-6.1/html/**/*.html"),
    "anarchism": ("anarchism", "GFDL or GPL-2+", "usr/share/doc/anarchism/html/*.html"),
    "kstars": ("kstars", "GFDL-1.2+", "usr/share/doc/HTML/en/kstars/*.docbook"),
    "perl": ("perl-doc", "Artistic or GPL-1+", "usr/share/perl/5.*/pod/*.pod"),
    "man": ("manpages, manpages-dev", "GPL-2+, BSD, verbatim (free)", "usr/share/man/man[23457]/*.gz"),
    "wordnet": ("wordnet-base", "WordNet licence", "usr/share/wordnet/data.noun"),
    "gcide": ("dict-gcide", "GPL-3+", "usr/share/dictd/gcide.index"),
    "foldoc": ("dict-foldoc", "GFDL-1.1+", "usr/share/dictd/foldoc.index"),
    "jargon": ("dict-jargon", "public domain", "usr/share/dictd/jargon.index"),
    "devil": ("dict-devil", "public domain", "usr/share/dictd/devil.index"),
    "elements": ("dict-elements", "free (see package)", "usr/share/dictd/elements.index"),
}
VALIDATION_ARTICLES = {"Immune_system", "Warsaw", "Steam_engine"}
MAX_WORDS, MIN_WORDS = 110, 14


def clean(s):
    return re.sub(r"\s+", " ", html.unescape(s)).replace("¶", "").replace("\u200b", "").strip()


def number_off(head):
    return re.sub(r"^((chapter|section|appendix)\s+)?([a-z]\.)?[\d]*(\.\d+)*\.?\s+(?=\S)", "", head, flags=re.I).strip()


class Sections(HTMLParser):
    """(heading, [paragraph]) in the order of the page; <dt> opens a small section of its own."""
    SKIP = {"script", "style", "pre", "table", "nav", "header", "footer", "programlisting", "screen", "synopsis"}
    BREAK = {"p", "li", "dd", "div", "para", "br", "simpara", "blockquote", "section", "td", "ul", "ol", "dl"}

    def __init__(self):
        super().__init__()
        self.out, self.text, self.head, self.skip, self.title, self.taking = [["", []]], [], None, 0, "", False

    def flush(self):
        s = clean("".join(self.text))
        self.text = []
        if s:
            self.out[-1][1].append(s)

    def handle_starttag(self, tag, attrs):
        if tag in self.SKIP:
            self.skip += 1
        elif tag == "title" and not self.title and self.head is None:
            self.flush()
            self.taking = True
            self.head = []
        elif tag in ("h1", "h2", "h3", "h4", "h5", "dt", "term"):
            self.flush()
            self.head = []
        elif tag in self.BREAK:
            self.flush()

    def handle_endtag(self, tag):
        if tag in self.SKIP:
            self.skip = max(0, self.skip - 1)
        elif tag == "title" and self.taking:
            self.title, self.head, self.taking = clean("".join(self.head)), None, False
            self.out.append([self.title, []])
        elif tag in ("h1", "h2", "h3", "h4", "h5", "dt", "term") and self.head is not None:
            self.out.append([number_off(clean("".join(self.head))), []])
            self.head = None
        elif tag in self.BREAK:
            self.flush()

    def handle_data(self, data):
        if self.head is not None:
            self.head.append(data)
        elif not self.skip:
            self.text.append(data)


def prose(s):
    """Keeps running English text: mostly letters, sentences of some length."""
    words = s.split()
    plain = sum(1 for w in words if re.fullmatch(r"[(\"'“]?[A-Za-z][a-z'’-]*[.,;:!?)\"'”]*", w))
    return len(words) >= MIN_WORDS and plain >= 0.72 * len(words)


def chunks(paragraphs):
    """Joins and cuts paragraphs into passages of at most MAX_WORDS words, at sentence ends."""
    now = []
    for p in paragraphs:
        if re.match(r"(copyright|next|previous|table of contents|last (updated|modified)|©)", p, re.I):
            continue
        for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z\"'(])", p):
            words = sentence.split()
            if now and len(now) + len(words) > MAX_WORDS:
                yield " ".join(now)
                now = []
            now += words[:MAX_WORDS]
        if len(now) >= 60:
            yield " ".join(now)
            now = []
    if now:
        yield " ".join(now)


def from_html(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        raw = f.read()
    if path.endswith(".docbook"):
        raw = re.sub(r"<title>(.*?)</title>", r"<h2>\1</h2>", raw, flags=re.S)
        raw = re.sub(r"<(indexterm|primary|secondary)>.*?</\1>", "", raw, flags=re.S)
    p = Sections()
    p.feed(raw)
    p.flush()
    title = re.split(r"\s+[—–|]\s+|\s+-\s+", p.title)[0] if p.title else next((h for h, _ in p.out if h), "")
    for head, paragraphs in p.out:
        for text in chunks(paragraphs):
            yield number_off(clean(title)), head, text


def from_pod(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        raw = f.read()
    title, head, paragraphs = os.path.basename(path)[:-4], "", []
    tidy = lambda s: clean(re.sub(r"[A-Z]<+\s?(?:[^<>|]*\|)?([^<>]*?)\s?>+", r"\1", s))
    for block in re.split(r"\n\s*\n", raw):
        m = re.match(r"=(head\d|item)\s+(.*)", block, re.S)
        if m:
            yield from ((title, head, t) for t in chunks(paragraphs))
            head, paragraphs = tidy(m.group(2)), []
        elif not block.startswith(("=", " ", "\t")):
            paragraphs.append(tidy(block))
    yield from ((title, head, t) for t in chunks(paragraphs))


def from_man(path):
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as f:
        raw = f.read()
    name, section, paragraphs, head = "", "", [], ""
    for line in raw.splitlines() + [".SH END"]:
        if line.startswith((".SH", ".SS", ".TP", ".PP", ".P", ".IP", ".LP")):
            if paragraphs and section == "NAME":
                name = clean(" ".join(paragraphs)).replace("\\-", "-")
                head = name.split(" - ")[-1]
            if line.startswith(".SH"):
                if section in ("DESCRIPTION", "NOTES") and head and paragraphs:
                    yield from ((name.split(" - ")[0], head, t) for t in chunks([clean(" ".join(paragraphs))]))
                section, paragraphs = line[3:].strip().strip('"'), []
        elif line.startswith((".B ", ".I ", ".BR ", ".IR ", ".RB ", ".RI ")):
            parts = line.split(" ", 1)[1]
            paragraphs.append(parts.replace('"', "") if line[2] == " " else re.sub(r'"([^"]*)"|(\s)', lambda m: m.group(1) or "", parts))
        elif not line.startswith((".", "'")):
            paragraphs.append(re.sub(r"\\f.|\\&|\\%|\\c$", "", line).replace("\\-", "-").replace("\\(aq", "'"))


def from_wordnet(path):
    with open(path, encoding="utf-8") as f:
        for line in f:
            if line.startswith("  "):
                continue
            left, gloss = line.split(" | ", 1)
            fields = left.split(" ")
            words = [fields[4 + 2 * i].replace("_", " ") for i in range(int(fields[3], 16))]
            yield words[0], words[0], clean(f"{', '.join(words)}: {gloss}")


def from_dictd(index):
    digits = {c: i for i, c in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")}
    def number(s):
        n = 0
        for c in s:
            n = n * 64 + digits[c]
        return n
    base = index[:-len("index")]
    opener = gzip.open if os.path.exists(base + "dict.dz") else open
    with opener(base + ("dict.dz" if opener is gzip.open else "dict"), "rb") as f:
        data = f.read()
    seen = set()
    with open(index, encoding="utf-8", errors="replace") as f:
        for line in f:
            word, at, size = line.rstrip("\n").split("\t")[:3]
            if word.startswith("00") or at in seen:
                continue
            seen.add(at)
            entry = data[number(at):number(at) + number(size)].decode("utf-8", "replace")
            entry = re.sub(r"\{([^}]*)\}", r"\1", re.sub(r"\[[^\]]*\]|\\[^\\]*\\|<[^>]*>", " ", entry))
            text = next(chunks([clean(entry)]), "")
            yield word, word, text


def from_squad(folder):
    for part in ("dev", "test"):
        path = os.path.join(folder, f"squad-{part}.json")
        if not os.path.exists(path):
            continue
        with open(path, encoding="utf-8") as f:
            data = json.load(f)
        for article in data["data"]:
            if article["title"] in VALIDATION_ARTICLES:
                continue
            title = article["title"].replace("_", " ")
            for p in article["paragraphs"]:
                words = p["context"].split()
                questions = [{"q": clean(q["question"]), "ok": not q.get("is_impossible", part == "test"),
                              "at": q["answers"][0]["answer_start"] if q.get("answers") else None} for q in p["qas"]]
                yield title, title, clean(" ".join(words[:190])), questions


def readers(name):
    return (from_pod if name == "perl" else from_man if name == "man" else from_wordnet if name == "wordnet" else
            from_dictd if SOURCES[name][2].endswith(".index") else from_html)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("out")
    a.add_argument("--squad", help="folder with squad-dev.json and squad-test.json (CC BY-SA 4.0)")
    a.add_argument("--root", action="append")
    a.add_argument("--cap", type=int, default=0, help="most passages of one source, drawn by seed 1; 0: all")
    a = a.parse_args()
    seen = set()
    with open(a.out, "w", encoding="utf-8") as out:
        def put(name, rows, package, terms):
            rows = list(rows)
            if a.cap and len(rows) > a.cap:
                rows = random.Random(1).sample(rows, a.cap)
            for row in rows:
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
            print(f"{name:11} {len(rows):6} passages   {package}: {terms}" if rows else f"{name:11} absent ({package})")
        for name, (package, terms, pattern) in SOURCES.items():
            rows = []
            for root in a.root or ["/"]:
                for path in filter(os.path.isfile, sorted(glob.glob(os.path.join(root, pattern), recursive=True))):
                    for title, head, text in readers(name)(path):
                        key = text.lower()[:200]
                        if prose(text) and key not in seen and len(head.split()) <= 16 and head != "Table of Contents" and "/translations/" not in path:
                            seen.add(key)
                            rows.append({"src": name, "title": title, "head": head, "text": text, "file": os.path.basename(path)})
            put(name, rows, package, terms)
        if a.squad:
            put("squad", ({"src": "squad", "title": t, "head": h, "text": x, "file": t, "questions": q}
                          for t, h, x, q in from_squad(a.squad)), "SQuAD 2.0 dev split", "CC BY-SA 4.0")


if __name__ == "__main__":
    main()
