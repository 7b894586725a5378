# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2016 # what the tests that source it set and read
# A cloud for one test, and what a test may ask about it. The tests source it.
COMMIT=0123456789abcdef0123456789abcdef01234567
TAG=c-0123456789ab
passed=0 failed=0
# Four functions are as good as all: one behind the load balancer, one whose traffic is shared, two more.
FUNCTIONS_JSON=$(mktemp)
export FUNCTIONS_JSON
echo '{"audit":{},"chats":{},"notes":{},"realtime":{}}' > "$FUNCTIONS_JSON"
# The interpreter itself, and not a shim that looks for it each time: the tests call it often.
PATH="$(python3 -c 'import os, sys; print(os.path.dirname(sys.executable))'):$PATH"
mapfile -t SERVICES < <(infra/containers/programs.sh --functions)

# A cloud in which every service serves by an old revision; FAULTS are what goes wrong.
world() { # fault...
  CLOUD=$(mktemp -d)
  printf '%s\n' "$@" > "$CLOUD/faults"
  : > "$CLOUD/calls"
  echo old-job-image > "$CLOUD/job-image"
  local service
  for service in "${SERVICES[@]}"; do
    printf '{"metadata":{"annotations":{"run.googleapis.com/ingress":"%s"}},"status":{"url":"https://%s.test","traffic":%s}}' \
      "$(ingress_of "$service")" "$service" "$(traffic_of "$service")" > "$CLOUD/service-$service.json"
  done
}
ingress_of() { if [[ $1 == realtime ]]; then echo internal-and-cloud-load-balancing; else echo all; fi; }
# Two revisions share the traffic of one of them.
traffic_of() {
  if [[ $1 == notes ]]; then echo '[{"revisionName":"notes-old","percent":90},{"revisionName":"notes-older","percent":10}]'
  else echo "[{\"revisionName\":\"$1-old\",\"percent\":100,\"latestRevision\":true}]"; fi
}

# Runs a script in the world; `status` and `$CLOUD/output` are what came of it.
run() { # script [variable=value...]
  local script=$1; shift
  status=0
  env PATH="$PWD/infra/deploy/tests/bin:$PATH" CLOUD="$CLOUD" PROJECT=test-project REGION=us-central1 COMMIT="$COMMIT" COMMITTED=1700000000 WAIT=0 TRIES=2 "$@" \
    bash -c 'echo $$ > "$CLOUD/script"; exec "$0"' "$script" > "$CLOUD/output" 2>&1 < /dev/null || status=$?
}

# What serves is of this time, in Unix seconds, and not Terraform's.
deployed_at() { local service; for service in "${SERVICES[@]}"; do echo "{\"committed\":\"$1\"}" > "$CLOUD/revision-$service-old"; done; }

serves() { python3 infra/deploy/service_state.py traffic < "$CLOUD/service-$1.json"; }
tags() { python3 -c 'import json, sys; print(*(e["tag"] for e in json.load(open(sys.argv[1]))["status"]["traffic"] if "tag" in e))' "$CLOUD/service-$1.json"; }
called() { grep -cE -- "$1" "$CLOUD/calls" || true; }

check() { # what expected actual
  if [[ "$2" == "$3" ]]; then passed=$((passed + 1)); return; fi
  failed=$((failed + 1))
  echo "FAILED: $test: $1: expected '$2', and it is '$3'"
  if [[ -s "$CLOUD/output" ]]; then sed 's/^/    | /' "$CLOUD/output" | tail -n 25; fi
}
check_says() { check "it says '$1'" yes "$(if grep -qF -- "$1" "$CLOUD/output"; then echo yes; else echo no; fi)"; }

# As before the deployment: old revisions serve, no service has the tag, the job has its old image.
check_put_back() {
  local service
  for service in "${SERVICES[@]}"; do
    check "who serves $service" "$(if [[ $service == notes ]]; then echo notes-old=90,notes-older=10; else echo "$service-old=100"; fi)" "$(serves "$service")"
    check "tags of $service" "" "$(tags "$service")"
  done
  check "the job's image" old-job-image "$(cat "$CLOUD/job-image")"
  check_unlocked
}
check_unlocked() { check "the lock is given back" no "$([[ -e "$CLOUD/lock" ]] && echo yes || echo no)"; }
