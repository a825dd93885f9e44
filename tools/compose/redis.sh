#!/bin/sh
# Redis as its image starts it, with the settings that the guarantees rest on, and what those need:
# killed in the middle of a write, or without power, Redis may leave the beginning of a write that
# nobody was told of at the end of its file. It then refuses to start, for it must not shorten a file
# silently (aof-load-truncated no). Only then, and only if Redis itself says that the file merely ends
# too early, it is loaded once by a Redis that nobody can reach and that may cut that end off. The
# last 16 MB of the file, as they were, are kept beside it. Any other damage is left to a person.
set -u
asked=
server=
said=/tmp/redis-said
durable='--appendonly yes --appendfsync always --no-appendfsync-on-rewrite no --maxmemory-policy noeviction'

# Asked to end, it ends what runs and begins nothing more: the next start goes on with a repair.
end() {
  asked=1
  [ -z "$server" ] || kill -TERM "$server" 2>/dev/null
}
trap end TERM INT

# Runs Redis with these arguments until it ends; what it says goes to the container's log, too.
serve() {
  # The repair is a shell of its own, which inherits no trap.
  trap end TERM INT
  server=
  rm -f "$said.pipe" && mkfifo "$said.pipe" && chmod 622 "$said.pipe"
  tee "$said" <"$said.pipe" &
  teller=$!
  # shellcheck disable=SC2086
  docker-entrypoint.sh redis-server $durable --save '' "$@" >"$said.pipe" 2>&1 &
  server=$!
  [ -z "$asked" ] || kill -TERM "$server"
  # A signal ends a wait before the server has ended.
  while wait "$server"; status=$?; kill -0 "$server" 2>/dev/null; do :; done
  # Its last words must be in the file before they are looked for.
  while kill -0 "$teller" 2>/dev/null; do wait "$teller"; done
  return "$status"
}

cut_torn_end() {
  # The manifest knows which is the last; by name, 10 comes before 9.
  name=$(sed -n 's/^file \([^ ]*\) seq [0-9]* type i.*/\1/p' appendonlydir/appendonly.aof.manifest | tail -n 1)
  last=appendonlydir/$name
  before=$(wc -c <"$last")
  tail -c 16777216 "$last" >"$last.torn" || exit 1
  serve --aof-load-truncated yes --port 0 --unixsocket /tmp/redis-repair.sock &
  server=$!
  until [ "$(redis-cli -s /tmp/redis-repair.sock ping 2>/dev/null)" = PONG ]; do
    if [ -n "$asked" ]; then
      kill -TERM "$server" 2>/dev/null
      while kill -0 "$server" 2>/dev/null; do wait "$server"; done
      exit 0
    fi
    kill -0 "$server" 2>/dev/null || exit 1
    sleep 0.2
  done
  redis-cli -s /tmp/redis-repair.sock shutdown nosave
  while kill -0 "$server" 2>/dev/null; do wait "$server"; done
  echo "Redis was killed while writing: its last, unacknowledged" \
    "$((before - $(wc -c <"$last"))) bytes were cut off; the end as it was is kept in $last.torn"
}

cd /data || exit 1
serve --aof-load-truncated no "$@"
status=$?
if [ -z "$asked" ] && [ "$status" = 1 ] && grep -q 'Unexpected end of file reading the append only file' "$said"; then
  cut_torn_end
  [ -z "$asked" ] || exit 0
  serve --aof-load-truncated no "$@"
  status=$?
fi
exit "$status"
