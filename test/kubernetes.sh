#!/usr/bin/env bash
# Makes programs of Kubernetes 1.20 for tests and benchmarks, once, in a cache outside the repository, and prints the
# path of each on a line of its own.
#
#   test/kubernetes.sh                 what a control plane needs: etcd, kubectl, kube-apiserver, ...; kubectl-1.32, kubeadm, crictl
#   test/kubernetes.sh kubelet kube-proxy cni-plugins
#                                      what podwright is measured against; cni-plugins is a directory of programs
#   test/kubernetes.sh e2e.test ginkgo agnhost nonewprivs sample-apiserver
#                                      the tests of Kubernetes itself, and what their images are made of
#
# etcd, kubectl and the plugins are taken out of Debian's packages, which are not installed: a package of another origin
# may own /usr/bin/kubectl, and an installed etcd would start as a service. kubectl-1.32, which speaks WebSocket where 1.20
# speaks SPDY, is taken from Debian 13 in the same way; its packages are known to no other apt than this script's. The others are built from Debian's source package
# `kubernetes`, at a low priority: some 8 minutes on two cores for a control plane. crictl is test/crictl, built there too.
#
# The cache is $PODWRIGHT_PEER_CACHE, or ~/.cache/podwright/peer. Needs apt, and root for the compiler.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

version=1.20.2
kubectl_package=kubectl=1.32.3+ds-2 # Of Debian 13; when that has moved on, the one that is there.
cache=${PODWRIGHT_PEER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/podwright/peer}
go=/usr/lib/go-1.19/bin/go
crictl=$(dirname "${BASH_SOURCE[0]}")/crictl/main.go
[ $# -gt 0 ] || set -- etcd kubectl kubectl-1.32 kube-apiserver kube-controller-manager kube-scheduler kubeadm crictl

say() { printf '==> kubernetes: %s\n' "$*" >&2; }

# Prints those of the arguments that are not in the cache.
missing() {
  local program
  for program in "$@"; do
    [ -x "$cache/bin/$program" ] && { [ "$program" != crictl ] || cmp -s "$crictl" "$cache/source/tree/cmd/crictl/main.go"; } ||
      echo "$program"
  done
}

# Configurations of their own for apt, one for each suite: the machine's may have no sources of source packages, keeps none,
# and knows no other suite; what it has installed does not count.
suite=bookworm
private_apt() {
  local apt=$cache/apt/$suite
  apt-get -qq -o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$apt/sources" -o Dir::State::Status=/dev/null \
    -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt" -o APT::Sandbox::User=root "$@" >&2
}

# Argument: what sed does to the machine's sources.
update_apt() {
  local sources=/etc/apt/sources.list.d/debian.sources
  [ -e "$sources" ] || die "kubernetes: $sources is missing: this script knows the packages of Debian 12 only"
  mkdir -p "$cache/apt/$suite/lists/partial" "$cache/apt/$suite/sources"
  sed "$1" "$sources" >"$cache/apt/$suite/sources/debian.sources"
  private_apt update
}

# Arguments: where to, path in the package (a program or a directory), package, other packages to take when there is none of
# the first.
take_from_package() {
  local target=$1 path=$2 directory package
  shift 2
  say "fetching ${target##*/}"
  directory=$(mktemp -d "$cache/package.XXXXXX")
  (
    cd "$directory"
    for package in "$@"; do
      if private_apt download "$package"; then break; fi
    done
    dpkg-deb -x ./*.deb .
  )
  mv "$directory/$path" "$target"
  rm -rf "$directory"
}

take_newer_kubectl() {
  local suite=trixie
  update_apt 's/bookworm/trixie/g'
  take_from_package "$cache/bin/kubectl-1.32" usr/bin/kubectl "$kubectl_package" "${kubectl_package%%=*}"
}

fetch_source() {
  [ ! -d "$cache/source/tree" ] || return 0
  say 'fetching the source'
  rm -rf "$cache/source"
  mkdir -p "$cache/source"
  (
    cd "$cache/source"
    private_apt source --download-only kubernetes
    dpkg-source --no-check -x kubernetes_*.dsc unpacked >&2
    mv unpacked tree
  )
}

# The tree's own reflect2 reads maps in a way that crashes a program which Go 1.18 or later has built.
mend_source() {
  local vendored=$cache/source/tree/vendor/github.com/modern-go/reflect2
  [ ! -e "$vendored/go_above_118.go" ] || return 0
  rm -rf "$vendored"
  take_from_package "$vendored" usr/share/gocode/src/github.com/modern-go/reflect2 golang-github-modern-go-reflect2-dev
}

# Kubernetes 1.20 is built as a GOPATH tree with its vendored sources.
in_gopath() {
  mkdir -p "$cache/gopath/src/k8s.io"
  ln -sfn "$cache/source/tree" "$cache/gopath/src/k8s.io/kubernetes"
  (
    cd "$cache/gopath/src/k8s.io/kubernetes"
    GOPATH=$cache/gopath GO111MODULE=off CGO_ENABLED=0 GOFLAGS='' GOCACHE=$cache/gocache nice -n 10 "$@" >&2
  )
}

# The one generated file that the tarball lacks, from the directories that the Makefile takes (KUBE_OPENAPI_DIRS).
generate_openapi() {
  local tree=$cache/source/tree generator=$cache/gopath/bin/openapi-gen package=pkg/generated/openapi directories
  [ ! -e "$tree/$package/zz_generated.openapi.go" ] || return 0
  say 'generating the OpenAPI definitions'
  directories=$(
    cd "$tree"
    grep -rl --include='*.go' '^// *+k8s:openapi-gen=' cmd pkg plugin staging/src | xargs -n1 dirname |
      grep -vE '/(code-generator|sample-apiserver)/' | sed 's|^staging/src|vendor|; s|^|k8s.io/kubernetes/|' | sort -u | paste -sd,
  )
  in_gopath "$go" build -o "$generator" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
  in_gopath env "PATH=${go%/*}:$PATH" "$generator" --logtostderr -i "$directories" -p "k8s.io/kubernetes/$package" \
    -O openapi.new -h vendor/k8s.io/code-generator/hack/boilerplate.go.txt -r /dev/null
  mv "$tree/$package/openapi.new.go" "$tree/$package/zz_generated.openapi.go"
}

# The files that the test program carries, of the directories that hack/generate-bindata.sh takes.
generate_bindata() {
  local generator=$cache/gopath/bin/go-bindata file=test/e2e/generated/bindata.go directories
  [ ! -e "$cache/source/tree/$file" ] || return 0
  say 'generating the data of e2e.test'
  directories=(test/{conformance/testdata,e2e/testing-manifests,e2e_node/testing-manifests,images,fixtures}/...)
  in_gopath "$go" build -o "$generator" ./vendor/github.com/go-bindata/go-bindata/go-bindata
  in_gopath "$generator" -nometadata -pkg generated -ignore '\.(jpg|png|md)' -ignore 'BUILD' -o "$file" "${directories[@]}"
}

# Prints the package of a program.
package_of() {
  case $1 in
    agnhost | nonewprivs) echo "./test/images/$1" ;;
    sample-apiserver) echo ./vendor/k8s.io/sample-apiserver ;;
    ginkgo) echo ./vendor/github.com/onsi/ginkgo/ginkgo ;;
    *) echo "./cmd/$1" ;;
  esac
}

build() {
  local new=$cache/bin.new flags='-s -w' package program packages=()
  for package in component-base/version client-go/pkg/version; do
    package=k8s.io/kubernetes/vendor/k8s.io/$package
    flags+=" -X $package.gitVersion=v$version -X $package.gitMajor=1 -X $package.gitMinor=20"
  done
  say "building $*, which takes some minutes"
  rm -rf "$new"
  mkdir -p "$new"
  for program in "$@"; do
    case $program in
      e2e.test)
        generate_bindata
        in_gopath "$go" test -c -vet=off -ldflags "$flags" -o "$new/$program" ./test/e2e
        ;;
      *) packages+=("$(package_of "$program")") ;;
    esac
  done
  [ "${#packages[@]}" -eq 0 ] || in_gopath "$go" build -ldflags "$flags" -o "$new/" "${packages[@]}"
  mv "$new"/* "$cache/bin/"
}

make_all() {
  local program to_build=()
  update_apt 's/^Types:.*/Types: deb deb-src/'
  for program in "$@"; do
    case $program in
      etcd) take_from_package "$cache/bin/etcd" usr/bin/etcd etcd-server ;;
      kubectl) take_from_package "$cache/bin/kubectl" usr/bin/kubectl kubernetes-client ;;
      kubectl-1.32) take_newer_kubectl ;;
      cni-plugins) take_from_package "$cache/bin/cni-plugins" usr/lib/cni containernetworking-plugins ;;
      *) to_build+=("$program") ;;
    esac
  done
  [ "${#to_build[@]}" -gt 0 ] || return 0
  install_packages "$go:golang-1.19-go" dpkg-source:dpkg-dev >&2
  fetch_source
  mend_source
  generate_openapi
  install -D -m 644 "$crictl" "$cache/source/tree/cmd/crictl/main.go"
  build "${to_build[@]}"
}

if [ -n "$(missing "$@")" ]; then
  mkdir -p "$cache/bin"
  exec 9>"$cache/lock"
  flock 9 # another run may be at work on the same
  mapfile -t wanted < <(missing "$@")
  [ "${#wanted[@]}" -eq 0 ] || make_all "${wanted[@]}" 9>&-
fi
printf '%s\n' "${@/#/$cache/bin/}"
