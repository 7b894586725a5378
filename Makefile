# `make run` and `make test` are all one needs; `make help` lists the rest.
SHELL := /bin/bash
CARGO ?= cargo
EMULATORS := infra/emulators.sh

.PHONY: help run demo test check fmt generate bench-start release image-check image-check-test deploy deploy-test clean

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
	$(CARGO) run --quiet -p consentmd --bin bench-start -- target/programs

release: ## Builds every program as the images have it, into target/programs
	@infra/containers/compile.sh programs target/programs

image-check: ## Proves the images' programs without a Docker engine: size, user, read-only root, start and end
	@infra/containers/image-check.sh $(PROGRAMS)

image-check-test: ## Plants faults that image-check has to find
	@infra/containers/tests/run.sh

deploy: ## ENV=dev or ENV=prod: brings HEAD's images to the services, all or none; COMMIT=.. goes back to others
	@infra/deploy/by-hand.sh "$(ENV)"

deploy-test: ## Tests the scripts that deploy against a pretended cloud; checks cloudbuild.yaml and compose.yaml
	@infra/deploy/tests/run.sh

clean: ## Removes what was built; never the data folder
	$(CARGO) clean
