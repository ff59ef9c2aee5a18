#!/bin/sh
# Owns one JobManager or TaskManager process: forwards a stop to it, writes its crashes to the log, and starts a crashed
# TaskManager again. A shell, because it lives as long as the daemon and should cost next to nothing.
#
#   supervisor.sh NAME RESTART COMMAND ARGUMENTS…      RESTART: yes or no
#
# WEIR_LOG_FILE is the log, WEIR_READY_FILE exists once the process has been ready: one that never was is not started again.
name=$1
restart=$2
shift 2

stopping=''
child=''
stop() {
  stopping=yes
  [ -n "$child" ] && kill -TERM "$child" 2>/dev/null
}
trap stop TERM INT

note() {
  printf '%s,000 %-5s %-40s [] - %s\n' "$(date '+%Y-%m-%d %H:%M:%S')" "$1" supervisor "$2" >>"$WEIR_LOG_FILE"
}

# Sets $status. A signal ends `wait` early, so it is called until the child is gone.
await() {
  while :; do
    wait "$1"
    status=$?
    kill -0 "$1" 2>/dev/null || return
  done
}

longest_pause=32
settled_after=60
pause=1
while :; do
  started=$(date +%s)
  WEIR_SUPERVISOR_PID=$$ "$@" </dev/null &
  child=$!
  [ -n "$stopping" ] && stop
  await "$child"
  child=''
  if [ -n "$stopping" ] || [ "$status" -eq 0 ]; then
    [ -n "$stopping" ] && status=0
    break
  fi
  if [ "$status" -gt 128 ] && [ "$status" -lt 160 ]; then how="was ended by signal $((status - 128))"; else how="ended with exit code $status"; fi
  if [ "$restart" != yes ] || [ ! -e "$WEIR_READY_FILE" ]; then
    note ERROR "$name $how."
    break
  fi
  [ $(($(date +%s) - started)) -ge "$settled_after" ] && pause=1
  note WARN "$name $how; it is started again in $pause s."
  sleep "$pause" &
  child=$!
  wait "$child"
  child=''
  [ -n "$stopping" ] && status=0 && break
  pause=$((pause * 2))
  [ "$pause" -gt "$longest_pause" ] && pause=$longest_pause
done
rm -f "$WEIR_READY_FILE"
exit "$status"
