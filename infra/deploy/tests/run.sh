#!/usr/bin/env bash
# Tests of the scripts that deploy, with gcloud, docker and curl that only pretend (tests/bin). The last line says how many
# checks passed; `make deploy-test` runs it.
set -euo pipefail
cd "$(dirname "$0")/../../.."
# shellcheck source=infra/deploy/tests/world.sh
source infra/deploy/tests/world.sh
deploy=infra/deploy/deploy.sh

test="all is well"
world
run $deploy PUBLIC_URL=https://api.public.example
check "exit" 0 "$status"
for service in "${SERVICES[@]}"; do
  check "who serves $service" "$service-new=100" "$(serves "$service")"
  check "tags of $service" "" "$(tags "$service")"
  check "image of $service" "us-central1-docker.pkg.dev/test-project/consentmd/$service@sha256:$service" \
    "$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["image"])' "$CLOUD/service-$service.json")"
done
check "the job's image" us-central1-docker.pkg.dev/test-project/consentmd/consentmd@sha256:consentmd "$(cat "$CLOUD/job-image")"
check "when the commit was made is noted" '{"commit": "'$COMMIT'", "committed": "1700000000"}' "$(cat "$CLOUD/revision-chats-new")"
check_unlocked
check "the lock is taken before anything is looked at" "gcloud storage cp" "$(head -n 1 "$CLOUD/calls" | cut -d' ' -f1-3)"
check "the signing key is made once" 1 "$(called 'jobs execute consentmd .*--args=admin,ensure-signing-key --wait')"
check "every tagged revision that can be asked is asked" $((${#SERVICES[@]} - 1)) "$(called "curl https://$TAG---[a-z]+.test/health/ready")"
check "so is every service, after the shift" $((${#SERVICES[@]} - 1)) "$(called 'curl https://[a-z]+.test/health/ready')"
check "a service behind the load balancer is not asked" 0 "$(called 'curl .*realtime')"
check "the public address is asked" 1 "$(called 'curl https://api.public.example/.well-known/jwks.json')"
check "the key is made before a revision that needs it" yes \
  "$(awk '/jobs execute/ {key = NR} /run deploy/ && !first {first = NR} END {print (key < first) ? "yes" : "no"}' "$CLOUD/calls")"
check "no traffic before all were asked" yes \
  "$(awk '/curl .*---/ {asked = NR} /update-traffic/ && !first {first = NR} END {print (asked < first) ? "yes" : "no"}' "$CLOUD/calls")"

test="the first answer is late"
world "slow chats"
run $deploy
check "exit" 0 "$status"
check "who serves chats" chats-new=100 "$(serves chats)"

test="a tagged revision does not answer well"
world "smoke chats"
run $deploy
check "exit" 1 "$status"
check_put_back
check "nobody was given traffic" 0 "$(called 'update-traffic .*-new=')"
check_says "failed for chats"
check_says '503 after 2 tries: {"status":"unavailable"}'

test="one revision of several cannot be deployed"
world "deploy notes"
run $deploy
check "exit" 1 "$status"
check_put_back
check_says "failed for notes"
check "a service without the tag is left alone" 0 "$(called 'update-traffic notes')"

test="the traffic of one of several cannot be moved"
world "shift notes"
run $deploy
check "exit" 1 "$status"
check_put_back
check "others were moved already" yes "$( (($(called 'update-traffic .*-new=') > 1)) && echo yes || echo no)"

test="a service fails once it has the traffic"
world "serving audit"
run $deploy
check "exit" 1 "$status"
check_put_back

test="the public address does not answer"
world public
deployed_at 1600000000
run $deploy PUBLIC_URL=https://api.public.example
check "exit" 1 "$status"
check_put_back

test="the public address does not answer yet, at the first deployment"
world public
run $deploy PUBLIC_URL=https://api.public.example
check "exit" 0 "$status"
check "who serves chats" chats-new=100 "$(serves chats)"
check_says "WARNING: this is the first deployment, and https://api.public.example does not answer yet"

test="the signing key cannot be made"
world "execute consentmd"
run $deploy
check "exit" 1 "$status"
check_put_back
check "nothing was deployed" 0 "$(called 'run deploy')"

test="no identity token"
world token
run $deploy
check "exit" 1 "$status"
check_put_back
check_says "no identity token for https://audit.test"

test="rolling back fails too"
world "smoke chats" "put-back audit"
run $deploy
check "exit" 2 "$status"
check "the others lost the tag" "" "$(tags chats)"
check_unlocked
check_says "NOT ROLLED BACK: gcloud run services update-traffic audit --project=test-project --region=us-central1 --quiet --remove-tags=$TAG"

test="it is interrupted"
world "interrupt notes"
run $deploy
check "exit" 1 "$status"
check_put_back
check "nobody was given traffic" 0 "$(called 'update-traffic .*-new=')"

test="an image is missing"
world "image notes"
run $deploy
check "exit" 1 "$status"
check "nothing was changed" 0 "$(called 'run deploy|update-traffic|jobs update')"
check_says "there is no image us-central1-docker.pkg.dev/test-project/consentmd/notes:$COMMIT"

test="a service is missing"
world "describe notes"
run $deploy
check "exit" 1 "$status"
check "nothing was changed" 0 "$(called 'run deploy|update-traffic|jobs update')"
check_says "there is no service notes"

test="no full commit"
world
run $deploy COMMIT=0123456
check "exit" 1 "$status"
check_says "it has to be a full commit"
check "nothing was asked" 0 "$(called .)"

# shellcheck source=infra/deploy/tests/together.sh
source infra/deploy/tests/together.sh
# shellcheck source=infra/deploy/tests/images.sh
source infra/deploy/tests/images.sh
test="cloudbuild.yaml and compose.yaml"
unset FUNCTIONS_JSON
CLOUD=$(mktemp -d)
while IFS=$'\t' read -r what finding; do check "$what" "" "$finding"; done < <(python3 infra/deploy/tests/yaml_files.py || echo "yaml_files.py	did not end well")

echo "$passed passed, $failed failed"
((failed == 0))
