# What the scripts share. Plain POSIX sh: it runs in dash, in BusyBox's ash and in bash alike.
# Nothing of the order is in this text: its values are in $order, which the caller has read.
PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin
LC_ALL=C
export PATH LC_ALL
unset CDPATH ENV BASH_ENV IFS
umask 077
cd /
# A dropped connection must not stop a run half way: what is begun is finished.
trap '' HUP PIPE

state=/var/lib/berth
lines_end='
'

say() { printf 'berth: %s %s\n' "$1" "$2"; }
done_well() {
  printf 'berth: done\n'
  exit 0
}
fail() {
  printf 'berth: failed %s %s\n' "$1" "$(printf '%s' "$2" | tr '\n' ' ')"
  exit 0
}

# Reads the values of the order. Without the closing `end` the order was cut off and nothing is done.
read_order() {
  allocation='' generation='' account='' hash='' keys='' time=0 repair='' complete=''
  while IFS= read -r line; do
    value=${line#* }
    case $line in
      end) complete=yes && break ;;
      'allocation '*) allocation=$value ;;
      'generation '*) generation=$value ;;
      'account '*) account=$value ;;
      'hash '*) hash=$value ;;
      'key '*) keys=$keys$value$lines_end ;;
      'time '*) time=$value ;;
      'repair '*) repair=$value ;;
    esac
  done <<ORDER
$order
ORDER
  [ "$complete" ] || exit 0
}
need_root() {
  [ "$(id -u)" = 0 ] || fail no_root 'the login user is not root here'
}

# Refuses what could lead outside of the places that are meant; the sender has checked it already.
check_order() {
  case $allocation in '' | *[!A-Za-z0-9_-]*) fail bad_answer 'the allocation is not a plain word' ;; esac
  case $generation in '' | *[!0-9]*) fail bad_answer 'the generation is not a number' ;; esac
  case $time in '' | *[!0-9]*) fail bad_answer 'the time is not a number' ;; esac
  case $account in '' | [!a-z_]* | *[!a-z0-9_-]*) fail bad_answer 'the account name is malformed' ;; esac
  [ "$account" != root ] || fail account_exists 'root is never lent'
  home=/home/$account
  staging=/home/.berth-$allocation
  record=$state/made/$allocation
  limits=/etc/security/limits.d/berth-$account.conf
}

# Numbers live in files of fixed width that are overwritten in place, which works on a full disk too.
save_number() {
  if [ -s "$state/$1" ]; then
    printf '%20d\n' "$2" 1<>"$state/$1"
  else
    printf '%20d\n' "$2" >"$state/$1"
  fi 2>/dev/null
  load_number "$1"
  [ "$number" = "$2" ]
}
load_number() {
  number=''
  [ ! -s "$state/$1" ] || read -r number <"$state/$1"
  case $number in
    '') number=0 ;;
    *[!0-9]*) fail bad_answer "$state/$1 is damaged" ;;
  esac
}

open_state() {
  [ ! -L "$state" ] || fail bad_answer "$state is a symbolic link"
  [ -d "$state/made" ] || mkdir -p "$state/made" 2>/dev/null || return 1
  [ -f "$state/fence" ] || save_number fence 0 || return 1
  [ -f "$state/last-uid" ] || save_number last-uid 0 || return 1
}

# One creation or removal at a time on this machine. Waits up to 10 s for another one. The lock is on the directory
# itself: that takes no room on a full disk.
take_lock() {
  exec 9<"$state"
  tries=0
  until flock -n 9; do
    tries=$((tries + 1))
    [ $tries -le 100 ] || fail timed_out 'another creation or removal holds the lock of this machine'
    sleep 0.1
  done
}

# Is there less than 64 kB left where accounts are made?
disk_is_full() {
  df -Pk / /etc /var "$state" /home 2>/dev/null | {
    full=1
    while read -r _ _ _ left _; do
      case $left in '' | *[!0-9]*) ;; *) [ "$left" -ge 64 ] || full=0 ;; esac
    done
    return $full
  }
}
cannot_write() {
  if disk_is_full; then fail disk_full "$1"; else fail bad_answer "$1"; fi
}

# Sets entry_uid, entry_gid and entry_gecos of the account $1, or empties them when there is none.
find_account() {
  entry_uid='' entry_gid='' entry_gecos=''
  while IFS=: read -r name _ id group gecos _; do
    if [ "$name" = "$1" ]; then
      entry_uid=$id entry_gid=$group entry_gecos=$gecos
      return
    fi
  done </etc/passwd
}
# Sets group_name to the group with the number $1, or empties it. Ours is never named like the account: a group of that
# name may have rights on this machine.
find_group() {
  group_name=''
  while IFS=: read -r name _ id _; do
    if [ "$id" = "$1" ]; then group_name=$name && return; fi
  done </etc/group
}

# Numbers that Berth gives to accounts on this machine: from here to the one in last-uid.
first_uid=20000

# Does somebody else bear this uid, here or in a directory service? `berth-UID` is nobody: see as_uid.
is_known() {
  while IFS=: read -r known_name _ known _; do
    [ "$known" != "$1" ] || [ "$known_name" = "berth-$1" ] || return 0
  done </etc/passwd
  command -v getent >/dev/null && getent passwd "$1" >/dev/null
}

# The record of what was made for this allocation: `uid name`, then the authorized keys once the home is complete.
# It is written before the account and goes after it, so whatever is half made or half removed can be found again.
read_record() {
  recorded_uid='' recorded_name='' recorded_keys=''
  [ -f "$record" ] || return 0
  {
    read -r recorded_uid recorded_name
    while IFS= read -r line; do recorded_keys=$recorded_keys$line$lines_end; done
  } <"$record"
  case $recorded_uid in *[!0-9]*) recorded_uid='' ;; esac
}
write_record() {
  printf '%s %s\n%s' "$uid" "$account" "$1" >"$record.new" 2>/dev/null &&
    [ -s "$record.new" ] && mv -f "$record.new" "$record" 2>/dev/null
}

# Did we make the account that find_account found? The mark is the first part of the GECOS field (its owner may be
# able to change the others), and a uid from our record never belonged to anybody else.
is_ours() {
  [ "${entry_gecos%%,*}" = "berth=$allocation" ] ||
    { [ "$recorded_uid" ] && [ "$entry_uid" = "$recorded_uid" ] && [ "$recorded_name" = "$account" ]; }
}

# Takes away a directory tree without following a link or a mount out of it.
discard_tree() {
  [ -e "$1" ] || [ -L "$1" ] || return 0
  while read -r _ place _; do
    case $place in "$1" | "$1"/*) umount -l "$(printf '%b' "$place")" 2>/dev/null ;; esac
  done </proc/self/mounts
  while read -r _ place _; do
    case $place in "$1" | "$1"/*) return 1 ;; esac
  done </proc/self/mounts
  rm -rf "$1" 2>/dev/null && return
  # Names nested so deep that their whole path is too long for BusyBox: level by level they are lifted to the top.
  [ -d "$1" ] && [ ! -L "$1" ] || return 1
  rounds=0
  while [ $rounds -lt 4000 ]; do
    rounds=$((rounds + 1))
    deeper=$(find "$1" -xdev -mindepth 2 -maxdepth 2 -type d -exec sh -c '
      for deep; do n=$((n + 1)); mv "$deep" "$0/.berth-$$-$n" && echo lifted; done' "$1" {} + 2>/dev/null)
    [ "$deeper" ] || break
  done
  rm -rf "$1" 2>/dev/null
}

# Rewrites the account file $1 without the lines and memberships of $account and of $group_name, and with the line $2 at its end if given.
# For machines without useradd. `FILE+`, made exclusively, is how BusyBox's own tools keep out of each other's way.
rewrite() {
  [ -f "$1" ] || return 0
  tries=0
  until (set -C && : >"$1+") 2>/dev/null; do
    [ -e "$1+" ] || return 1
    tries=$((tries + 1))
    [ $tries -le 30 ] || break # nobody holds it for three seconds: a crash has left it
    sleep 0.1
  done
  broken=''
  cp -p "$1" "$1+" 2>/dev/null || broken=yes
  while IFS= read -r line || [ "$line" ]; do
    case $1 in
      /etc/group | /etc/gshadow) own=$group_name ;;
      *) own=$account ;;
    esac
    [ "$own" ] && case $line in "$own:"*) continue ;; esac
    case $1:,${line##*:}, in
      /etc/group:*",$account,"* | /etc/gshadow:*",$account,"*)
        members=,${line##*:},
        members=${members%%",$account,"*},${members#*",$account,"}
        members=${members#,}
        line=${line%:*}:${members%,}
        ;;
    esac
    printf '%s\n' "$line" || broken=yes
  done <"$1" >"$1+" 2>/dev/null
  [ -z "${2-}" ] || printf '%s\n' "$2" >>"$1+" 2>/dev/null || broken=yes
  if [ "$broken" ] || ! mv -f "$1+" "$1" 2>/dev/null; then
    rm -f "$1+"
    return 1
  fi
}

# Removes the entries of $account everywhere. On a full disk it cannot, and says so.
drop_account() {
  if command -v userdel >/dev/null; then
    message=$(userdel -f "$account" 2>&1)
    find_group "$uid"
    [ -z "$group_name" ] || groupdel "$group_name" 2>/dev/null
  else
    find_group "$uid"
    rewrite /etc/passwd && rewrite /etc/shadow && rewrite /etc/gshadow && rewrite /etc/group
  fi
  find_account "$account"
  [ -z "$entry_uid" ]
}
