# berth shell 1
# $1 is the account, $2 the allocation: of an account of that name that was not made for it the caller gets no shell.
# No quotation mark of the single kind may be in this text.
PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin
export PATH
uid= mark=
while IFS=: read -r name _ id _ gecos _; do
  [ "$name" = "$1" ] && uid=$id && mark=$gecos && break
done </etc/passwd
# The mark, or where its owner has changed that, the record of what was made.
[ "${mark%%,*}" = "berth=$2" ] ||
  { read -r made_uid made_name && [ "$made_uid $made_name" = "$uid $1" ]; } 2>/dev/null <"/var/lib/berth/made/$2" ||
  exit 91
# So that the terminal is the account, for programs that open it by its name.
chown "$1" "$(tty)" 2>/dev/null
# Not in the place of this shell, which leads the session: su is deaf to the hang-up, this shell dies of it, and then what
# runs in the foreground gets it too.
su - "$1"
exit $?
