#!/usr/bin/env bash
# Install what wagekit needs, and nothing that is there already. SPDX-License-Identifier: Apache-2.0
#
# usage: scripts/setup.sh run|dev
#   run  what `make demo` needs: Python, host and Arm compilers, QEMU, the package with its plots
#   dev  the same and what tests, checks and benchmarks need
#
# System packages come from apt and are asked for only where a tool is missing. Python packages
# go to .venv and are installed again only when pyproject.toml or the interpreter has changed.
# PYTHON=/path/to/python3.11-or-newer chooses the interpreter of a new .venv.
set -euo pipefail
cd "$(dirname "$0")/.."

level=${1:-dev}
case $level in
run) extras=plot ;;
dev) extras=dev,plot,tensorboard ;;
*)
    echo "usage: scripts/setup.sh run|dev" >&2
    exit 2
    ;;
esac

fail() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

usable_python() {
    "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# The first interpreter of at least 3.11 that can make virtual environments.
find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if usable_python "$candidate"; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

compiles_hosted_c() { gcc -fsyntax-only -x c - <<<'#include <stdio.h>' >/dev/null 2>&1; }

compiles_arm_c() {
    arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -fsyntax-only -x c - <<<'#include <stdint.h>' >/dev/null 2>&1
}

venv_works() { .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

missing_packages() {
    venv_works || find_python >/dev/null || echo python3 python3-venv
    compiles_hosted_c || echo gcc libc6-dev
    compiles_arm_c || echo gcc-arm-none-eabi libnewlib-arm-none-eabi
    has qemu-system-arm || echo qemu-system-arm
    if [ "$level" = dev ]; then
        has gdb-multiarch || echo gdb-multiarch
        has clang || echo clang
        has cmake || echo cmake
        has tmux || echo tmux
        has ccache || echo ccache
    fi
}

install_packages() {
    local as_root=()
    if ! has apt-get; then
        fail "this system has no apt-get; please install by hand what these Debian packages hold, then try again:" \
            "  $*" \
            "needed are Python 3.11 or newer with venv, gcc, arm-none-eabi-gcc with its C headers, qemu-system-arm" \
            "and, for tests and checks, also gdb-multiarch, clang, cmake, tmux and ccache."
    fi
    if [ "$(id -u)" != 0 ]; then
        has sudo || fail "packages are missing and there is neither root nor sudo; please ask an administrator to run:" \
            "  apt-get install --no-install-recommends $*"
        as_root=(sudo)
    fi
    echo "setup: installing with apt: $*"
    "${as_root[@]}" apt-get update -qq || fail "apt-get update failed; see its message above."
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" ||
        fail "apt-get could not install: $*"
}

# Browser tests are skipped where there is no such package: Ubuntu has its chromium as a snap, which cannot
# be had everywhere, so there it is not even tried.
install_browser() {
    local as_root=()
    if has chromium && has chromedriver; then
        return
    fi
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    if has apt-get && { [ "$(id -u)" = 0 ] || has sudo; } &&
        "${as_root[@]}" apt-get update -qq &&
        [[ $(apt-cache show chromium-driver 2>/dev/null) == *"Package: chromium-driver"* ]] &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -qq -y --no-install-recommends chromium chromium-driver; then
        return
    fi
    echo "setup: no Debian packages chromium and chromium-driver here; the tests in a browser will be skipped" >&2
}

# It wants other versions of packages than ours, so it has an environment of its own.
install_platformio() {
    if .venv/bin/python -m venv .venv/platformio &&
        .venv/platformio/bin/python -m pip install --disable-pip-version-check -q 'platformio>=6.1,<7'; then
        return
    fi
    rm -rf .venv/platformio
    echo "setup: pip could not install platformio; its test will be skipped" >&2
}

read -r -a missing <<<"$(missing_packages | tr '\n' ' ')"
if [ ${#missing[@]} -gt 0 ]; then
    install_packages "${missing[@]}"
    still=$(missing_packages | tr '\n' ' ')
    [ -z "$still" ] || fail "installed, but still not usable: $still(Python must be 3.11 or newer)"
fi

if ! venv_works; then
    python=$(find_python) || fail "no Python of at least 3.11 with venv was found; set PYTHON=/path/to/python3"
    echo "setup: making .venv with $("$python" --version) ($python)"
    "$python" -m venv --clear .venv
fi

# A stamp holds what the installation followed from. The dev level contains the run level.
wanted=$(.venv/bin/python -c '
import hashlib, pathlib, sys
print(sys.version_info[:3], hashlib.sha256(pathlib.Path("pyproject.toml").read_bytes()).hexdigest())')
stamped() { [ -f ".venv/stamp-$1" ] && [ "$(cat ".venv/stamp-$1")" = "$wanted" ]; }
if ! stamped "$level" && ! stamped dev; then
    if [ "$level" = dev ]; then
        install_browser
    fi
    echo "setup: installing Python packages into .venv"
    .venv/bin/python -m pip install --disable-pip-version-check -q -e ".[$extras]" ||
        fail "pip could not install the Python packages; is the network there?"
    if [ "$level" = dev ] && [ "$(uname -sm)" = "Linux x86_64" ]; then
        install_platformio
    fi
    printf '%s' "$wanted" >".venv/stamp-$level"
fi
