#!/bin/sh
# Runs cargo lambda watch with the variables of the functions that the running stack has.
set -eu

variables=target/local/functions.env
if [ ! -f "$variables" ]; then
    echo "$variables is missing: start the stack first (make up)" >&2
    exit 1
fi
exec target/tools/lambda/bin/cargo-lambda lambda watch --invoke-address 127.0.0.1 --invoke-port "${WATCH_PORT:-9000}" \
    --env-file "$variables"
