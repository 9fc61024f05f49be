//! Anthropic Messages: content blocks that start, are filled by deltas and stop.

use serde_json::{Value, json};

use super::{Piece, Step, calls, list, named, steps, text, written};
use crate::model::conversation::{Conversation, flat};
use crate::model::script::{Input, Say};

pub(super) fn read(body: &Value) -> Conversation {
    let mut conversation = Conversation::default();
    conversation.hear_system(&flat(&body["system"]));
    for tool in list(&body["tools"]) {
        conversation.offer(tool["name"].as_str(), tool);
    }
    for message in list(&body["messages"]) {
        let content = &message["content"];
        match message["role"].as_str() {
            Some("user") if content.is_string() => conversation.hear_user(&flat(content)),
            Some("user") => list(content).iter().for_each(|block| match block["type"].as_str() {
                Some("tool_result") => conversation.hear_result(flat(&block["content"])),
                Some("text") => conversation.hear_user(&flat(block)),
                _ => {}
            }),
            Some("system") => conversation.hear(&flat(content)),
            _ => {}
        }
    }
    conversation
}

pub(super) fn stream(model: &str, says: &[Say], id: u64) -> Vec<Piece> {
    let start = json!({"type": "message_start", "message": message(model, id, &[], None)});
    let mut pieces = vec![named(&start), named(&json!({"type": "ping"}))];
    for (say, index) in says.iter().zip(0..) {
        let Some(mut begun) = block(say, id, index) else {
            pieces.push(Piece::Cut);
            return pieces;
        };
        let delta =
            |delta: Value| named(&json!({"type": "content_block_delta", "index": index, "delta": delta}));
        let empty = if let Say::Call(_) = say { ("input", json!({})) } else { ("text", "".into()) };
        begun[empty.0] = empty.1;
        pieces.push(named(&json!({"type": "content_block_start", "index": index, "content_block": begun})));
        for step in steps(say) {
            pieces.push(match step {
                Step::Delta(text) => delta(json!({"type": "text_delta", "text": text})),
                Step::Hold => Piece::Hold,
            });
        }
        if let Say::Call(call) = say {
            pieces.push(delta(json!({"type": "input_json_delta", "partial_json": written(&call.input)})));
        }
        pieces.push(named(&json!({"type": "content_block_stop", "index": index})));
    }
    let end = json!({"stop_reason": stop_reason(says), "stop_sequence": null});
    pieces.push(named(&json!({"type": "message_delta", "delta": end, "usage": usage(30)})));
    pieces.push(named(&json!({"type": "message_stop"})));
    pieces
}

pub(super) fn whole(model: &str, says: &[Say], id: u64) -> Value {
    let blocks: Vec<_> = says.iter().zip(0..).filter_map(|(say, index)| block(say, id, index)).collect();
    message(model, id, &blocks, Some(stop_reason(says)))
}

/// Returns a part as the block it becomes; `None` when the connection is cut in its place.
fn block(say: &Say, id: u64, index: u64) -> Option<Value> {
    let Say::Call(call) = say else {
        return Some(json!({"type": "text", "text": text(say)?}));
    };
    let input = match &call.input {
        Input::Object(object) => object.clone(),
        Input::Raw(text) => json!({"input": text}),
    };
    Some(json!({"type": "tool_use", "id": format!("toolu_{id}_{index}"), "name": call.name, "input": input}))
}

fn stop_reason(says: &[Say]) -> &'static str {
    if calls(says) { "tool_use" } else { "end_turn" }
}

fn message(model: &str, id: u64, content: &[Value], stop_reason: Option<&str>) -> Value {
    json!({"id": format!("msg_{id}"), "type": "message", "role": "assistant", "model": model, "content": content,
        "stop_reason": stop_reason, "stop_sequence": null, "usage": usage(if stop_reason.is_some() { 30 } else { 1 })})
}

fn usage(output_tokens: u64) -> Value {
    json!({"input_tokens": 120, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 20,
        "output_tokens": output_tokens, "service_tier": "standard"})
}
