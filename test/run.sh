#!/usr/bin/env bash
# All checks and tests: `npm test`. Installs what they need, runs every part whatever the parts before it said, and
# closes with the line `N passed, N failed`.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root_dir"

# One cache for this user and for root.
export PODWRIGHT_PEER_CACHE=${PODWRIGHT_PEER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/podwright/peer}
results=$(mktemp -d)
child=
kubernetes=

# A part in a process group of its own: one signal ends it with all that it started.
part() {
  set -m
  "$@" </dev/null &
  child=$!
  set +m
  local status=0
  wait "$child" || status=$?
  child=
  return "$status"
}

# Ends what still runs, and removes test hosts that it could not remove itself.
clean_up() {
  if [ -n "$child" ]; then
    kill -TERM -- "-$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  fi
  if [ -n "$kubernetes" ]; then
    kill -TERM -- "-$kubernetes" 2>/dev/null || true
    wait "$kubernetes" 2>/dev/null || true
    kubernetes=
  fi
  as_root node --import tsx test/lab/sweep.ts || true
}
trap 'clean_up; rm -rf "$results"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# A step without tests of its own counts when it fails.
step() {
  local name=$1
  shift
  say "$name"
  part "$@" || echo "$name" >>"$results/failed-steps"
}

tests() {
  local project=$1
  shift
  say "tests: $project"
  part "$@" node_modules/.bin/vitest run --config test/vitest.config.ts --project "$project" --passWithNoTests \
    --reporter=default --reporter=json --outputFile.json="$results/$project.json" ||
    echo "$project" >>"$results/failed-projects"
}

# The control plane's programs are built while other parts run: at a low priority, minutes when the cache is empty.
start_kubernetes() {
  set -m
  bash test/kubernetes.sh </dev/null >"$results/kubernetes.log" 2>&1 &
  kubernetes=$!
  set +m
}

wait_for_kubernetes() {
  local status=0
  wait "$kubernetes" || status=$?
  kubernetes=
  [ "$status" -eq 0 ] || tail -n 40 "$results/kubernetes.log"
  return "$status"
}

say 'setup'
bash test/setup.sh
start_kubernetes
step build npm run --silent build
step check npm run --silent check
tests unit
tests fuzz
tests host as_root
tests e2e as_root
say 'programs of the control plane'
if wait_for_kubernetes; then
  tests cluster as_root
else
  echo 'kubernetes (the programs of the control plane cannot be built, so the cluster tests have not run)' \
    >>"$results/failed-steps"
fi
clean_up
node test/summary.mjs "$results"
