#!/bin/sh
# Installs Debian packages without starting their services: apt-install.sh <package>... (as root).
#
# Millrace runs servers of its own, on free ports. Debian asks /usr/sbin/policy-rc.d whether a
# package may start its service; ours says no and is removed again. One that is there stays.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' HUP INT TERM
  printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
install() {
  apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends install "$@"
}
# The package lists may be missing or old: fetch them only if it does not work without.
install "$@" || { apt-get -q update && install "$@"; }
