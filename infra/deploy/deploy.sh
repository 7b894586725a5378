#!/usr/bin/env bash
# Brings a commit's images to the services of one project, all or none:
#   1. notes who serves now, and looks that every image is there
#   2. has the job `consentmd` make the signing key, if there is none yet
#   3. deploys a revision of every service under the tag c-COMMIT, without traffic
#   4. asks each of them, at the tag's address, whether it lives and reaches its store and keys
#   5. gives them the traffic, takes the tag away, and asks the services once more
# Whatever fails or interrupts it: those who served before get the traffic back, and no tag stays.
# Exits 1 when it failed and was rolled back, 2 when rolling back failed too.
#
# Variables: settings.sh has them; also
#   PUBLIC_URL   where clients reach the deployment, if it has a domain; asked for the public keys at the end
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=infra/deploy/settings.sh
source infra/deploy/settings.sh
TRIES=${TRIES:-12}
JOB=consentmd
tag=c-${COMMIT:0:12}
run=(--project="$PROJECT" --region="$REGION" --quiet)
work=$(mktemp -d)
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
  echo "serves now: $(< "$work/$1.before")"
}

ensure_signing_key() {
  local image
  image=$(image_of "$JOB") || { echo "there is no image $REGISTRY/$JOB:$COMMIT: build and push it first"; return 1; }
  gcloud run jobs describe "$JOB" "${run[@]}" --format='value(spec.template.spec.template.spec.containers[0].image)' > "$work/job.before" \
    || { echo "there is no job $JOB in $PROJECT, $REGION: run terraform apply first"; return 1; }
  touched=1
  gcloud run jobs update "$JOB" "${run[@]}" --image="$image" || return 1
  gcloud run jobs execute "$JOB" "${run[@]}" --args=admin,ensure-signing-key --wait
}

deploy_tagged() { # service
  gcloud run deploy "$1" "${run[@]}" --image="$(< "$work/$1.image")" --no-traffic --tag="$tag" || return 1
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

# Two deployments at once must not undo each other.
still_as_noted() { # service
  local now
  now=$(state "$1" traffic) || return 1
  if [[ "$now" != "$(< "$work/$1.before")" ]]; then echo "$now serves, and not $(< "$work/$1.before") as before: is there another deployment?"; return 1; fi
}

shift_traffic() { # service
  : > "$work/$1.shifting"
  gcloud run services update-traffic "$1" "${run[@]}" --to-revisions="$(< "$work/$1.revision")=100" --remove-tags="$tag" >/dev/null || return 1
  echo "$(< "$work/$1.revision") serves"
}

public_address() {
  if [[ -z "${PUBLIC_URL:-}" ]]; then return 0; fi
  ask "$PUBLIC_URL/.well-known/jwks.json"
}

put_back() { # service
  local before=() moved=""
  if [[ -e "$work/$1.shifting" && -s "$work/$1.before" ]]; then before=(--to-revisions="$(< "$work/$1.before")") moved=" and $(< "$work/$1.before") serves"; fi
  gcloud run services update-traffic "$1" "${run[@]}" "${before[@]}" --remove-tags="$tag" >/dev/null || return 1
  echo "the tag is gone$moved"
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
      echo "NOT ROLLED BACK: gcloud run services update-traffic $service ${run[*]} --to-revisions=$(cat "$work/$service.before" 2>/dev/null || true) --remove-tags=$tag" >&2
    done
  fi
  if [[ -s "$work/job.before" ]] && ! gcloud run jobs update "$JOB" "${run[@]}" --image="$(< "$work/job.before")" >/dev/null; then
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
step "Who serves now, and are the images there" each_service note
step "The signing key" ensure_signing_key
step "Revisions under the tag $tag, without traffic" each_service deploy_tagged
step "Do they live" each_service smoke_tagged
step "Does the same serve as at the beginning" each_service still_as_noted
step "Traffic" each_service shift_traffic
step "Do the services live" each_service smoke_serving
step "The public address" public_address
done_well=1
echo "$COMMIT serves in $PROJECT: ${#services[@]} services"
