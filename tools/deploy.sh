#!/bin/sh
# Deploys target/lambda with the section of samconfig.toml that is named dev, staging or prod.
# usage: tools/deploy.sh ENV
set -eu

environment=$1
case "$environment" in
dev | staging | prod) ;;
*)
    echo "ENV is dev, staging or prod, not $environment" >&2
    exit 2
    ;;
esac

# The template deploys for arm64 unless it is told otherwise, and a function of the wrong kind only fails when it is called.
if [ "$(cat target/lambda/architecture 2>/dev/null)" != arm64 ]; then
    echo "target/lambda is not built for arm64: rustup target add aarch64-unknown-linux-gnu, then make build" >&2
    exit 1
fi

export SAM_CLI_TELEMETRY=0
exec target/tools/check/bin/sam deploy --config-env "$environment"
