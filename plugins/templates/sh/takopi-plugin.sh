# Speak with takopi in POSIX shell: copy this file beside your plugin. It needs awk and the usual small programs.
#
#     #!/bin/sh
#     . ./takopi-plugin.sh
#     command_hello() { printf 'Hello, %s' "$P_args_text"; }
#     takopi_serve takopi-hello 0.1.0
#
# The function `command_ID` answers a call, `engine_ID` does a run: what it prints is the answer, and a status that is
# not 0 means that it failed. The parameters of the request are variables: P_args_text, P_prompt, P_cwd; of a list P_args_n
# is the length and P_args_0 the first; of a table P_sender_name is a field. A run tells what it does by `takopi_session
# NAME`, `takopi_action ID KIND PHASE TITLE [true|false]` and `takopi_note LEVEL TEXT`. It is ended by SIGTERM when it is
# cancelled. `transport_ID` is called with a word: `watch` runs until the transport is stopped, tells what comes in by
# `takopi_message NAME TEXT [CHAT [SENDER]]` and has its settings in P_config_KEY; `taken NAME` says that takopi has that
# message; `send` shows P_part_text in P_address_chat and prints the name of the new message; `edit` and `delete` change
# P_message_id. Such names are letters, digits and . _ -. Other methods of takopi's cannot be called from here; use Python
# or Rust for that.

LC_ALL=C
export LC_ALL

# Reads a line of JSON and prints assignments: J_method='engine/run', J_id as it stands, P_prompt for a parameter.
TAKOPI_READ='
function fail() { print "J_bad=1"; failed = 1; exit }
function blank() { while (substr(s, p, 1) ~ /[ \t\r]/) p++ }
function quoted(text,    parts, n, i, out) {
    n = split(text, parts, sq)
    out = parts[1]
    for (i = 2; i <= n; i++) out = out sq "\\" sq sq parts[i]
    return sq out sq
}
function put(name, value) {
    sub(/^J_params_/, "P_", name)
    out = out name "=" quoted(value) "\n"
    names = names " " name
}
function hex(text,    i, n) {
    n = 0
    for (i = 1; i <= 4; i++) n = n * 16 + index("0123456789abcdef", tolower(substr(text, i, 1))) - 1
    return n
}
function utf8(n) {
    if (n == 0) return ""
    if (n < 128) return sprintf("%c", n)
    if (n < 2048) return sprintf("%c%c", 192 + int(n / 64), 128 + n % 64)
    if (n < 65536) return sprintf("%c%c%c", 224 + int(n / 4096), 128 + int(n / 64) % 64, 128 + n % 64)
    return sprintf("%c%c%c%c", 240 + int(n / 262144), 128 + int(n / 4096) % 64, 128 + int(n / 64) % 64, 128 + n % 64)
}
function string(    text, c, n, low) {
    p++
    text = ""
    while (1) {
        n = match(substr(s, p), /["\\]/)
        if (n == 0) fail()
        text = text substr(s, p, n - 1)
        p += n
        if (substr(s, p - 1, 1) == "\"") return text
        c = substr(s, p, 1)
        p++
        if (c == "n") text = text "\n"
        else if (c == "t") text = text "\t"
        else if (c == "r") text = text "\r"
        else if (c == "b") text = text "\b"
        else if (c == "f") text = text "\f"
        else if (c != "u") text = text c
        else {
            n = hex(substr(s, p, 4))
            p += 4
            if (n >= 55296 && n < 56320 && substr(s, p, 2) == "\\u") {
                low = hex(substr(s, p + 2, 4))
                p += 6
                n = 65536 + (n - 55296) * 1024 + low - 56320
            }
            text = text utf8(n)
        }
    }
}
function value(name,    c, n, key, start) {
    blank()
    start = p
    c = substr(s, p, 1)
    if (c == "\"") { key = string(); if (name != "J_id") put(name, key) }
    else if (c == "{") {
        p++
        blank()
        if (substr(s, p, 1) == "}") { p++; return }
        do {
            blank()
            if (substr(s, p, 1) != "\"") fail()
            key = string()
            gsub(/[^A-Za-z0-9_]/, "_", key)
            blank()
            if (substr(s, p++, 1) != ":") fail()
            value(name "_" key)
            blank()
            c = substr(s, p++, 1)
        } while (c == ",")
        if (c != "}") fail()
    }
    else if (c == "[") {
        p++
        n = 0
        blank()
        if (substr(s, p, 1) == "]") p++
        else {
            do { value(name "_" n++); blank(); c = substr(s, p++, 1) } while (c == ",")
            if (c != "]") fail()
        }
        put(name "_n", n)
    }
    else if (match(substr(s, p, 40), /^(-?[0-9][-+0-9.eE]*|true|false|null)/)) {
        c = substr(s, p, RLENGTH)
        p += RLENGTH
        if (name != "J_id") put(name, c == "null" ? "" : c)
    }
    else fail()
    if (name == "J_id") put(name, substr(s, start, p - start))
}
BEGIN { sq = sprintf("%c", 39) }
NR == 1 { s = $0; p = 1; if (s !~ /^[ \t]*[{]/) fail(); value("J"); print out "J_names=" quoted(names) }
'

# Prints its input, up to a last full stop, as the inside of a JSON string; what is no UTF-8 becomes a question mark.
TAKOPI_WRITE='
function write(line,    i, c, n, k, more) {
    if (line !~ /[^ !#-\[\]-~]/) { print line; return }
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        n = code[c]
        if (c == "\\" || c == "\"") print "\\" c
        else if (n < 32) print sprintf("\\u%04x", n)
        else if (n < 128) print c
        else {
            more = n >= 240 && n < 245 ? 3 : n >= 224 && n < 240 ? 2 : n >= 194 && n < 224 ? 1 : 0
            for (k = 1; k <= more; k++) {
                n = code[substr(line, i + k, 1)]
                if (n < 128 || n > 191) more = 0
            }
            if (more) { print substr(line, i, more + 1); i += more } else print "?"
        }
    }
}
BEGIN { ORS = ""; for (i = 1; i < 256; i++) code[sprintf("%c", i)] = i }
NR > 1 { write(last); print "\\n" }
{ last = $0 }
END { write(substr(last, 1, length(last) - 1)) }
'

# takopi_json TEXT: the text as a JSON string.
takopi_json() {
    printf '"%s"' "$(printf '%s.' "$1" | awk "$TAKOPI_WRITE")"
}

# Writes a line to takopi, whole: several processes of this plugin may want to.
takopi_write() {
    takopi_tries=0
    # One that was ended in the middle may have left the lock: after 2 s it is nobody's.
    until mkdir "$TAKOPI_LOCK" 2>/dev/null || [ "$takopi_tries" -ge 40 ]; do
        takopi_tries=$((takopi_tries + 1))
        sleep 0.05
    done
    printf '%s\n' "$1" >&3
    rmdir "$TAKOPI_LOCK" 2>/dev/null
}

takopi_result() {
    takopi_write "{\"jsonrpc\":\"2.0\",\"id\":$J_id,\"result\":$1}"
}

takopi_error() {
    takopi_write "{\"jsonrpc\":\"2.0\",\"id\":$J_id,\"error\":{\"code\":$1,\"message\":$(takopi_json "$2")}}"
}

takopi_event() {
    takopi_seq=$((${takopi_seq:-0} + 1))
    takopi_write "{\"jsonrpc\":\"2.0\",\"method\":\"engine/event\",\"params\":{\"run\":$(takopi_json "$P_run"),\"seq\":$takopi_seq,\"event\":{$1}}}"
}

takopi_session() {
    takopi_event "\"type\":\"session\",\"session\":$(takopi_json "$1")"
}

takopi_action() {
    takopi_event "\"type\":\"action\",\"id\":$(takopi_json "$1"),\"kind\":\"$2\",\"phase\":\"$3\",\"title\":$(takopi_json "$4")${5:+,\"ok\":$5}"
}

takopi_note() {
    takopi_event "\"type\":\"note\",\"level\":\"$1\",\"text\":$(takopi_json "$2")"
}

takopi_message() {
    takopi_name=$(takopi_json "$1") takopi_sender=$(takopi_json "${4:-me}")
    takopi_address="{\"instance\":$(takopi_json "$takopi_instance"),\"chat\":$(takopi_json "${3:-chat}")}"
    takopi_text=$(takopi_json "$2")
    takopi_write "{\"jsonrpc\":\"2.0\",\"id\":\"in-$1\",\"method\":\"transport/inbound\",\"params\":{\"kind\":\"message\",\"upstream_id\":$takopi_name,\"message\":{\"address\":$takopi_address,\"id\":$takopi_name},\"sender\":{\"id\":$takopi_sender,\"name\":$takopi_sender},\"text\":$takopi_text}}"
}

# Ends a process and what it has started, as far as `ps` tells: itself first, so that it has nothing to say about them.
takopi_kill() {
    # shellcheck disable=SC2046 # it is a list
    set -- "$1" $(ps -A -o ppid= -o pid= 2>/dev/null | awk -v of="$1" '$1 == of { print $2 }')
    kill "$1" 2>/dev/null
    shift
    for takopi_child in "$@"; do takopi_kill "$takopi_child"; done
}

# Lets a function of yours do a job beside the loop, and answers with what it printed.
takopi_job() {
    takopi_out=$TAKOPI_TMP/job.$1
    takopi_cancelled='' takopi_work=''
    trap 'takopi_cancelled=1; [ -z "$takopi_work" ] || takopi_kill "$takopi_work"' TERM
    (trap - TERM; "$2" </dev/null >"$takopi_out") &
    takopi_work=$!
    [ -z "$takopi_cancelled" ] || takopi_kill "$takopi_work"
    wait "$takopi_work"
    takopi_status=$?
    [ -z "$takopi_cancelled" ] || wait "$takopi_work"
    takopi_answer=$(cat "$takopi_out"; printf .)
    takopi_answer=$(takopi_json "${takopi_answer%.}")
    rm -f "$takopi_out"
    case $2:$takopi_cancelled:$takopi_status in
    engine_*:1:*) takopi_result "{\"outcome\":\"cancelled\",\"answer\":$takopi_answer}" ;;
    engine_*::0) takopi_result "{\"outcome\":\"answered\",\"answer\":$takopi_answer}" ;;
    engine_*) takopi_result "{\"outcome\":\"failed\",\"answer\":$takopi_answer,\"error\":\"exit status $takopi_status\"}" ;;
    *:1:*) takopi_error -32800 "cancelled" ;;
    *::0) takopi_result "{\"reply\":{\"body\":{\"text\":$takopi_answer,\"format\":\"${takopi_format:-markdown}\"}}}" ;;
    *) takopi_error -32603 "exit status $takopi_status" ;;
    esac
}

takopi_begin() {
    if ! command -v "$1" >/dev/null; then
        takopi_error -32602 "this plugin has no $1"
        return
    fi
    # Who has ended is nobody to signal any more: the id may be somebody else's soon.
    takopi_alive=
    for takopi_each in $takopi_jobs; do
        kill -0 "${takopi_each##*=}" 2>/dev/null && takopi_alive="$takopi_alive $takopi_each"
    done
    takopi_n=$((takopi_n + 1))
    takopi_job "$takopi_n" "$1" &
    takopi_jobs="$takopi_alive $J_id=$!"
}

takopi_cancel() {
    for takopi_each in $takopi_jobs; do
        [ "${takopi_each%=*}" != "$1" ] || kill "${takopi_each##*=}" 2>/dev/null
    done
}

# Begins to watch for what comes in, as the transport of the request.
takopi_start() {
    takopi_stop
    takopi_transport=transport_$P_id takopi_instance=$P_instance
    if ! command -v "$takopi_transport" >/dev/null; then
        takopi_error -32602 "this plugin has no $takopi_transport"
        return
    fi
    (trap - TERM EXIT; "$takopi_transport" watch </dev/null) &
    takopi_watch=$!
    takopi_result '{}'
}

takopi_stop() {
    [ -n "$takopi_watch" ] || return 0
    takopi_kill "$takopi_watch"
    wait "$takopi_watch"
    takopi_watch=
}

# Has a message shown, changed or taken away. Exit status 4 says that it is gone.
takopi_show() {
    if [ -z "$takopi_watch" ]; then
        takopi_error -32600 "this transport is not started"
        return
    fi
    takopi_out=$("$takopi_transport" "$1" </dev/null 3>&-)
    takopi_status=$?
    case $takopi_status:$1 in
    0:send)
        takopi_address="{\"instance\":$(takopi_json "$P_address_instance"),\"chat\":$(takopi_json "$P_address_chat")"
        [ -z "${P_address_thread-}" ] || takopi_address="$takopi_address,\"thread\":$(takopi_json "$P_address_thread")"
        takopi_result "{\"message\":{\"address\":$takopi_address},\"id\":$(takopi_json "$takopi_out")}}"
        ;;
    0:*) takopi_result '{}' ;;
    4:*) takopi_error -32012 "it is gone" ;;
    *) takopi_error -32603 "exit status $takopi_status" ;;
    esac
}

# Hears an answer of takopi's: to what was told by takopi_message.
takopi_answered() {
    [ -z "${J_error_code-}" ] || return 0
    case ${J_id-} in
    '"in-'*)
        takopi_name=${J_id#'"in-'}
        "$takopi_transport" taken "${takopi_name%'"'}" </dev/null 3>&-
        ;;
    esac
}

takopi_initialize() {
    takopi_provides=
    takopi_i=0
    while [ "$takopi_i" -lt "${P_provides_n:-0}" ]; do
        eval "takopi_kind=\$P_provides_${takopi_i}_kind takopi_id=\$P_provides_${takopi_i}_id"
        if command -v "${takopi_kind}_$takopi_id" >/dev/null; then
            takopi_provides="$takopi_provides${takopi_provides:+,}{\"kind\":\"$takopi_kind\",\"id\":\"$takopi_id\"}"
        fi
        takopi_i=$((takopi_i + 1))
    done
    takopi_result "{\"protocol\":1,\"plugin\":{\"name\":$(takopi_json "$1"),\"version\":$(takopi_json "$2")},\"provides\":[$takopi_provides]}"
}

takopi_end() {
    takopi_stop
    for takopi_each in $takopi_jobs; do kill "${takopi_each##*=}" 2>/dev/null; done
    wait
    takopi_jobs=
}

# takopi_serve NAME VERSION: speaks with takopi until it is over.
takopi_serve() {
    if [ -z "${TAKOPI_PLUGIN_PROTOCOL-}" ]; then
        echo "$1 is a plugin of takopi, which starts it: put its folder into ~/.takopi/plugins, then type \`takopi plugins --load\`" >&2
        exit 2
    fi
    TAKOPI_TMP=$(mktemp -d "${TAKOPI_DATA_DIR:-/tmp}/sh.XXXXXX") || exit 1
    TAKOPI_LOCK=$TAKOPI_TMP/lock
    trap 'rm -rf "$TAKOPI_TMP"' EXIT
    trap 'exit 143' TERM
    # What you print goes to stderr, the connection is 3; nobody but the loop reads it.
    exec 3>&1 1>&2
    takopi_n=0 takopi_jobs='' takopi_watch='' J_names=''
    while IFS= read -r takopi_line; do
        # shellcheck disable=SC2086 # it is a list
        unset J_bad J_id J_method $J_names
        J_names=''
        eval "$(printf '%s\n' "$takopi_line" | awk "$TAKOPI_READ")"
        case ${J_bad-}${J_method-} in
        initialize) takopi_initialize "$1" "$2" ;;
        ping) takopi_result '{}' ;;
        config/check) takopi_result '{"issues":[]}' ;;
        engine/run) takopi_begin "engine_$P_id" ;;
        command/call) takopi_begin "command_$P_id" ;;
        transport/start) takopi_start ;;
        transport/stop)
            takopi_stop
            takopi_result '{}'
            ;;
        transport/send | transport/edit | transport/delete) takopi_show "${J_method#transport/}" ;;
        transport/menu) takopi_result '{}' ;;
        '') takopi_answered ;;
        '$/cancel_request') takopi_cancel "$P_id" ;;
        shutdown)
            takopi_end
            takopi_result '{}'
            ;;
        exit) break ;;
        *) [ -z "${J_id-}" ] || [ -z "${J_method-}" ] || takopi_error -32601 "this plugin does not know $J_method" ;;
        esac
    done
    takopi_end
}
