#!/usr/bin/env bash
# Builds and fetches the object stores of the tests: versitygw and MinIO from source through the Go module proxy, Azurite
# through npm. Usage: fetch.sh FOLDER. Does nothing for what is there: each is moved to its place when it is whole.
set -euo pipefail
folder=$1
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder"

version() { sed -n "s/^$1 //p" "$here/versions.txt"; }

# Usage: go_program NAME PACKAGE
go_program() {
  local place partial
  place=$folder/$1-$(version "$1")
  partial=$folder/partial.$$
  if [ ! -x "$place" ]; then
    echo "building $1 $(version "$1") into $folder: a few minutes, once"
    rm -rf "$partial"
    # auto: where the installed Go is older than the source asks for, it fetches the one that is asked for.
    GOBIN=$partial CGO_ENABLED=0 GOTOOLCHAIN=auto "$here/../again.sh" go install "$2@$(version "$1")" >"$folder/$1.log" 2>&1 ||
      { tail -n 20 "$folder/$1.log" >&2; exit 1; }
    mv "$partial/$1" "$place"
    rm -rf "$partial" "$folder/$1.log"
  fi
}

go_program versitygw github.com/versity/versitygw/cmd/versitygw
go_program minio github.com/minio/minio

azurite=$folder/azurite-$(version azurite)
if [ ! -d "$azurite" ]; then
  echo "fetching Azurite into $azurite"
  rm -rf "$azurite.partial"
  "$here/../again.sh" npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$azurite.partial" "azurite@$(version azurite)" >/dev/null
  mv "$azurite.partial" "$azurite"
fi
