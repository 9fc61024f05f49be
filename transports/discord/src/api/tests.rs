//! The API against a server that answers as each test says.

use serde_json::json;

use super::*;
use crate::script::{Server, Step};

const TOKEN: &str = "abc.SECRET.def";

fn api(server: &Server) -> Api {
    Api::new(&server.url, Secret::new(TOKEN)).unwrap()
}

fn said() -> Step {
    Step::says(200, json!({"id": "7"}))
}

fn limited(after: f64) -> Step {
    Step::says(429, json!({"message": "slow", "retry_after": after, "global": false}))
}

fn send() -> Call {
    Call::post(Route::messages("1"), json!({"content": "x"}))
}

#[tokio::test]
async fn a_call_says_who_it_is_and_carries_its_body() {
    let server = Server::start([said(), said()]).await;
    let api = Api::new(&format!("{}/", server.url), Secret::new(TOKEN)).unwrap();
    let answer = api.call(send()).await.unwrap();
    assert_eq!(answer, Answer { body: json!({"id": "7"}), left: None });
    let query = vec![("after", "5".to_owned()), ("limit", "100".to_owned())];
    api.call(Call { query, ..Call::get(Route::messages("1")) }).await.unwrap();
    let heard = server.heard();
    assert_eq!(server.lines(), ["POST /channels/1/messages", "GET /channels/1/messages?after=5&limit=100"]);
    assert_eq!(heard[0].header("authorization"), Some("Bot abc.SECRET.def"));
    assert!(heard[0].header("user-agent").unwrap().starts_with("DiscordBot ("));
    assert_eq!(heard[0].json(), json!({"content": "x"}));
}

#[tokio::test]
async fn files_go_as_parts_of_a_form() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spooled");
    std::fs::write(&path, "on the disk").unwrap();
    let server = Server::start([said()]).await;
    let files = vec![
        Upload { name: "a.md".to_owned(), content: upload::Content::Bytes(b"here".to_vec()) },
        Upload { name: "b.txt".to_owned(), content: upload::Content::File { path, bytes: 11 } },
    ];
    api(&server).call(Call { files, ..send() }).await.unwrap();
    let heard = &server.heard()[0];
    assert_eq!(heard.json(), json!({"content": "x"}));
    for part in
        ["name=\"files[0]\"; filename=\"a.md\"", "name=\"files[1]\"; filename=\"b.txt\"", "on the disk"]
    {
        assert!(heard.text.contains(part), "{part}: {}", heard.text);
    }
}

#[tokio::test]
async fn what_is_used_up_is_not_asked_for_again() {
    let window = |left: u32| {
        said()
            .with("x-ratelimit-bucket", "b")
            .with("x-ratelimit-limit", 2)
            .with("x-ratelimit-remaining", left)
            .with("x-ratelimit-reset-after", "30")
    };
    let server = Server::start([window(1), window(0)]).await;
    let api = api(&server);
    assert_eq!(api.call(send()).await.unwrap().left, Some((1, Duration::from_secs(30))));
    api.call(send()).await.unwrap();
    let Err(CallError::Limited { after, bot: false }) = api.call(send()).await else { panic!() };
    assert!(after > Duration::from_secs(20), "{after:?}");
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn a_limit_holds_the_route_back_and_a_global_one_the_bot() {
    let global = Step::says(429, json!({"retry_after": 60, "global": true}));
    let server = Server::start([limited(60.0), said(), global]).await;
    let api = api(&server);
    let after = Duration::from_secs(60);
    assert_eq!(api.call(send()).await, Err(CallError::Limited { after, bot: false }));
    assert!(matches!(api.call(send()).await, Err(CallError::Limited { bot: false, .. })));
    let elsewhere = || Call::post(Route::messages("2"), json!({}));
    api.call(elsewhere()).await.unwrap();
    assert_eq!(api.call(elsewhere()).await, Err(CallError::Limited { after, bot: true }));
    assert!(matches!(api.call(Call::get(Route::me())).await, Err(CallError::Limited { bot: true, .. })));
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn a_lost_answer_may_have_been_heard_and_a_missing_server_has_not() {
    let server = Server::start([Step::Breaks, Step::Hangs, Step::says(502, json!({}))]).await;
    let api = api(&server);
    let hasty = || Call { patience: Duration::from_millis(50), ..send() };
    for _ in 0..3 {
        let outcome = api.call(hasty()).await;
        assert!(matches!(outcome, Err(CallError::Unknown(_))), "{outcome:?}");
    }
    // Port 9 of loopback: nobody listens there.
    let nowhere = Api::new("http://127.0.0.1:9", Secret::new(TOKEN)).unwrap();
    assert!(matches!(nowhere.call(send()).await, Err(CallError::Unreachable(_))));
}

#[tokio::test]
async fn no_text_tells_the_bots_token_or_an_interactions() {
    let server = Server::start([Step::Breaks, Step::refuses(401, 50_027, "Invalid Webhook Token")]).await;
    let api = api(&server);
    let nowhere = Api::new("http://127.0.0.1:9", Secret::new(TOKEN)).unwrap();
    let call = || Call::patch(Route::first_answer("1", "inTOKEN"), json!({}));
    let mut told = format!("{api:?} {:?}", call());
    for outcome in [api.call(call()).await, api.call(call()).await, nowhere.call(call()).await] {
        let error = outcome.unwrap_err();
        told.extend([error.to_string(), format!("{error:?}")]);
    }
    assert!(!told.contains("SECRET") && !told.contains("inTOKEN"), "{told}");
    assert!(server.lines()[0].contains("inTOKEN"), "only the request itself has it");
}

#[tokio::test]
async fn a_patient_call_waits_for_limits_and_outlives_faults() {
    let script = [limited(0.01), Step::says(500, json!({})), Step::Breaks, said()];
    let server = Server::start(script).await;
    let stop = CancellationToken::new();
    let answer = api(&server).patiently(send(), &stop).await;
    assert_eq!(answer.unwrap().body, json!({"id": "7"}));
    assert_eq!((server.lines().len(), server.steps_left()), (4, 0));
}

#[tokio::test]
async fn a_patient_call_ends_with_a_refusal_and_with_the_transport() {
    let server = Server::start([Step::refuses(403, 50_001, "Missing Access"), limited(600.0)]).await;
    let (api, stop) = (api(&server), CancellationToken::new());
    let refused = api.patiently(send(), &stop).await;
    assert!(matches!(refused, Err(CallError::Refused { status: 403, code: 50_001, .. })), "{refused:?}");
    let stopping = async {
        while server.lines().len() < 2 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let (outcome, ()) = tokio::join!(api.patiently(send(), &stop), stopping);
    assert_eq!(outcome, Err(stopped()));
}

#[test]
fn an_api_url_that_leads_nowhere_and_a_token_that_is_none_are_told() {
    let refused = |url: &str, token: &str| Api::new(url, Secret::new(token)).unwrap_err().to_string();
    assert!(refused("discord.com", "t").starts_with("api_url must be a URL such as https://discord.com"));
    assert!(refused("file:///etc", "t").starts_with("api_url must be"));
    assert!(!refused(DISCORD, "bad\ntoken").contains("bad"));
}
