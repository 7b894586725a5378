#!/usr/bin/env bash
# Makes infra/openapi.json and the README's table of variables from the code.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --quiet -p consentmd --bin consentmd
program="${CARGO_TARGET_DIR:-target}/debug/consentmd"
"$program" openapi > infra/openapi.json
table=$("$program" variables)
TABLE="$table" python3 - <<'P'
import os, re
text = open("README.md").read()
new = re.sub(r"(<!-- variables -->\n).*?(\n<!-- /variables -->)", lambda m: m[1] + os.environ["TABLE"] + m[2], text, flags=re.S)
open("README.md", "w").write(new)
P
