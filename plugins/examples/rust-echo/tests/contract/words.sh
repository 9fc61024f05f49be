#!/bin/sh
# An engine that does what its prompt says: the contract of engines asks for more than an example would do.

. ./takopi-plugin.sh

# takopi_event starts a few programs for each event; thousands want to be told faster.
more() {
    takopi_seq=$((${takopi_seq:-0} + 1))
    printf '{"method":"engine/event","params":{"run":"%s","seq":%s,"event":{"type":"text","delta":"more"}}}\n' \
        "$P_run" "$takopi_seq" >&3
}

engine_words() {
    case $P_prompt in
    fail) return 3 ;;
    talk)
        while [ "${takopi_seq:-0}" -lt 3000 ]; do more; done
        printf ok
        ;;
    flood) while :; do more; done ;;
    hang)
        takopi_note info ready
        sleep 1000
        ;;
    deaf)
        (trap '' TERM INT; sleep 1001) &
        trap '' TERM INT
        takopi_note info ready
        sleep 1002
        sleep 1003
        ;;
    *)
        takopi_session "s-${P_prompt#say }"
        printf '%s' "${P_prompt#say }"
        ;;
    esac
}

takopi_serve takopi-words 1.0.0
