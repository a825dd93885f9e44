#!/bin/sh
# Makes a folder with which NATS and Redis can be started: the configurations beside this script, a
# certificate for the names given (default: localhost), and a new password for every user.
#
#   ./prepare.sh FOLDER [NAME …]      such as: ./prepare.sh /etc/millrace nats.internal redis.internal
set -eu
umask 077

here=$(cd "$(dirname "$0")" && pwd)
folder=${1:?name the folder to make}
shift
if [ -e "$folder/nats.env" ]; then
  echo "$folder has passwords already; name another folder" >&2
  exit 1
fi
mkdir -p "$folder/certificates"
cp "$here/nats.conf" "$here/redis.conf" "$folder/"
cd "$folder"

# Letters first: a NATS configuration would read some strings of digits as a number.
password() { echo "pw$(openssl rand -hex 24)"; }
passwords() { for user in "$@"; do echo "${user}_PASSWORD=\"$(password)\""; done; }
passwords ALICE DESK OPERATOR HOST >nats.env
passwords HOST AUDITOR PROJECTION >redis.env
. ./redis.env

# Redis keeps hashes only.
sha256() { printf '%s' "$1" | openssl dgst -sha256 -r | cut -d ' ' -f 1; }
sed -e "s/@HOST_SHA256@/$(sha256 "$HOST_PASSWORD")/" \
  -e "s/@AUDITOR_SHA256@/$(sha256 "$AUDITOR_PASSWORD")/" \
  -e "s/@PROJECTION_SHA256@/$(sha256 "$PROJECTION_PASSWORD")/" \
  "$here/users.acl" >users.acl

names="DNS:localhost,IP:127.0.0.1"
for name in "$@"; do names="$names,DNS:$name"; done
cd certificates
curve="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
# shellcheck disable=SC2086
openssl req -x509 $curve -days 3650 -subj "/CN=Millrace CA" \
  -addext "keyUsage=critical,keyCertSign" -keyout ca.key -out ca.pem 2>openssl.log
# shellcheck disable=SC2086
openssl req $curve -subj "/CN=millrace" -keyout server.key -out server.csr 2>>openssl.log
printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' "$names" >server.ext
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 365 \
  -extfile server.ext -out server.pem 2>>openssl.log
rm server.csr server.ext openssl.log
