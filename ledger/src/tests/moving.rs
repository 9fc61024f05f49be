//! A daemon that is started in another directory than before.

use std::path::Path;

use takopi_core::id::InstanceId;
use takopi_core::port::ledger::{FactsQuery, Ledger as _, RunNote};
use takopi_core::session::{Context, Scope, SessionRow};
use takopi_core::testing::ledger::{address, id, open_run, run_id, session_row};

use super::{open, place};

fn scope_of(chat: &str, person: Option<&str>) -> Scope {
    Scope { address: address(chat), person: person.map(str::to_owned) }
}

#[tokio::test]
async fn only_conversations_in_another_directory_and_no_project_end() {
    let (_folder, path) = place();
    let ledger = open(&path);
    let project = Context { project: Some("app".to_owned()), branch: None };
    let begun = [
        ("here", None, "/new", Context::default()),
        ("elsewhere", None, "/old", Context::default()),
        ("group", Some("ann"), "/old", Context::default()),
        ("worker", None, "/old", project),
    ];
    for (number, (chat, person, cwd, context)) in (1..).zip(begun) {
        ledger.open(&open_run(number, chat, &[])).await.unwrap();
        let session = SessionRow { context, cwd: Some(cwd.into()), ..session_row(chat) };
        let conversation = Some((scope_of(chat, person), 0));
        let note = RunNote { session: Some(session), conversation, ..RunNote::default() };
        ledger.note(run_id(number), &note).await.unwrap();
    }
    let (instance, stranger): (InstanceId, InstanceId) = (address("here").instance, id("another"));
    assert_eq!(ledger.end_conversations_outside(&stranger, Path::new("/new")).await.unwrap(), 0);
    assert_eq!(ledger.end_conversations_outside(&instance, Path::new("/new")).await.unwrap(), 2);
    let left = [("here", None, 1), ("elsewhere", None, 0), ("group", Some("ann"), 0), ("worker", None, 1)];
    for (chat, person, running) in left {
        let session = Some(session_row(chat).session);
        let query = FactsQuery { scope: scope_of(chat, person), about: None, session };
        let facts = ledger.facts(&query).await.unwrap();
        assert_eq!(facts.conversations.len(), running, "{chat}");
        assert!(facts.session.is_some(), "it can still be resumed: {chat}");
    }
}
