#!/usr/bin/env bash
# Makes the disk of a Debian 12 system with systemd and Docker, once, in a cache outside the repository, and prints the paths of
# kernel, initial RAM disk and disk, each on a line of its own. Takes a minute and root; installs mmdebstrap where it lacks.
#
# The cache is $PODWRIGHT_SYSTEM_CACHE, or /var/tmp/podwright-system.
set -euo pipefail
directory=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$directory/../lib.sh"
say() { printf '==> system: %s\n' "$*" >&2; }

cache=${PODWRIGHT_SYSTEM_CACHE:-/var/tmp/podwright-system}
packages=systemd,systemd-sysv,dbus,udev,kmod,docker.io,apparmor,iptables,iproute2,procps
packages+=,linux-image-cloud-amd64,initramfs-tools,busybox-static,ca-certificates
packages+=,conntrack # kubeadm does without it only when it is told so

# The name says what is in it.
key=$(cd "$directory" && { echo "$packages"; find root image.sh -type f | sort | xargs sha256sum; } | sha256sum | cut -c1-16)
image=$cache/$key
if [ ! -d "$image" ]; then
  install_packages mmdebstrap:mmdebstrap mke2fs:e2fsprogs >&2
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/work.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  say 'unpacking Debian'
  mmdebstrap --quiet --variant=minbase --include="$packages" bookworm "$work/root" >&2
  cp -r "$directory/root/." "$work/root"
  systemctl --quiet --root="$work/root" enable \
    talk.service systemd-networkd.service systemd-network-generator.service
  mkdir "$work/image"
  cp "$work/root"/boot/vmlinuz-* "$work/image/vmlinuz"
  cp "$work/root"/boot/initrd.img-* "$work/image/initrd"
  mke2fs -q -t ext4 -d "$work/root" "$work/image/disk" 4G >&2
  mv "$work/image" "$image"
  # Images of former packages are not used again.
  find "$cache" -mindepth 1 -maxdepth 1 ! -name "$key" ! -name 'work.*' -exec rm -rf {} +
fi
printf '%s\n' "$image/vmlinuz" "$image/initrd" "$image/disk"
