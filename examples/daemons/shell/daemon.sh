#!/bin/sh
# A whole daemon: asks for one task at a time, runs its plan as a script, and says what came of it. It needs a login (a
# running `writ up` here, or WRIT_NATS_URL) and a program that publishes and asks: `writ nats`, or in NATS another one, as in
#   NATS='nats --inbox-prefix _INBOX_c_default' sh daemon.sh
owner=${WRIT_OWNER:-default}
nats=${NATS:-npx writ nats}
pull='{"roles": ["worker"], "executors": ["shell"], "waitMs": 20000}'

field() { printf '%s' "$spawn" | node -p "JSON.parse(fs.readFileSync(0, 'utf8'))$1 ?? ''"; }
json() { node -p "JSON.stringify({ attempt: $attempt, $1: fs.readFileSync(0, 'utf8').trimEnd() }).replaceAll('{{', '{\\\\u007b')"; } # {{ is a template to nats
# The server keeps it until a node has taken it, so only the server has to be there. Nothing else is tried again.
publish() {
  until said=$($nats pub --force-stdin "writ.v1.$owner.task.$address.$1" <"$folder/body" 2>&1); do
    case "$?$said" in 3* | *'no servers'* | *timeout*) sleep 1 ;; *) echo "$said" >&2; return 1 ;; esac
  done
}

while :; do
  # Without a task in time the answer is an error, {"error": …}: then it is asked again.
  spawn=$($nats req --raw --timeout 25s "writ.v1.$owner.pull" "$pull") || { sleep 1; continue; }
  address=$(field '.task?.address')
  [ -n "$address" ] || { sleep 1; continue; }
  attempt=$(field .task.attempt)
  echo "$(field .task.name), attempt $attempt" >&2
  folder=$(mktemp -d) && mkdir "$folder/work" && field .task.plan >"$folder/plan"
  if (cd "$folder/work" && sh ../plan) >"$folder/log" 2>&1 </dev/null; then verb=done key=result; else verb=failed key=reason; fi
  tail -c 65536 "$folder/log" | json "$key" >"$folder/body"
  publish "$verb" || { echo 'what came of it could not be reported' | json reason >"$folder/body"; publish failed; }
  rm -rf "$folder"
done
