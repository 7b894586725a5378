# shellcheck shell=bash disable=SC2034,SC2154
# Tests of images.sh, sbom.sh and by-hand.sh; run.sh sources it.
images=infra/containers/images.sh
registry=us-central1-docker.pkg.dev/test-project/consentmd
run_images() { # step
  status=0
  env PATH="$PWD/infra/deploy/tests/bin:$PATH" CLOUD="$CLOUD" REGISTRY=$registry COMMIT="$COMMIT" $images "$1" > "$CLOUD/output" 2>&1 || status=$?
}

test="every image is planned, built from one file and pushed"
world
run_images plan; check "plan" 0 "$status"
check "targets of the plan" "$(printf '%s\n' "${SERVICES[@]}" consentmd cached | sort | tr '\n' ' ')" \
  "$(python3 -c 'import json; print(*sorted(json.load(open("target/images/bake.json"))["target"]), end=" ")')"
check "tag, program and stage of chats" "$registry/chats:$COMMIT chats image" \
  "$(python3 -c 'import json; c = json.load(open("target/images/bake.json"))["target"]["chats"]; print(c["tags"][0], c["args"]["PROGRAM"], c["target"])')"
run_images build; check "build" 0 "$status"
check "one call builds all" 1 "$(called 'docker buildx bake .*--file target/images/bake.json')"
run_images push; check "push" 0 "$status"
check "pushed images" $((${#SERVICES[@]} + 1)) "$(called "docker push --quiet $registry/[a-z]+:$COMMIT")"

test="an image is too large"
world "large chats"
run_images push
check "exit" 1 "$status"
check_says "chats is 26214400 bytes; an image has to stay under 26214400"
check "nothing was pushed" 0 "$(called 'docker push')"

test="an image cannot be pushed"
world "push notes"
run_images push
check "exit" 1 "$status"
check_says "not pushed: notes"

test="an image's scan takes its time"
world "sbom chats"
run infra/deploy/sbom.sh
check "exit" 0 "$status"
check "exports" $((${#SERVICES[@]} + 2)) "$(called 'artifacts sbom export --uri=.*@sha256:')"

test="an image's scan does not end"
world "sbom chats"
run infra/deploy/sbom.sh TRIES=1
check "exit" 1 "$status"
check_says "no SBOM for chats"

environments=$(mktemp -d)
printf 'environment = "dev"\nproject_id  = "test-project" # ours\nregion = "us-central1"\ndomain = "api.public.example"\n' > "$environments/dev.tfvars"
by_hand() { # environment [variable=value...]
  local environment=$1; shift
  printf '#!/usr/bin/env bash\nexec infra/deploy/by-hand.sh %q\n' "$environment" > "$CLOUD/by-hand"
  chmod +x "$CLOUD/by-hand"
  run "$CLOUD/by-hand" PROJECT= REGION= ENVIRONMENTS="$environments" "$@"
}

test="by hand, images of a commit that are there"
world
by_hand dev
check "exit" 0 "$status"
check "who serves chats" chats-new=100 "$(serves chats)"
check "nothing was built" 0 "$(called '^docker')"
check "the domain of the environment is asked" 1 "$(called 'curl https://api.public.example/.well-known/jwks.json')"

test="by hand, a commit that was never built"
world "image notes"
by_hand dev
check "exit" 1 "$status"
check_says "the registry has no images of $COMMIT for notes"
check "nothing was changed" 0 "$(called 'run deploy|update-traffic|jobs update')"

test="by hand, an environment that is none"
world
by_hand nowhere
check "exit" 1 "$status"
check_says "'nowhere' is no environment; there is dev.tfvars"
rm -rf "$environments"
