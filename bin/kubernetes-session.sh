#!/bin/sh
# Starts or joins a session cluster on Kubernetes.
script=$0
case $script in */*) ;; *) script=./$script ;; esac
while [ -L "$script" ]; do
  link=$(readlink "$script")
  case $link in /*) script=$link ;; *) script=${script%/*}/$link ;; esac
done
. "${script%/*}/config.sh"
run_client kubernetes-session "$@"
