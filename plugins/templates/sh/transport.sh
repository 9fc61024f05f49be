#!/bin/sh
# The transport @ID@ of takopi: a folder. A text file in in/ is a message, a file in out/ an answer.

. ./takopi-plugin.sh
umask 077

transport_@ID@() {
    in=$TAKOPI_DATA_DIR/in out=$TAKOPI_DATA_DIR/out
    mkdir -p "$in" "$out"
    case $1 in
    # Looks each second for what has come in. What is told twice counts once.
    watch)
        while sleep 1; do
            for file in "$in"/*.txt; do
                name=${file##*/}
                name=${name%.txt}
                if [ -f "$file" ] && is_plain "$name"; then takopi_message "$name" "$(cat "$file")"; fi
            done
        done
        ;;
    # takopi has message $2 for certain: only then the file goes.
    taken) rm -f "$in/$2.txt" ;;
    # Shows a text, and prints the name of the new message. What is sent a second time comes with the same nonce.
    send)
        name=${P_nonce:-$(date +%s)-$$-$J_id}
        is_plain "$name" && printf '%s\n' "$P_part_text" >"$out/$name.txt" && printf '%s' "$name"
        ;;
    # Shows another text in its place; exit status 4 says that it is gone.
    edit)
        is_plain "$P_message_id" && [ -f "$out/$P_message_id.txt" ] || return 4
        printf '%s\n' "$P_part_text" >"$out/$P_message_id.txt"
        ;;
    delete) is_plain "$P_message_id" && rm -f "$out/$P_message_id.txt" ;;
    esac
}

# Returns whether $1 is a plain name of a file.
is_plain() {
    case $1 in '' | .* | *[!A-Za-z0-9._-]*) return 1 ;; esac
}

takopi_serve @DISTRIBUTION@ 0.1.0
