# `make demo` and `make test` work on a fresh machine with cargo 1.95 or newer; each installs what it lacks.
.PHONY: demo stack release check test test-heavy bench docs
CARGO ?= cargo

demo:
	$(CARGO) run -q --bin naru -- demo $(ARGS)

# Sharded MySQL and a gateway on it, for trying by hand: 4 MariaDB servers with a million rows, until interrupted.
stack:
	$(CARGO) run -q --bin naru-stack -- $(ARGS)

release:
	$(CARGO) build --release --bin naru

# Lint and unit tests.
check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) test --workspace --lib --bins --locked

# Everything that guards correctness. Closes with `N passed, N failed` over all parts.
test:
	bash sql-tests/run.sh

# Hours of what `make test` does for minutes.
# The seeded comparison of governed tables with masked copies, over a thousand drawn policies: some hours. Ten million rows to a
# slow reader, through each way out. Hostile bytes from another seed each time.
test-heavy: test
	NARU_COPY_ROUNDS=1000 $(CARGO) test --workspace --locked --test main governed_equals_copy
	NARU_HOSTILE_ROUNDS=100000 NARU_HOSTILE_SEED=$$(date +%s) $(CARGO) test --workspace --locked --test main door::hostile
	$(CARGO) build --release --bin naru
	NARU_BINARY="$${CARGO_TARGET_DIR:-$$PWD/target}/release/naru" NARU_SLOW_ROWS=10000000 \
	  $(CARGO) test --workspace --locked --test main a_slow_reader -- --test-threads=1

# Figures of the release build: a table here, a JSON line each in bench/results.jsonl of cargo's target folder.
bench:
	$(CARGO) build --release --bin naru --bin naru-bench
	$(CARGO) run -q --release --bin naru-bench -- $(FIGURES)

# Writes the reference pages from the tables in the code.
docs:
	$(CARGO) run -q --bin naru -- reference > docs/configuration.md
