#!/usr/bin/env bash
# Runs a command that fetches something, and runs it again where it fails: a hiccup of somebody's server is no reason to fail.
# Usage: again.sh COMMAND ARGUMENT…
for wait in 5 20; do
  "$@" && exit
  echo "failed, trying again in $wait s: $*" >&2
  sleep $wait
done
exec "$@"
