# Each target sets up what it needs, once. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
VOICEBOT := $(BIN)/voicebot
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help audit bench-alice run two-robots demo test test-all test-calls check lock models model sip-native voice soak bench-latency bench-capacity bench-failover bench-recognition bench-understanding bench-chat clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "  make %-14s %s\n", $$1, $$2}'

$(VENV)/.run: requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up $(VENV) (once, about a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --progress-bar on -r requirements/run.txt
	@$(BIN)/pip install --quiet --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@echo "Adding what the tests need ..."
	@$(BIN)/pip install --quiet --progress-bar on -r requirements/dev.txt
	@touch $@

voice: $(VENV)/.run ## Fetch the RHVoice voices from Debian's packages into the cache (no root, system untouched)
	@$(VOICEBOT) supplies voice

run: $(VENV)/.run voice ## Start the robot: it answers SIP calls on 127.0.0.1:5060
	@exec $(VOICEBOT) serve

demo: $(VENV)/.run voice ## Place a simulated patient's call and watch it
	@$(VOICEBOT) demo

# Real calls take their time and little of a processor: one worker makes them, one after another, and the other runs the rest.
test: $(VENV)/.dev voice ## Set up and run the tests
	@$(VOICEBOT) understand алло >/dev/null  # what the demo's phrases teach is learnt once, before robots wait for it
	@$(BIN)/pytest -n 2 $(PYTEST_ARGS)

test-all: $(VENV)/.dev voice ## The tests and those that take minutes or a whole machine (mark: heavy)
	@$(BIN)/pytest -m "" $(PYTEST_ARGS)

test-calls: $(VENV)/.run voice ## Play the demo clinic's conversations over real SIP calls (CALLS="name ..." or --bookings, JOBS=2)
	@$(VOICEBOT) rehearse --jobs $(or $(JOBS),2) $(CALLS)

check: $(VENV)/.dev ## Lint, types, and who may import whom
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

audit: $(VENV)/.dev ## Locked packages: installed as locked, and is a weakness of one known? (skipped where no database is reached)
	@$(BIN)/python .ci/audit.py

models: $(VENV)/.run ## Fetch the production models (Vosk small-ru, Silero MIT) and torch's pinned CPU build
	@$(BIN)/pip install --quiet --progress-bar on "torch==2.13.0+cpu" || { echo "The CPU build of torch 2.13.0 was not found: point PIP_EXTRA_INDEX_URL at PyTorch's index of CPU wheels and run make models again. (Never plain torch: that is gigabytes of CUDA.)"; exit 1; }
	@$(VOICEBOT) models fetch

sip-native: $(VENV)/.run ## Build pjproject once (200+ calls instead of the wheel's 4); used automatically afterwards
	@$(VOICEBOT) supplies sip-native

two-robots: $(VENV)/.dev voice ## Two robots, Kamailio before them, PostgreSQL behind them, on this machine
	@$(BIN)/python -m deploy.two_robots $(ARGS)

bench-latency: $(VENV)/.dev voice ## Response and barge-in times, measured on the wire
	@$(BIN)/python -m bench.latency $(BENCH_ARGS)

bench-capacity: $(VENV)/.dev voice ## Calls at once that one robot holds, processor time and memory of a call
	@$(BIN)/python -m bench.capacity $(BENCH_ARGS)

bench-failover: $(VENV)/.dev voice ## Two robots behind Kamailio, one killed among calls (BENCH_ARGS="--calls 1000")
	@$(BIN)/python -m bench.failover $(BENCH_ARGS)

bench-alice: $(VENV)/.dev ## How long Alice waits for a reply, with a slow database
	@$(BIN)/python -m bench.alice $(BENCH_ARGS)

soak: $(VENV)/.dev voice ## Thousands of short calls (BENCH_ARGS="--calls 3000 --minutes 20"): does anything grow?
	@$(BIN)/python -m bench.soak $(BENCH_ARGS)

bench-recognition: $(VENV)/.dev voice ## Word errors and meanings heard, in unseen voices and noise; see docs/recognition.md
	@$(BIN)/python -m bench.recognition $(BENCH_ARGS)

bench-understanding: $(VENV)/.dev voice ## Intents and values understood, clean, noised and through the recogniser; see docs/understanding.md
	@$(BIN)/python -m bench.understanding $(BENCH_ARGS)

bench-chat: $(VENV)/.dev ## How many patients may chat at once over real WebSockets; see docs/channels.md
	@$(BIN)/python -m bench.chat $(BENCH_ARGS)

model: ## Train the embedded recogniser anew (hours; see models/recipe/README.md)
	@$(MAKE) -C models/recipe all PYTHON=$(PYTHON)

lock: $(VENV)/.dev ## Renew the locked versions
	@$(BIN)/uv pip compile -q --upgrade --no-header --no-emit-index-url --no-annotate pyproject.toml --extra postgresql --extra s3 -o requirements/run.txt
	@$(BIN)/uv pip compile -q --upgrade --no-header --no-emit-index-url --no-annotate pyproject.toml --extra postgresql --extra s3 --extra dev -c requirements/run.txt -o requirements/dev.txt

clean: ## Remove the environment and run-time data of this folder
	rm -rf $(VENV) var build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
