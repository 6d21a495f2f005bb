#!/usr/bin/env bash
# Run the browser tests. Arguments go to Playwright, for example `tests/smoke.spec.ts`.
set -euo pipefail

CHROMIUM_PATH=$("$(dirname "$0")/find_chromium.sh")
export CHROMIUM_PATH
echo "Browser: $CHROMIUM_PATH"
cd "$(dirname "$0")/../ui-tests"
exec node node_modules/@playwright/test/cli.js test "$@"
