#!/bin/sh
# The transport @ID@ of takopi: a folder. A text file in in/ is a message, a file in out/ an answer.
#
# takopi writes one JSON message a line to stdin and reads one a line from stdout; whatever else is to be said goes to
# stderr. `show`, `forget` and `watch` are yours to change; below them is what every transport needs.
set -u
umask 077

# Shows a message. $1: its name, $2: its text, escaped as in JSON.
show() {
    mkdir -p "$TAKOPI_DATA_DIR/out"
    printf '%b\n' "$(printf '%s\n' "$2" | sed 's/\\"/"/g')" >"$TAKOPI_DATA_DIR/out/$1.txt"
}

# Takes a message away. $1: its name.
forget() {
    rm -f "$TAKOPI_DATA_DIR/out/$1.txt"
}

# Tells what comes in, each second. takopi has it for certain when it answers, and only then the file goes; what is told
# twice counts once.
watch() {
    mkdir -p "$TAKOPI_DATA_DIR/in"
    trap 'kill "$nap" 2>/dev/null; exit' TERM
    while :; do
        sleep 1 &
        nap=$!
        wait "$nap"
        for file in "$TAKOPI_DATA_DIR"/in/*.txt; do
            name=${file##*/}
            name=${name%.txt}
            [ -f "$file" ] && is_name "$name" && tell "$name" "$(escaped <"$file")"
        done
    done
}

# Tells takopi of a message. $1: its name, $2: its text, escaped.
tell() {
    say "{\"jsonrpc\":\"2.0\",\"id\":\"in-$1\",\"method\":\"transport/inbound\",\"params\":{\"kind\":\"message\",\"upstream_id\":\"$1\",\"message\":{\"address\":{\"instance\":\"$instance\",\"chat\":\"folder\"},\"id\":\"$1\"},\"sender\":{\"id\":\"me\",\"name\":\"Me\"},\"text\":\"$2\"}}"
}

# Returns whether $1 is a plain file name.
is_name() {
    case $1 in '' | .* | *[!A-Za-z0-9._-]*) return 1 ;; esac
}

# Escapes a text for JSON.
escaped() {
    tr -d '\000-\011\013-\037' | sed 's/\\/\\\\/g; s/"/\\"/g' | awk '{ printf "%s%s", gap, $0; gap = "\\n" }'
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

watcher=
trap '[ -z "$watcher" ] || kill "$watcher" 2>/dev/null' EXIT

while IFS= read -r line; do
    id=${line#*\"id\":}
    id=${id%%[,\}]*}
    case $id in *[!0-9]*) id= ;; esac
    case $line in
    *'"method":"initialize"'*)
        result '{"protocol":1,"plugin":{"name":"@DISTRIBUTION@","version":"0.1.0"},"provides":[{"kind":"transport","id":"@ID@"}]}'
        ;;
    *'"method":"ping"'*) result '{}' ;;
    *'"method":"config/check"'*) result '{"issues":[]}' ;;
    *'"method":"transport/start"'*)
        instance=$(text_of instance "$line")
        if [ -z "$watcher" ]; then
            watch &
            watcher=$!
        fi
        result '{}'
        ;;
    *'"method":"transport/stop"'*)
        [ -z "$watcher" ] || kill "$watcher" 2>/dev/null
        watcher=
        result '{}'
        ;;
    *'"method":"transport/send"'*)
        name=$(date +%s)-$$-$id
        show "$name" "$(text_of text "$line")"
        result "{\"message\":{\"address\":{\"instance\":\"$(text_of instance "$line")\",\"chat\":\"$(text_of chat "$line")\"},\"id\":\"$name\"}}"
        ;;
    *'"method":"transport/edit"'*)
        name=$(text_of id "$line")
        if is_name "$name"; then show "$name" "$(text_of text "$line")"; fi
        result '{}'
        ;;
    *'"method":"transport/delete"'*)
        name=$(text_of id "$line")
        if is_name "$name"; then forget "$name"; fi
        result '{}'
        ;;
    *'"method":"transport/menu"'*) result '{}' ;;
    *'"method":"shutdown"'*) result '{}' ;;
    *'"method":"exit"'*) break ;;
    *'"method":'*)
        # A request has an id before its method; what has none is a notification, and unknown ones are ignored.
        case $line in *'"id":'*'"method":'*) refuse -32601 "unknown method" ;; esac
        ;;
    *'"id":"in-'*'"result":'*)
        name=${line#*\"id\":\"in-}
        name=${name%%\"*}
        if is_name "$name"; then rm -f "$TAKOPI_DATA_DIR/in/$name.txt"; fi
        ;;
    esac
done
