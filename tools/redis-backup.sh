#!/bin/sh
# sh redis-backup.sh URL DIR TO
#
# Copies what the Redis at URL has written into its folder DIR, while it goes on writing, to the new
# folder TO: everything that was acknowledged before this began is in the copy. Runs where DIR can be
# read. A Redis started on the copy may find the beginning of one more write at its end; `millrace up`
# and the Redis of compose.yaml cut that off. Exit status: 0 copied, 1 not, 2 used wrongly.
set -eu
if [ $# -ne 3 ]; then
  sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
# With -e what Redis refuses is a failure, too.
redis() { redis-cli -e -u "$url" --raw "$@"; }
url=$1 dir=$2 to=$3
for folder in "$to" "$to.part"; do
  if [ -e "$folder" ]; then
    echo "$folder exists: name a folder that does not, so that no two copies are mixed." >&2
    exit 1
  fi
done
# A rewrite would exchange files in the middle of the copy.
setting=auto-aof-rewrite-percentage
told=$(redis config get "$setting")
before=$(printf '%s\n' "$told" | sed -n 2p)
trap 'rm -rf "$to.part"; redis config set "$setting" "$before" >/dev/null' EXIT
trap 'exit 1' HUP INT TERM
redis config set "$setting" 0 >/dev/null
rewriting() {
  persistence=$(redis info persistence) || exit 1
  printf '%s\n' "$persistence" | grep -Eq '^aof_rewrite_(in_progress|scheduled):1'
}
while rewriting; do sleep 0.2; done
mkdir -p "$to.part/appendonlydir"
cp -p "$dir"/appendonlydir/* "$to.part/appendonlydir/"
sync
mv "$to.part" "$to"
echo "copied $(du -sk "$to" | cut -f1) KB to $to"
