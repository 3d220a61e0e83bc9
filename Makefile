# The commands that everybody uses. Each says what it is doing; all of them build what they need first.

CARGO ?= cargo
DEMO_DATA ?= demo-data

FLEET_DATA ?= fleet-data
BENCH ?=

# Fresh each time; a seed that finds something is printed.
NIGHTLY_SEED ?= $(shell date +%s)

.PHONY: help demo test guard nightly build lint docs screenshots fleet bench bench-record clean tools tools-for-tests

help:
	@echo "make demo    build everything and watch eight simulated marketplaces being followed for two weeks"
	@echo "make test    run every test"
	@echo "make guard   count the instructions of fixed pieces of work and compare them with those written down"
	@echo "make nightly run the long forms of the tests, in about an hour"
	@echo "make build   build the program and the connectors into target/release"
	@echo "make lint    formatting, clippy and documentation, as CI checks them"
	@echo "make docs    print the documents that are printed from code into docs/generated"
	@echo "make screenshots  take pictures of the console's pages into docs/images"
	@echo "make fleet   measure a daemon with ten thousand sellers for ten minutes"
	@echo "make bench   measure speed and size beside what must be reached; BENCH=--quick for a short look"
	@echo "make bench-record  write down how many instructions fixed pieces of work take, for make guard"
	@echo "make clean   remove what was built and the demo's data"

# Rust and a C compiler are all that is needed, and PostgreSQL's programs for the tests; what can be installed without asking
# is installed.
tools:
	@tests/tools.sh build

tools-for-tests:
	@tests/tools.sh

build: tools
	@echo "== building the program and the connectors (release)"
	$(CARGO) build --release --workspace --bins --lib

demo: build
	@echo "== running the demo; its data goes to $(DEMO_DATA)"
	@target/release/demo target/release/statusync $(DEMO_DATA)

test: tools-for-tests
	@echo "== building the program, the connectors and the tests"
	$(CARGO) build --workspace
	@echo "== running every test"
	$(CARGO) test --workspace

# Whether a change made something slower, told by no clock.
guard: tools-for-tests
	@echo "== counting the instructions of fixed pieces of work (release)"
	$(CARGO) build --release -p amazon
	$(CARGO) bench --quiet -p statusync-tests --bench bench -- instructions

nightly: tools-for-tests
	@echo "== building the program, the connectors and the tests"
	$(CARGO) build --workspace
	@echo "== a million operations on the model, SQLite and PostgreSQL"
	STORE_OPERATIONS=1000000 $(CARGO) test -p statusync-tests --test store_model -- --nocapture
	@echo "== a hundred thousand histories from fresh seeds, from $(NIGHTLY_SEED)00000"
	STATUSYNC_SEED=$(NIGHTLY_SEED)00000..$(NIGHTLY_SEED)99999 $(CARGO) test -p statusync-tests --test model -- --nocapture
	@echo "== several hosts: ten minutes of faults from seed $(NIGHTLY_SEED), fifty kills, a server away for five minutes"
	SEVERAL_HOSTS_SECS=600 SEVERAL_HOSTS_KILLS=50 SEVERAL_HOSTS_AWAY_SECS=300 SEVERAL_HOSTS_SEED=$(NIGHTLY_SEED) \
		$(CARGO) test -p statusync-tests --test several_hosts -- --nocapture

lint: tools
	@echo "== formatting"
	$(CARGO) fmt --all --check
	@echo "== clippy"
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	@echo "== documentation, private items too"
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --document-private-items --quiet

docs: tools
	@echo "== printing docs/generated"
	UPDATE_DOCS=1 $(CARGO) test --quiet -p statusync-tests --test docs_fresh

screenshots: tools-for-tests
	@echo "== building the program and the connectors"
	$(CARGO) build --workspace --bins --lib
	@echo "== taking pictures of the console's pages into docs/images"
	$(CARGO) run --quiet -p statusync-tests --bin screenshots docs/images

fleet: build
	@echo "== measuring a daemon with ten thousand sellers; their data goes to $(FLEET_DATA)"
	@target/release/fleet target/release/statusync $(FLEET_DATA)

bench: tools-for-tests build
	@echo "== measuring speed and size; figures go to target/bench.md"
	$(CARGO) bench -p statusync-tests --bench bench -- --write $(CURDIR)/target/bench.md $(BENCH)

# The counts that `make guard` compares with, for the compilers of this machine.
bench-record: tools-for-tests
	$(CARGO) build --release -p amazon
	$(CARGO) bench --quiet -p statusync-tests --bench bench -- instructions --record

clean:
	$(CARGO) clean
	rm -rf $(DEMO_DATA) $(FLEET_DATA)
