#!/usr/bin/env bash
# Fetches Apache Kafka's jars for the tests. Usage: fetch.sh FOLDER. Does nothing where FOLDER is complete: it is moved to
# its place as a whole, so that a broken download is done again. Maven's own settings say where jars come from.
set -euo pipefail
folder=$1
here=$(cd "$(dirname "$0")" && pwd)

if [ ! -d "$folder/libs" ]; then
  echo "fetching Apache Kafka into $folder"
  rm -rf "$folder" "$folder.partial"
  mkdir -p "$folder.partial"
  "$here/../again.sh" mvn --quiet --batch-mode -Dstyle.color=never -f "$here/pom.xml" dependency:copy-dependencies \
    -DoutputDirectory="$folder.partial/libs" -DincludeScope=runtime
  mv "$folder.partial" "$folder"
fi

# The clock that is wrong, for processes that are to have one.
if [ "$(uname)" = Linux ] && [ ! "$folder/clock.so" -nt "$here/clock.c" ]; then
  cc -O2 -shared -fPIC -o "$folder/clock.so" "$here/clock.c" -ldl
fi

# An archive of the classes that a broker loads: with it a broker starts in half the time. Java ignores one that does
# not fit, and tests run without it too, so nothing here is fatal.
if [ ! -f "$folder/broker.jsa" ]; then
  scratch=$(mktemp -d)
  controller=$((20000 + $$ % 6000))
  cat >"$scratch/server.properties" <<P
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$((controller + 6000)),CONTROLLER://127.0.0.1:$controller
log.dirs=$scratch/data
P
  java=(java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$folder/libs/*")
  "${java[@]}" kafka.tools.StorageTool format -t 4L6g3nShT-eMCtK--X86sw -c "$scratch/server.properties" >"$scratch/log" 2>&1
  "${java[@]}" -XX:ArchiveClassesAtExit="$folder/broker.jsa.partial" -Dlog4j2.configurationFile="$here/log4j2.properties" \
    kafka.Kafka "$scratch/server.properties" >>"$scratch/log" 2>&1 &
  broker=$!
  trap 'kill -KILL $broker 2>/dev/null || true; rm -rf "$scratch"' EXIT
  for _ in $(seq 300); do
    if grep -q 'Kafka Server started' "$scratch/log" || ! kill -0 $broker 2>/dev/null; then break; fi
    sleep 0.1
  done
  kill -TERM $broker 2>/dev/null || true
  wait $broker || true
  mv "$folder/broker.jsa.partial" "$folder/broker.jsa" 2>/dev/null ||
    echo "brokers will start slowly: no class archive was made" >&2
fi
