#!/bin/sh
# The engine @ID@ of takopi.

. ./takopi-plugin.sh

# Does one run: what it prints is the answer, and a status that is not 0 fails it. It is ended when somebody cancels it.
engine_@ID@() {
    cd "$P_cwd" || return
    takopi_session "${P_session:-$(date +%s)-$$}"
    takopi_action 1 command started date
    now=$(date)
    takopi_action 1 command completed date true
    printf '%s' "It is $now, and you said: $P_prompt"
}

takopi_serve @DISTRIBUTION@ 0.1.0
