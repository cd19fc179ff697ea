#!/usr/bin/env bash
# All checks and tests: `npm test`. Installs what they need, runs every part whatever the parts before it said, and
# closes with the line `N passed, N failed`.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root_dir"

results=$(mktemp -d)
child=

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

say 'setup'
bash test/setup.sh
step build npm run --silent build
step check npm run --silent check
tests unit
tests host as_root
tests e2e as_root
clean_up
node test/summary.mjs "$results"
