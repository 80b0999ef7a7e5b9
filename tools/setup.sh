#!/usr/bin/env bash
# Sets up what the tests need besides Rust: compilers, make and perl (SQLite, zstd, librdkafka, OpenSSL), curl, strace,
# wget, openssl, node, Chromium, Python packages in an environment of their own (packages.txt), Apache Kafka, and object stores
# (for which Go and npm). Usage: setup.sh CACHE_FOLDER [kafka | object-servers], the second for that part and the compilers alone.
# Fetches what is missing and nothing else.
set -euo pipefail
cache=$1
part=${2:-all}
case $part in all | kafka | object-servers) ;; *) echo "$part is no part: kafka or object-servers" >&2; exit 2 ;; esac
wants() { [ "$part" = all ] || [ "$part" = "$1" ]; }
packages=$(dirname "$0")/packages.txt
again=$(dirname "$0")/again.sh

missing=()
command -v cc >/dev/null || missing+=(gcc libc6-dev)
command -v c++ >/dev/null || missing+=(g++)
command -v make >/dev/null || missing+=(make)
perl -MIPC::Cmd -MFindBin -e 1 2>/dev/null || missing+=(perl)
command -v openssl >/dev/null || missing+=(openssl)
if wants kafka; then
  command -v java >/dev/null || missing+=(default-jre-headless)
  command -v mvn >/dev/null || missing+=(maven)
fi
if wants object-servers; then
  command -v npm >/dev/null || missing+=(npm)
  command -v go >/dev/null || missing+=(golang-go)
fi
if wants tests; then
  command -v curl >/dev/null || missing+=(curl)
  command -v strace >/dev/null || missing+=(strace)
  command -v node >/dev/null || missing+=(nodejs)
  command -v wget >/dev/null || missing+=(wget)
  command -v chromium chromium-browser google-chrome google-chrome-stable >/dev/null || missing+=(chromium)
  command -v python3 >/dev/null || missing+=(python3)
  python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
fi
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing ${missing[*]}"
    "$again" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "$again" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  else
    echo "this needs ${missing[*]}: install them (Debian: sudo apt-get install ${missing[*]})" >&2
    exit 1
  fi
fi

if wants tests; then
  # The list lies beside what was installed from it, so that a changed one is installed anew.
  python=$cache/python/bin/python
  if ! cmp -s "$packages" "$cache/python/packages.txt" || ! "$python" -c 'import duckdb' 2>/dev/null; then
    echo "installing $(grep -v '^#' "$packages" | tr '\n' ' ')into $cache/python"
    "$python" -c 'import pip' 2>/dev/null || rm -rf "$cache/python"
    mkdir -p "$cache"
    python3 -m venv "$cache/python"
    "$again" "$python" -m pip install --quiet --disable-pip-version-check --requirement "$packages"
    cp "$packages" "$cache/python/packages.txt"
  fi
fi

if wants kafka; then
  java=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
  if [ "${java:-0}" -lt 17 ]; then
    echo "Apache Kafka needs Java 17 or newer, and this is Java ${java:-of an unknown version}" >&2
    exit 1
  fi
  kafka=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$(dirname "$0")/kafka/pom.xml")
  "$(dirname "$0")/kafka/fetch.sh" "$cache/kafka-$kafka"
fi

if wants object-servers; then
  # An older Go does not know how to fetch the one that a program asks for.
  go=$(go version | sed -n 's/.* go1\.\([0-9]*\).*/\1/p')
  if [ "${go:-0}" -lt 21 ]; then
    echo "the object stores of the tests need Go 1.21 or newer, and this is $(go version): install one from https://go.dev/dl" >&2
    exit 1
  fi
  "$(dirname "$0")/object-servers/fetch.sh" "$cache/object-servers"
fi
