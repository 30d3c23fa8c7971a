#!/usr/bin/env bash
# The short recipe, from nothing to a model in about 15 minutes on two cores: documentation and two dictionaries, the start's own cosine as
# the only teacher, 19,200 pairs. Its figures are in README.md; a model that is made again has to come within 0.01 of them.
#   short.sh WORK MINILM [TESTS]     TESTS: a folder with dl20-heldout.jsonl and .qrels, to measure on that too
# Needs apt-get (to download only), dpkg and the packages of requirements.txt in the python3 of the path.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[[ $# -ge 2 && -f $2/model.safetensors ]] || { echo "usage: ${0##*/} WORK MINILM [TESTS]; MINILM is the folder of all-MiniLM-L6-v2" >&2; exit 2; }
minilm=$(realpath "$2") tests=
[[ -z ${3:-} ]] || tests=$(realpath "$3")
packages=(debian-handbook debian-policy developers-reference dict-foldoc git-doc manpages perl-doc postgresql-doc-15 python3.11-doc
  sqlite3-doc wordnet-base)
mkdir -p "$1/debs" "$1/unpacked" && cd "$1"

(cd debs && apt-get download "${packages[@]}")
for package in debs/*.deb; do dpkg -x "$package" unpacked; done
python3 "$here/sources.py" all.jsonl --root unpacked
python3 "$here/prepare.py" texts all.jsonl data --cap 250 --base "$minilm"
python3 "$here/prepare.py" embed data minilm "$minilm" --bf16
python3 "$here/prepare.py" lists data minilm
python3 "$here/train.py" run data --init "$minilm" --teachers minilm --steps 400 --anneal 250 --length 96 --workers 2
measure=(--doc-test data/doc-test.json --base "$minilm")
[[ -z $tests ]] || measure+=(--sets "$tests" dl20-heldout)
python3 "$here/evaluate.py" run/model "${measure[@]}"
