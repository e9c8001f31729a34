# arm64_test.sh: the parser's tests that turn on the scan, compiled for AArch64 and run by an emulator,
# as NEON is on no other machine. Exit code 77: no compiler or no emulator for it, or no Catch2 of
# version 2, which is a header alone.
set -eu
cd "$(dirname "$0")/.."
compiler=aarch64-linux-gnu-g++ emulator=qemu-aarch64 catch=/usr/include/catch2
if ! command -v $compiler || ! command -v $emulator || ! [ -f $catch/catch.hpp ]; then
  echo "skipped: needs $compiler, $emulator and Catch2 2"
  exit 77
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/include" # /usr/include is of this machine
ln -s $catch "$scratch/include/catch2"

number=0
for source in tests/main.cpp tests/parse/scan_test.cpp tests/parse/fast_path_test.cpp \
  tests/parse/property_test.cpp src/error.cpp src/parse/multipart_parser.cpp \
  src/parse/part_headers.cpp src/parse/disposition.cpp src/parse/header_value.cpp \
  src/parse/dialect.cpp; do
  number=$((number + 1))
  $compiler -std=c++20 -O1 -Wall -Wextra -Werror -I include -I tests -isystem "$scratch/include" \
    -c $source -o "$scratch/$number.o"
done
$compiler -static "$scratch"/*.o -o "$scratch/parse_tests"
$emulator "$scratch/parse_tests"
# Without NEON every test would be green too.
nm -C "$scratch/parse_tests" | grep -q 'scan_detail::neon::find'
