#!/usr/bin/env bash
# Plants faults and looks that image-check finds each of them, and does not speak of it without the fault. The last line
# says how many were found. PROGRAMS_DIR: a folder with the program `audit`; it is built unless given.
set -euo pipefail
cd "$(dirname "$0")/../../.."
program=audit
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
found=0 missed=0

if [[ -z "${PROGRAMS_DIR:-}" ]]; then
  PROGRAMS_DIR=${CARGO_TARGET_DIR:-target}/programs
  infra/containers/compile.sh programs "$PROGRAMS_DIR"
fi
good=$PROGRAMS_DIR

look() { # dockerfile programs-folder: what image-check says; its exit code is in `status`
  status=0
  DOCKERFILE=$1 PROGRAMS_DIR=$2 infra/containers/image-check.sh $program > "$work/said" 2>&1 || status=$?
}

look infra/containers/Dockerfile "$good"
cp "$work/said" "$work/said-without-fault"
if grep -q 'resolves names' "$work/said-without-fault"; then echo "without a fault names are not resolved:"; cat "$work/said-without-fault"; missed=1; fi

finds() { # fault expected-text dockerfile programs-folder
  look "$3" "$4"
  if ((status == 0)) || ! grep -qF -- "$2" "$work/said"; then
    echo "MISSED: $1: '$2' is not said:"; sed 's/^/    | /' "$work/said" | head -n 20
    missed=$((missed + 1))
  elif grep -qF -- "$2" "$work/said-without-fault"; then
    echo "ALWAYS SAID: $1: '$2' is said without the fault too:"; sed 's/^/    | /' "$work/said-without-fault" | head -n 20
    missed=$((missed + 1))
  else
    found=$((found + 1))
  fi
}

dockerfile_with() { # sed-script
  sed -E "$1" infra/containers/Dockerfile > "$work/Dockerfile"
  if cmp -s infra/containers/Dockerfile "$work/Dockerfile"; then echo "the fault '$1' changes nothing in the Dockerfile" >&2; exit 1; fi
}

dockerfile_with 's#^USER .*#COPY --from=programs /programs/not-made /not-made#'
finds "a file that is copied is not made" "/not-made is not there" "$work/Dockerfile" "$good"
dockerfile_with 's#^USER .*#USER 0:0#'
finds "it runs as root" "FAILED: the image's user is not root" "$work/Dockerfile" "$good"
dockerfile_with 's#^USER .*#RUN ["/program", "--help"]#'
finds "an instruction that the check does not know" "the check does not know this instruction" "$work/Dockerfile" "$good"
dockerfile_with 's#^ARG BASE=.*#ARG BASE=gcr.io/distroless/cc-debian12:nonroot#'
finds "a base that the check does not model" "the check models" "$work/Dockerfile" "$good"
dockerfile_with 's#^ENTRYPOINT .*#ENTRYPOINT ["/not-there"]#'
finds "an entry point that is not there" "FAILED: without configuration it ends and names the variables" "$work/Dockerfile" "$good"
dockerfile_with 's#^USER .*#ENV SSL_CERT_FILE=/nowhere SSL_CERT_DIR=/nowhere#'
finds "CA certificates are not found" "check that the system has CA certificates" "$work/Dockerfile" "$good"

mkdir "$work/large" "$work/dynamic"
cp "$good/$program" "$work/large/"
truncate --size=25M "$work/large/$program"
finds "a program that is too large" "FAILED: the image is under 25 MiB" infra/containers/Dockerfile "$work/large"
# It needs a loader and a C library, and the image has neither.
cp /bin/cat "$work/dynamic/$program"
finds "a program that wants libraries" "FAILED: without configuration it ends and names the variables" infra/containers/Dockerfile "$work/dynamic"

echo "$found faults found, $missed missed"
((missed == 0))
