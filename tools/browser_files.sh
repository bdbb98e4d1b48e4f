#!/usr/bin/env bash
# Copies what the NOC's pages load from npm packages to controller/web/vendor/, and makes
# inventory/national/outline.json, the background of maps, when they are missing or older than what
# they are made from. Without them there are no pages, and pictures have no outline.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'browser files: %s\n' "$1" >&2; }

outline=inventory/national/outline.json vendor=controller/web/vendor stamp=controller/web/vendor/.lock
if [ -s "$outline" ] && [ ! tools/outline.py -nt "$outline" ] && cmp -s package-lock.json "$stamp" &&
    [ ! tools/browser_files.sh -nt "$stamp" ]; then
    exit 0
fi

if ! command -v npm >/dev/null; then
    say "npm is missing, so there are no pages, and maps have no outline of the country; install npm and run 'make setup' again"
    exit 0
fi

say "fetching what pages load, and the map data"
if ! npm ci --ignore-scripts --silent; then
    say "npm could not fetch them, so there are no pages, and maps have no outline; run 'make setup' again when online"
    exit 0
fi
"$(command -v .venv/bin/python || command -v python3)" tools/outline.py
rm -rf "$vendor"
mkdir -p "$vendor"
while read -r from to; do
    cp "node_modules/$from" "$vendor/$to"
done <<'FILES'
htmx.org/dist/htmx.min.js htmx.js
@picocss/pico/css/pico.min.css pico.css
leaflet/dist/leaflet.js leaflet.js
leaflet/dist/leaflet.css leaflet.css
uplot/dist/uPlot.iife.min.js uPlot.js
uplot/dist/uPlot.min.css uPlot.css
htmx.org/LICENSE htmx-license.txt
@picocss/pico/LICENSE.md pico-license.txt
leaflet/LICENSE leaflet-license.txt
uplot/LICENSE uPlot-license.txt
FILES
# Looks for what keeps people from using a page; for tests alone.
cp node_modules/axe-core/axe.min.js "$vendor/axe.js.test"
cp package-lock.json "$stamp"
rm -rf node_modules  # 150 MB, and only the files just copied were wanted
