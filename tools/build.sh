#!/bin/sh
# Builds the six Lambdas for release into target/lambda/<function>/bootstrap: for arm64, which the template deploys, where
# Rust's standard library for it is installed; else for this machine, and says so.
set -eu

arm64=aarch64-unknown-linux-gnu
functions='authorizer invoke enforcer emitter health reconciler'

# cargo-lambda looks for zig there.
PATH=$PWD/target/tools/lambda/bin:$PATH

has_std() {
    test -d "$(rustc --print target-libdir --target "$1")"
}

if ! has_std "$arm64" && command -v rustup >/dev/null 2>&1; then
    echo "adding Rust's standard library for $arm64"
    rustup target add "$arm64" || true
fi

if has_std "$arm64"; then
    architecture=arm64
    target=$arm64
else
    echo "Rust's standard library for $arm64 is not installed (rustup target add $arm64): building for x86_64 instead" >&2
    architecture=x86_64
    target=x86_64-unknown-linux-gnu
fi

packages=
for function in $functions; do
    # The emitter's package builds both readers of the ledger's stream.
    test "$function" = health || packages="$packages --package tollgate-$function"
done

rm -rf target/lambda
# The list of packages is meant to be split into words.
# shellcheck disable=SC2086
cargo-lambda lambda build --release --target "$target" --lambda-dir target/lambda $packages

echo "$architecture" >target/lambda/architecture
for function in $functions; do
    bootstrap=target/lambda/$function/bootstrap
    test -x "$bootstrap" || { echo "$bootstrap was not built" >&2; exit 1; }
    printf '%s  %s  %s bytes\n' "$architecture" "$bootstrap" "$(wc -c <"$bootstrap" | tr -d ' ')"
done
