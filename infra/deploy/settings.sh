# shellcheck shell=bash
# What the scripts of this folder share; they source it. Reads:
#   PROJECT      the Google Cloud project
#   REGION       where the services run, and where the registry is
#   COMMIT       whose images
#   REPOSITORY   the Artifact Registry repository; `consentmd` unless set
#   WAIT         seconds between two tries of what needs time; 5 unless set
# Exports REGISTRY, and makes the arrays `programs` (every image) and `services` (the functions).
: "${PROJECT:?the Google Cloud project}" "${REGION:?the region, as us-central1}" "${COMMIT:?the commit, 40 hex digits}"
if [[ ! "$COMMIT" =~ ^[0-9a-f]{40}$ ]]; then echo "COMMIT is '$COMMIT': it has to be a full commit, 40 hex digits" >&2; exit 1; fi
export REGISTRY="$REGION-docker.pkg.dev/$PROJECT/${REPOSITORY:-consentmd}"
WAIT=${WAIT:-5}
containers=$(dirname "${BASH_SOURCE[0]}")/../containers
# The programs that the commit had: going back to it must not ask for the image of a function that came later.
commits_functions=$(mktemp)
if ! git show "$COMMIT:terraform/generated/functions.json" > "$commits_functions" 2>/dev/null; then
  cat "${FUNCTIONS_JSON:-terraform/generated/functions.json}" > "$commits_functions" 2>/dev/null || rm -f "$commits_functions"
fi
# shellcheck disable=SC2034 # deploy.sh works on the services, sbom.sh on all programs
mapfile -t programs < <(FUNCTIONS_JSON=$commits_functions "$containers/programs.sh")
mapfile -t services < <(FUNCTIONS_JSON=$commits_functions "$containers/programs.sh" --functions)
rm -f "$commits_functions"
if ((${#services[@]} == 0)); then echo "no function is found: run 'make generate'" >&2; exit 1; fi

# The image of a program at COMMIT by its digest, so that what is deployed is what was looked at.
image_of() { # program
  local digest
  digest=$(gcloud artifacts docker images describe "$REGISTRY/$1:$COMMIT" --project="$PROJECT" --format='value(image_summary.digest)') || return 1
  if [[ "$digest" != sha256:* ]]; then echo "$REGISTRY/$1:$COMMIT has no digest" >&2; return 1; fi
  echo "$REGISTRY/$1@$digest"
}
