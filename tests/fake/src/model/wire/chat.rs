//! OpenAI Chat Completions: chunks of one choice, and `[DONE]`.

use serde_json::{Value, json};

use super::{Piece, Step, calls, list, steps, text, unnamed, written};
use crate::model::conversation::{Conversation, flat};
use crate::model::script::{Call, Say};

pub(super) fn read(body: &Value) -> Conversation {
    let mut conversation = Conversation::default();
    for tool in list(&body["tools"]) {
        let function = tool.get("function").unwrap_or(tool);
        conversation.offer(function["name"].as_str(), function);
    }
    for message in list(&body["messages"]) {
        let content = flat(&message["content"]);
        match message["role"].as_str() {
            Some("system" | "developer") => conversation.hear_system(&content),
            Some("user") => conversation.hear_user(&content),
            Some("tool") => conversation.hear_result(content),
            _ => {}
        }
    }
    conversation
}

pub(super) fn stream(model: &str, says: &[Say], id: u64) -> Vec<Piece> {
    let chunk = |delta: Value, finish: Option<&str>| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish, "logprobs": null});
        unnamed(&object("chat.completion.chunk", model, id, &[choice], None))
    };
    let mut pieces = vec![chunk(json!({"role": "assistant", "content": ""}), None)];
    for (say, index) in says.iter().zip(0..) {
        for step in steps(say) {
            pieces.push(match step {
                Step::Delta(delta) => chunk(json!({"content": delta}), None),
                Step::Hold => Piece::Hold,
            });
        }
        match say {
            Say::Call(call) => {
                let mut begun = function_call(call, id, index);
                begun["index"] = 0.into();
                begun["function"]["arguments"] = "".into();
                let rest = json!({"index": 0, "function": {"arguments": written(&call.input)}});
                pieces.push(chunk(json!({"tool_calls": [begun]}), None));
                pieces.push(chunk(json!({"tool_calls": [rest]}), None));
            }
            Say::Cut => {
                pieces.push(Piece::Cut);
                return pieces;
            }
            Say::Text(_) | Say::Held(_) => {}
        }
    }
    pieces.push(chunk(json!({}), Some(finish_reason(says))));
    pieces.push(unnamed(&object("chat.completion.chunk", model, id, &[], Some(usage()))));
    pieces.push(Piece::Event("data: [DONE]\n\n".to_owned()));
    pieces
}

pub(super) fn whole(model: &str, says: &[Say], id: u64) -> Value {
    let content: String = says.iter().filter_map(text).collect();
    let mut message = json!({"role": "assistant", "content": content});
    let calls: Vec<_> = (says.iter().zip(0..))
        .filter_map(|(say, index)| match say {
            Say::Call(call) => Some(function_call(call, id, index)),
            _ => None,
        })
        .collect();
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    let choice =
        json!({"index": 0, "message": message, "finish_reason": finish_reason(says), "logprobs": null});
    object("chat.completion", model, id, &[choice], Some(usage()))
}

fn function_call(call: &Call, id: u64, index: u64) -> Value {
    json!({"id": format!("call_{id}_{index}"), "type": "function",
        "function": {"name": call.name, "arguments": written(&call.input)}})
}

fn finish_reason(says: &[Say]) -> &'static str {
    if calls(says) { "tool_calls" } else { "stop" }
}

fn object(kind: &str, model: &str, id: u64, choices: &[Value], usage: Option<Value>) -> Value {
    json!({"id": format!("chatcmpl_{id}"), "object": kind, "created": 0, "model": model, "choices": choices,
        "usage": usage})
}

fn usage() -> Value {
    json!({"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150,
        "prompt_tokens_details": {"cached_tokens": 20}})
}
