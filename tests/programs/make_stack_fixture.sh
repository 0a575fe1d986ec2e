#!/bin/sh
# Makes tests/golden/unwind/stacks again: builds make_stack_fixture, records it, packs what it wrote.
#   make_stack_fixture.sh OUT_DIR
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: make_stack_fixture.sh OUT_DIR}
mkdir -p "$out"
g++ -std=c++20 -O2 -s -fomit-frame-pointer -fno-exceptions -Wl,--build-id -o "$out/program" "$here/make_stack_fixture.cpp"
"$out/program" "$out"
for file in program samples vdso libc.so.6 ld.so; do gzip -9nf "$out/$file"; done
ls -l "$out"
