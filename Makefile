# up · test · test-readers · soak · bench · lint · kafka · s3: what there is to do here. `make` alone lists it.
# Everything uses the release profile and the whole workspace's features, so that nothing is built twice.

CACHE := $(or $(TOOLS_CACHE),$(HOME)/.cache/tributary)
PYTHON := $(CACHE)/python/bin/python
STORES := $(CACHE)/object-servers
KAFKA := $(CACHE)/kafka-$(shell sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' tools/kafka/pom.xml)

.PHONY: help up test test-readers fuzz soak bench lint tools tools-kafka tools-object-servers kafka s3

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

up: ## build and start the whole pipeline on this machine
	cargo run --release

test: tools ## everything that must hold; sets up what it needs by itself
	node --test snippet/
	TOOLS_PYTHON=$(PYTHON) TOOLS_KAFKA=$(KAFKA) TOOLS_OBJECT_SERVERS=$(STORES) cargo test --release --workspace --no-fail-fast

test-readers: tools ## every engine that reads the lake: a table of what each found and of the checks that it passed
	tools/readers/setup.sh "$(CACHE)"
	cargo test --release --workspace --no-run
	$(CACHE)/readers/bin/python tools/readers/read.py --tributary target/release/tributary
	$(CACHE)/readers/bin/python tools/readers/dialects.py
	TOOLS_OBJECT_SERVERS=$(STORES) $(CACHE)/readers/bin/python tools/readers/over_s3.py --tributary target/release/tributary --store target/release/object-servers

SECONDS ?= 60

fuzz: ## SECONDS=60 of inputs that nobody wrote for each parser of the edge and for the spool; TOOLS_FUZZ_SEED repeats a run
	TOOLS_FUZZ_SECONDS=$(SECONDS) cargo test --release --workspace --test fuzz -- --nocapture

ROUNDS ?= 100
DRAWS ?= 2000
OUTAGE ?= 30
RATE ?= 2000

soak: tools ## ROUNDS=100 random blows at every part of a pipeline on Kafka, DRAWS=2000 at a lake's way to each store, Kafka away for OUTAGE=30 s at RATE=2000 hits/s; tables; TOOLS_SOAK_SEED, TOOLS_LAKE_CRASH_SEED repeat a run
	TOOLS_KAFKA=$(KAFKA) TOOLS_SOAK_ROUNDS=$(ROUNDS) cargo test --release --workspace --test kafka_crash -- --nocapture
	TOOLS_KAFKA=$(KAFKA) TOOLS_OUTAGE_SECONDS=$(OUTAGE) TOOLS_OUTAGE_RATE=$(RATE) cargo test --release --workspace --test spool -- --nocapture --test-threads 1 outage
	TOOLS_OBJECT_SERVERS=$(STORES) TOOLS_LAKE_CRASH_DRAWS=$(DRAWS) cargo test --release --workspace --test lake_crash -- --nocapture
	TOOLS_OBJECT_SERVERS=$(STORES) TOOLS_LAKE_CRASH_DRAWS=$(DRAWS) TOOLS_LAKE_CRASH_STORE=minio cargo test --release --workspace --test lake_crash -- --nocapture

lint: ## formatting, clippy and documentation, without a warning
	cargo fmt --all -- --check
	cargo clippy --release --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps

bench: tools ## the figures of docs/benchmarks.md; TOOLS_RIG, TOOLS_COLLECTOR_RIG name folders whose run.sh measure other engines, other collectors
	cargo bench --workspace --bench enrich --bench engine --bench memory --bench restore
	cargo bench --workspace --bench embedded
	cargo bench --workspace --bench encode
	TOOLS_KAFKA=$(KAFKA) TOOLS_OBJECT_SERVERS=$(STORES) cargo bench --workspace --bench kafka
	$(if $(TOOLS_RIG),cargo build --release --workspace --example bare)
	$(if $(TOOLS_RIG),RIG_CMD=$(CURDIR)/target/release/examples/bare $(TOOLS_RIG)/run.sh cmd 2000000)
	$(if $(TOOLS_COLLECTOR_RIG),cargo build --release --workspace)
	$(if $(TOOLS_COLLECTOR_RIG),tools/bench_collector.sh $(TOOLS_COLLECTOR_RIG) target/release/tributary)
	$(PYTHON) tools/bench_encode.py $(if $(TOOLS_DATA),--log $(TOOLS_DATA)/apache_access.log.gz)
	tools/bench_replay.py $(if $(TOOLS_DATA),--log $(TOOLS_DATA)/apache_access.log.gz)

tools: ## what the tests need besides Rust, in one cache folder
	@tools/setup.sh "$(CACHE)"

tools-kafka tools-object-servers: tools-%:
	@tools/setup.sh "$(CACHE)" $*

kafka: tools-kafka ## an Apache Kafka on 127.0.0.1:9092 to try things on, until Ctrl-C
	TOOLS_KAFKA=$(KAFKA) cargo run --release -p kafka-broker -- 9092

s3: tools-object-servers ## an object store that speaks S3 on 127.0.0.1:9000 to try things on, until Ctrl-C
	TOOLS_OBJECT_SERVERS=$(STORES) cargo run --release -p object-servers -- 9000
