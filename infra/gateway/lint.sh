#!/usr/bin/env bash
# Lints the API Gateway document, or the file that is named; fails where it is wrong. Wants npm (Node.js 20.19 or later).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
document=$(realpath "${1:-$here/openapi.json}")
cd "$here"
command -v npm >/dev/null 2>&1 || { echo "npm is not found: install Node.js 20.19 or later" >&2; exit 1; }
wanted=$(node -p 'require("./package.json").dependencies["@redocly/cli"]')
installed=$(node -p 'require("./node_modules/@redocly/cli/package.json").version' 2>/dev/null || true)
[[ "$installed" == "$wanted" ]] || npm ci --silent --no-audit --no-fund --ignore-scripts
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
node_modules/.bin/redocly lint --config redocly.yaml "$document"
