#!/usr/bin/env bash
# Prints the programs that become images, one a line: every function, and `consentmd`.
# The functions are the keys of terraform/generated/functions.json; before `make generate` has made it, the folders of
# functions/. With `--functions` the functions alone: these are the Cloud Run services. FUNCTIONS_JSON: another such file.
set -euo pipefail
cd "$(dirname "$0")/../.."
declared=${FUNCTIONS_JSON:-terraform/generated/functions.json}

functions() {
  if [[ -f "$declared" ]]; then
    python3 -c 'import json, sys; print("\n".join(sorted(json.load(open(sys.argv[1])))))' "$declared"
  else
    local manifest
    for manifest in functions/*/Cargo.toml; do basename "$(dirname "$manifest")"; done
  fi
}

names=$(functions)
if [[ -z "$names" ]]; then echo "no function is found in $declared nor in functions/: run 'make generate'" >&2; exit 1; fi
echo "$names"
if [[ "${1:-}" != --functions ]]; then echo consentmd; fi
