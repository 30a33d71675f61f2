# `make` lists the targets. What they need installs itself, pinned, into target/tools.

# The front door's port; the emulator and the provider stand-in take the next two.
PORT ?= 8080
# AUTH=true enforces the template's IAM policies in the local stack.
AUTH ?=
# Which section of samconfig.toml `make deploy` takes.
ENV ?= dev

LOCAL := target/debug/tollgate-local
OPTIONS := --port $(PORT) $(if $(filter true,$(AUTH)),--auth)
CHECK := target/tools/check/bin
MAX_LINES := 400

.DEFAULT_GOAL := help
.PHONY: help run up down test chaos check build deploy clean watch
.PHONY: tools tools-check bins check-rust check-docs check-core check-size check-dependencies check-template check-data

help: ## this list
	@echo 'make TARGET [PORT=8080] [AUTH=true] [ENV=dev|staging|prod]'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: tools bins ## the whole stack on this machine, until Ctrl-C
	@exec $(LOCAL) run $(OPTIONS)

up: tools bins ## the same in the background; target/local/env has its variables
	@$(LOCAL) up $(OPTIONS)

down: ## stop what `make up` started
	@if [ -x $(LOCAL) ]; then $(LOCAL) down; else echo 'no stack is running here'; fi

test: tools bins ## all tests: unit, contract and end to end
	@tools/venv.sh lambda tools/requirements-lambda.txt
	cargo test --workspace --no-run
	@tools/with_oracle.py cargo test --workspace --no-fail-fast

chaos: bins ## break providers in every way we know, and print what callers saw, paid and waited
	@tools/need.sh cargo python3 openssl
	@tools/with_oracle.py cargo test --workspace --test chaos -- --include-ignored chaos_in_full --nocapture

check: check-rust check-docs check-core check-size check-dependencies check-template check-data ## all that can be checked without running it
	@echo 'all checks passed'

build: ## release build of the Lambdas: target/lambda/<function>/bootstrap
	@tools/need.sh cargo python3
	@tools/venv.sh lambda tools/requirements-lambda.txt
	@tools/build.sh

deploy: build ## deploy with sam to the account that the AWS credentials name; ENV says how
	@tools/venv.sh check tools/requirements-check.txt
	@tools/deploy.sh $(ENV)

clean: down ## remove everything that was built, installed or written
	rm -rf target tests/clients/node_modules .aws-sam

watch: bins ## cargo lambda watch, against the stack that `make up` started (see events/README.md)
	@tools/venv.sh lambda tools/requirements-lambda.txt
	@tools/watch.sh

tools:
	@tools/need.sh cargo python3 node
	@tools/venv.sh stack crates/local/emulator/requirements.txt
	@tools/venv.sh clients tests/clients/requirements.txt
	@tools/npm.sh tests/clients

tools-check:
	@tools/need.sh cargo python3 git
	@tools/venv.sh check tools/requirements-check.txt
	@tools/venv.sh cargo tools/requirements-cargo.txt
	@tools/machete.sh

# The end-to-end tests and the local stack run the executables themselves, not what `cargo test` makes of them.
bins:
	@tools/need.sh cargo
	cargo build --workspace --bins

check-rust:
	@tools/need.sh cargo
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

check-docs:
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --quiet

check-core:
	@tools/check-core.sh

check-size:
	@git ls-files 'crates/*.rs' 'tests/*.rs' | xargs wc -l | awk '$$2 != "total" && $$1 > $(MAX_LINES) \
		{ print $$2 ": " $$1 " lines, more than $(MAX_LINES)"; long = 1 } END { exit long }'

check-dependencies: tools-check
	target/tools/cargo/bin/cargo-deny --offline check bans licenses sources
	target/tools/cargo-machete/bin/cargo-machete

check-template: tools-check
	$(CHECK)/cfn-lint template.yaml policies/*.yaml
	AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 $(CHECK)/sam validate --lint --template template.yaml
	$(CHECK)/python tools/check_samconfig.py template.yaml samconfig.toml

check-data: tools-check
	@$(CHECK)/python tools/check_json.py config events policies
