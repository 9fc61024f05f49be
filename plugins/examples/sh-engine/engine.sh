#!/bin/sh
# The engine `sh_run`: a message is a command line, what it prints is the answer.

. ./takopi-plugin.sh

engine_sh_run() {
    cd "$P_cwd" || return
    takopi_action 1 command started "$P_prompt"
    sh -c "$P_prompt" 2>&1 3>&-
    status=$?
    if [ "$status" -eq 0 ]; then ok=true; else ok=false; fi
    takopi_action 1 command completed "$P_prompt" "$ok"
    return "$status"
}

takopi_serve takopi-example-sh 0.1.0
