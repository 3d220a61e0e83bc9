#!/bin/sh
# Makes sure that what a build needs is there: a Rust toolchain and a C compiler (SQLite and the TLS library are C).
# Installs what it may; otherwise says what to do and fails.
set -eu

if ! command -v cargo >/dev/null 2>&1; then
    if [ -x "$HOME/.cargo/bin/cargo" ]; then
        echo "cargo is in $HOME/.cargo/bin, which is not in PATH: run '. \"$HOME/.cargo/env\"' and try again" >&2
    else
        echo "Rust is missing: install Rust 1.95 or later from https://rustup.rs and try again" >&2
    fi
    exit 1
fi

if ! command -v cc >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "== installing a C compiler"
        apt-get update -qq && apt-get install -y -qq gcc libc6-dev
    else
        echo "a C compiler is missing: install gcc or clang (Debian: apt-get install gcc libc6-dev) and try again" >&2
        exit 1
    fi
fi
