#!/bin/sh
# Builds cargo-machete, which finds dependencies that nothing uses, into target/tools; does nothing if it is there already.
set -eu

version=0.9.2
folder=target/tools/cargo-machete

[ "$("$folder/bin/cargo-machete" --version 2>/dev/null)" = "$version" ] && exit 0

echo "building cargo-machete $version"
cargo install cargo-machete --version "$version" --locked --force --root "$folder"
