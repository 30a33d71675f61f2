#!/bin/sh
# Makes target/tools/NAME a Python environment with what REQUIREMENTS pins; does nothing if it is that already.
# usage: tools/venv.sh NAME REQUIREMENTS
set -eu

name=$1
requirements=$2
folder=target/tools/$name
# A copy of the requirements that was written when everything was installed.
stamp=$folder/installed.txt

cmp -s "$requirements" "$stamp" && exit 0

echo "installing $requirements into $folder"
rm -rf "$folder"
python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements"
cp "$requirements" "$stamp"
