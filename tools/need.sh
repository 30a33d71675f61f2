#!/bin/sh
# Names the programs among the arguments that are missing or too old, with how to get them.
set -eu

missing=0

complain() {
    echo "missing: $1" >&2
    missing=1
}

has() {
    command -v "$1" >/dev/null 2>&1
}

for program in "$@"; do
    case "$program" in
    cargo)
        has cargo || complain "Rust's cargo. Install rustup (https://rustup.rs); it then takes the toolchain that rust-toolchain.toml names"
        ;;
    python3)
        if ! has python3 || ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
            complain "Python 3.11 or newer (https://www.python.org/downloads/; Debian and Ubuntu: apt install python3 python3-venv; macOS: brew install python)"
        elif ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
            complain "Python's venv module (Debian and Ubuntu: apt install python3-venv)"
        fi
        ;;
    node)
        if ! has node || ! has npm || ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)'; then
            complain "Node.js 20 or newer with npm (https://nodejs.org/; macOS: brew install node)"
        fi
        ;;
    openssl)
        has openssl || complain "openssl (Debian and Ubuntu: apt install openssl; macOS has it)"
        ;;
    git)
        has git || complain "git (https://git-scm.com/)"
        ;;
    *)
        complain "$program, of which tools/need.sh knows nothing"
        ;;
    esac
done

exit "$missing"
