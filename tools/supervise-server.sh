#!/bin/sh
# Runs a server as long as its parent lives: supervise-server.sh <grace seconds> <command> [arguments].
#
# Standard input is a pipe that the parent holds and never writes to. When it closes, because the
# parent asks for the end or because it died (SIGKILL included), the server gets SIGTERM and, after
# the grace, SIGKILL. The first line of standard output is the server's process id; the exit status
# is the server's.
grace=$1
shift

# Ctrl-C reaches the whole process group at once. Hosts still need Redis to give up their
# partitions, so it is to hear of the end from its parent alone, where `env` can do that. Only what
# leaves its signals as it finds them obeys: nats-server, as any Go program, ends at once, so hosts
# also leave without it.
if env --block-signal=INT true 2>/dev/null; then
  set -- env --block-signal=INT "$@"
fi

exec 3<&0
"$@" </dev/null >&2 3<&- &
server=$!
trap '' HUP INT TERM
echo "$server"

{
  read -r _ <&3
  kill -TERM "$server" 2>/dev/null
  tenths=$((grace * 10))
  while [ "$tenths" -gt 0 ] && kill -0 "$server" 2>/dev/null; do
    sleep 0.1
    tenths=$((tenths - 1))
  done
  kill -KILL "$server" 2>/dev/null
} </dev/null >/dev/null 2>&1 &
watcher=$!

wait "$server"
status=$?
kill -KILL "$watcher" 2>/dev/null
exit "$status"
