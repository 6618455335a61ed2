# `make start` runs a cluster on the built-in sandbox; `make test` passes the suite. Both set up what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: start test flaky chaos follow fuzz mutants bench simulate check format clean clients twilight docs docs-serve pictures ray

start: $(STAMP)
	@exec $(BIN)/dcgw-cluster start --sandbox

# Four at once, on two cores too: they wait more than they work.
test: $(STAMP) tests/clients/node_modules/.installed
	$(BIN)/pytest -n 4 --dist worksteal

# Workers where Ray places them, on a Ray cluster of several nodes of this machine. Ray is installed
# for it, some 240 MiB; `make test` runs these too where it is there, and skips them else.
ray: $(STAMP)
	@$(BIN)/python -m pip install --quiet --editable '.[ray]' || \
	  echo "Ray can't be installed here: what needs it is skipped."
	$(BIN)/pytest tests/on_ray tests/e2e/on_hosts/test_ray.py || [ $$? -eq 5 ]  # 5: all are skipped

# The suite N times, the second half beside two busy loops, and which tests failed how often.
N ?= 10
flaky: $(STAMP) tests/clients/node_modules/.installed
	@exec $(BIN)/python -m tests.flaky -n $(N)

# Faults in pairs on a cluster under traffic, and what was lost. ONLY=k: the pair with that fault.
# RESTS=always, RESTS=never: whether workers let their sockets rest (latency_ms), however much comes.
# HOSTS=3: on so many hosts, with faults of hosts among them.
FAULTS ?= 60
SEED ?= 1
RESTS ?= usual
chaos: $(STAMP)
	@exec $(BIN)/python -m tests.chaos --faults $(FAULTS) --seed $(SEED) --rests $(RESTS) $(if $(ONLY),--only $(ONLY)) $(if $(HOSTS),--hosts $(HOSTS))

# Clients that follow a sandbox as caches do, and end equal to its world: `make follow SECONDS=600`
RATE ?= 1000
follow: $(STAMP)
	@exec $(BIN)/python -m tests.follower --seconds $(SECONDS) --rate $(RATE) --seed $(SEED)

# What comes from outside, by a fuzzer (Linux on x86-64): `make fuzz SECONDS=600`
SECONDS ?= 60
fuzz: $(STAMP)
	@$(BIN)/python -m pip install --quiet --group fuzz
	@$(BIN)/python -m tests.fuzz.run_fuzz --seconds $(SECONDS)

# The pure cores, broken in some thousand ways, and what no test notices; half an hour and more.
# ONLY="cluster.identify.*": those alone
mutants: $(STAMP)
	@$(BIN)/python -m pip install --quiet --group mutants
	@$(BIN)/python -m tests.mutants $(if $(ONLY),"$(ONLY)")

# What an event and an idle session cost, at real rates and in a flood; some 16 minutes.
# `make bench BENCH="--only flood"`: some 3
bench: $(STAMP) tests/clients/node_modules/.installed
	@$(BIN)/python -m benchmarks $(BENCH)

# The documentation as a site, in site/; a link or an anchor that leads nowhere is an error.
docs: $(STAMP) docs/generator/.installed
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "The documentation is in site/index.html."

# The same at http://127.0.0.1:8000, built anew when a page changes
docs-serve: $(STAMP) docs/generator/.installed
	@NO_MKDOCS_2_WARNING=1 exec $(BIN)/python -m mkdocs serve

# 16,384 shards on 64 hosts, played: the coordinator's own code by a clock that jumps; half an hour.
# `make simulate SIMULATE="--only rack --only killed"`: some scenarios, a minute
simulate: $(STAMP)
	@$(BIN)/python -m tests.simulation $(SIMULATE)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make start PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || { echo "Making a virtual environment in $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	@echo "Installing dcgw-cluster and what it needs (a minute or so) ..."
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --editable . --group dev --group clients
	@touch $@

# twilight-gateway for the benchmarks, which leave it out else; some minutes, with Rust 1.89 or newer
twilight:
	cargo build --release --manifest-path benchmarks/drivers/twilight/Cargo.toml \
	  --target-dir benchmarks/.cache/twilight

clients: tests/clients/node_modules/.installed

# The pictures of the page that README and docs show, with the Chromium that is installed here.
pictures: $(STAMP)
	@$(BIN)/python -m tests.browser.pictures

# Without npm the stamp is not made and what they are for is skipped with that reason.
tests/clients/node_modules/.installed: tests/clients/package-lock.json
	@if command -v npm >/dev/null && command -v node >/dev/null; then \
	  echo "Installing the JavaScript client and the type checker that tests run ..."; \
	  npm ci --prefix tests/clients --silent && touch $@; \
	else \
	  echo "No node and npm here: tests of JavaScript clients and with pyright will be skipped."; \
	fi

# Without npm the site shows diagrams as their text.
docs/generator/.installed: pyproject.toml docs/generator/package-lock.json
	@$(BIN)/python -m pip install --quiet --group docs
	@if command -v npm >/dev/null; then npm ci --prefix docs/generator --silent; fi
	@touch $@

clean:
	rm -rf $(VENV) tests/clients/node_modules docs/generator/node_modules docs/generator/.installed benchmarks/.cache build dist site .mypy_cache .pytest_cache .ruff_cache .hypothesis .fuzz mutants
