#!/usr/bin/env bash
# Makes the files that follow from the code: the API's document, Terraform's lists, the gateway's document, README tables.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --quiet -p consentmd --bin consentmd
"${CARGO_TARGET_DIR:-target}/debug/consentmd" generate .
