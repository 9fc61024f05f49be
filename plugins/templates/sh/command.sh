#!/bin/sh
# The command /@ID@ of takopi.
#
# takopi writes one JSON message a line to stdin and reads one a line from stdout; whatever else is to be said goes to
# stderr. Only `answer` is yours to change; below it is what every command needs.
set -u

# Answers a call. $1: the text after /@ID@, escaped as in JSON, so that it can stand in JSON again.
answer() {
    reply "@ID@ says: $1"
}

# Says something in the chat and ends the call.
reply() {
    say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":{\"reply\":{\"body\":{\"text\":\"$1\"}}}}"
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
        result '{"protocol":1,"plugin":{"name":"@DISTRIBUTION@","version":"0.1.0"},"provides":[{"kind":"command","id":"@ID@"}]}'
        ;;
    *'"method":"ping"'*) result '{}' ;;
    *'"method":"config/check"'*) result '{"issues":[]}' ;;
    *'"method":"command/call"'*)
        # Beside the loop, which goes on reading: a call can be cancelled.
        answer "$(text_of args_text "$line")" &
        [ -n "$id" ] && eval "job_$id=$!"
        ;;
    *'"method":"$/cancel_request"'*)
        [ -n "$id" ] && eval "job=\${job_$id:-}" && [ -n "$job" ] && kill "$job" 2>/dev/null &&
            refuse -32800 "cancelled"
        ;;
    *'"method":"shutdown"'*) result '{}' ;;
    *'"method":"exit"'*) break ;;
    *'"method":'*)
        # A request has an id before its method; what has none is a notification, and unknown ones are ignored.
        case $line in *'"id":'*'"method":'*) refuse -32601 "unknown method" ;; esac
        ;;
    esac
done
