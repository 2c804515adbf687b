# Takes the account of one allocation away with everything it left, and proves that nothing is left.
read_order
check_order

# Looks at every process without starting one (there may be no room for another): sets found (processes of the uid,
# under any of its four ids), running (whether one was not stopped yet) and doors (root's ssh servers of its sessions).
# A retired uid counts as well: a file that runs as its owner can lead back to it, and others keeps those numbers.
# Stops each that runs on sight, but for `scan only`: what multiplies faster than it is killed cannot do so while it is stopped.
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
        case $process_state in T | t) ;; *) running=yes && [ "${1-}" = only ] || kill -STOP "$pid" 2>/dev/null ;; esac
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
  for door in $doors; do
    case $seen_doors in *" $door "*) ;; *) seen_doors=$seen_doors$door' ' sessions=$((sessions + 1)) ;; esac
  done
}

# Stops all, then kills all. Starts no process itself.
kill_processes() {
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    scan
    [ "$running" ] || break
  done
  # shellcheck disable=SC2086
  kill -KILL $found 2>/dev/null
}

# So many that there may be no room for a process of ours? Then they go before anything else is tried. Nothing is left
# stopped here, before the lock: one of them can be a helper that the removal which holds the lock waits for.
end_crowd() {
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    scan only
    # shellcheck disable=SC2086
    set -- $found
    if [ $# -lt 64 ]; then break; fi
    kill_processes
  done
}

kill_unseen() {
  for id in $uid $others; do kill_all_of "$id"; done
}

# Asks the processes to end, then makes them. Their ssh servers follow by themselves; those that do not are ended too.
end_processes() {
  scan
  if [ "$found" ]; then
    asked=$found
    # shellcheck disable=SC2086
    { kill -HUP $found; kill -TERM $found; kill -CONT $found; sleep 0.1; } 2>/dev/null
    scan
    for pid in $asked; do
      case "$found " in *" $pid "*) ;; *) obeyed=$((obeyed + 1)) ;; esac
    done
  fi
  rounds=0
  while [ "$found$doors" ] && [ $rounds -lt 60 ]; do
    rounds=$((rounds + 1))
    if [ "$found" ]; then
      kill_unseen
      kill_processes
    fi
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
discard_named() {
  rm -f "$1" || return 0
  case $1 in
    */mail/*) mail_files=$((mail_files + 1)) ;;
    *) job_files=$((job_files + 1)) ;;
  esac
}
left_named() { left="$left $1"; }

discard_files() {
  while read -r _ place _ options _; do
    case $options, in *,user_id="$uid",*) umount -l "$(printf '%b' "$place")" 2>/dev/null ;; esac
  done </proc/self/mounts
  if [ "$named" ] && [ -d "$home" ] && [ ! -L "$home" ]; then
    home_files=$((home_files + $(find "$home" -xdev -print0 2>/dev/null | count)))
  fi
  [ ! "$named" ] || discard_tree "$home"
  discard_tree "$staging"
  discard_tree "/run/user/$uid"
  for id in $uid $others; do
    # shellcheck disable=SC2046,SC2086
    {
      discard_strays "$id" $(places $temporary)
      temporary_files=$((temporary_files + gone))
      discard_strays "$id" $(places $mailboxes)
      mail_files=$((mail_files + gone))
      discard_strays "$id" $(places $queues)
      job_files=$((job_files + gone))
    }
  done
}

# Looks again at everything: sets left to what is still there and checked to what was looked for and is gone.
verify() {
  left='' checked=''
  for id in $uid $others; do
    find_account "berth-$id"
    [ -z "$entry_uid" ] || left="$left the account berth-$id"
  done
  find_account "$account"
  if [ ! "$named" ]; then :; elif [ "$entry_uid" ]; then left="$left the account"; else checked=account; fi
  find_group "$uid"
  if [ "$group_name" ]; then left="$left its group"; else checked="$checked group"; fi
  scan
  if [ "$found" ]; then left="$left processes$found"; else checked="$checked processes"; fi
  if [ "$doors" ]; then left="$left sessions$doors"; else checked="$checked sessions"; fi
  before=$left
  for tree in "$staging" "/run/user/$uid"; do
    if [ -e "$tree" ] || [ -L "$tree" ]; then left="$left $tree"; fi
  done
  if [ "$named" ]; then
    if [ -e "$home" ] || [ -L "$home" ]; then left="$left $home"; fi
    [ "$left" != "$before" ] || checked="$checked home"
    before=$left
    named_files left_named
    [ "$left" != "$before" ] || checked="$checked jobs"
  fi
  before=$left
  for id in $uid $others; do
    # shellcheck disable=SC2046,SC2086
    strays=$(find $(places $temporary $mailboxes $queues) -xdev -user "$id" -prune -print0 2>/dev/null | count)
    [ "$strays" = 0 ] || left="$left $strays files"
  done
  [ "$left" != "$before" ] || checked="$checked files"
  scan_ipc "$uid"
  if [ "$ipc" ]; then left="$left ipc$ipc"; else checked="$checked ipc"; fi
  [ -z "$left" ]
}

answer() {
  say outcome "$outcome"
  say uid "${uid:-0}"
  say processes "$ended"
  say killed $((ended - obeyed))
  say sessions "$sessions"
  say home_files "$home_files"
  say temporary_files "$temporary_files"
  say mail_files "$mail_files"
  say job_files "$job_files"
  say checked "$checked"
}
# The answer can be lost on its way: the machine keeps the last one until the next removal, where there is room for it.
keep_answer() {
  { answer && printf 'for %s\n' "$allocation"; } 2>/dev/null >"$state/last-answer"
}
answer_again() {
  kept=''
  [ -f "$state/last-answer" ] || return 1
  while IFS= read -r line; do
    if [ "$line" = "for $allocation" ]; then printf '%s' "$kept" && return; fi
    kept=$kept$line$lines_end
  done <"$state/last-answer"
  return 1
}
finish() {
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

ended=0 obeyed=0 sessions=0 seen=' ' seen_doors=' ' others=' ' checked=''
home_files=0 temporary_files=0 mail_files=0 job_files=0
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
  if [ "$named" ]; then checked=account; else outcome=foreign; fi
  discard_tree "$staging"
  rm -f "$record.new"
  answer_again || answer
  finish
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
  discard_ipc "$uid"
  ! verify || break
done
if [ "$left" ]; then
  if [ "$named" ] && [ "$entry_uid" ] && disk_is_full; then fail disk_full 'the account files cannot be written'; fi
  fail still_dirty "left over:$left${message:+ ($message)}"
fi
keep_answer
rm -f "$record" "$record.new"
answer
finish
