#!/usr/bin/env bash
# Brings a commit's images to the services of one project, all or none:
#   1. takes the lock of the project's deployments (lock.sh)
#   2. notes who serves now, looks that every image is there, and that no newer commit serves
#   3. has the job `consentmd` make the signing key, if there is none yet
#   4. deploys a revision of every service under the tag c-COMMIT, without traffic
#   5. asks each of them, at the tag's address, whether it lives and reaches its store and keys
#   6. gives them the traffic, takes the tag away, and asks the services once more
# Whatever fails or interrupts it: those who served before get the traffic back, and no tag stays.
# Exits 1 when it failed and was rolled back, 2 when rolling back failed too.
#
# Variables: settings.sh and lock.sh have them; also
#   PUBLIC_URL   where clients reach the deployment, if it has a domain; asked for the public keys at the end
#   OLDER        `allowed`: goes back to a commit older than the one that serves; else that is refused
#   COMMITTED    when the commit was made, in Unix seconds; asked of git unless set
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=infra/deploy/settings.sh
source infra/deploy/settings.sh
TRIES=${TRIES:-12}
JOB=consentmd
tag=c-${COMMIT:0:12}
run=(--project="$PROJECT" --region="$REGION" --quiet)
work=$(mktemp -d)
# shellcheck source=infra/deploy/lock.sh
source infra/deploy/lock.sh
COMMITTED=${COMMITTED:-$(git show --no-patch --format=%ct "$COMMIT" 2>/dev/null || true)}
done_well=0
touched=0

state() { # service question...: of the service as it is now
  local service=$1 described; shift
  described=$(gcloud run services describe "$service" "${run[@]}" --format=json) || return 1
  python3 infra/deploy/service_state.py "$@" <<< "$described"
}

# Does FUNCTION for every service at once; `failed` holds those for which it failed.
each_service() { # function
  local function=$1 service
  local -A jobs=()
  for service in "${services[@]}"; do "$function" "$service" > "$work/$service.log" 2>&1 & jobs[$service]=$!; done
  failed=()
  for service in "${services[@]}"; do
    wait "${jobs[$service]}" || failed+=("$service")
    sed "s/^/  [$service] /" "$work/$service.log"
  done
  ((${#failed[@]} == 0))
}

note() { # service
  state "$1" traffic > "$work/$1.before" || { echo "there is no service $1 in $PROJECT, $REGION: run terraform apply first"; return 1; }
  image_of "$1" > "$work/$1.image" || { echo "there is no image $REGISTRY/$1:$COMMIT: build and push it first"; return 1; }
  committed_before "$1" > "$work/$1.committed" || { echo "who serves $1 cannot be asked when it was made"; return 1; }
  echo "serves now: $(< "$work/$1.before")"
}

# When the commits were made that serve a service, in Unix seconds, a line each; nothing for a revision that is Terraform's.
committed_before() { # service
  local revision
  for revision in $(tr ',' ' ' < "$work/$1.before"); do
    gcloud run revisions describe "${revision%=*}" "${run[@]}" --format='value(metadata.labels.committed)' || return 1
  done
}

# The newest of what serves; empty before the first deployment.
newest_before() { sort -n "$work"/*.committed | tail -n 1; }

no_newer_serves() {
  local newest
  newest=$(newest_before)
  if [[ ! "$COMMITTED" =~ ^[0-9]+$ ]]; then
    echo "nobody here knows when $COMMIT was made: fetch it, or set COMMITTED to its time in Unix seconds"
    return 1
  fi
  if [[ -z "$newest" ]]; then echo "nothing of ours served before"; return 0; fi
  if ((COMMITTED >= newest)); then return 0; fi
  echo "$COMMIT is of $(moment "$COMMITTED"), and what serves is newer, of $(moment "$newest")"
  if [[ "${OLDER:-}" == allowed ]]; then echo "going back to it, as asked for"; return 0; fi
  echo "to go back to it: make deploy ENV=.. COMMIT=$COMMIT"
  return 1
}

job_image() { gcloud run jobs describe "$JOB" "${run[@]}" --format='value(spec.template.spec.template.spec.containers[0].image)'; }

ensure_signing_key() {
  local image
  image=$(image_of "$JOB") || { echo "there is no image $REGISTRY/$JOB:$COMMIT: build and push it first"; return 1; }
  job_image > "$work/job.before" || { echo "there is no job $JOB in $PROJECT, $REGION: run terraform apply first"; return 1; }
  touched=1
  echo "$image" > "$work/job.ours"
  gcloud run jobs update "$JOB" "${run[@]}" --image="$image" || return 1
  gcloud run jobs execute "$JOB" "${run[@]}" --args=admin,ensure-signing-key --wait
}

deploy_tagged() { # service
  gcloud run deploy "$1" "${run[@]}" --image="$(< "$work/$1.image")" --no-traffic --tag="$tag" \
    --update-labels="commit=$COMMIT,committed=$COMMITTED" || return 1
  state "$1" tag-revision "$tag" > "$work/$1.revision" || return 1
  if [[ ! -s "$work/$1.revision" ]]; then echo "no revision has the tag $tag"; return 1; fi
  echo "deployed $(< "$work/$1.revision")"
}

# A token for the service; a person's own account takes no audience.
identity_token() { # audience
  gcloud auth print-identity-token --audiences="$1" 2>/dev/null || gcloud auth print-identity-token
}

# Asks until the answer is 200. The token goes by standard input, so that no list of processes shows it.
ask() { # url [token]
  local try status answer
  answer=$(mktemp "$work/answer.XXXXXX") || return 1
  for ((try = 1; ; try++)); do
    status=$( { if [[ -n "${2:-}" ]]; then echo "Authorization: Bearer $2"; fi; } \
      | curl -sS --max-time 20 -o "$answer" -w '%{http_code}' -H @- "$1") || status="no answer"
    if [[ "$status" == 200 ]]; then echo "$1: 200"; return 0; fi
    if ((try >= TRIES)); then break; fi
    sleep "$WAIT"
  done
  echo "$1: $status after $TRIES tries: $(head -c 500 "$answer")"
  return 1
}

# Whether what stands at an address of the service lives and reaches store and keys. A service that only a load balancer
# may call cannot be asked from here; its revision is ready, or deploying it had failed: its startup probe was answered.
smoke() { # service address
  local ingress audience token
  ingress=$(state "$1" ingress) || return 1
  if [[ "$ingress" != all ]]; then echo "takes calls from its load balancer only: its startup probe counts"; return 0; fi
  audience=$(state "$1" url) || return 1
  if [[ -z "$2" ]]; then echo "there is no address to ask"; return 1; fi
  token=$(identity_token "$audience") || { echo "no identity token for $audience: may this account make one, and invoke the service?"; return 1; }
  ask "$2/health/live" "$token" && ask "$2/health/ready" "$token"
}

smoke_tagged() { local at; at=$(state "$1" tag-url "$tag") || return 1; smoke "$1" "$at"; }
smoke_serving() { local at; at=$(state "$1" url) || return 1; smoke "$1" "$at"; }

# The lock keeps deployments apart, and nobody who works by hand.
still_as_noted() { # service
  local now
  now=$(state "$1" traffic) || return 1
  if [[ "$now" != "$(< "$work/$1.before")" ]]; then echo "$now serves, and not $(< "$work/$1.before") as before: has somebody moved it by hand?"; return 1; fi
}
job_as_deployed() {
  local now
  now=$(job_image) || return 1
  if [[ "$now" != "$(< "$work/job.ours")" ]]; then echo "the job $JOB has the image $now, and not $(< "$work/job.ours"): has somebody changed it by hand?"; return 1; fi
}

shift_traffic() { # service
  : > "$work/$1.shifting"
  gcloud run services update-traffic "$1" "${run[@]}" --to-revisions="$(< "$work/$1.revision")=100" --remove-tags="$tag" >/dev/null || return 1
  echo "$(< "$work/$1.revision") serves"
}

public_address() {
  if [[ -z "${PUBLIC_URL:-}" ]] || ask "$PUBLIC_URL/.well-known/jwks.json"; then return 0; fi
  if [[ -n "$(newest_before)" ]]; then return 1; fi
  echo "WARNING: this is the first deployment, and $PUBLIC_URL does not answer yet. Point the domain's A record to"
  echo "  'terraform output load_balancer_address' and wait for the certificate: infra/runbook/first-deploy.md, step 6."
}

# Undoes what this run did to a service and what nobody has changed since. `.undo` is what remains to be done by hand.
# The newest revision may have failed, which gcloud takes for its own failure: what counts is what is there afterwards.
put_back() { # service
  local ours="" alone tagged change try
  if [[ -e "$work/$1.shifting" && -s "$work/$1.before" ]]; then ours=$(< "$work/$1.revision"); fi
  echo "see who serves: gcloud run services describe $1 ${run[*]}" > "$work/$1.undo"
  for ((try = 0; ; try++)); do
    if state "$1" traffic > "$work/$1.now" && alone=$(state "$1" serves-alone "$ours") && tagged=$(state "$1" has-tag "$tag"); then
      change=()
      if [[ "$alone" == yes ]]; then change+=(--to-revisions="$(< "$work/$1.before")"); fi
      if [[ "$tagged" == yes ]]; then change+=(--remove-tags="$tag"); fi
      if ((${#change[@]} == 0)); then break; fi
      echo "gcloud run services update-traffic $1 ${run[*]} ${change[*]}" > "$work/$1.undo"
      if ((try < TRIES)); then gcloud run services update-traffic "$1" "${run[@]}" "${change[@]}" >/dev/null || true; fi
    fi
    if ((try >= TRIES)); then return 1; fi
    if ((try)); then sleep "$WAIT"; fi
  done
  if [[ "$(< "$work/$1.now")" == "$(< "$work/$1.before")" ]]; then echo "$(< "$work/$1.now") serves, as before"; return 0; fi
  echo "$(< "$work/$1.now") serves, and before it was $(< "$work/$1.before"): somebody else has moved it, and it stays"
}

put_job_back() {
  local now
  if [[ ! -s "$work/job.before" || ! -s "$work/job.ours" ]]; then return 0; fi
  now=$(job_image) || return 1
  if [[ "$now" != "$(< "$work/job.ours")" ]]; then echo "the job $JOB has $now, which is not ours: it stays"; return 0; fi
  gcloud run jobs update "$JOB" "${run[@]}" --image="$(< "$work/job.before")" >/dev/null
}

roll_back() {
  local status=1
  # What was begun ends first, or it would happen after it was undone.
  wait
  echo "Rolling back"
  if ! each_service put_back; then
    status=2
    local service
    for service in "${failed[@]}"; do
      echo "NOT ROLLED BACK: $(< "$work/$service.undo")" >&2
    done
  fi
  if ! put_job_back; then
    status=2
    echo "NOT ROLLED BACK: gcloud run jobs update $JOB ${run[*]} --image=$(< "$work/job.before")" >&2
  fi
  return $status
}

finish() {
  local status=$?
  trap - EXIT; trap '' INT TERM
  if ((!done_well && touched)); then
    set +e
    roll_back; status=$?
    echo "The deployment of $COMMIT to $PROJECT FAILED$( ((status == 2)) && echo ', and rolling back too: see above')" >&2
  fi
  give_lock_back
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT
trap 'exit 1' INT TERM

step() { # what function...
  echo "== $1"; shift
  "$@" || { echo "failed${failed:+ for ${failed[*]}}" >&2; exit 1; }
}

failed=()
step "The lock" take_lock
step "Who serves now, and are the images there" each_service note
step "Does no newer commit serve" no_newer_serves
step "The signing key" ensure_signing_key
step "Revisions under the tag $tag, without traffic" each_service deploy_tagged
step "Do they live" each_service smoke_tagged
step "Does the same serve as at the beginning" each_service still_as_noted
step "Has the job its image" job_as_deployed
step "Traffic" each_service shift_traffic
step "Do the services live" each_service smoke_serving
step "The public address" public_address
done_well=1
echo "$COMMIT serves in $PROJECT: ${#services[@]} services"
