#!/usr/bin/env bash
# Builds a Kubernetes program, the peer of a benchmark, from Debian's source package, once, into a cache outside the
# repository, and prints its path.
#
#   test/bench/peer.sh kube-proxy
#
# The cache is $PODWRIGHT_PEER_CACHE, or ~/.cache/podwright/peer. Needs apt and root for the compiler.
set -euo pipefail

program=${1:?usage: peer.sh PROGRAM, for example kube-proxy}
cache=${PODWRIGHT_PEER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/podwright/peer}
binary=$cache/bin/$program
if [[ -x $binary ]]; then
  echo "$binary"
  exit 0
fi

say() { echo "peer: $*" >&2; }

# A configuration of its own for apt: the machine's has no sources of source packages, and keeps none.
fetch_source() {
  local apt=$cache/apt
  mkdir -p "$apt/lists/partial" "$apt/sources" "$cache/source"
  sed -s 's/^Types:.*/Types: deb-src/; s/^deb /deb-src /' \
    /etc/apt/sources.list.d/debian.sources >"$apt/sources/debian.sources"
  local options=(-o "Dir::Etc::SourceList=/dev/null" -o "Dir::Etc::SourceParts=$apt/sources"
    -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt" -qq)
  apt-get "${options[@]}" update >&2
  (cd "$cache/source" && apt-get "${options[@]}" source --download-only kubernetes >&2)
  (cd "$cache/source" && dpkg-source --no-check -x kubernetes_*.dsc tree >&2)
}

# Kubernetes 1.20 is built as a GOPATH tree with its vendored sources.
build() {
  local gopath=$cache/gopath
  mkdir -p "$gopath/src/k8s.io" "$cache/bin"
  ln -sfn "$cache/source/tree" "$gopath/src/k8s.io/kubernetes"
  cd "$gopath/src/k8s.io/kubernetes"
  GOPATH=$gopath GO111MODULE=off CGO_ENABLED=0 GOFLAGS= GOCACHE=$cache/gocache \
    /usr/lib/go-1.19/bin/go build -o "$binary.new" "./cmd/$program" >&2
  mv "$binary.new" "$binary"
}

if [[ ! -x /usr/lib/go-1.19/bin/go ]]; then
  say 'installing the compiler'
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq golang-1.19-go >&2
fi
if [[ ! -d $cache/source/tree ]]; then
  say 'fetching the source'
  rm -rf "$cache/source"
  fetch_source
fi
say "building $program, which takes some minutes"
build
echo "$binary"
