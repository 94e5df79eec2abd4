#!/usr/bin/env bash
# Runs the whole suite and closes with one line `N passed, N failed` over all its parts.
set -u
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export CARGO_TERM_COLOR=never
status=0
lints=0

# A lint or a format that fails is one failure that no test counted, as is a test program that does not build or dies.
part() {
  echo "== $*"
  "$@" || { status=1; lints=$((lints + 1)); }
}

part cargo fmt --all --check
part cargo clippy --workspace --all-targets --locked -- -D warnings
# One build for all parts: with `-p` cargo would choose other features, and build DataFusion a second time.
part cargo build --workspace --locked
target=$(cargo metadata --format-version 1 --no-deps --locked | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
export NARU_BINARY="$target/debug/naru"
echo "== cargo test"
cargo test --workspace --locked --no-fail-fast 2>&1 | tee "$log"
[ "${PIPESTATUS[0]}" -eq 0 ] || status=1

count() { grep -oE "^test result: .* [0-9]+ $1" "$log" | grep -oE "[0-9]+ $1" | awk '{n += $1} END {print n + 0}'; }
passed=$(count passed)
failed=$(($(count failed) + lints))
[ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
echo "$passed passed, $failed failed"
exit "$status"
