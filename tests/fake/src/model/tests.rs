//! The server as a client sees it: three dialects, streamed and whole, held, released, left and refused.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::script::{AFTER, BEFORE, HELD, RECOVERED, refusal};
use super::{Api, ModelServer};

const APIS: [Api; 3] = [Api::Responses, Api::Messages, Api::Chat];

fn path(api: Api) -> &'static str {
    match api {
        Api::Responses => "/v1/responses",
        Api::Messages => "/v1/messages",
        Api::Chat => "/v1/chat/completions",
    }
}

/// A request as a client with a shell tool makes it; `turns` are what the user said, and what the tool returned.
fn request(api: Api, turns: &[(&str, &str)]) -> Value {
    let schema = json!({"type": "object", "properties": {"command": {"type": "string"}}});
    let tool = match api {
        Api::Responses => json!({"type": "function", "name": "shell_command", "parameters": schema}),
        Api::Messages => json!({"name": "Bash", "input_schema": schema}),
        Api::Chat => json!({"type": "function", "function": {"name": "bash", "parameters": schema}}),
    };
    let messages: Vec<_> = turns
        .iter()
        .map(|(role, text)| match (api, *role) {
            (Api::Responses, "tool") => json!({"type": "function_call_output", "call_id": "1", "output": text}),
            (Api::Responses, role) => json!({"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}),
            (Api::Messages, "tool") => {
                json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": text}]})
            }
            (_, role) => json!({"role": role, "content": text}),
        })
        .collect();
    let key = if api == Api::Responses { "input" } else { "messages" };
    json!({"model": "m", "stream": true, "tools": [tool], key: messages})
}

fn post(server: &ModelServer, api: Api, body: &Value) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut response = agent.post(format!("{}{}", server.url(), path(api))).send_json(body).unwrap();
    (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
}

/// Returns what a stream says, put together as a client does it, and what it calls.
fn heard(stream: &str) -> (String, Option<(String, Value)>) {
    let mut text = String::new();
    let (mut name, mut input) = (None, String::new());
    for event in
        stream.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]")
    {
        let event: Value = serde_json::from_str(event).unwrap();
        let part = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let is_input = event["type"].as_str().is_some_and(|kind| kind.ends_with("arguments.delta"));
        if !is_input {
            text.push_str(event["delta"].as_str().unwrap_or_default());
        }
        text.push_str(part("/delta/text"));
        text.push_str(part("/choices/0/delta/content"));
        for pointer in ["/item/name", "/content_block/name", "/choices/0/delta/tool_calls/0/function/name"] {
            name = event.pointer(pointer).and_then(Value::as_str).map(str::to_owned).or(name);
        }
        input.push_str(part("/delta/partial_json"));
        input.push_str(part("/choices/0/delta/tool_calls/0/function/arguments"));
        if is_input {
            input.push_str(part("/delta"));
        }
    }
    (text, name.map(|name| (name, serde_json::from_str(&input).unwrap())))
}

/// Begins a request by hand, and reads until the first half of a held answer is there.
fn begin_held(server: &ModelServer, api: Api) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
    let body = request(api, &[("user", "[[hold]]")]).to_string();
    let head = format!("POST {} HTTP/1.1\r\nhost: model\r\nconnection: close\r\n", path(api));
    write!(stream, "{head}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        .unwrap();
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while !line.contains(HELD) {
        line.clear();
        assert!(stream.read_line(&mut line).unwrap() > 0, "it ended before it spoke");
    }
    stream
}

#[test]
fn an_answer_is_streamed_in_every_dialect() {
    let server = ModelServer::start().unwrap();
    let answer = "a long answer, said in more than one event, so that a client has to put it together: ä漢🐙";
    for api in APIS {
        let (status, stream) =
            post(&server, api, &request(api, &[("user", &format!("[[answer {answer}]]"))]));
        assert_eq!((status, heard(&stream)), (200, (answer.to_owned(), None)), "{stream}");
    }
    assert_eq!(server.log().turns().map(|asked| asked.api).collect::<Vec<_>>(), APIS);
}

#[test]
fn an_answer_is_told_whole_to_those_who_do_not_want_a_stream() {
    let server = ModelServer::start().unwrap();
    for (api, pointer) in
        APIS.into_iter().zip(["/output/0/content/0/text", "/content/0/text", "/choices/0/message/content"])
    {
        let mut body = request(api, &[("user", "[[answer hello]]")]);
        body["stream"] = false.into();
        let (_, text) = post(&server, api, &body);
        let whole: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(whole.pointer(pointer), Some(&json!("hello")), "{whole}");
    }
}

#[test]
fn a_tool_is_called_as_the_client_named_it_and_its_result_repeated() {
    let server = ModelServer::start().unwrap();
    for (api, name) in APIS.into_iter().zip(["shell_command", "Bash", "bash"]) {
        let mut turns = vec![("user", "[[tool echo hi]]")];
        let (_, stream) = post(&server, api, &request(api, &turns));
        let (called, input) = heard(&stream).1.unwrap();
        assert_eq!((called.as_str(), &input["command"]), (name, &json!("echo hi")), "{stream}");
        turns.push(("tool", "hi"));
        let (_, stream) = post(&server, api, &request(api, &turns));
        assert_eq!(heard(&stream).0, "The command said: hi");
    }
}

#[test]
fn a_file_is_written_and_changed_with_the_tools_on_offer() {
    let server = ModelServer::start().unwrap();
    let mut body =
        request(Api::Chat, &[("system", "Working directory: /srv/it\n"), ("user", "[[edit a.txt]]")]);
    let tool = |name: &str, keys: &[&str]| {
        let keys: serde_json::Map<_, _> = keys.iter().map(|key| ((*key).to_owned(), json!({}))).collect();
        json!({"type": "function", "function": {"name": name, "parameters": {"properties": keys}}})
    };
    body["tools"] = json!([
        tool("write", &["filePath", "content"]),
        tool("edit", &["filePath", "oldString", "newString"])
    ]);
    let (_, stream) = post(&server, Api::Chat, &body);
    let written = json!({"filePath": "/srv/it/a.txt", "content": format!("{BEFORE}\n")});
    assert_eq!(heard(&stream).1, Some(("write".to_owned(), written)));
    body["messages"].as_array_mut().unwrap().push(json!({"role": "tool", "content": "done"}));
    let (_, stream) = post(&server, Api::Chat, &body);
    let changed = json!({"filePath": "/srv/it/a.txt", "oldString": BEFORE, "newString": AFTER});
    assert_eq!(heard(&stream).1, Some(("edit".to_owned(), changed)));

    let mut body = request(Api::Responses, &[("user", "[[edit a.txt]]")]);
    body["tools"] = json!([{"type": "custom", "name": "apply_patch"}]);
    body["stream"] = false.into();
    let whole: Value = serde_json::from_str(&post(&server, Api::Responses, &body).1).unwrap();
    let patch = format!("*** Begin Patch\n*** Add File: a.txt\n+{BEFORE}\n*** End Patch");
    assert_eq!(whole["output"][0]["input"], json!(patch));
}

#[test]
fn a_resumed_conversation_shows_what_was_asked_before() {
    let server = ModelServer::start().unwrap();
    let turns = [
        ("user", "[[answer one]]"),
        ("assistant", "one"),
        ("user", "a remark beside it"),
        ("user", "[[recall]]"),
    ];
    for api in APIS {
        let (_, stream) = post(&server, api, &request(api, &turns));
        assert_eq!(heard(&stream).0, "Before this you asked: [[answer one]]");
    }
    assert!(server.log().turns().all(|asked| asked.earlier == 1));
}

#[test]
fn refusals_are_told_as_each_api_tells_them_and_counted_for_each_prompt() {
    let server = ModelServer::start().unwrap();
    for api in APIS {
        let (status, text) = post(&server, api, &request(api, &[("user", "[[refuse 401]]")]));
        assert_eq!(status, 401);
        let told: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(told["error"]["message"], json!(refusal(401)));

        let flaky = format!("[[flaky 2]] {api:?}");
        let turns = [("user", flaky.as_str())];
        let tries: Vec<_> = (0..3).map(|_| post(&server, api, &request(api, &turns))).collect();
        assert_eq!(tries.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [500, 500, 200]);
        assert_eq!(heard(&tries[2].1).0, RECOVERED);
    }
}

#[test]
fn a_held_stream_goes_on_when_it_is_released() {
    let server = ModelServer::start().unwrap();
    for api in APIS {
        let mut stream = begin_held(&server, api);
        server.wait_for("a held stream", |log| (log.holding == 1).then_some(())).unwrap();
        server.release();
        let mut rest = String::new();
        stream.read_to_string(&mut rest).unwrap();
        assert!(rest.contains(HELD), "{rest}");
        server.wait_for("its end", |log| (log.holding == 0).then_some(())).unwrap();
    }
    assert_eq!(server.log().hung_up, 0);
}

#[test]
fn a_client_that_leaves_a_held_stream_is_noticed() {
    let server = ModelServer::start().unwrap();
    drop(begin_held(&server, Api::Messages));
    server
        .wait_for("the client's leaving", |log| (log.hung_up == 1 && log.holding == 0).then_some(()))
        .unwrap();
}

#[test]
fn a_dropped_stream_has_no_end() {
    let server = ModelServer::start().unwrap();
    let body = request(Api::Chat, &[("user", "[[drop]]")]);
    let mut response = ureq::post(format!("{}/v1/chat/completions", server.url())).send_json(&body).unwrap();
    assert!(response.body_mut().read_to_string().is_err());
}

#[test]
fn a_large_prompt_arrives_complete_and_errands_are_told_apart() {
    let server = ModelServer::start().unwrap();
    let long = format!("[[answer ok]] {}", "word ".repeat(800_000));
    post(&server, Api::Messages, &request(Api::Messages, &[("user", &long)]));
    let mut errand = request(Api::Messages, &[("user", "[[answer ok]] title, please")]);
    errand["tools"] = json!([]);
    post(&server, Api::Messages, &errand);
    let log = server.log();
    assert_eq!(log.turns().map(|asked| asked.prompt.as_str()).collect::<Vec<_>>(), [long.as_str()]);
    assert_eq!(log.asked.len(), 2);
}

#[test]
fn what_nobody_is_known_to_ask_is_refused_and_noted() {
    let server = ModelServer::start().unwrap();
    let models = ureq::get(format!("{}/v1/models", server.url())).call().unwrap();
    assert_eq!(models.status(), 200);
    assert!(ureq::get(format!("{}/v1/files", server.url())).call().is_err());
    assert!(ureq::get(format!("{}/v1/messages", server.url())).call().is_err());
    assert_eq!(server.log().other, ["GET /v1/files", "GET /v1/messages"]);
    server.forget();
    assert!(server.log().other.is_empty() && server.log().asked.is_empty());
}
