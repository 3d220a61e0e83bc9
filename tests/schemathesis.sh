#!/bin/sh
# Makes sure that schemathesis is there, in a place of its own below target/, and prints the program's path.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
place="${CARGO_TARGET_DIR:-$here/../target}/schemathesis"
wanted="$here/fixtures/schemathesis/requirements.txt"

if ! cmp -s "$wanted" "$place/requirements.txt"; then
    rm -rf "$place"
    python3 -m venv "$place" >&2
    "$place/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$wanted" >&2
    cp "$wanted" "$place/requirements.txt"
fi
echo "$place/bin/schemathesis"
