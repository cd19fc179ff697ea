#!/usr/bin/env bash
# Unpacks Debian's cloud kernel for the QEMU guests of the tests, and prints the directory that holds it. Installs nothing. May be
# repeated; does nothing when it is there.
set -euo pipefail

directory=${PODWRIGHT_GUEST_KERNEL:-/var/tmp/podwright-guest-kernel}
if [ ! -e "$directory/boot" ]; then
  package=$(apt-cache depends linux-image-cloud-amd64 | awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2 }')
  [ -n "$package" ] || { echo 'error: no package linux-image-cloud-amd64 (Debian): run apt-get update' >&2; exit 1; }
  work=$(mktemp -d "$directory.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  (cd "$work" && apt-get download -qq "$package" </dev/null 2>/dev/null && dpkg-deb -x ./*.deb tree)
  # Renamed when it is whole: an interrupted run leaves nothing that looks complete.
  rm -rf "$directory"
  mv "$work/tree" "$directory"
  chmod 755 "$directory"
fi
echo "$directory"
