//! What the ledger knows after the Python takopi's files were taken in.

use takopi_core::id::EngineId;
use takopi_core::port::ledger::{FactsQuery, StoredFacts};
use takopi_core::session::{Session, SessionToken};
use tempfile::TempDir;

use super::*;

const PREFERENCES: &str = r#"{"version": 1, "chats": {
    "42": {"default_engine": "codex", "trigger_mode": "mentions", "context_project": "Alpha",
        "context_branch": "main", "engine_overrides": {"codex": {"model": "m", "reasoning": null}}}}}"#;

const SESSIONS: &str = r#"{"version": 1, "cwd": "/code", "chats": {
    "42:chat": {"sessions": {"codex": {"resume": "s42"}}},
    "43:chat": {"sessions": {"codex": {"resume": "s43"}}},
    "-9:42": {"sessions": {"codex": {"resume": "only"}}},
    "-8:42": {"sessions": {"codex": {"resume": "ann"}}},
    "-8:43": {"sessions": {"codex": {"resume": "bob"}}}}}"#;

const TOPICS: &str = r#"{"version": 1, "threads": {
    "-9:7": {"context": {"project": "beta", "branch": null}, "topic_title": "Beta",
        "sessions": {"claude": {"resume": "topic"}}}}}"#;

/// A folder with state files, and a ledger in it.
struct Desk {
    dir: TempDir,
    ledger: SqliteLedger,
}

impl Desk {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ledger = SqliteLedger::open(&dir.path().join("ledger.db")).unwrap();
        let desk = Self { dir, ledger };
        files.iter().for_each(|(name, content)| desk.write(name, content));
        desk
    }

    fn all() -> Self {
        Self::new(&[
            ("telegram_chat_prefs_state.json", PREFERENCES),
            ("telegram_chat_sessions_state.json", SESSIONS),
            ("telegram_topics_state.json", TOPICS),
        ])
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.dir.path().join(name), content).unwrap();
    }

    async fn import(&self) {
        let state = PythonState {
            dir: self.dir.path(),
            instance: &instance(),
            usual_context: &|chat| Context {
                project: (chat == "-8").then(|| "own".to_owned()),
                branch: None,
            },
        };
        self.ledger.import_python_state(&state).await.unwrap();
    }

    async fn facts(&self, scope: Scope, token: Option<&str>) -> StoredFacts {
        let session = token.map(|token| Session {
            engine: EngineId::parse("codex").unwrap(),
            token: SessionToken::parse(token).unwrap(),
        });
        let query = FactsQuery { scope, about: None, session };
        self.ledger.facts(&query).await.unwrap()
    }

    /// Returns the session that goes on somewhere: token, project, directory.
    async fn goes_on(&self, scope: Scope) -> Vec<(String, Option<String>, Option<PathBuf>)> {
        let rows = self.facts(scope, None).await.conversations;
        rows.into_iter().map(|row| (row.session.token.to_string(), row.context.project, row.cwd)).collect()
    }
}

fn instance() -> InstanceId {
    InstanceId::parse("telegram").unwrap()
}

/// Returns the scope of a chat, of a topic `CHAT/THREAD`, or of a person `CHAT:PERSON`.
fn at(place: &str) -> Scope {
    let (place, person) = place.split_once(':').map_or((place, None), |(place, of)| (place, Some(of)));
    let (chat, thread) = place.split_once('/').map_or((place, None), |(chat, of)| (chat, Some(of)));
    let address = Address { instance: instance(), chat: chat.to_owned(), thread: thread.map(str::to_owned) };
    Scope { address, person: person.map(str::to_owned) }
}

#[tokio::test]
async fn what_was_set_holds() {
    let desk = Desk::all();
    desk.import().await;
    let set = |facts: StoredFacts| {
        let line = |row: Preference| format!("{:?} {}", row.key, row.value);
        facts.preferences.into_iter().map(line).collect::<Vec<_>>()
    };
    let chat = ["Engine codex", "Context Alpha @main", "Model m", "Trigger mentions"];
    assert_eq!(set(desk.facts(at("42"), None).await), chat);
    assert_eq!(set(desk.facts(at("-9/7"), None).await), ["Context beta"]);
    let title = desk.ledger.get(TOPIC_TITLES, "telegram/-9/7").await.unwrap();
    assert_eq!(title.as_deref(), Some("Beta"));
}

#[tokio::test]
async fn sessions_go_on_where_their_chat_was_bound_to() {
    let desk = Desk::all();
    desk.import().await;
    let gone = |token: &str, project: Option<&str>, cwd: Option<&str>| {
        vec![(token.to_owned(), project.map(str::to_owned), cwd.map(PathBuf::from))]
    };
    assert_eq!(desk.goes_on(at("42")).await, gone("s42", Some("alpha"), None));
    assert_eq!(desk.goes_on(at("43")).await, gone("s43", None, Some("/code")));
    assert_eq!(desk.goes_on(at("-9:42")).await, gone("only", None, Some("/code")));
    assert_eq!(desk.goes_on(at("-9")).await, [], "nobody else's");
    assert_eq!(desk.goes_on(at("-9/7")).await, gone("topic", Some("beta"), None));
}

#[tokio::test]
async fn in_a_group_everybody_goes_on_in_their_own_session() {
    let desk = Desk::all();
    desk.import().await;
    for (scope, token) in [("-8:42", "ann"), ("-8:43", "bob")] {
        assert_eq!(desk.goes_on(at(scope)).await, [(token.to_owned(), Some("own".to_owned()), None)]);
    }
}

#[tokio::test]
async fn files_are_taken_in_once_and_stay_as_they_are() {
    let desk = Desk::all();
    desk.import().await;
    desk.ledger.renew(&at("42")).await.unwrap();
    desk.ledger.prefer(&at("42").address, PreferenceKey::Engine, None, None).await.unwrap();
    desk.import().await;
    let facts = desk.facts(at("42"), None).await;
    assert!(
        facts.conversations.is_empty()
            && facts.preferences.iter().all(|row| row.key != PreferenceKey::Engine)
    );
    let kept = fs::read_to_string(desk.dir.path().join("telegram_chat_sessions_state.json")).unwrap();
    assert_eq!(kept, SESSIONS);
}

#[tokio::test]
async fn what_the_ledger_knows_already_stays() {
    let desk = Desk::all();
    let (chat, engine) = (at("42").address, PreferenceKey::Engine);
    desk.ledger.prefer(&chat, engine, None, Some("pi")).await.unwrap();
    desk.ledger.renew(&at("43")).await.unwrap();
    desk.import().await;
    let set = desk.facts(at("42"), None).await.preferences;
    assert!(set.iter().any(|row| row.key == engine && row.value == "pi"), "{set:?}");
    assert_eq!(desk.goes_on(at("43")).await, [], "a new conversation was begun there");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_holds_back_no_other_and_is_tried_again() {
    let newer = r#"{"version": 2, "chats": {}}"#;
    let desk =
        Desk::new(&[("telegram_chat_prefs_state.json", newer), ("telegram_topics_state.json", TOPICS)]);
    fs::create_dir(desk.dir.path().join("telegram_chat_sessions_state.json")).unwrap();
    desk.import().await;
    assert_eq!(desk.goes_on(at("-9/7")).await.len(), 1);
    desk.write("telegram_chat_prefs_state.json", PREFERENCES);
    desk.import().await;
    assert_eq!(desk.facts(at("42"), None).await.preferences.len(), 4);
}
