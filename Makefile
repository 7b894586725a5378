# `make run` and `make test` are all one needs; `make help` lists the rest.
SHELL := /bin/bash
CARGO ?= cargo
EMULATORS := infra/emulators.sh

.PHONY: help run demo test check fmt generate bench-start release clean

help: ## Lists the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

run: ## Builds and starts the whole backend in one process on one port
	$(CARGO) run --quiet -p consentmd --bin consentmd -- run

demo: ## Plays a real consultation, on the running server or on one of its own
	$(CARGO) run --quiet -p consentmd --bin consentmd -- demo $(ARGS)

test: ## Runs every test; the emulator half where the emulators are found (REQUIRE_EMULATORS=1 wants them)
	@infra/test.sh

check: ## Formatting, lints and generated files, as CI checks them
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --all-features -- -D warnings
	@infra/check-generated.sh

fmt: ## Formats the code
	$(CARGO) fmt --all

terraform-check: ## Formatting, validity, plans of both environments and tests of terraform/
	@infra/terraform-check.sh

generate: ## Makes the files that follow from the code: documents, Terraform's lists, the README's table of variables
	@infra/generate.sh

bench-start: release ## Start time and idle memory of every function's program
	$(CARGO) run --quiet --release -p consentmd --bin bench-start -- target/release

release: ## Builds every program for containers
	$(CARGO) build --release --workspace --bins

clean: ## Removes what was built; never the data folder
	$(CARGO) clean
