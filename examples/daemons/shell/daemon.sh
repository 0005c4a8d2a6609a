#!/bin/sh
# A whole daemon: asks for one task at a time, runs its plan as a script, and says what came of it. It needs a login (a
# running `writ up` here, or WRIT_NATS_URL) and a program that publishes and asks: `writ nats`, or in NATS another one, as in
#   NATS='nats --inbox-prefix _INBOX_c_default' sh daemon.sh
owner=${WRIT_OWNER:-default}
nats=${NATS:-npx writ nats}
pull='{"roles": ["worker"], "executors": ["shell"], "waitMs": 20000}'

field() { printf '%s' "$spawn" | node -p "JSON.parse(fs.readFileSync(0, 'utf8'))$1 ?? ''"; }
json() { node -p "JSON.stringify({ $1: fs.readFileSync(0, 'utf8').slice(-100000) })"; }

while :; do
  # Without a task in time the answer is an error, {"error": …}: then it is asked again.
  spawn=$($nats req --raw --timeout 25s "writ.v1.$owner.pull" "$pull") || { sleep 1; continue; }
  address=$(field '.task?.address')
  [ -n "$address" ] || { sleep 1; continue; }
  echo "$(field .task.name), attempt $(field .task.attempt)" >&2
  folder=$(mktemp -d)
  if output=$(cd "$folder" && sh -c "$(field .task.plan)" 2>&1); then verb=done key=result; else verb=failed key=reason; fi
  rm -rf "$folder"
  body=$(printf '%s' "$output" | json "$key")
  # The server keeps it until a node has taken it, so only the server has to be there.
  until $nats pub "writ.v1.$owner.task.$address.$verb" "$body"; do sleep 1; done
done
