#!/usr/bin/env bash
# Start the built-in meter and the plugin on it: line protocol on stdout, the log on stderr, until Ctrl-C.
# usage: run.sh COMMAND, the telegraf-dlms to run
set -euo pipefail
command=$(realpath "$1")
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
folder=$(mktemp -d)
meter= plugin= failure="it said nothing"

# The plugin first: it releases its association while there is a meter to release it from.
finish() {
  if [ -n "$plugin" ]; then
    kill "$plugin" 2>/dev/null || true
    wait "$plugin" || true
  fi
  [ -z "$meter" ] || kill "$meter" 2>/dev/null || true
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Starts a meter on the given port and sets $port, or fails where that port is taken.
start_meter() {
  local line
  exec 3< <(exec "$command" simulate --interface wrapper --port "$1" 2>&1 >/dev/null)
  meter=$!
  while read -r line <&3; do
    if [[ $line =~ listening\ on\ 127\.0\.0\.1:([0-9]+) ]]; then
      port=${BASH_REMATCH[1]}
      echo "$line" >&2
      return
    fi
    failure=$line
  done
  return 1
}

start_meter 4059 || start_meter 0 || { echo "the built-in meter did not start: $failure" >&2; exit 1; }
cat <&3 >&2 &

# What it keeps ends with it: the next run shows the load profile from the beginning.
{
  printf '[agent]\n  state_file = "household.state"\n\n'
  sed "s/port = 4059/port = $port/" "$here/household.conf"
} > "$folder/household.conf"
# A standard input that ends would end the plugin, as it does under Telegraf; /dev/null is not watched.
"$command" --config "$folder/household.conf" < /dev/null &
plugin=$!
wait "$plugin"
