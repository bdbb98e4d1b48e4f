#!/usr/bin/env bash
# Makes a Debian 12 machine ready for Sanaga: system packages from packages.txt, then the virtual
# environment in .venv. Elsewhere it says what is missing and goes on with the virtual environment.
#     tools/setup.sh EXTRA
# adds an optional extra that is built from source: packages-EXTRA.txt, requirements-EXTRA.lock.
set -euo pipefail
cd "$(dirname "$0")/.."

extra=${1:-}

# Debian's own Python before any other: users have it, and its build is a third faster than most that
# were compiled by hand.
python=python3
new_enough='import sys; sys.exit(sys.version_info < (3, 11))'
! /usr/bin/python3 -c "$new_enough" 2>/dev/null || python=/usr/bin/python3

say() { printf 'setup: %s\n' "$1" >&2; }

has() {  # has PACKAGE COMMAND: "-" asks Python whether it can make virtual environments
    case $2 in
        -) "$python" -c 'import ensurepip, venv' 2>/dev/null ;;
        /*) compgen -G "$2" >/dev/null ;;
        *) command -v "$2" >/dev/null 2>&1 || [ -x "/usr/sbin/$2" ] ;;
    esac
}

if [ -n "$extra" ]; then
    [ -e .venv/.sanaga-lock ] || { say "say 'make setup' first"; exit 1; }
    # The extra that there is.
    .venv/bin/python -c 'import sys; sys.exit(sys.version_info >= (3, 13))' ||
        { say "$extra does not build on a Python of 3.13 or newer; all else works without it"; exit; }
fi

missing=()
while read -r package command; do
    case $package in ''|'#'*) continue ;; esac
    has "$package" "$command" || missing+=("$package")
done <"tools/packages${extra:+-$extra}.txt"

root=()
policy=/usr/sbin/policy-rc.d
mark='# made by the set-up of sanaga; it goes when the packages are in'

allow_services() {  # remove our own policy file, also one that a killed run left behind
    ! grep -qsF "$mark" "$policy" || "${root[@]}" rm -f "$policy"
}

install_packages() {
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { say "run as root, or install sudo; missing: ${missing[*]}"; exit 1; }
        root=(sudo)
    fi
    # Installing a daemon's package must not start the daemon: the laboratory runs its own copies in
    # its own namespaces, and this machine's routing and SSH are not ours to change.
    trap allow_services EXIT
    trap 'exit 130' INT TERM HUP
    allow_services
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\n%s\nexit 101\n' "$mark" | "${root[@]}" tee "$policy" >/dev/null
        "${root[@]}" chmod 755 "$policy"
    fi
    say "installing ${missing[*]}"
    local result=0
    { "${root[@]}" apt-get update -qq &&
        "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; } || result=$?
    allow_services
    [ "$result" -eq 0 ] || { say "apt-get could not install: ${missing[*]}"; exit 1; }
    local unit
    for unit in frr:frr ssh:openssh-server snmpd:snmpd lldpd:lldpd postgresql:postgresql; do
        case " ${missing[*]} " in *" ${unit#*:} "*)
            if [ -d /run/systemd/system ]; then
                "${root[@]}" systemctl disable --quiet "${unit%:*}" || :
                say "the service ${unit%:*} was installed, not started; 'systemctl enable --now ${unit%:*}' if you want it"
            fi ;;
        esac
    done
}

if [ "${#missing[@]}" -gt 0 ]; then
    if command -v apt-get >/dev/null; then
        install_packages
    else
        say "this is not Debian; install what matches: ${missing[*]}"
        [ -n "$extra" ] ||
            say "without them: validate, plan, topology work; lab, demo and the tests on routers do not"
    fi
fi

"$python" -c "$new_enough" ||
    { say "Python 3.11 or newer is needed; this is $("$python" --version)"; exit 1; }

[ -x .venv/bin/python ] || "$python" -m venv .venv

install() {  # install ARGUMENT...: exactly what is named, nothing that it needs besides
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps "$@"
}

install_lock() {  # what the lock names: by uv in seconds, which is in the lock itself, else by pip
    local index only_uv
    index=${PIP_INDEX_URL:-$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || :)}
    only_uv=$(mktemp)
    awk '/^uv==/ { on = 1 } on { print } on && !/\\$/ { exit }' requirements.lock >"$only_uv"
    { install --require-hashes -r "$only_uv" &&
        .venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --require-hashes \
            --compile-bytecode ${index:+--index-url "$index"} -r requirements.lock; } ||
        install --require-hashes -r requirements.lock
    rm -f "$only_uv"
}

if [ -n "$extra" ]; then
    lock=requirements-$extra.lock stamp=.venv/.sanaga-lock-$extra
    if ! cmp -s "$lock" "$stamp"; then
        say "building $extra"
        install --no-build-isolation --require-hashes -r "$lock"
        cp "$lock" "$stamp"
    fi
    exit
fi

stamp=.venv/.sanaga-lock
if ! cmp -s requirements.lock "$stamp" || [ pyproject.toml -nt "$stamp" ]; then
    say "filling .venv"
    # The lock names everything, so nothing is resolved anew: older releases of pip would look for the
    # newest release of whatever the lock pins without its extras. What it lacks, 'pip check' finds.
    install_lock
    install --no-build-isolation -e .
    lacking=$(.venv/bin/python -m pip --disable-pip-version-check check) || { say "$lacking"; exit 1; }
    cp requirements.lock "$stamp"
fi
