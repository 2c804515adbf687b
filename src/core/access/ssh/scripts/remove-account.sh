# Takes the account of one allocation away with everything it left, and proves that nothing is left.
read_order
check_order

# Looks at every process without starting one (there may be no room for another): sets found (processes of the uid,
# under any of its four ids), running (whether one was not stopped yet) and doors (root's ssh servers of its sessions).
# A retired uid counts as well: a file that runs as its owner can lead back to it, and others keeps those numbers.
# Stops each that runs on sight: what multiplies faster than it is killed cannot do so while it is stopped.
scan() {
  found='' running='' doors='' bears='' parents=' ' our_parents=' '
  for dir in /proc/[0-9]*; do
    pid=${dir#/proc/} name='' process_state='' parent='' ids='' threads=1
    while read -r key one two three four; do
      case $key in
        Name:) name=$one ;;
        State:) process_state=$one ;;
        PPid:) parent=$one ;;
        Uid:)
          ids=" $one $two $three $four "
          case $process_state in Z | X) ;; *) break ;; esac
          ;;
        Threads:) threads=$one && break ;;
      esac
    done 2>/dev/null <"$dir/status"
    [ "$ids" ] || continue
    parents=$parents$parent' '
    ours=''
    case $ids in
      ' 0 0 0 0 ') ;;
      *" $uid "*) ours=yes ;;
      *) for id in $ids; do ! is_retired "$id" || ours=yes; done ;;
    esac
    case $ours in
      yes)
        # A dead process that nobody has asked after yet does nothing any more, unless threads of it go on.
        case $process_state in Z | X) [ "$threads" -gt 1 ] || continue ;; esac
        case $process_state in T | t) ;; *) running=yes && kill -STOP "$pid" 2>/dev/null ;; esac
        found="$found $pid"
        our_parents=$our_parents$parent' '
        case $seen in *" $pid "*) ;; *) seen=$seen$pid' ' ended=$((ended + 1)) ;; esac
        ;;
      *)
        case $name in
          sshd*)
            title=''
            read -r title 2>/dev/null <"$dir/cmdline"
            case $title in "sshd: $account "* | "sshd-session: $account "*) [ ! "$named" ] || doors="$doors $pid" ;; esac
            ;;
          dropbear) bears="$bears $pid:$parent" ;;
        esac
        ;;
    esac
  done
  # Dropbear's connections stay root's and bear no name. Ours are those with a child of the uid; one without any child
  # could be ours too, and whoever else has it open will open it again.
  for bear in $bears; do
    case " $bears" in *" ${bear#*:}:"*) ;; *) continue ;; esac
    pid=${bear%:*}
    case $our_parents in *" $pid "*) doors="$doors $pid" && continue ;; esac
    case $parents in *" $pid "*) ;; *) doors="$doors $pid" ;; esac
  done
}

# Did Berth give this uid to an account that is gone? Adds it to others if so.
is_retired() {
  case $others in *" $1 "*) return 0 ;; esac
  [ "$1" -ge "$first_uid" ] && [ "$1" -le "$last_uid" ] && ! is_known "$1" || return 1
  others="$others$1 "
}

# Runs the shell text $2 as the uid $1: by util-linux, or by BusyBox.
as_uid() {
  setpriv --reuid "$1" --regid "$1" --clear-groups sh -c "$2" ||
    start-stop-daemon -S -c "$1" -p /nonexistent -a /bin/sh -- -c "$2"
} >/dev/null 2>&1

# Stops all, then kills all. Starts no process itself.
kill_processes() {
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    scan
    [ "$running" ] || break
  done
  # shellcheck disable=SC2086
  kill -KILL $found 2>/dev/null
}

# So many that there may be no room for a process of ours? Then they go before anything else is tried.
end_crowd() {
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    scan
    # shellcheck disable=SC2086
    set -- $found
    if [ $# -lt 64 ]; then break; fi
    kill_processes
  done
}

# What ends and leaves a child in its place faster than it is looked at is never found. The kernel reaches all processes
# of a uid at once.
kill_unseen() {
  for id in $uid $others; do as_uid "$id" 'kill -KILL -1'; done
}

# Asks the processes to end, then makes them. Their ssh servers follow by themselves; those that do not are ended too.
end_processes() {
  scan
  if [ "$found" ]; then
    # shellcheck disable=SC2086
    { kill -HUP $found; kill -TERM $found; kill -CONT $found; sleep 0.1; } 2>/dev/null
    scan
  fi
  rounds=0
  while [ "$found$doors" ] && [ $rounds -lt 60 ]; do
    rounds=$((rounds + 1))
    [ -z "$found" ] || kill_processes
    if [ "$doors" ]; then
      signal=TERM
      [ $rounds -lt 10 ] || signal=KILL
      # shellcheck disable=SC2086
      kill -$signal $doors 2>/dev/null
    fi
    [ $rounds -eq 1 ] || sleep 0.02
    scan
  done
  kill_unseen
}

# What of the account's name runs on its own or waits for it.
named_files() {
  for file in "/var/spool/cron/crontabs/$account" "/var/spool/cron/$account" "/var/spool/cron/tabs/$account" \
    "/var/lib/systemd/linger/$account" "/var/mail/$account" "/var/spool/mail/$account"; do
    [ -f "$file" ] || [ -L "$file" ] || continue
    "$@" "$file"
  done
}
discard_named() { rm -f "$1" && files=$((files + 1)); }
left_named() { left="$left $1"; }

# Where everybody may write, and where jobs wait.
places() {
  for place in /tmp /var/tmp /dev/shm /dev/mqueue /run/lock /run/shm /run/screen /var/crash /var/mail /var/spool/mail \
    /var/spool/cron/atjobs /var/spool/cron/atspool /var/spool/at /var/spool/atd /var/spool/atjobs; do
    [ ! -d "$place" ] || printf '%s/ ' "$place"
  done
}
count() { tr -dc '\000' | wc -c | tr -d ' '; }

discard_files() {
  while read -r _ place _ options _; do
    case $options, in *,user_id="$uid",*) umount -l "$(printf '%b' "$place")" 2>/dev/null ;; esac
  done </proc/self/mounts
  if [ "$named" ] && [ -d "$home" ] && [ ! -L "$home" ]; then
    files=$((files + $(find "$home" -xdev -print0 2>/dev/null | count)))
  fi
  [ ! "$named" ] || discard_tree "$home"
  discard_tree "$staging"
  discard_tree "/run/user/$uid"
  for id in $uid $others; do
    # shellcheck disable=SC2046
    files=$((files + $(find $(places) -xdev -user "$id" -prune -print0 -exec rm -rf {} + 2>/dev/null | count)))
    # What is too deep for that is put under one name first.
    for place in $(places); do
      heap=$place.berth-$allocation
      find "$place" -xdev -user "$id" -prune -exec sh -c '
        mkdir -p "$0" && for stray; do n=$((n + 1)); mv "$stray" "$0/$$-$n"; done' "$heap" {} + 2>/dev/null
      discard_tree "$heap"
    done
  done
}

# Sets ipc to the System V objects of the uid, as `-m 1 -s 2 -q 3`.
scan_ipc() {
  ipc=''
  while read -r _ id _ _ _ _ _ owner _ maker _; do
    case " $owner $maker " in *" $uid "*) ipc="$ipc -m $id" ;; esac
  done 2>/dev/null </proc/sysvipc/shm
  while read -r _ id _ _ _ _ _ owner _ maker _; do
    case " $owner $maker " in *" $uid "*) ipc="$ipc -q $id" ;; esac
  done 2>/dev/null </proc/sysvipc/msg
  while read -r _ id _ _ owner _ maker _; do
    case " $owner $maker " in *" $uid "*) ipc="$ipc -s $id" ;; esac
  done 2>/dev/null </proc/sysvipc/sem
}
# In a container root may lack the right to remove them, but their owner has it: the second and third way act as the
# uid, by util-linux and by BusyBox.
discard_ipc() {
  scan_ipc
  [ "$ipc" ] || return 0
  # shellcheck disable=SC2086
  ipcrm $ipc || setpriv --reuid "$uid" --clear-groups ipcrm $ipc ||
    start-stop-daemon -S -c "$uid" -p /nonexistent -a "$(command -v ipcrm)" -- $ipc
} >/dev/null 2>&1

# Looks again at everything and sets left to what is still there.
verify() {
  left=''
  find_account "$account"
  if [ "$entry_uid" ] && [ "$named" ]; then left="$left the account"; fi
  find_group "$uid"
  [ -z "$group_name" ] || left="$left its group"
  scan
  [ -z "$found" ] || left="$left processes$found"
  [ -z "$doors" ] || left="$left sessions$doors"
  for tree in "$staging" "/run/user/$uid"; do
    if [ -e "$tree" ] || [ -L "$tree" ]; then left="$left $tree"; fi
  done
  if [ "$named" ]; then
    if [ -e "$home" ] || [ -L "$home" ]; then left="$left $home"; fi
    named_files left_named
  fi
  for id in $uid $others; do
    # shellcheck disable=SC2046
    strays=$(find $(places) -xdev -user "$id" -prune -print0 2>/dev/null | count)
    [ "$strays" = 0 ] || left="$left $strays files"
  done
  scan_ipc
  [ -z "$ipc" ] || left="$left ipc$ipc"
  [ -z "$left" ]
}

report() {
  say outcome "$outcome"
  say uid "${uid:-0}"
  say processes "$ended"
  say files "$files"
  [ "$fenced" ] || fail disk_full 'the account is gone, but the fence against late creations cannot be written'
  done_well
}

# Sets uid and named: whose processes and files are to go, and whether the name is ours as well.
identify() {
  uid='' named=yes
  read_record
  find_account "$account"
  if [ "$entry_uid" ] && ! is_ours; then named=''; fi
  if [ "$named" ] && [ "$entry_uid" ]; then uid=$entry_uid; elif [ "$recorded_uid" ]; then uid=$recorded_uid; fi
}

ended=0 files=0 seen=' ' others=' '
load_number last-uid
last_uid=$number
identify
[ "${uid:-0}" -lt 1000 ] || end_crowd
need_root
open_state || cannot_write "$state cannot be written"
take_lock
# First of all, so that a creation that is still on its way comes too late.
fenced=yes
load_number fence
[ "$number" -ge "$generation" ] || save_number fence "$generation" || fenced=''

identify
if [ -z "$uid" ]; then
  outcome=absent
  [ "$named" ] || outcome=foreign
  discard_tree "$staging"
  rm -f "$record.new"
  report
fi
[ "$uid" -ge 1000 ] || fail still_dirty "the account $account has the uid $uid, which is none of a person"
# Half made or half removed: a home of this name is ours only if it belongs to the uid that we gave.
if [ -z "$entry_uid" ] && [ -e "$home" ] && [ "$(stat -c %u "$home")" != "$uid" ]; then named=''; fi
outcome=removed
# Should this be cut off after the account is gone, the record alone tells what to look for.
[ "$recorded_uid" ] || write_record ''

message=''
for _ in 1 2 3; do
  # Without the entry nobody can log in any more. On a disk that the borrower filled that works in the second round.
  if [ "$named" ]; then
    named_files discard_named
    rm -f "$limits"
    find_account "$account"
    find_group "$uid"
    if [ "$entry_uid" ] || [ "$group_name" ]; then drop_account; fi
  fi
  end_processes
  discard_files
  discard_ipc
  ! verify || break
done
if [ "$left" ]; then
  if [ "$named" ] && [ "$entry_uid" ] && disk_is_full; then fail disk_full 'the account files cannot be written'; fi
  fail still_dirty "left over:$left${message:+ ($message)}"
fi
rm -f "$record" "$record.new"
report
