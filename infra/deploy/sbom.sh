#!/usr/bin/env bash
# Has Artifact Analysis write the list of what is in every image (SPDX) and keep it beside the image. The crates within a
# program are known to it by what cargo-auditable noted there. Variables: see settings.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=infra/deploy/settings.sh
source infra/deploy/settings.sh
TRIES=${TRIES:-24}

export_sbom() { # program
  local image try
  image=$(image_of "$1") || return 1
  # The list is made of the scan that pushing an image begins; until that has ended there is nothing to export.
  for ((try = 1; ; try++)); do
    if gcloud artifacts sbom export --uri="$image" --project="$PROJECT" --quiet; then return 0; fi
    if ((try >= TRIES)); then return 1; fi
    sleep "$WAIT"
  done
}

declare -A jobs=()
for program in "${programs[@]}"; do export_sbom "$program" & jobs[$program]=$!; done
failed=()
for program in "${programs[@]}"; do wait "${jobs[$program]}" || failed+=("$program"); done
if ((${#failed[@]})); then
  echo "no SBOM for ${failed[*]}: is the Container Scanning API on in $PROJECT, and may this account write SBOMs?" >&2
  exit 1
fi
echo "SBOMs of ${#programs[@]} images are kept"
