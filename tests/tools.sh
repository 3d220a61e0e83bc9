#!/bin/sh
# Makes sure that what a build and its tests need is there: a Rust toolchain, a C compiler (SQLite and the TLS library are
# C), the programs of a PostgreSQL server and of the pooler pgbouncer, of which each test process starts its own, and Chromium
# with its chromedriver, in which the console's pages are tried out. With the argument `build` it leaves out what only tests
# need.
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

has_postgres() {
    command -v initdb >/dev/null 2>&1 && command -v postgres >/dev/null 2>&1 && return 0
    for folder in "$(pg_config --bindir 2>/dev/null || true)" /usr/lib/postgresql/*/bin; do
        [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ] && return 0
    done
    return 1
}

if [ "${1:-}" != build ] && ! has_postgres; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "== installing PostgreSQL, for the tests"
        # Its programs are wanted, and no cluster that runs by itself.
        mkdir -p /etc/postgresql-common/createcluster.d
        echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/statusync-tests.conf
        apt-get update -qq && apt-get install -y -qq postgresql
    fi
    if ! has_postgres; then
        echo "the programs of a PostgreSQL server are missing: install version 13 or later (Debian: apt-get install" >&2
        echo "postgresql), or put the folder with initdb and postgres into PATH, and try again" >&2
        exit 1
    fi
fi

has_browser() {
    command -v chromium >/dev/null 2>&1 && command -v chromedriver >/dev/null 2>&1
}

if [ "${1:-}" != build ] && ! has_browser; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "== installing Chromium, for the tests"
        apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium chromium-driver fonts-dejavu-core
    fi
    if ! has_browser; then
        echo "a browser for the tests is missing: install Chromium and its chromedriver (Debian: apt-get install chromium" >&2
        echo "chromium-driver), so that both \`chromium\` and \`chromedriver\` are in PATH, and try again" >&2
        exit 1
    fi
fi

has_pooler() {
    command -v pgbouncer >/dev/null 2>&1 || [ -x /usr/sbin/pgbouncer ]
}

if [ "${1:-}" != build ] && ! has_pooler; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "== installing pgbouncer, for the tests"
        apt-get update -qq && apt-get install -y -qq --no-install-recommends pgbouncer
        # Its program is wanted, and no service.
        systemctl disable --now pgbouncer >/dev/null 2>&1 || true
    fi
    if ! has_pooler; then
        echo "pgbouncer is missing: install it (Debian: apt-get install pgbouncer) and try again" >&2
        exit 1
    fi
fi

if [ "${1:-}" != build ] && ! command -v valgrind >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "== installing valgrind, which counts instructions for the tests"
        apt-get update -qq && apt-get install -y -qq --no-install-recommends valgrind
    else
        echo "valgrind is missing: install it (Debian: apt-get install valgrind) and try again" >&2
        exit 1
    fi
fi
