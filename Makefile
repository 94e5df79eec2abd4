# `make demo` and `make test` work on a fresh machine with cargo 1.95 or newer; each installs what it lacks.
.PHONY: demo release check test docs
CARGO ?= cargo

demo:
	$(CARGO) run -q -p naru-gateway --bin naru -- demo $(ARGS)

release:
	$(CARGO) build --release -p naru-gateway --bin naru

# Lint and unit tests.
check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) test --workspace --lib --bins --locked

# Everything that guards correctness. Closes with `N passed, N failed` over all parts.
test:
	bash sql-tests/run.sh

# Writes the reference pages from the tables in the code.
docs:
	$(CARGO) run -q -p naru-gateway --bin naru -- reference > docs/configuration.md
