#!/usr/bin/env bash
# Print the path of a Chromium that starts, installing one when none is found.
# CHROMIUM_PATH names a browser to use before any other.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)

find_browser() {
  local candidate path
  for candidate in "${CHROMIUM_PATH:-}" chromium google-chrome google-chrome-stable \
    chromium-browser \
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome' \
    '/Applications/Chromium.app/Contents/MacOS/Chromium'; do
    # Ubuntu's package is a placeholder for a snap: only a browser that answers counts.
    if [ -n "$candidate" ] && path=$(command -v "$candidate") &&
      "$path" --version >/dev/null 2>&1; then
      echo "$path"
      return
    fi
  done
  return 1
}

# Needs the packages of ui-tests; the download goes to Playwright's own cache.
download_with_playwright() {
  cd "$here/../ui-tests"
  [ -d node_modules/@playwright/test ] || return 1
  node node_modules/@playwright/test/cli.js install chromium >&2 || return 1
  local path
  path=$(node -p "require('@playwright/test').chromium.executablePath()")
  "$path" --version >/dev/null 2>&1 && echo "$path"
}

find_browser && exit
echo 'No Chromium found: installing one' >&2
if "$here/apt_install.sh" chromium fonts-dejavu-core; then
  find_browser && exit
fi
download_with_playwright && exit
cat >&2 <<'MESSAGE'
The browser tests need Chromium, and it could not be installed. Either install Chromium or
Google Chrome, or set CHROMIUM_PATH to the browser's executable, and try again.
MESSAGE
exit 1
