#!/bin/sh
# Starts or joins a session cluster on YARN.
script=$0
case $script in */*) ;; *) script=./$script ;; esac
while [ -L "$script" ]; do
  link=$(readlink "$script")
  case $link in /*) script=$link ;; *) script=${script%/*}/$link ;; esac
done
. "${script%/*}/config.sh"
run_client yarn-session "$@"
