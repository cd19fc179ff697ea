#!/usr/bin/env bash
# Installs what the tests need on Debian or Ubuntu with Node.js and npm. May be repeated; does nothing when all is there.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

require_node
install_packages \
  dockerd:docker.io iptables:iptables nft:nftables ip:iproute2 ipset:ipset conntrack:conntrack \
  nsenter:util-linux mount:mount ps:procps tar:tar busybox:busybox-static \
  gcc:gcc /usr/include/stdio.h:libc6-dev \
  aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu qemu-aarch64-static:qemu-user-static \
  ipvsadm:ipvsadm systemd-analyze:systemd
if [ "$(uname -m)" = x86_64 ]; then
  install_packages qemu-system-x86_64:qemu-system-x86 /etc/protocols:netbase
  as_root bash "$root_dir/test/lab/guest-kernel.sh" >/dev/null
fi
install_npm_packages
