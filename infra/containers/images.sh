#!/usr/bin/env bash
# Makes every program's image for one commit:
#   images.sh plan     writes target/images/bake.json and target/images/programs (needs python3, no engine)
#   images.sh build    builds all of them at once from one compilation, and keeps the dependencies' layer in the registry
#   images.sh push     measures and pushes them
# REGISTRY: where images go, as us-central1-docker.pkg.dev/PROJECT/consentmd. COMMIT: the tag of this commit's images.
# Needs BuildKit by `docker buildx`. Three steps, since on Cloud Build they run in different containers.
set -euo pipefail
cd "$(dirname "$0")/../.."
# A function's image starts within a request; the operators' program has all functions in it and runs as a job.
most_bytes() { if [[ "$1" == consentmd ]]; then echo $((60 << 20)); else echo $((25 << 20)); fi; }
plan=target/images

write_plan() {
  mkdir -p "$plan"
  infra/containers/programs.sh > "$plan/programs"
  python3 - "${REGISTRY:?where images go}" "${COMMIT:?the commit}" "$plan" <<'P'
import json, re, sys
registry, commit, plan = sys.argv[1:]
version = re.search(r'^version = "(.*)"', open("Cargo.toml").read(), re.M)[1]
cache = f"{registry}/cache:dependencies"
same = {"context": ".", "dockerfile": "infra/containers/Dockerfile", "platforms": ["linux/amd64"],
        "cache-from": [f"type=registry,ref={cache}"]}
programs = open(f"{plan}/programs").read().split()
targets = {
    name: same | {"target": "image", "args": {"PROGRAM": name, "REVISION": commit, "VERSION": version},
                  "tags": [f"{registry}/{name}:{commit}"], "output": ["type=docker"]}
    for name in programs
}
# What is kept is the compiled dependencies; the programs change with every commit.
targets["cached"] = same | {"target": "dependencies", "output": ["type=cacheonly"],
                            "cache-to": [f"type=registry,ref={cache},mode=max,image-manifest=true"]}
json.dump({"group": {"default": {"targets": [*programs, "cached"]}}, "target": targets}, open(f"{plan}/bake.json", "w"), indent=1)
P
  echo "$(wc -l < "$plan/programs") images are planned: $(tr '\n' ' ' < "$plan/programs")"
}

planned() {
  if [[ ! -s "$plan/programs" ]]; then echo "$plan/programs is not there: run 'images.sh plan' first" >&2; exit 1; fi
  mapfile -t programs < "$plan/programs"
}

build() {
  planned
  docker buildx version >/dev/null 2>&1 || { echo "building images needs BuildKit: install docker's buildx plugin" >&2; exit 1; }
  # The registry's cache wants a builder of its own; the engine's built-in one cannot export it.
  docker buildx inspect consentmd >/dev/null 2>&1 || docker buildx create --name consentmd --driver docker-container >/dev/null
  docker buildx bake --builder consentmd --provenance=false --file "$plan/bake.json"
}

push() {
  planned
  local program size too_large=0
  for program in "${programs[@]}"; do
    size=$(docker image inspect --format '{{.Size}}' "$REGISTRY/$program:$COMMIT")
    echo "$program: $size bytes"
    most=$(most_bytes "$program")
    if ((size >= most)); then echo "$program is $size bytes; an image has to stay under $most" >&2; too_large=1; fi
  done
  if ((too_large)); then exit 1; fi
  local -A pushes=()
  for program in "${programs[@]}"; do docker push --quiet "$REGISTRY/$program:$COMMIT" & pushes[$program]=$!; done
  local failed=()
  for program in "${programs[@]}"; do wait "${pushes[$program]}" || failed+=("$program"); done
  if ((${#failed[@]})); then echo "not pushed: ${failed[*]}" >&2; exit 1; fi
  echo "pushed ${#programs[@]} images of $COMMIT to $REGISTRY"
}

: "${REGISTRY:?where images go, as us-central1-docker.pkg.dev/PROJECT/consentmd}" "${COMMIT:?the commit}"
case "${1:-}" in
  plan) write_plan ;;
  build) build ;;
  push) push ;;
  *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
