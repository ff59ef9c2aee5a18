#!/bin/sh
# Stops what start-cluster.sh started.
script=$0
case $script in */*) ;; *) script=./$script ;; esac
while [ -L "$script" ]; do
  link=$(readlink "$script")
  case $link in /*) script=$link ;; *) script=${script%/*}/$link ;; esac
done
. "${script%/*}/config.sh"
unset NODE_OPTIONS
run_weir stop-cluster "$@"
