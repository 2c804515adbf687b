# Makes the account of one allocation, or brings it to the ordered state if it is there already.
read_order
check_order
need_root
open_state || cannot_write "$state cannot be written"
take_lock
load_number fence
[ "$generation" -gt "$number" ] || fail fenced_off "generation $generation has ended on this machine"
# A machine is lent to one at a time. Another record means that it is lent under another name or address as well, or by
# another Berth.
for other in "$state"/made/*; do
  case $other in "$record" | "$record.new" | *'/*') ;; *) fail in_use 'an account of another reservation is there' ;; esac
done

# A number that this machine never gave before: files that somebody left behind must not fall to the next one.
next_uid() {
  taken=' '
  while IFS=: read -r _ _ id gid _; do taken="$taken$id $gid "; done </etc/passwd
  while IFS=: read -r _ _ id _; do taken="$taken$id "; done </etc/group
  load_number last-uid
  [ "$number" -ge "$first_uid" ] || number=$((first_uid - 1))
  uid=$((number + 1))
  while :; do
    case $taken in *" $uid "*) uid=$((uid + 1)) && continue ;; esac
    is_known "$uid" || break
    uid=$((uid + 1))
  done
  save_number last-uid "$uid"
}

# The home is made aside and put in its place by one rename: root never writes below a directory that a borrower owns.
make_home() {
  discard_tree "$staging"
  [ -d /home ] || mkdir -m 755 /home || return 1
  mkdir "$staging" || return 1
  if [ -d /etc/skel ]; then cp -R /etc/skel/. "$staging/" || return 1; fi
  mkdir -p "$staging/.ssh" && printf '%s' "$keys" >"$staging/.ssh/authorized_keys" || return 1
  chown -hR "$uid:$1" "$staging" && chmod 700 "$staging" "$staging/.ssh" || return 1
  if [ -e "$home" ] || [ -L "$home" ]; then
    [ ! -L "$home" ] && [ "$(stat -c %u "$home")" = "$uid" ] || fail account_exists "$home belongs to somebody else"
    discard_tree "$home" || return 1
  fi
  mv "$staging" "$home"
}

add_account() {
  shell=/bin/sh
  [ ! -x /bin/bash ] || shell=/bin/bash
  if command -v useradd >/dev/null; then
    find_group "$uid"
    [ "$group_name" ] || message=$(groupadd -g "$uid" "berth-$uid" 2>&1) || return 1
    limit_processes
    # No subordinate ids: files and processes under them could not be told apart from those of the next borrower.
    message=$(useradd -l -M -N -g "$uid" -u "$uid" -c "berth=$allocation" -d "$home" -s "$shell" -e '' -f -1 \
      -K SUB_UID_COUNT=0 -K SUB_GID_COUNT=0 -K PASS_MIN_DAYS=0 -K PASS_MAX_DAYS=99999 "$account" 2>&1)
  else
    # The line in passwd comes last: with it the account begins to exist.
    message='the account files cannot be written'
    group_name=berth-$uid
    rewrite /etc/group "$group_name:x:$uid:" &&
      { [ ! -f /etc/gshadow ] || rewrite /etc/gshadow "$group_name:!::"; } &&
      set_password &&
      rewrite /etc/passwd "$account:x:$uid:$uid:berth=$allocation:$home:$shell"
  fi
}

# In a container whose processes are counted a borrower must not use them all up: nobody could log in to end them. Only
# where logins go through PAM.
limit_processes() {
  [ -d "${limits%/*}" ] || return 0
  for file in /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max; do
    most=''
    [ ! -r "$file" ] || read -r most <"$file"
    case $most in '' | *[!0-9]*) continue ;; esac
    printf '%s hard nproc %d\n' "$account" $((most * 2 / 3)) >"$limits" 2>/dev/null || return 0
  done
}

# `*` is a password that nothing matches and that, unlike `!`, does not keep keys out where sshd runs without PAM.
set_password() {
  if command -v chpasswd >/dev/null; then
    message=$(printf '%s:%s\n' "$account" "${hash:-*}" | chpasswd -e 2>&1)
  else
    message='/etc/shadow cannot be written'
    rewrite /etc/shadow "$account:${hash:-*}:$((time / 86400)):0:99999:7:::"
  fi
}
password_is_set() {
  while IFS=: read -r name has _; do
    [ "$name" != "$account" ] || break
  done </etc/shadow
  [ "$name" = "$account" ] && [ "$has" = "${hash:-*}" ]
}

# Leaves nothing half made. Where even that cannot be written the record stays, and the removal finds the rest by it.
give_up() {
  if [ "$fresh" ]; then
    discard_tree "$staging"
    discard_tree "$home"
    find_account "$account"
    if [ -z "$entry_uid" ] || ! is_ours || drop_account; then
      find_group "$uid"
      [ -z "$group_name" ] || groupdel "$group_name" 2>/dev/null || rewrite /etc/group
      rm -f "$limits" "$record" "$record.new"
    fi
  fi
  case $message in *'already exists'*) fail account_exists "$message" ;; esac
  cannot_write "${message:-the account could not be made}"
}

message='' fresh=''
read_record
find_account "$account"
if [ "$entry_uid" ]; then
  is_ours || fail account_exists "an account $account that was not made for this allocation is there"
  uid=$entry_uid
elif [ "$recorded_uid" ]; then
  uid=$recorded_uid
else
  if [ -e "$home" ] || [ -L "$home" ]; then fail account_exists "$home is there already"; fi
  next_uid || cannot_write 'the last uid cannot be written'
  fresh=yes
fi
if [ -z "$recorded_uid" ]; then
  write_record '' || { rm -f "$record.new"; message="$record cannot be written"; give_up; }
fi
if [ ! -d "$home" ] || [ "$recorded_keys" != "$keys" ]; then
  message="$home cannot be made"
  make_home "${entry_gid:-$uid}" 2>/dev/null && write_record "$keys" || give_up
fi
[ "$entry_uid" ] || add_account || give_up
password_is_set || set_password || give_up
say uid "$uid"
done_well
