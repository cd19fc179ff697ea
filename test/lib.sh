# Functions that test/setup.sh, test/run.sh and test/up.sh share. Sourced; expects `set -euo pipefail`.

root_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '==> %s\n' "$*"; }

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# What to put before a command that needs root: nothing, or sudo.
root_prefix=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || die 'root is needed to install packages and to make network namespaces: run this as root, or install sudo'
  root_prefix=(sudo -E env "PATH=$PATH")
fi

as_root() { "${root_prefix[@]}" "$@"; }

require_node() {
  command -v node >/dev/null && command -v npm >/dev/null || die 'Node.js >= 20.19 and npm are needed: https://nodejs.org'
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    die "Node.js $(node --version) is too old: 20.19 or later is needed"
}

# Prints the packages to install. Arguments: `what:package`, where `what` is a program, or a file when it has a slash.
missing_packages() {
  local spec what
  for spec in "$@"; do
    what=${spec%%:*}
    case $what in
      */*) [ -e "$what" ] || echo "${spec#*:}" ;;
      *) PATH="$PATH:/usr/sbin:/sbin" command -v "$what" >/dev/null || echo "${spec#*:}" ;;
    esac
  done | sort -u
}

# Installs the Debian packages of those arguments that this machine lacks.
install_packages() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
  [ "${#missing[@]}" -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "this machine lacks ${missing[*]} (names of Debian), and has no apt-get: install them"
  say "installing ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq </dev/null
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null
}

# True when node_modules holds what package-lock.json says. npm leaves out optional packages for other platforms.
npm_is_current() {
  node --input-type=module - "$root_dir" <<'JS'
import { readFileSync } from 'node:fs';
const read = (path) => JSON.parse(readFileSync(`${process.argv[2]}/${path}`, 'utf8')).packages;
try {
  const [wanted, installed] = [read('package-lock.json'), read('node_modules/.package-lock.json')];
  const current = Object.entries(wanted).every(([path, { version, optional }]) =>
    path === '' || (path in installed ? installed[path].version === version : optional === true));
  process.exit(current ? 0 : 1);
} catch {
  process.exit(1);
}
JS
}

install_npm_packages() {
  npm_is_current && return 0
  say 'installing npm packages'
  (cd "$root_dir" && npm ci --no-audit --no-fund --loglevel=error </dev/null)
}
