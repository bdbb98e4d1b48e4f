# Every task of the project; CI calls the same ones.
PYTHON := .venv/bin/python
ARGS :=

.PHONY: help setup wireguard-py check format test test-long coverage test-kernel demo lab bench bench-failover bench-vpn bench-service bench-noc endurance golden lock wheels docs clean

help:  ## list the tasks
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup:  ## system packages (Debian, root or sudo), virtual environment, map outline
	@tools/setup.sh
	@tools/browser_files.sh

wireguard-py: setup  ## the optional extra of that name; needs a compiler, and a Python before 3.13
	@tools/setup.sh wireguard-py

check: setup  ## formatting, lint, types, import contracts
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports --verbose >/dev/null || .venv/bin/lint-imports

format:  ## format and fix what can be fixed
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

test: check wireguard-py  ## all tests: unit and golden in parallel, then real routers in namespaces
	$(PYTHON) tools/run_tests.py $(ARGS)

test-long: check wireguard-py  ## what takes minutes and rarely breaks; root; before a release
	$(PYTHON) tools/run_tests.py --long $(ARGS)

coverage: wireguard-py  ## which lines the tests that need no root reach; slows them down by half
	$(PYTHON) -m pytest -q -m "not netns and not kernel and not long" -n 2 --cov --cov-report=term:skip-covered $(ARGS)

test-kernel: wireguard-py  ## the laboratory on netem, on an emulated Debian kernel; root, some minutes
	tools/kernel_vm.sh $(PYTHON) -m pytest -p no:cacheprovider -m kernel tests/kernel $(ARGS)

demo: setup  ## the main job on a laboratory network; ARGS=--once ends by itself
	.venv/bin/sanaga demo $(ARGS)

lab: setup  ## the northern-spur laboratory, left running; 'sanaga lab down' ends it
	.venv/bin/sanaga lab up $(ARGS)

bench: setup  ## the figures of docs/benchmarks.md
	$(PYTHON) -m tests.bench $(ARGS)

bench-failover: setup  ## failover against its peers under the same faults; root, about an hour
	$(PYTHON) -m tests.failover --write $(ARGS)

bench-vpn: setup  ## people's access at national scale, and gateways in the laboratory; root
	$(PYTHON) -m tests.bench vpn $(ARGS)

bench-service: setup  ## telemetry of 429 edges over TLS into one controller; about an hour
	$(PYTHON) -m tests.bench service $(ARGS)

bench-noc: setup  ## the NOC's pages in Chromium, and a cut in the laboratory; root
	$(PYTHON) -m tests.bench noc $(ARGS)

endurance: setup  ## two hours of calls in the laboratory while circuits fail at random; root
	$(PYTHON) -m tests.endurance $(ARGS)

golden: setup  ## rewrite the golden files; review with git diff
	SANAGA_GOLDEN=write $(PYTHON) -m pytest -q tests/golden $(ARGS)

lock:  ## resolve requirements.lock anew
	.venv/bin/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --upgrade -q -o requirements.lock
	echo "wireguard-py; python_version < '3.13'" | .venv/bin/uv pip compile - --universal --python-version 3.11 \
		--no-deps --generate-hashes --no-emit-index-url --no-header --upgrade -q -o requirements-wireguard-py.lock

wheels: setup  ## dist/: the wheel of a controller's machine, and the light one of an edge
	$(PYTHON) -m build --wheel --no-isolation
	$(PYTHON) tools/make_edge_wheel.py

docs: setup  ## pictures, command reference and map of rooms made by the program; root
	$(PYTHON) tools/make_docs.py
	$(PYTHON) tools/make_architecture.py
	$(PYTHON) tools/make_pictures.py
	$(PYTHON) -m tests.browser.pictures
	$(PYTHON) -m tests.browser.sheets
	$(PYTHON) -m tests.browser.laboratory_picture

clean:  ## what the tasks made, but the virtual environment
	rm -rf build dist .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
