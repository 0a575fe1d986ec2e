#!/bin/sh
# Makes tests/golden/unwind/symbols again, with llvm-symbolizer as the oracle of what each address is called.
#   make_symbol_fixture.sh OUT_DIR
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: make_symbol_fixture.sh OUT_DIR}
mkdir -p "$out" && cd "$out"
build() {
  g++ -O2 -g "$1" -shared -fPIC -nostdlib -fno-exceptions -Wl,--build-id -Wl,-z,noseparate-code \
    -ffile-prefix-map="$here"=/src -fdebug-prefix-map="$out"=/src -o "$2" "$here/make_symbol_fixture.cpp"
}
build -gdwarf-5 full.so
build -gdwarf-4 full4.so
objcopy --only-keep-debug full.so stripped.debug
objcopy --strip-all --add-gnu-debuglink=stripped.debug full.so stripped.so
objcopy --strip-debug full.so symtab.so
objcopy --strip-all full.so dynsym.so
# .gnu_debugdata: a symbol table in xz within a stripped file.
objcopy --strip-debug stripped.debug mini.debug
nm stripped.debug | awk '$2 ~ /[tT]/ { print $3 }' > mini.keep
objcopy -S --remove-section .gdb_index --remove-section .comment --keep-symbols=mini.keep mini.debug mini.symbols
xz -9 --check=crc32 -kf mini.symbols
objcopy --add-section .gnu_debugdata=mini.symbols.xz dynsym.so mini.so
rm -f mini.keep mini.debug mini.symbols mini.symbols.xz

# "vaddr function|file:line;function|file:line", innermost first, for every second byte of the code.
start=$(readelf -SW full.so | awk '$2 == ".text" { print $4; exit } $3 == ".text" { print $5; exit }')
size=$(readelf -SW full.so | awk '$2 == ".text" { print $6; exit } $3 == ".text" { print $7; exit }')
for file in full full4; do
  i=$((0x$start)); end=$((0x$start + 0x$size))
  while [ $i -lt $end ]; do printf '0x%x\n' $i; i=$((i + 2)); done |
    llvm-symbolizer --obj=$file.so --functions=linkage --inlines --demangle --output-style=GNU --addresses |
    awk '/^0x/ { if (n) print line; line = $1; n = 0; next } /^$/ { next }
         n % 2 == 0 { line = line (n ? ";" : " ") $0 } n % 2 == 1 { sub(/ \(discriminator [0-9]+\)/, ""); line = line "|" $0 } { n++ }
         END { print line }' > $file.expected
done
ls -l
