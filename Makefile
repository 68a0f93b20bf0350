# Carrick's recipes. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
CARGO ?= cargo
export PATH := $(HOME)/.cargo/bin:$(PATH)
# What needs a real Kubernetes, which is built with Go, is left out where there is none.
WITH_GO = command -v go >/dev/null || { echo 'skipped: no Go toolchain'; exit 0; };

help: ## list the recipes
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what building and testing need (Debian packages, Rust); idempotent
	@scripts/setup

tour: setup ## a whole platform in one process, walked through a blue-green release, a canary release and monitoring (ARGS=--exit: without stopping for you)
	@scripts/setup monitoring
	$(CARGO) run --quiet --bin carrick -- up --tour $(ARGS)

test: setup ## unit tests, every scenario on the simulator, and a scripted kubectl session on it (CARRICK_EXPLORE=SEED: with other failures)
	@scripts/setup kubectl monitoring
	$(CARGO) test --workspace

conformance: setup ## recorded calls and answers of the originals, replayed against ours (needs ../shared/conformance); promtool and amtool read what they render and what the scenarios write
	@scripts/setup monitoring readers
	$(CARGO) xtask conformance rollouts
	$(CARGO) xtask conformance kubernetes
	$(CARGO) xtask conformance monitoring
	$(CARGO) xtask conformance monitoring --tools
	$(CARGO) xtask conformance scenarios
	$(CARGO) xtask crds --compare

test-real: setup testbed ## the same on a real Kubernetes (needs Go; ARGS=NAME: only the scenario of that name; ARGS=kubectl: only the recorded session)
	@scripts/setup kubectl
	@$(WITH_GO) $(CARGO) xtask test-real $(ARGS)

fidelity: setup testbed ## a sample of the areas on a real API server and on ours, another one each time (SEED=N: that one); bodies are compared byte by byte, but for what docs/simulator-differences.md says (needs Go)
	@$(WITH_GO) \
	seed=$${SEED:-$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}; \
	echo "seed $$seed, replayed by: make fidelity SEED=$$seed"; \
	for sample in "$$seed 60 apply" "$$seed 40 watches" "$$seed 12 identities" "$$seed 6 upstream" "$$seed 6 builtins" \
	  "$$seed 200 requests" "$$seed 12 tables" "$$seed 16 schemas" "$$seed 16 discovery" "$$seed 60 kinds" "$$seed 24 admission"; do \
	  set -- $$sample; \
	  $(CARGO) xtask fidelity --live --seed "$$1" --count "$$2" "$$3" \
	    || { echo "replayed by: cargo xtask fidelity --live --seed $$1 --count $$2 $$3"; exit 1; }; \
	done

clients: setup testbed ## helm, client-go, kustomize and Python's client on our server and on a real Kubernetes (without Go: what needs none, on ours)
	@scripts/setup kubectl
	$(CARGO) xtask clients $(ARGS)

testbed: ## build the real Kubernetes of test-real, once per version
	@$(WITH_GO) $(CARGO) xtask testbed build

lint: ## formatting, clippy with warnings denied, sizes of functions and files
	$(CARGO) fmt --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	@scripts/sizes

docs: ## rustdoc, without warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --quiet

release: setup ## carrick and xtask for release, guided by a profile of the simulated API server at work (two release builds, half an hour or more)
	@scripts/release

reloader: setup ## the config-reloader alone, as a small static program for an image of its own
	@scripts/setup musl
	$(CARGO) build --package reloader --profile small --target x86_64-unknown-linux-musl
	@ls -l $${CARGO_TARGET_DIR:-target}/x86_64-unknown-linux-musl/small/prometheus-config-reloader

image: setup ## images to take the place of upstream's, checked and packed as OCI archives in target/images (REPOSITORY=registry.example/team: under names there; PROFILE=dev: built quickly, for trying)
	@REPOSITORY='$(REPOSITORY)' PROFILE='$(PROFILE)' scripts/image

deny: ## licences, bans and sources of dependencies
	@scripts/setup cargo-deny
	$(CARGO) deny check bans licenses sources

generate: ## write generated files anew: the rights that the scenarios take, and the manifests in deploy/
	$(CARGO) xtask generate

.PHONY: help setup tour test conformance test-real fidelity clients testbed lint docs release reloader image deny generate
