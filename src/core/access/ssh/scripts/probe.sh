# Can accounts be lent here? Makes our directory, so that a removal on a full disk finds its files in place.
read_order
need_root

need() {
  command -v "$1" >/dev/null || fail tool_missing "$1 is not there; install the package $2"
}
need flock 'util-linux'
need find 'findutils'
need stat 'coreutils'
need umount 'mount'
need ipcrm 'util-linux'
[ ! -x "$(command -v useradd)" ] || need userdel 'passwd (shadow)'
[ ! -x "$(command -v useradd)" ] || need chpasswd 'passwd (shadow)'
for file in /etc/passwd /etc/group /etc/shadow; do
  [ -f "$file" ] || fail tool_missing "$file is not there; accounts are kept in files only"
done
[ -r /proc/self/status ] || fail tool_missing '/proc is not mounted'

free=''
for place in / /home /var/lib; do
  [ -d "$place" ] || continue
  left=$(df -Pk "$place" 2>/dev/null | { read -r _ && read -r _ _ _ left _ && printf '%s' "$left"; })
  case $left in '' | *[!0-9]*) continue ;; esac
  [ "$free" ] && [ "$free" -le "$left" ] || free=$left
done
free=$((${free:-0} / 1024))
[ "$free" -ge 20 ] || fail disk_full "only $free MB are free"
open_state || cannot_write "$state cannot be written"
load_number fence
save_number fence "$number" || cannot_write "$state cannot be written"

os=''
for file in /etc/os-release /usr/lib/os-release; do
  [ -r "$file" ] && [ -z "$os" ] || continue
  while IFS= read -r line; do
    case $line in PRETTY_NAME=*) os=${line#*=} ;; esac
  done <"$file"
done
os=${os#[\"\']}
os=${os%[\"\']}
load=0
[ ! -r /proc/loadavg ] || read -r load _ </proc/loadavg
say os "${os:-$(uname -sr)}"
say disk_mb "$free"
say load "$load"
say fence "$number"
say time "$(date +%s)"
done_well
