# Tells what of Berth's is on this machine, and what accounts that are gone have left. Whether an account ought to be there only
# the asker knows. With `repair yes`, and while no account is there, takes away what nobody has a claim to.
read_order
need_root
case $allocation$account$generation in *[!A-Za-z0-9_-]*) fail bad_answer 'the order is malformed' ;; esac
open_state || cannot_write "$state cannot be written"
take_lock
load_number last-uid
last_uid=$number others=' '
load_number fence
if [ "$repair" ] && [ "$number" -lt "${generation:-0}" ]; then
  save_number fence "$generation" || cannot_write "$state cannot be written"
fi
say fence "$number"

most=100 told=0
tell() {
  told=$((told + 1))
  [ $told -gt $most ] || say found "$*"
}
# Names are shown only where they are plain: root made them, but nobody knows.
plain() {
  case $1 in '' | *[!A-Za-z0-9._-]*) printf '?' ;; *) printf '%s' "$1" ;; esac
}
# A fifo in the place of a file must not hold the lock.
limited() {
  command -v timeout >/dev/null || shift
  case $1 in [0-9]*) timeout "$@" ;; *) "$@" ;; esac
}
# Is this the number of an account that is gone, with no record that would lead to it?
is_loose() {
  case $1 in '' | *[!0-9]*) return 1 ;; esac
  case $recorded in *" $1 "*) return 1 ;; esac
  is_retired "$1"
}
# Tells of each number in the list $2 how often it is there; only of those that are loose.
tally() {
  [ "$2" ] || return 0
  # shellcheck disable=SC2086
  while read -r many id; do
    ! is_loose "$id" || tell "$1 $id $many"
  done <<COUNTS
$(printf '%s\n' $2 | sort -n | uniq -c)
COUNTS
}

# What was made: the records, and the accounts that bear the mark. `entry`: it is in passwd. `record`: it is not.
recorded=' ' names=' ' records=' ' lent=''
for file in "$state"/made/*; do
  made=${file##*/}
  case $made in '*' | *.new | *[!A-Za-z0-9_-]*) continue ;; esac
  read -r made_uid made_name <"$file"
  case $made_uid in '' | *[!0-9]*) made_uid=0 ;; esac
  made_name=$(plain "$made_name")
  lent=yes recorded=$recorded$made_uid' ' names=$names$made_name' ' records=$records$made' '
  find_account "$made_name"
  there=record
  [ "$entry_uid" != "$made_uid" ] || there=entry
  tell account "$made" "$made_name" "$made_uid" $there
done
while IFS=: read -r name _ id _ gecos _; do
  mark=${gecos%%,*}
  case $mark in berth=*) ;; *) continue ;; esac
  case ${mark#berth=} in '' | *[!A-Za-z0-9_-]*) continue ;; esac
  lent=yes names=$names$name' '
  case $records in *" ${mark#berth=} "*) ;; *) tell account "${mark#berth=}" "$(plain "$name")" "$id" entry ;; esac
done </etc/passwd

# Are the keys of the account still those that were ordered? Its owner may have put anything in their place.
if [ "$allocation" ]; then
  now=$(limited 2 head -c 400000 "/home/$account/.ssh/authorized_keys" 9<&- 2>/dev/null)
  [ "$now" = "${keys%"$lines_end"}" ] || tell keys "$allocation"
fi
# How many keys open the login that Berth itself uses?
while IFS=: read -r name _ _ _ _ place _; do
  [ "$name" = "${SUDO_USER:-root}" ] || continue
  file=$place/.ssh/authorized_keys
  if [ -f "$file" ]; then login_keys=$(limited 2 grep -c '^[^#]' "$file" 9<&-); else login_keys=0; fi
  say login_keys "${login_keys:-0}"
  break
done </etc/passwd

loose=''
for dir in /proc/[0-9]*; do
  ids='' process_state='' threads=1
  while read -r key one two three four; do
    case $key in
      State:) process_state=$one ;;
      Uid:) ids="$one $two $three $four" ;;
      Threads:) threads=$one && break ;;
    esac
  done 2>/dev/null <"$dir/status"
  case $process_state in Z | X) [ "$threads" -gt 1 ] || continue ;; esac
  for id in $ids; do
    if is_loose "$id"; then loose="$loose $id" && break; fi
  done
done
tally process "$loose"

# shellcheck disable=SC2046,SC2086
owners=$({ limited 8 find $(places $temporary $mailboxes $queues) -xdev -exec stat -c %u {} + 9<&- 2>/dev/null; echo "end $?"; } |
  sort | uniq -c)
case $owners in *' end 124'* | *' end 143'*) fail timed_out 'the folders for temporary files hold too much to look through' ;; esac
while read -r many id; do
  ! is_loose "$id" || tell file "$id" "$many"
done <<OWNERS
$owners
OWNERS

# Homes that no account has, jobs, and what was half made.
homes=' '
while IFS=: read -r _ _ _ _ _ place _; do homes=$homes$place' '; done </etc/passwd
abandoned() {
  for file in /home/* /home/.berth-*; do
    [ -d "$file" ] && [ ! -L "$file" ] || continue
    name=${file##*/}
    case $name in
      .berth-*) case $records in *" ${name#.berth-} "*) ;; *) "$1" staging 0 "$file" ;; esac ;;
      *)
        id=$(stat -c %u "$file")
        case $homes in *" $file "*) ;; *) ! is_loose "$id" || "$1" home "$id" "$file" ;; esac
        ;;
    esac
  done
  for file in /var/spool/cron/crontabs/* /var/spool/cron/tabs/* /var/spool/cron/* /var/lib/systemd/linger/*; do
    [ -f "$file" ] || continue
    id=$(stat -c %u "$file")
    ! is_loose "$id" || "$1" job "$id" "$file"
  done
  for file in /run/user/*; do
    [ -d "$file" ] || continue
    ! is_loose "${file##*/}" || "$1" runtime "${file##*/}" "$file"
  done
  for file in /etc/security/limits.d/berth-*.conf; do
    [ -f "$file" ] || continue
    name=${file##*/berth-}
    case $names in *" ${name%.conf} "*) ;; *) "$1" limits 0 "$file" ;; esac
  done
  for file in "$state"/made/*.new; do
    [ -f "$file" ] || continue
    name=${file##*/}
    case $records in *" ${name%.new} "*) ;; *) "$1" record 0 "$file" ;; esac
  done
}
tell_abandoned() { tell "$1" "$2" "$(plain "${3##*/}")"; }
discard_abandoned() {
  case $1 in
    staging | home | runtime) discard_tree "$3" ;;
    *) rm -f "$3" ;;
  esac
}
abandoned tell_abandoned

# Groups that were made for accounts: `berth-UID`.
spare_groups() {
  while IFS=: read -r name _ id _; do
    [ "$name" = "berth-$id" ] && is_loose "$id" || continue
    "$1" "$name" "$id"
  done </etc/group
}
tell_group() { tell group "$2" "$1"; }
discard_group() {
  # So that nothing of an account goes with it.
  group_name=$1 account=-
  groupdel "$1" 2>/dev/null || { rewrite /etc/group && rewrite /etc/gshadow; }
}
spare_groups tell_group

makers=''
for kind in shm msg sem; do
  while read -r _ _ three four five six seven eight nine ten _; do
    case $kind in
      sem) makers="$makers $five $seven" ;;
      *) makers="$makers $eight $ten" ;;
    esac
  done 2>/dev/null <"/proc/sysvipc/$kind"
done
tally ipc "$makers"

if [ "$repair" ] && [ ! "$lent" ]; then
  for id in $others; do
    kill_all_of "$id"
    # shellcheck disable=SC2046,SC2086
    discard_strays "$id" $(places $temporary $mailboxes $queues)
    discard_ipc "$id"
  done
  abandoned discard_abandoned
  spare_groups discard_group
fi
[ $told -le $most ] || say more $((told - most))
done_well
