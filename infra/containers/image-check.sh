#!/usr/bin/env bash
# Proves the images' programs without a Docker engine: builds them as the Dockerfile does, assembles what its last stage
# copies in an empty root, and starts each program there as the image's user. The lines of the Dockerfile are read, so
# that this cannot say another thing than the Dockerfile.
#   image-check.sh [PROGRAM...]     all programs, unless told
# PROGRAMS_DIR=FOLDER takes programs that are built; DOCKERFILE=FILE takes another Dockerfile (the check's own tests do).
set -euo pipefail
cd "$(dirname "$0")/../.."
here=infra/containers
dockerfile=${DOCKERFILE:-$here/Dockerfile}
work=${CARGO_TARGET_DIR:-target}/image-check

for tool in python3 openssl setpriv chroot; do
  if ! command -v "$tool" >/dev/null 2>&1; then
    echo "image-check needs $tool (Debian: python3, openssl, util-linux, coreutils)" >&2; exit 1
  fi
done
as_root=()
if [[ $(id -u) != 0 ]]; then
  if ! sudo -n true 2>/dev/null; then
    echo "image-check changes the root and the user of what it starts: run it as root, or with sudo that asks nothing" >&2; exit 1
  fi
  as_root=(sudo -n --preserve-env=PATH)
fi

if [[ -z "${PROGRAMS_DIR:-}" ]]; then
  PROGRAMS_DIR=${CARGO_TARGET_DIR:-target}/programs
  echo "Building the programs, as $here/Dockerfile does"
  "$here/compile.sh" programs "$PROGRAMS_DIR"
fi
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
if (($#)); then programs=("$@"); else mapfile -t programs < <("$here/programs.sh"); fi

private=1 namespace=(unshare --mount --propagation private)
if ! "${as_root[@]}" "${namespace[@]}" true 2>/dev/null; then private=0 namespace=(); fi

failed=()
for program in "${programs[@]}"; do
  root=$work/roots/$program
  if seen=$(umask 022; "${as_root[@]}" python3 "$here/image_root.py" "$dockerfile" "$program" "$PROGRAMS_DIR" "$root") \
    && "${as_root[@]}" "${namespace[@]}" python3 -B "$here/check_program.py" "$program" "$version" "$root" "$seen" "$private"; then
    continue
  fi
  failed+=("$program")
done
if ((${#failed[@]})); then echo "image-check FAILED for ${#failed[@]} of ${#programs[@]}: ${failed[*]}"; exit 1; fi
echo "image-check passed for ${#programs[@]} programs"
