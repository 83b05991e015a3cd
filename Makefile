# The commands of this repository. `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

.PHONY: help up down build install check test prove bench fmt clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## Set this host up, build vagrantp, bring examples/container up (says first what it installs)
	@scripts/up.sh

down: ## Remove what `make up` brought up: the example's container (vagrantp and the packages stay)
	@scripts/up.sh --down

build: ## Build the release binary
	cargo build --release --locked

install: build ## Install the binary below PREFIX (/usr/local for root, ~/.local else)
	@scripts/install.sh

check: ## The quick gate: formatting, lints, and every test that needs no provider
	@scripts/check.sh

test: ## The whole gate (says first what it installs)
	@scripts/test.sh

prove: ## The whole gate, many more wishes, files and kills by chance, then every bench against its limit
	@VAGRANTP_REPLACEMENTS=50 VAGRANTP_KILLS=60 VAGRANTP_STORM=60 VAGRANTP_PROJECTS=100 \
	  VAGRANTP_STRANGERS=1 VAGRANTP_CI_KILLS=20 VAGRANTP_BOOTS=all VAGRANTP_SEED=$$RANDOM scripts/test.sh
	PROPTEST_CASES=3000 PROPTEST_RNG_SEED=$$RANDOM cargo test --locked --test integration wishes
	VAGRANTP_SEED=$$RANDOM cargo test --locked --test contract
	@VAGRANTP_FAULTS=$${VAGRANTP_FAULTS:-ends} scripts/faults.sh --anew
	@benches/run.sh --strict

bench: ## The benches alone; ARGS="--runs 30", ARGS=--rootless
	@benches/run.sh $(ARGS)

fmt: ## Format the code
	cargo fmt --all

clean: ## Remove what was built, test images included
	cargo clean
