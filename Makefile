# Mailroom. `make run` starts the demo company; `make test` checks everything. They need python3 (3.11 to 3.13, with venv), make and git.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory --no-builtin-rules
.DELETE_ON_ERROR:
.SECONDARY:

# Dozens of tests start the whole company: what was compiled once is not compiled again.
unexport PYTHONDONTWRITEBYTECODE

# Debian's own python3, which packages and units run, where it has venv: it takes a seventh less time than one that is built without its optimizations.
ifndef PYTHON
PYTHON := $(or $(shell /usr/bin/python3 -c 'import ensurepip, sys; (3, 11) <= sys.version_info < (3, 14) and print(sys.executable)' 2>/dev/null),python3)
endif
OTHER_PYTHON ?= python3
UV_VERSION := 0.13.9
AUDIT_VERSION := 2.10.1
WORKERS ?= 5# on 2 cores: many tests wait, and each worker collects all of them
FUZZ_SECONDS ?= 60

VENV := .venv
BIN := $(VENV)/bin
UNIT := $(filter-out tests/e2e tests/faults tests/fuzz tests/peers tests/webui tests/__pycache__,$(patsubst %/,%,$(wildcard tests/*/)))
PYTEST = $(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadscope
OTHER_PYTEST = .venv-other/bin/python -m pytest -p no:cacheprovider --quiet
# Where one interpreter differs from another: imports, contracts, sockets, TLS, processes, SQLite, e-mail and dates; and one company, end to end.
DIFFERS := tests/test_imports.py tests/triage_api/test_published.py tests/triage_cli/test_contract.py tests/webhooks/test_sender.py \
    tests/triage_cli/services/test_forkserver.py tests/mta/processing/test_clamd.py tests/mta/session/test_smtp_session.py \
    tests/mta/delivery/test_starttls.py tests/mta/peer/test_proxy_protocol.py tests/mta/server/test_receiver.py \
    tests/mta/delivery/test_sasl_client.py tests/mta/delivery/test_smarthost.py tests/mta/server/test_sockets.py \
    tests/mta/spool/test_spool.py tests/mta/server/test_supervisor.py tests/triage/message/test_authors.py \
    tests/triage/runtime/test_sandbox_pool.py tests/triage/message/test_summary.py tests/triage/store/test_db.py \
    tests/triage/message/mime/test_decoding.py tests/triage/message/mime/test_delivery_status.py tests/triage/delivery/test_dsn.py \
    tests/triage/addressing/test_envelope.py tests/triage/message/test_forwarded.py tests/triage/test_business_hours.py \
    tests/triage/message/mime/test_calendar.py tests/triage/delivery/test_journal_report.py tests/triage/message/mime/test_mime_parts.py \
    tests/triage/message/preview/test_preview_document.py tests/triage/message/test_returned.py \
    tests/triage/policy/contacts/test_sent_headers.py tests/triage/test_times.py tests/mail_auth/attacks/test_author.py \
    tests/mail_auth/test_author.py tests/mail_auth/test_canonicalization.py tests/mail_auth/test_dkim.py tests/mail_auth/test_message.py
COMPANY := "tests/e2e/console/test_main_job.py::test_an_allowed_sender_who_proves_it_goes_straight_through[sqlite-lmtp]"
CONSOLE_SOURCES := $(shell find webui \( -name node_modules -o -name dist -o -name __pycache__ \) -prune -o -type f -print)

.PHONY: run test test-full quick flaky durations prepared compiled other-python
.PHONY: lint style types contracts templates prose logic format docs reference thunderbird fuzz mutants faults bench bench-short console lock audit clean peers unit-other release keep-release snapshots

run: $(VENV)/.run webui/dist/index.html
	@exec $(BIN)/mailroom demo

# Lint, types, the console's own tests and the other interpreter are tests too (tests/test_parts.py): they run while others wait.
test: peers
	@$(MAKE) --jobs=3 prepared
	$(PYTEST) --durations=15

# The whole suite on either database, on the other interpreter too; an hour or more.
test-full: peers
	@$(MAKE) --jobs=3 prepared
	MAILROOM_TESTS=full $(PYTEST) --durations=15

# Lint, types and the SQLite tests of the folders that differ from main or from the last commit; under 3 minutes.
quick: $(VENV)/.dev webui/node_modules/.installed
	$(PYTEST) -m "not postgresql and not peers" $$($(BIN)/python -m tests.changed)

# End-to-end, browser and fault tests five times, beside a busy loop a core: which of them fail, and how often.
flaky: peers $(VENV)/.dev webui/dist/index.html
	$(BIN)/python -m tests.flaky $(WORKERS)

# What each test file takes, for the order in which the next run begins them (tests/durations.json).
durations: peers
	@$(MAKE) --jobs=3 prepared
	MAILROOM_DURATIONS=renew $(PYTEST)

prepared: $(VENV)/.docs webui/dist/index.html compiled other-python

# On a clean clone the tests are compiled once, not by each worker at the same time.
compiled: $(VENV)/.docs
	@[ -e tests/__pycache__ ] || $(BIN)/python -m pytest --collect-only --quiet >/dev/null 2>&1 || true

lint: style types contracts templates prose plugins

style: $(VENV)/.dev
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .

types: $(VENV)/.dev
	$(BIN)/mypy --no-error-summary

contracts: $(VENV)/.dev
	$(BIN)/lint-imports --no-logo

# Plain English and German: docs, console and server sentences (tests/prose/words.toml); what is old may only become less.
prose: $(VENV)/.dev
	$(BIN)/python -m tests.prose --code

# The add-on for Thunderbird.
thunderbird: $(VENV)/.dev
	mkdir -p var
	$(BIN)/python webmail/thunderbird/build_xpi.py var/mailroom.xpi

# PHP of the webmail plugin, where PHP is installed.
plugins:
	@if command -v php >/dev/null; then find webmail -name '*.php' -o -name '*.inc' | xargs -n 1 php -l | sed '/^No syntax errors/d'; \
	else echo "lint: PHP is not installed, so webmail/ is not checked"; fi

# Types and templates of the console.
templates: webui/node_modules/.installed
	$(BIN)/python hatch_build.py check

# The console's logic, without a browser.
logic: webui/node_modules/.installed
	$(BIN)/python hatch_build.py test

format: $(VENV)/.dev
	$(BIN)/ruff check --quiet --fix .
	$(BIN)/ruff format .

# The docs as a site in var/site/; a warning, such as a link that leads nowhere, ends it.
docs: $(VENV)/.docs
	$(BIN)/zensical build --strict --clean

# The pages that are made of the code: nobody edits them.
reference: $(VENV)/.dev
	$(BIN)/mailroom settings > docs/reference/settings.md
	$(BIN)/python -m tests.triage_cli.one_line_helps
	$(BIN)/mailroom man --markdown > docs/reference/cli.md
	$(BIN)/python -m tests.reference
	$(BIN)/python -m tests.triage_api.published
	$(BIN)/python -m tests.triage_api.typescript

# Each target for FUZZ_SECONDS, WORKERS at once; what leads to new places in the code is kept in var/fuzz/ for the next time.
fuzz: $(VENV)/.dev
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(PYTEST) -m "not peers and not postgresql" tests/fuzz $$(grep -rl '^from hypothesis' --include='test_*.py' tests)

# Breaks the modules on which most rests, one place at a time; a test must notice each (tests/mutants/README.md). One module: make mutants MODULES=policy.
mutants: $(VENV)/.dev
	$(BIN)/python -m tests.mutants.run $(if $(MOST),--most $(MOST)) $(MODULES)

# The long forms of tests/faults: thousands of messages, dozens of kills; about half an hour.
faults: peers $(VENV)/.dev webui/dist/index.html
	MAILROOM_TESTS=full MAILROOM_FAULTS=long $(BIN)/python -m pytest --durations=0 tests/faults tests/e2e/operation/test_backup.py

bench: $(VENV)/.dev webui/dist/index.html
	@PYTHON=$(PYTHON) tests/peers/install.sh bench
	@rm -rf var/bench
	@for claim in bench/*.py; do echo "== $$claim"; $(BIN)/python -P "$$claim"; done
	@echo "== what was wanted, and what came out"; $(BIN)/python -m bench.rounds.verdict

# Ten minutes: before a change and after it. The table shows both.
bench-short: $(VENV)/.dev webui/dist/index.html
	@PYTHON=$(PYTHON) tests/peers/install.sh bench
	@$(BIN)/python -m bench.rounds.short

console: webui/dist/index.html

peers:
	@PYTHON=$(PYTHON) tests/peers/install.sh

# On another interpreter, where this machine has one: what may differ there; with MAILROOM_TESTS=full all unit tests.
other-python:
	@other=$$(tests/peers/other_python.sh $(PYTHON)); \
	[ -z "$$other" ] || $(MAKE) OTHER_PYTHON=$$other .venv-other/.dev

unit-other: other-python webui/dist/index.html
	@if [ -n "$$(tests/peers/other_python.sh $(PYTHON))" ]; then \
	    $(OTHER_PYTEST) $(COMPANY) && \
	    $(OTHER_PYTEST) -m "not peers and not postgresql$(if $(filter full,$(MAILROOM_TESTS)),, and not corpus)" $(if $(filter full,$(MAILROOM_TESTS)),$(UNIT),-k "not bounded_time" $(DIFFERS)); \
	else \
	    echo "this machine has no second python from 3.11 to 3.13; the tests ran on $(PYTHON) only"; \
	fi

$(VENV)/.made: INTERPRETER = $(PYTHON)
.venv-other/.made: INTERPRETER = $(OTHER_PYTHON)
%/.made:
	@$(INTERPRETER) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	    || { echo "mailroom: needs python3 from 3.11 to 3.13 and found $$($(INTERPRETER) --version 2>&1 || true); name another with make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(INTERPRETER) -c 'import ensurepip, venv' 2>/dev/null \
	    || { echo "mailroom: $(INTERPRETER) comes without venv; install it with apt-get install python3-venv" >&2; exit 1; }
	@echo "mailroom: making $* with $$($(INTERPRETER) --version)"
	@$(INTERPRETER) -m venv $*
	@touch $@

# Several dependencies come as source only: what builds them is installed first, from a lock file of its own.
PIP = $*/bin/python -m pip --disable-pip-version-check --no-input --quiet install --no-build-isolation --no-deps --use-pep517
%/.build: %/.made requirements/build.txt
	@echo "mailroom: installing the build tools into $*"
	@$(PIP) --require-hashes -r requirements/build.txt
	@touch $@

%/.run: %/.build requirements/run.txt pyproject.toml
	@echo "mailroom: installing the dependencies into $*"
	@$(PIP) --require-hashes -r requirements/run.txt
	@$(PIP) --editable .
	@touch $@

%/.dev: %/.run requirements/dev.txt
	@echo "mailroom: installing the test tools into $*"
	@$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

%/.docs: %/.dev requirements/docs.txt
	@echo "mailroom: installing what the docs are built with into $*"
	@$(PIP) --require-hashes -r requirements/docs.txt
	@touch $@

webui/node_modules/.installed: webui/package-lock.json webui/package.json $(VENV)/.build
	@echo "mailroom: installing what the console is built with"
	@$(BIN)/python hatch_build.py install
	@touch $@

webui/dist/index.html: webui/node_modules/.installed $(CONSOLE_SOURCES)
	@echo "mailroom: building the console"
	@$(BIN)/python hatch_build.py build
	@touch $@

# The pictures of the main screens that tests/webui/shell/test_snapshots.py compares with; look at each that changed before you commit it.
snapshots: peers $(VENV)/.dev webui/dist/index.html
	MAILROOM_TESTS=full MAILROOM_SNAPSHOTS=renew $(BIN)/python -m pytest tests/webui/shell/test_snapshots.py tests/webui/shell/test_snapshot_widths.py tests/webui/decisions/test_action_bar.py -m "not postgresql"
	@git status --short tests/webui/snapshots

# What this version leaves on a disk, kept for later ones to upgrade (CONTRIBUTING.md).
keep-release: peers $(VENV)/.dev webui/dist/index.html
	$(BIN)/python -m tests.migrations.keep_release

# The release that is committed here, into dist/; KEY=FILE signs it (CONTRIBUTING.md).
release:
	PYTHON=$(PYTHON) deploy/release.sh build dist $(KEY)

# Known advisories against what an installation gets, where there is a network. An audit that can ask nobody fails.
audit: $(VENV)/.made
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip --disable-pip-version-check --quiet install pip-audit==$(AUDIT_VERSION)
	.venv-audit/bin/pip-audit --strict --require-hashes --disable-pip --requirement requirements/run.txt

# Lock files name no host: the same files serve every index and mirror.
COMPILE = env -u PIP_FIND_LINKS .venv-lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet --upgrade
lock: $(VENV)/.build
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip --disable-pip-version-check --quiet install uv==$(UV_VERSION)
	$(COMPILE) --group build -o requirements/build.txt
	$(COMPILE) --group release -o requirements/release.txt
	$(COMPILE) pyproject.toml -o requirements/run.txt
	$(COMPILE) pyproject.toml --group dev --extra second-opinion --constraints requirements/run.txt -o requirements/dev.txt
	$(COMPILE) --group docs --constraints requirements/dev.txt -o requirements/docs.txt
	$(BIN)/python hatch_build.py lock

clean:
	rm -rf .venv .venv-other .venv-lock .venv-audit webui/node_modules webui/dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
