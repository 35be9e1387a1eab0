#!/bin/sh
# Installs Debian's pgbouncer, as root, without starting its service: the local cloud starts its own, on a port of its own.
set -eu
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    # Debian's packages ask this program before they start a service; 101 forbids it.
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install -y --no-install-recommends pgbouncer
