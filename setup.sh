#!/bin/sh
# Installs what Spindle needs and this machine lacks, then runs a Deno task:
#   ./setup.sh          only sets up
#   ./setup.sh demo     the main job on the bundled model and data
#   ./setup.sh test     every check and test
set -eu

DENO_VERSION=2.9.6

say() { echo "setup: $*" >&2; }
fail() {
  say "$*"
  exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}
can_be_root() { [ "$(id -u)" -eq 0 ] || has sudo; }

# Whether there is a Deno of DENO_VERSION or newer, also where its folder is not in PATH.
find_deno() {
  npm_bin=
  if has npm; then npm_bin="$(npm prefix --global)/bin"; fi
  for folder in "" "$npm_bin" "${DENO_INSTALL:-${HOME:-}/.deno}/bin"; do
    deno="${folder:+$folder/}deno"
    has "$deno" || continue
    version=$("$deno" --version 2>/dev/null | sed -n '1s/^deno \([0-9.]*\).*/\1/p')
    oldest=$(printf '%s\n%s\n' "$DENO_VERSION" "$version" | sort -V | head -n 1)
    [ "$oldest" = "$DENO_VERSION" ] || continue
    if [ -n "$folder" ]; then PATH="$folder:$PATH"; fi
    export PATH
    return 0
  done
  return 1
}

install_deno_by_npm() {
  has npm || return 1
  prefix=$(npm prefix --global)
  if [ -w "$prefix/lib/node_modules" ] || [ -w "$prefix/lib" ] || [ -w "$prefix" ]; then
    say "installing Deno $DENO_VERSION by npm"
    npm install --global "deno@$DENO_VERSION" >&2
  elif can_be_root; then
    say "installing Deno $DENO_VERSION by npm"
    as_root npm install --global "deno@$DENO_VERSION" >&2
  else
    return 1
  fi
}

install_deno_by_itself() {
  has curl || install_packages curl ca-certificates
  has unzip || install_packages unzip
  say "installing Deno $DENO_VERSION by its own installer"
  curl -fsSL https://deno.land/install.sh | sh -s -- --yes --no-modify-path "v$DENO_VERSION" >&2
}

install_packages() {
  has apt-get || fail "Cannot install $* as there is no apt-get: install this by the system's own means"
  can_be_root || fail "Cannot install $* as that needs root: run setup.sh as root or install sudo"
  say "installing $* by apt-get"
  as_root apt-get update -q >&2 || say "going on with the package lists that are here"
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "$@" >&2 ||
    fail "Cannot install $*: see what apt-get says above"
}

# Whether WebGPU finds a Vulkan driver, that of a GPU or Mesa's software one.
has_vulkan() {
  [ -z "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] || return 0
  ldconfig=$(command -v ldconfig || echo /sbin/ldconfig)
  "$ldconfig" -p 2>/dev/null | grep -q 'libvulkan\.so\.1' || return 1
  for folder in /usr/share /usr/local/share /etc "${XDG_DATA_HOME:-${HOME:-}/.local/share}"; do
    for driver in "$folder"/vulkan/icd.d/*.json; do
      if [ -e "$driver" ]; then return 0; fi
    done
  done
  return 1
}

cd "$(dirname "$0")"
if ! find_deno; then
  install_deno_by_npm || install_deno_by_itself || true
  find_deno || fail "Cannot install Deno $DENO_VERSION: install it as https://deno.com tells, then run setup.sh again"
fi
if [ "$(uname -s)" = Linux ] && ! has_vulkan; then
  install_packages libvulkan1 mesa-vulkan-drivers
fi
say "ready: Deno $version"
if [ $# -gt 0 ]; then exec deno task "$@"; fi
