#!/bin/sh
# The engine @ID@ of takopi.
#
# takopi writes one JSON message a line to stdin and reads one a line from stdout; whatever else is to be said goes to
# stderr. Only `work` is yours to change; below it is what every engine needs.
set -u

# Does one run. $1: the prompt, $2: the session to go on with or nothing; both escaped as in JSON, so that they can
# stand in JSON again.
work() {
    session=${2:-$(date +%s)-$$-$id}
    tell "{\"type\":\"session\",\"session\":\"$session\"}"
    tell '{"type":"action","id":"date","kind":"command","phase":"started","title":"date"}'
    now=$(date)
    tell '{"type":"action","id":"date","kind":"command","phase":"completed","title":"date","ok":true}'
    result "{\"outcome\":\"answered\",\"answer\":\"It is $now, and you said: $1\",\"session\":\"$session\"}"
}

# Tells an event of the run.
seq=0
tell() {
    seq=$((seq + 1))
    say "{\"jsonrpc\":\"2.0\",\"method\":\"engine/event\",\"params\":{\"run\":\"$run\",\"seq\":$seq,\"event\":$1}}"
}

say() {
    printf '%s\n' "$1"
}

# Prints the text of field $1 of message $2, escaped as in JSON.
text_of() {
    printf '%s\n' "$2" | sed -nE 's/.*"'"$1"'":"(([^"\\]|\\.)*)".*/\1/p'
}

refuse() {
    say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"error\":{\"code\":$1,\"message\":\"$2\"}}"
}

result() {
    say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":$1}"
}

if [ -z "${TAKOPI_PLUGIN_PROTOCOL:-}" ]; then
    echo "This is a plugin of takopi, which starts it: see \`takopi plugins check .\`" >&2
    exit 2
fi

while IFS= read -r line; do
    id=${line#*\"id\":}
    id=${id%%[,\}]*}
    case $id in *[!0-9]*) id= ;; esac
    case $line in
    *'"method":"initialize"'*)
        result '{"protocol":1,"plugin":{"name":"@DISTRIBUTION@","version":"0.1.0"},"provides":[{"kind":"engine","id":"@ID@"}]}'
        ;;
    *'"method":"ping"'*) result '{}' ;;
    *'"method":"config/check"'*) result '{"issues":[]}' ;;
    *'"method":"engine/run"'*)
        run=$(text_of run "$line")
        cd "$(text_of cwd "$line")" || exit 1
        # Beside the loop, which goes on reading: a run can be cancelled.
        work "$(text_of prompt "$line")" "$(text_of session "$line")" &
        [ -n "$id" ] && eval "job_$id=$!"
        ;;
    *'"method":"$/cancel_request"'*)
        # What `work` has started is ended by takopi, which ends this process after the run.
        [ -n "$id" ] && eval "job=\${job_$id:-}" && [ -n "$job" ] && kill "$job" 2>/dev/null &&
            result '{"outcome":"cancelled","answer":""}'
        ;;
    *'"method":"shutdown"'*) result '{}' ;;
    *'"method":"exit"'*) break ;;
    *'"method":'*)
        # A request has an id before its method; what has none is a notification, and unknown ones are ignored.
        case $line in *'"id":'*'"method":'*) refuse -32601 "unknown method" ;; esac
        ;;
    esac
done
