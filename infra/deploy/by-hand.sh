#!/usr/bin/env bash
# Does by hand what Cloud Build does after the tests: images, SBOMs, deployment.
#   by-hand.sh ENV         ENV: dev or prod, whose project and region terraform/environments/ENV.tfvars names
# COMMIT=.. deploys the images of another commit that are in the registry, as when going back to it; else HEAD's are
# deployed, and built first where they are missing, for which it needs a Docker engine and a clean working tree.
# ENVIRONMENTS: another folder of tfvars files.
set -euo pipefail
cd "$(dirname "$0")/../.."

environment=${1:-}
environments=${ENVIRONMENTS:-terraform/environments}
variables=$environments/$environment.tfvars
if [[ ! "$environment" =~ ^[a-z][a-z0-9-]*$ || ! -f "$variables" ]]; then
  echo "by-hand.sh ENV: '$environment' is no environment; there is $(cd "$environments" 2>/dev/null && printf '%s ' *.tfvars || echo none)" >&2
  exit 1
fi
value() { sed -nE "s/^[[:space:]]*($1)[[:space:]]*=[[:space:]]*\"([^\"]+)\".*/\2/p" "$variables" | head -n 1; }
PROJECT=${PROJECT:-$(value project_id)}
REGION=${REGION:-$(value region)}
REGION=${REGION:-us-central1}
if [[ -z "$PROJECT" ]]; then echo "$variables names no project: set project_id there, or PROJECT here" >&2; exit 1; fi
domain=$(value domain)
if [[ -z "${PUBLIC_URL:-}" && -n "$domain" ]]; then export PUBLIC_URL=https://$domain; fi

given=${COMMIT:-}
COMMIT=${given:-$(git rev-parse HEAD)}
export PROJECT REGION COMMIT
# Whoever names a commit may mean an older one than serves.
if [[ -n "$given" ]]; then export OLDER=allowed; fi
# shellcheck source=infra/deploy/settings.sh
source infra/deploy/settings.sh

missing=()
for program in "${programs[@]}"; do image_of "$program" >/dev/null 2>&1 || missing+=("$program"); done
if ((${#missing[@]})); then
  if [[ -n "$given" ]]; then echo "the registry has no images of $COMMIT for ${missing[*]}" >&2; exit 1; fi
  if [[ -n "$(git status --porcelain)" ]]; then echo "the working tree has changes that no commit names: commit them first" >&2; exit 1; fi
  if ! docker version >/dev/null 2>&1; then
    echo "the images of $COMMIT are not built, and no Docker engine answers here. Push the commit, or have Cloud Build do all of it:" >&2
    echo "  gcloud builds submit --project=$PROJECT --region=$REGION --config=cloudbuild.yaml --substitutions=COMMIT_SHA=$COMMIT,_REGION=$REGION,_COMMITTED=$(git show --no-patch --format=%ct "$COMMIT")" >&2
    exit 1
  fi
  gcloud auth configure-docker "$REGION-docker.pkg.dev" --quiet
  infra/containers/images.sh plan
  infra/containers/images.sh build
  infra/containers/images.sh push
  infra/deploy/sbom.sh
fi
exec infra/deploy/deploy.sh
