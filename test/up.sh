#!/usr/bin/env bash
# Brings podwright up on Debian or Ubuntu with Node.js: `npm run up`. Installs what is missing, builds, starts Docker
# where no daemon answers, runs the daemon on manifests/examples/ until Ctrl-C, and shows what the example pod does.
# `npm run up -- down` removes its pods and its state.
#
#   DOCKER_HOST            the Docker daemon to use; without it /var/run/docker.sock, which is started if need be
#   PODWRIGHT_UP_DIR       state of this demonstration; default /var/lib/podwright-demo
#   PODWRIGHT_UP_POD_CIDR  addresses of pods; default 10.86.0.0/24
#   PODWRIGHT_UP_ONCE=1    stop when the example has been shown
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root_dir"

state_dir=${PODWRIGHT_UP_DIR:-/var/lib/podwright-demo}
pod_cidr=${PODWRIGHT_UP_POD_CIDR:-10.86.0.0/24}
manifests=$root_dir/manifests/examples
docker_log=/var/log/podwright-dockerd.log
daemon=

demo() { as_root node --import tsx test/up/demo.ts "$@"; }

start_docker() {
  demo ping && return 0
  [ -z "${DOCKER_HOST:-}" ] || die "no Docker daemon answers on DOCKER_HOST=$DOCKER_HOST"
  if [ -d /run/systemd/system ]; then
    say 'starting Docker (systemctl start docker)'
    as_root systemctl start docker
  else
    say "starting Docker in the background; it logs to $docker_log"
    as_root sh -c "nohup dockerd >>$docker_log 2>&1 </dev/null &"
  fi
  demo ping 30 || die "Docker does not answer: see $docker_log, or: journalctl -u docker"
}

write_config() {
  as_root mkdir -p "$state_dir/no-manifests"
  as_root tee "$state_dir/config.yaml" >/dev/null <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
podCIDR: $pod_cidr
podLogsDir: $state_dir/pod-logs
---
apiVersion: podwright.dev/v1alpha1
kind: PodwrightConfiguration
socketPath: $state_dir/podwright.sock
containerLogsDir: $state_dir/container-logs
cni:
  confDir: $state_dir/cni/net.d
  cacheDir: $state_dir/cni/cache
  dataDir: $state_dir/cni/data
YAML
}

# In a process group of its own: Ctrl-C reaches it once, as the SIGTERM of stop_daemon.
start_daemon() {
  set -m
  "${root_prefix[@]}" node dist/podwright.js run --config "$state_dir/config.yaml" --root-dir "$state_dir/kubelet" \
    --docker-host "${DOCKER_HOST:-unix:///var/run/docker.sock}" --manifests "$1" </dev/null &
  daemon=$!
  set +m
}

stop_daemon() {
  [ -n "$daemon" ] || return 0
  as_root kill -TERM "$daemon" 2>/dev/null || true
  wait "$daemon" || true
  daemon=
}
trap stop_daemon EXIT
trap 'exit 0' INT TERM HUP

require_node
install_packages dockerd:docker.io iptables:iptables nft:nftables ip:iproute2 nsenter:util-linux busybox:busybox-static tar:tar
install_npm_packages
npm run --silent build
start_docker
write_config

if [ "${1:-}" = down ]; then
  say 'removing the pods of the demonstration'
  start_daemon "$state_dir/no-manifests"
  demo wait-until-gone
  stop_daemon
  as_root rm -rf --one-file-system -- "$state_dir"
  exit 0
fi

demo prepare
start_daemon "$manifests"
demo show "$state_dir" "$daemon"
say 'pods go on running when podwright stops; to remove them: npm run up -- down'
[ -z "${PODWRIGHT_UP_ONCE:-}" ] || exit 0
say 'podwright runs until Ctrl-C'
wait "$daemon"
