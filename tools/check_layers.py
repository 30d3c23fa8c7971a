#!/usr/bin/env python3
"""Checks every #include in src/, server/ and clients/ against the table "Who may include whom" in
docs/ARCHITECTURE.md. Prints each breach as file:line; exit status 1 when there is any.

Usage: check_layers.py [CHECKOUT]
"""
import pathlib
import re
import sys

# The table's word for a library: the prefixes of its headers.
THIRD_PARTY = {
    "absl": ("absl/",),
    "fmt": ("fmt/",),
    "nlohmann": ("nlohmann/",),
    "spdlog": ("spdlog/",),
    "ICU": ("unicode/",),
    "LibTorch": ("ATen/", "c10/", "torch/", "caffe2/"),
    "gRPC": ("grpc/", "grpcpp/"),
    "protobuf": ("google/protobuf/",),
    "yaml-cpp": ("yaml-cpp/",),
    "CLI11": ("CLI/",),
    "libcurl": ("curl/",),
    "OpenSSL": ("openssl/",),
    "prometheus-cpp": ("prometheus/",),
}
EVERYBODY = {"absl", "fmt"}
# Generated from the .proto files; the paths would otherwise look like gRPC's own.
PROTO = re.compile(r"(?!google/protobuf/).*\.pb\.h$")
SYSTEM = ("sys/", "linux/", "netinet/", "arpa/", "net/")
HEADING = ["layer", "may include", "third party"]
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


class BadTable(Exception):
    pass


def read_table(text):
    """{layer: (set of layers and headers, set of third parties)}"""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")]
            for line in text.splitlines() if line.lstrip().startswith("|")]
    if HEADING not in rows:
        raise BadTable("no table with the columns " + " | ".join(HEADING))
    table = {}
    for row in rows[rows.index(HEADING) + 2:]:
        if len(row) != len(HEADING) or set(row[0]) <= set("-"):
            break
        layer, may, third = row[0], *({word.strip() for word in cell.split(",")} - {"–", "-", ""}
                                      for cell in row[1:])
        if unknown := third - THIRD_PARTY.keys():
            raise BadTable(f"layer {layer}: no headers are known for {', '.join(sorted(unknown))};"
                           " add them to THIRD_PARTY in tools/check_layers.py")
        table[layer] = (may, third | EVERYBODY)
    for layer, (may, _) in table.items():
        for word in may - {"everything", "proto"}:
            if word.split("/")[0] not in table:
                raise BadTable(f"layer {layer} may include {word}, which is no layer of the table")
    return table


def breach(layer, quote, header, table, public):
    """What is wrong with one #include, or None. `public`: {header as users include it: layer}"""
    may, third = table[layer]
    if PROTO.match(header):
        return None if {"proto", "everything"} & may else "includes the generated proto code"
    top = public.get(header) or header.split("/")[0]
    if quote == '"' and ("/" not in header or top == layer):
        return None  # beside the file, or the layer's own
    if quote == '"' and top in table:
        return None if {top, header, "everything"} & may else f"may not include {top}"
    for name, prefixes in THIRD_PARTY.items():
        if header.startswith(prefixes):
            return None if name in third else f"may not use {name}"
    if "/" not in header or header.startswith(SYSTEM):
        return None
    return "is of no layer and no library that tools/check_layers.py knows"


def layer_of(path):
    parts = path.parts
    return parts[1] if parts[0] == "src" else parts[0]


def public_headers(root):
    """A client library has its headers below clients/LANGUAGE/include."""
    return {str(path.relative_to(include)): "clients"
            for include in (root / "clients").glob("*/include") for path in include.rglob("*.h")}


def breaches(root, table):
    public = public_headers(root)
    for folder in ("src", "server", "clients"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in (".h", ".cc"):
                continue
            relative = path.relative_to(root)
            layer = layer_of(relative)
            if layer not in table:
                yield f"{relative}:1: layer {layer} has no row in the table"
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                if match and (what := breach(layer, *match.groups(), table, public)):
                    yield f"{relative}:{number}: layer {layer}: {match.group(2)}: {what}"


def main(arguments):
    root = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).parent.parent)
    document = root / "docs" / "ARCHITECTURE.md"
    try:
        found = list(breaches(root, read_table(document.read_text())))
    except (OSError, BadTable) as error:
        sys.exit(f"{document}: {error}")
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
