# What a removal and a look at the whole machine share.
# Did Berth give this uid to an account that is gone? Adds it to others if so.
is_retired() {
  case $others in *" $1 "*) return 0 ;; esac
  [ "$1" -ge "$first_uid" ] && [ "$1" -le "$last_uid" ] && ! is_known "$1" || return 1
  others="$others$1 "
}

# Runs the shell text $2 as the uid $1: by util-linux, or by BusyBox, which knows only uids of accounts. Then there is one for
# as long as it takes, which nobody can log in to.
as_uid() {
  if setpriv --reuid 0 --regid 0 --clear-groups true; then
    setpriv --reuid "$1" --regid "$1" --clear-groups sh -c "$2" &
    see_through $!
  elif is_known "$1"; then
    start-stop-daemon -S -c "$1" -p /nonexistent -a /bin/sh -- -c "$2" &
    see_through $!
  else
    (
      account=berth-$1
      if rewrite /etc/passwd "$account:*:$1:$1::/nonexistent:/bin/false"; then
        start-stop-daemon -S -c "$1" -p /nonexistent -a /bin/sh -- -c "$2" &
        see_through $!
      fi
      rewrite /etc/passwd
    )
  fi
} >/dev/null 2>&1
# Waits for the process $1, which others of its uid may stop again and again, and not without end.
see_through() {
  waits=0
  while kill -CONT "$1"; do
    waits=$((waits + 1))
    [ $waits -le 200 ] || kill -KILL "$1"
    [ $waits -le 210 ] || return
    sleep 0.01
  done
}

# Kills all processes of the uid $1 at once, as only the kernel can: what ends and leaves a child in its place faster than it is
# looked at is never found, and what multiplies outruns a script that has no more of the processor than one of them.
kill_all_of() { as_uid "$1" 'kill -KILL -1'; }

# Where everybody may write, by what it is for.
temporary='/tmp /var/tmp /dev/shm /dev/mqueue /run/lock /run/shm /run/screen /var/crash'
mailboxes='/var/mail /var/spool/mail'
queues='/var/spool/cron/atjobs /var/spool/cron/atspool /var/spool/at /var/spool/atd /var/spool/atjobs'
# Those of the given folders that are there.
places() {
  for place; do
    [ ! -d "$place" ] || printf '%s/ ' "$place"
  done
}
count() { tr -dc '\000' | wc -c | tr -d ' '; }

# Takes away what the uid $1 has in the given folders; sets gone to how many things that were.
discard_strays() {
  gone=0 stray_uid=$1
  shift
  [ $# -gt 0 ] || return 0
  gone=$(find "$@" -xdev -user "$stray_uid" -prune -print0 -exec rm -rf {} + 2>/dev/null | count)
  # What is too deep for that is put under one name first.
  for place; do
    [ "$(find "$place" -xdev -user "$stray_uid" -prune -print0 2>/dev/null | count)" != 0 ] || continue
    heap=$(mktemp -d "$place.berth-XXXXXX") || continue
    find "$place" -xdev -user "$stray_uid" -prune -exec sh -c '
      for stray; do n=$((n + 1)); mv "$stray" "$0/$$-$n"; done' "$heap" {} + 2>/dev/null
    discard_tree "$heap"
  done
}

# Sets ipc to the System V objects of the uid $1, as `-m 1 -s 2 -q 3`.
scan_ipc() {
  ipc=''
  while read -r _ id _ _ _ _ _ owner _ maker _; do
    case " $owner $maker " in *" $1 "*) ipc="$ipc -m $id" ;; esac
  done 2>/dev/null </proc/sysvipc/shm
  while read -r _ id _ _ _ _ _ owner _ maker _; do
    case " $owner $maker " in *" $1 "*) ipc="$ipc -q $id" ;; esac
  done 2>/dev/null </proc/sysvipc/msg
  while read -r _ id _ _ owner _ maker _; do
    case " $owner $maker " in *" $1 "*) ipc="$ipc -s $id" ;; esac
  done 2>/dev/null </proc/sysvipc/sem
}
# In a container root may lack the right to remove them, but their owner has it.
discard_ipc() {
  scan_ipc "$1"
  # shellcheck disable=SC2086
  [ -z "$ipc" ] || ipcrm $ipc || as_uid "$1" "ipcrm$ipc"
} >/dev/null 2>&1
