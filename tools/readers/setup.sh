#!/usr/bin/env bash
# Sets up the engines that `make test-readers` reads the lake with: packages.txt, in an environment of its own, and Java
# for Spark, which tools/setup.sh has seen to. Usage: setup.sh CACHE_FOLDER. Fetches what is missing and nothing else.
set -euo pipefail
cache=$1
packages=$(dirname "$0")/packages.txt
python=$cache/readers/bin/python
# The list lies beside what was installed from it, so that a changed one is installed anew.
if ! cmp -s "$packages" "$cache/readers/packages.txt" || ! "$python" -c 'import chdb, datafusion, duckdb, polars, pyspark, s3fs, sqlglot' 2>/dev/null; then
  echo "installing $(grep -v '^#' "$packages" | tr '\n' ' ')into $cache/readers (about 1 GB)"
  "$python" -c 'import pip' 2>/dev/null || rm -rf "$cache/readers"
  mkdir -p "$cache"
  python3 -m venv "$cache/readers"
  "$(dirname "$0")/../again.sh" "$python" -m pip install --quiet --disable-pip-version-check --requirement "$packages"
  cp "$packages" "$cache/readers/packages.txt"
fi
