#!/usr/bin/env bash
# Makes all generated files anew and fails where that changes one: somebody changed the code and did not run `make generate`,
# or changed a generated file by hand.
set -euo pipefail
cd "$(dirname "$0")/.."
changed=$(infra/generate.sh)
if [[ -n "$changed" ]]; then
  printf '%s\n' "$changed" >&2
  echo "Generated files differ from the code: commit what 'make generate' has just made, and change none of them by hand." >&2
  exit 1
fi
echo "Generated files: as the code makes them."
