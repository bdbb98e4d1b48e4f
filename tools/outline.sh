#!/usr/bin/env bash
# Makes inventory/national/outline.json, the background of the map pictures, when it is missing or
# older than what it is made from. Without it the pictures have no outline, and all else works.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'outline: %s\n' "$1" >&2; }

made=inventory/national/outline.json
if [ -s "$made" ] && [ ! package-lock.json -nt "$made" ] && [ ! tools/outline.py -nt "$made" ]; then
    exit 0
fi

if ! command -v npm >/dev/null; then
    say "npm is missing, so maps are drawn without the outline of the country; install npm and run 'make setup' again"
    exit 0
fi

say "fetching the map data"
if ! npm ci --ignore-scripts --silent; then
    say "npm could not fetch the map data, so maps are drawn without the outline; run 'make setup' again when online"
    exit 0
fi
"$(command -v .venv/bin/python || command -v python3)" tools/outline.py
rm -rf node_modules  # 150 MB, and only the two files just converted were wanted
