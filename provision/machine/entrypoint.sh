#!/bin/sh
# Sets root's password, makes this machine's own host key unless it has one, and becomes the SSH server.
set -eu
if [ -z "${ROOT_PASSWORD:-}" ]; then
  echo 'ROOT_PASSWORD is not set: nobody could log in' >&2
  exit 1
fi
printf 'root:%s\n' "$ROOT_PASSWORD" | chpasswd
unset ROOT_PASSWORD
key=/etc/ssh/ssh_host_ed25519_key
[ -f "$key" ] || ssh-keygen -q -t ed25519 -N '' -f "$key"
mkdir -p /run/sshd
exec /usr/sbin/sshd -D -e -h "$key" -o PermitRootLogin=yes -o PasswordAuthentication=yes
