#!/bin/sh
# Builds pause for the given architectures (default: all) into the given directory:
#   build.sh OUTPUT_DIRECTORY [amd64] [arm64]
# The committed binaries come from Debian 12's gcc and gcc-aarch64-linux-gnu (12.2) and binutils (2.40). Same tools,
# same bytes: no build id, no compiler name, no paths, no time.
set -eu

source=$(dirname "$0")/pause.c
output=$1
shift
[ $# -gt 0 ] || set -- amd64 arm64

for arch in "$@"; do
  case $arch in
    amd64) compiler=${CC_AMD64:-x86_64-linux-gnu-gcc} options=-fcf-protection=none ;;
    arm64) compiler=${CC_ARM64:-aarch64-linux-gnu-gcc} options=-mbranch-protection=none ;;
    *) echo "build.sh: unknown architecture $arch" >&2 && exit 2 ;;
  esac
  command -v "$compiler" >/dev/null || {
    echo "build.sh: $compiler not found: apt-get install gcc gcc-aarch64-linux-gnu" >&2
    exit 1
  }
  # -mgeneral-regs-only: _start is entered with a stack that is not aligned as the ABI promises to functions.
  # noseparate-code: text and headers share one page, so the file holds no padding.
  "$compiler" -std=c17 -Wall -Wextra -Werror -Os "$options" \
    -ffreestanding -fno-pie -fno-ident -fno-stack-protector -fno-asynchronous-unwind-tables -fno-unwind-tables \
    -mgeneral-regs-only \
    -nostdlib -static -no-pie -s \
    -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,norelro -Wl,-z,noseparate-code \
    -o "$output/pause-$arch" "$source"
done
