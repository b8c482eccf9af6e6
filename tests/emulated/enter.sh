#!/bin/sh
# What mpiexec calls in place of ssh: options of ssh, an address of an emulated cluster, what to start there.
while [ "${1#-}" != "$1" ]; do shift; done
host=$1
shift
exec ip netns exec "$EMULATED_CLUSTER-${host##*.}" sh -c "$*"
