#!/bin/bash
# A claude at work: a step every quarter of a second, until something comes through the gate that its prompt names. It
# starts no program, so that it leaves none behind.
[[ $(</dev/stdin) =~ gate[0-9]+ ]] && exec 3<>"$HOME/gates/${BASH_REMATCH[0]}"
session=$(</proc/sys/kernel/random/uuid)
echo '{"type":"system","subtype":"init","session_id":"'"$session"'"}'
step=0
while
    echo '{"type":"assistant","message":{"role":"assistant","content":[{"type":"tool_use","id":"toolu_'$step'","name":"Bash","input":{"command":"cargo check -p package-'$step'"}}]}}'
    ! read -r -t 0.25 <&3
do
    echo '{"type":"user","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_'$step'","content":"ok","is_error":false}]}}'
    step=$((step + 1))
done
echo '{"type":"result","subtype":"success","is_error":false,"result":"all is well","session_id":"'"$session"'"}'
