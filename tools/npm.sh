#!/bin/sh
# Installs the Node packages that FOLDER's lock file pins; does nothing if they are there already.
# usage: tools/npm.sh FOLDER
set -eu

folder=$1
# A copy of the lock file that was written when everything was installed.
stamp=$folder/node_modules/installed.json

cmp -s "$folder/package-lock.json" "$stamp" && exit 0

echo "installing the packages of $folder/package-lock.json"
npm ci --prefix "$folder" --no-audit --no-fund --loglevel=error
cp "$folder/package-lock.json" "$stamp"
