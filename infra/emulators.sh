#!/usr/bin/env bash
# Starts the Firestore and Pub/Sub emulators of the gcloud SDK for one command, and stops them after it:
#   infra/emulators.sh COMMAND...
# Exports FIRESTORE_EMULATOR_HOST and PUBSUB_EMULATOR_HOST. Emulators that run already (the variables are set) are used.
# Without Java or the SDK's emulators the command runs without them, unless REQUIRE_EMULATORS=1.
set -euo pipefail

sdk_root() {
  if [[ -n "${CLOUDSDK_ROOT:-}" ]]; then echo "$CLOUDSDK_ROOT"; return; fi
  local candidate
  for candidate in /usr/lib/google-cloud-sdk /usr/share/google-cloud-sdk /opt/google-cloud-sdk "$HOME/google-cloud-sdk"; do
    if [[ -d "$candidate/platform" ]]; then echo "$candidate"; return; fi
  done
  if command -v gcloud >/dev/null 2>&1; then gcloud info --format='value(installation.sdk_root)' 2>/dev/null || true; fi
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

wait_for() { # host port name
  for _ in $(seq 1 300); do
    if (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; then return 0; fi
    sleep 0.1
  done
  echo "the $3 emulator does not answer on $1:$2; its log:" >&2
  tail -n 20 "$logs/$3.log" >&2
  return 1
}

if [[ -z "${FIRESTORE_EMULATOR_HOST:-}" || -z "${PUBSUB_EMULATOR_HOST:-}" ]]; then
  root=$(sdk_root)
  firestore="$root/platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
  pubsub="$root/platform/pubsub-emulator/bin/cloud-pubsub-emulator"
  if [[ -f "$firestore" && -x "$pubsub" ]] && command -v java >/dev/null 2>&1; then
    logs=$(mktemp -d)
    pids=()
    # The emulators' own children end with their process groups.
    trap 'for pid in "${pids[@]}"; do kill -- "-$pid" 2>/dev/null || true; done; rm -rf "$logs"' EXIT
    set -m
    port=$(free_port)
    java -Xmx1500m -cp "$firestore" com.google.cloud.datastore.emulator.firestore.CloudFirestore \
      --host 127.0.0.1 --port "$port" >"$logs/firestore.log" 2>&1 &
    pids+=($!)
    export FIRESTORE_EMULATOR_HOST="127.0.0.1:$port"
    wait_for 127.0.0.1 "$port" firestore
    port=$(free_port)
    "$pubsub" --host=127.0.0.1 --port="$port" >"$logs/pubsub.log" 2>&1 &
    pids+=($!)
    export PUBSUB_EMULATOR_HOST="127.0.0.1:$port"
    wait_for 127.0.0.1 "$port" pubsub
    set +m
  elif [[ "${REQUIRE_EMULATORS:-}" == 1 ]]; then
    echo "REQUIRE_EMULATORS=1, and the emulators are not found: install Java 11 or later and the gcloud components" >&2
    echo "cloud-firestore-emulator and pubsub-emulator, or set CLOUDSDK_ROOT to the SDK's folder" >&2
    exit 1
  fi
fi
"$@"
