#!/usr/bin/env bash
# Measures the collector, with a file of sites and every check on, in a rig that measures other collectors too: hits per CPU-second at
# one hit a request and at fifty, each with a fresh process and topics. Prints the rig's JSON lines.
# Usage: bench_collector.sh RIG TRIBUTARY. RIG has run.sh, which watches a process (RIGC_PID) and counts a topic (RIGC_TOPIC), and
# beside it engines/broker.sh, which starts an Apache Kafka at RIGC_BOOTSTRAP. BENCH_HITS="1 50" are the hits a request.
set -euo pipefail
rig=$1
tributary=$2
bootstrap=${RIGC_BOOTSTRAP:-127.0.0.1:29092}
address=127.0.0.1:${RIGC_PORT:-28080}
broker=$rig/../engines/broker.sh
folder=$(mktemp -d)
collector=
was_up=$("$broker" status)
end() {
  if [ -n "$collector" ]; then kill "$collector" && wait "$collector" || true; fi
  if [ "$was_up" = down ]; then "$broker" stop; fi
  rm -rf "$folder"
}
trap end EXIT

"$broker" start
cat > "$folder/sites.toml" <<'SITES'
[sites."shop.example"]
origins = ["https://shop.example"]
exclude_hosts = ["test.shop.example"]
exclude_addresses = ["203.0.113.0/28"]
bots = "drop"
prefetch = "drop"
quota = 4000000
time_zone = "Europe/Berlin"
SITES

for hits in ${BENCH_HITS:-1 50}; do
  prefix=bench-$(date +%s)-$hits.
  "$tributary" collector --bus "kafka://$bootstrap" --topic-prefix "$prefix" --partitions 4 --listen "$address" \
    --admin 127.0.0.1:0 --sites "$folder/sites.toml" --max-address-rate 400000 --data "$folder" --log warn &
  collector=$!
  until (exec 3<>"/dev/tcp/${address%:*}/${address#*:}") 2>/dev/null; do
    kill -0 "$collector"
    sleep 0.2
  done
  RIGC_PID=$collector RIGC_TOPIC=${prefix}hits RIGC_PARTITIONS=4 RIGC_URL=http://$address/collect RIGC_FORMAT=hits \
    RIGC_HITS=$hits "$rig/run.sh" cmd
  kill "$collector"
  wait "$collector" || true
  collector=
done
