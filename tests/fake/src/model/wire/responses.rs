//! OpenAI Responses: items that are added, filled by deltas and done.

use serde_json::{Value, json};

use super::{Piece, Step, list, named, steps, text, written};
use crate::model::conversation::{Conversation, flat};
use crate::model::script::{Call, Input, Say};

pub(super) fn read(body: &Value) -> Conversation {
    let mut conversation = Conversation::default();
    conversation.hear_system(&flat(&body["instructions"]));
    offer(&mut conversation, &body["tools"]);
    if let Some(text) = body["input"].as_str() {
        conversation.hear_user(text);
    }
    for item in list(&body["input"]) {
        match item["type"].as_str().unwrap_or("message") {
            // Newer models get their tools as an item.
            "additional_tools" => offer(&mut conversation, &item["tools"]),
            "message" => match item["role"].as_str() {
                Some("user") => conversation.hear_user(&flat(&item["content"])),
                Some("system" | "developer") => conversation.hear(&flat(&item["content"])),
                _ => {}
            },
            kind if kind.ends_with("_output") => conversation.hear_result(flat(&item["output"])),
            _ => {}
        }
    }
    conversation
}

fn offer(conversation: &mut Conversation, tools: &Value) {
    for tool in list(tools) {
        let name = tool["name"].as_str().or(tool["type"].as_str());
        if tool["type"] == "namespace" {
            for inner in list(&tool["tools"]) {
                let name = name.zip(inner["name"].as_str()).map(|(space, name)| format!("{space}.{name}"));
                conversation.offer(name.as_deref(), inner);
            }
        } else {
            conversation.offer(name, tool);
        }
    }
}

pub(super) fn stream(model: &str, says: &[Say], id: u64) -> Vec<Piece> {
    let mut writer = Writer { pieces: Vec::new() };
    writer.emit(json!({"type": "response.created", "response": response(model, id, "in_progress", &[])}));
    let mut output = Vec::new();
    for (say, index) in says.iter().zip(0..) {
        let Some(item) = item(say, id, index) else {
            writer.pieces.push(Piece::Cut);
            return writer.pieces;
        };
        match say {
            Say::Call(call) => writer.call(call, &item, index),
            _ => writer.text(say, &item, index),
        }
        writer.emit(json!({"type": "response.output_item.done", "output_index": index, "item": item}));
        output.push(item);
    }
    writer.emit(json!({"type": "response.completed", "response": response(model, id, "completed", &output)}));
    writer.pieces
}

pub(super) fn whole(model: &str, says: &[Say], id: u64) -> Value {
    let output: Vec<_> = says.iter().zip(0..).filter_map(|(say, index)| item(say, id, index)).collect();
    response(model, id, "completed", &output)
}

struct Writer {
    pieces: Vec<Piece>,
}

impl Writer {
    fn emit(&mut self, mut event: Value) {
        event["sequence_number"] = self.pieces.len().into();
        self.pieces.push(named(&event));
    }

    fn text(&mut self, say: &Say, item: &Value, index: u64) {
        let mut begun = item.clone();
        begun["status"] = "in_progress".into();
        begun["content"] = json!([]);
        self.emit(json!({"type": "response.output_item.added", "output_index": index, "item": begun}));
        let within = |kind: &str, key: &str, value: Value| json!({"type": kind, "item_id": item["id"], "output_index": index, "content_index": 0, key: value});
        let empty = json!({"type": "output_text", "text": "", "annotations": []});
        self.emit(within("response.content_part.added", "part", empty));
        for step in steps(say) {
            match step {
                Step::Delta(delta) => self.emit(within("response.output_text.delta", "delta", delta.into())),
                Step::Hold => self.pieces.push(Piece::Hold),
            }
        }
        let part = item["content"][0].clone();
        self.emit(within("response.output_text.done", "text", part["text"].clone()));
        self.emit(within("response.content_part.done", "part", part));
    }

    fn call(&mut self, call: &Call, item: &Value, index: u64) {
        let (field, stem) = match call.input {
            Input::Object(_) => ("arguments", "response.function_call_arguments"),
            Input::Raw(_) => ("input", "response.custom_tool_call_input"),
        };
        let mut begun = item.clone();
        begun["status"] = "in_progress".into();
        begun[field] = "".into();
        self.emit(json!({"type": "response.output_item.added", "output_index": index, "item": begun}));
        let (id, input) = (&item["id"], &item[field]);
        self.emit(
            json!({"type": format!("{stem}.delta"), "item_id": id, "output_index": index, "delta": input}),
        );
        self.emit(
            json!({"type": format!("{stem}.done"), "item_id": id, "output_index": index, field: input}),
        );
    }
}

/// Returns a part as the item it becomes; `None` when the connection is cut in its place.
fn item(say: &Say, id: u64, index: u64) -> Option<Value> {
    let Say::Call(call) = say else {
        let part = json!({"type": "output_text", "text": text(say)?, "annotations": []});
        return Some(json!({"type": "message", "id": format!("msg_{id}_{index}"), "status": "completed",
            "role": "assistant", "content": [part]}));
    };
    let (kind, field) = match call.input {
        Input::Object(_) => ("function_call", "arguments"),
        Input::Raw(_) => ("custom_tool_call", "input"),
    };
    let (space, name) = match call.name.split_once('.') {
        Some((space, name)) => (Some(space), name),
        None => (None, call.name.as_str()),
    };
    let mut item = json!({"type": kind, "id": format!("fc_{id}_{index}"), "call_id": format!("call_{id}_{index}"),
        "name": name, "status": "completed", field: written(&call.input)});
    if let Some(space) = space {
        item["namespace"] = space.into();
    }
    Some(item)
}

fn response(model: &str, id: u64, status: &str, output: &[Value]) -> Value {
    let usage = (status == "completed").then(|| {
        json!({"input_tokens": 120, "input_tokens_details": {"cached_tokens": 20}, "output_tokens": 30,
            "output_tokens_details": {"reasoning_tokens": 5}, "total_tokens": 150})
    });
    json!({"id": format!("resp_{id}"), "object": "response", "created_at": 0, "status": status, "model": model,
        "output": output, "error": null, "incomplete_details": null, "parallel_tool_calls": false, "usage": usage})
}
