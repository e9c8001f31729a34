# Sourced by tests/run and examples/serve: what a fresh Debian 12 needs, and how to get it.

# Each word is a package; in a|b|c any one will do and the first is installed if none is there.
build_packages="g++ cmake ninja-build ccache libfmt-dev node-llhttp libssl-dev zlib1g-dev
  libzstd-dev libmagic-dev libsqlite3-dev libpq-dev libasio-dev libexpat1-dev
  pkg-config"
server_packages="libasio-dev nlohmann-json3-dev"
# libboost1.74-dev and 1.81 exclude each other: take the one that is there.
test_packages="catch2|libcatch2-dev libcurl4-openssl-dev curl python3 python3-requests
  libboost1.74-dev|libboost1.81-dev|libboost-dev libmicrohttpd-dev libcpp-httplib-dev
  libbenchmark-dev libpoco-dev valgrind"
# Daemons that tests start themselves, with files of their own. ClamAV: 25 MB, 15 s. Where services
# start by themselves, so does clamav-freshclam, which fetches signatures that no test uses.
# PostgreSQL: 350 MB on disk, 9 s; its own cluster then runs beside and no test touches it.
service_packages="clamav-daemon postgresql"
# Ceph and Swift, for --full: 400 MB on disk. moto and aws-cli come from PyPI.
cluster_packages="ceph-mon ceph-osd radosgw ceph-common python3-swift memcached python3-venv"
browser_packages="chromium chromium-driver python3-selenium nodejs"
check_packages="clang-19|clang-18|clang-17|clang-16|clang-15|clang-14 clang-format-19
  libclang-rt-19-dev|libclang-rt-18-dev|libclang-rt-17-dev|libclang-rt-16-dev|libclang-rt-15-dev|libclang-rt-14-dev
  llvm-19 valgrind util-linux g++-aarch64-linux-gnu qemu-user"

installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# ensure_packages WORD...: installs what is missing as root or through sudo; otherwise prints the
# line to type and returns 1. --no-remove: never at the price of something that is installed.
ensure_packages() {
  if ! command -v dpkg-query >/dev/null; then
    echo "not a Debian system: please see to these yourself: $*"
    return 0
  fi
  local word name found missing=()
  for word in "$@"; do
    found=
    for name in ${word//|/ }; do
      if installed "$name"; then found=yes; break; fi
    done
    [ -n "$found" ] || missing+=("${word%%|*}")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    echo "packages: nothing missing"
    return 0
  fi

  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo)
    if ! command -v sudo >/dev/null || ! { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
      echo "missing packages, and neither root nor sudo to install them. As root:"
      echo "  apt-get update && apt-get install -y --no-install-recommends --no-remove ${missing[*]}"
      return 1
    fi
  fi
  echo "packages: installing ${missing[*]}"
  "${as_root[@]}" apt-get update -q &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -q --no-install-recommends --no-remove "${missing[@]}"
}
