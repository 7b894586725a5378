#!/usr/bin/env bash
# Every test. The last line says what ran.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ -z "${INSIDE_EMULATORS:-}" ]]; then exec env INSIDE_EMULATORS=1 infra/emulators.sh "$0" "$@"; fi

js=functions/realtime/tests/js
node_note="the JavaScript client ran"
if command -v npm >/dev/null 2>&1; then
  (cd "$js" && [[ -d node_modules/socket.io-client ]] || npm ci --silent --no-audit --no-fund)
elif [[ "${REQUIRE_NODE:-}" == 1 ]]; then
  echo "REQUIRE_NODE=1, and npm is not found: install Node.js 20" >&2; exit 1
else
  node_note="the JavaScript client was SKIPPED (npm is not found)"
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
if cargo nextest --version >/dev/null 2>&1; then
  cargo nextest run --workspace --all-features --no-fail-fast "$@" 2>&1 | tee "$log" || status=$?
else
  cargo test --workspace --all-features --no-fail-fast "$@" 2>&1 | tee "$log" || status=$?
fi
emulated=$(grep -cE '(PASS|test) .*(firestore|pubsub|emulator)' "$log" || true)
total=$(grep -cE '^ *PASS |^test .* ok$' "$log" || true)
if [[ -n "${FIRESTORE_EMULATOR_HOST:-}" ]]; then
  platforms="$emulated on the emulators, $((total - emulated)) without them"
else
  platforms="$((total - emulated)) without emulators; the $emulated tests of the emulator half were SKIPPED (emulators not found)"
fi
if [[ $status -ne 0 ]]; then echo "Tests FAILED (passed: $total; $platforms; $node_note)"; exit "$status"; fi
echo "Tests passed: $total ($platforms; $node_note)"
