#!/usr/bin/env bash
# Run the make targets named as arguments and say how long each took.
set -euo pipefail

summary=''
for target in "$@"; do
  printf '\n== %s\n' "$target"
  start=$SECONDS
  ${MAKE:-make} --no-print-directory "$target"
  summary+=$(printf '%-14s %4d s' "$target" $((SECONDS - start)))$'\n'
done
printf '\nAll checks passed.\n%s' "$summary"
