#!/usr/bin/env bash
# Compiles the programs as the images have them; the Dockerfile and image-check both do it by this script.
#   compile.sh dependencies RECIPE   what does not change from commit to commit, by cargo-chef
#   compile.sh programs FOLDER       every program of the workspace in one go, put into FOLDER
# The C library is linked in: the image needs no loader, no libc and no libgcc, and its base has 2 MB instead of 22.
# The lock file is the one of the repository, or the build fails.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=$(rustc -vV | sed -n 's/^host: //p')
case "$target" in
  *-unknown-linux-gnu) ;;
  *) echo "images are built on Linux with the GNU C library; this is $target" >&2; exit 1 ;;
esac
# Static; relative relocations packed, which saves a megabyte; randomness from the system call, for which no device file
# needs to be in the root.
export RUSTFLAGS="-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs"
RUSTFLAGS+=' --cfg getrandom_backend="linux_getrandom"'
# The target is named so that the flags reach the programs alone: build scripts and macros are linked as always.
same=(--release --locked --workspace --bins --target "$target")

case "${1:-}" in
  dependencies) cargo chef cook "${same[@]}" --recipe-path "${2:?the recipe of cargo chef}" ;;
  programs)
    folder=${2:?the folder for the programs}
    # cargo-auditable, where it is there, notes the crates within the program, for the SBOM and for scanners.
    if cargo auditable --version >/dev/null 2>&1; then cargo auditable build "${same[@]}"; else cargo build "${same[@]}"; fi
    mkdir -p "$folder"
    while read -r program; do
      install -m 0555 "${CARGO_TARGET_DIR:-target}/$target/release/$program" "$folder/$program"
    done < <(infra/containers/programs.sh)
    ;;
  *) sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
