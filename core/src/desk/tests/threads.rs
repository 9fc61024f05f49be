//! Chats whose conversations take place in threads of their own: what a thread has of its chat, when it is for the
//! bot, what its transport is told of it, and the branch it may get.

use super::*;
use crate::message::Address;
use crate::port::ledger::PreferenceKey;
use crate::port::transport::{PlaceSetting, Rate, TransportSpec, Trigger};
use crate::session::Context;
use crate::testing::transport::Habits;

fn service(habits: Habits) -> FakeTransport {
    let threads = |spec: &mut TransportSpec| {
        (spec.features.threads, spec.features.conversations) = (true, true);
    };
    FakeTransport::new().with_topics().with_spec(threads).used_so(habits)
}

async fn threaded(habits: Habits) -> Stage {
    open(service(habits), Arc::default()).await
}

async fn open(service: FakeTransport, ledger: Arc<MemoryLedger>) -> Stage {
    let workspace = FakeWorkspace::at("/default").with("p", "/p").with("q", "/q");
    let stage = Stage::placed(service, ledger, workspace, SerializeBy::Session);
    stage.serve().await;
    stage.desk.recover().await.unwrap();
    stage
}

impl Stage {
    async fn begins(&self, thread: &str, text: &str) {
        self.hand_in(self.service.message_in("a", thread, thread, text)).await;
    }

    async fn set(&self, key: PreferenceKey, engine: Option<&str>, value: &str) {
        let engine = engine.map(|id| EngineId::parse(id).unwrap());
        self.ledger.prefer(&self.service.address("a"), key, engine.as_ref(), Some(value)).await.unwrap();
    }

    async fn done(&self, count: usize) {
        let is_final = |seen: &&Seen| seen.body.text == "ok";
        self.service.wait_for("a", |seen| seen.iter().filter(is_final).count() == count).await;
    }

    /// Returns where a prompt was worked on.
    fn worked_on(&self, prompt: &str) -> (Option<String>, Option<String>) {
        let job = self.engine.jobs().into_iter().find(|job| job.prompt.contains(prompt)).unwrap();
        let Context { project, branch } = job.context;
        (project, branch)
    }
}

fn on(project: &str, branch: Option<&str>) -> (Option<String>, Option<String>) {
    (Some(project.to_owned()), branch.map(str::to_owned))
}

#[tokio::test(start_paused = true)]
async fn a_thread_has_the_project_the_engine_and_the_model_of_its_chat_until_it_has_its_own() {
    let stage = threaded(Habits::default()).await;
    stage.begins("5", "nowhere").await;
    stage.done(1).await;
    assert_eq!(stage.worked_on("nowhere"), (None, None), "a chat without a project works all the same");
    stage.set(PreferenceKey::Context, None, "p @dev").await;
    stage.set(PreferenceKey::Engine, None, "beta").await;
    stage.set(PreferenceKey::Model, Some("beta"), "m-1").await;
    stage.begins("6", "session:s6 as the chat").await;
    stage.done(2).await;
    assert_eq!(stage.worked_on("as the chat"), on("p", Some("dev")));
    let job = stage.engine.jobs().pop().unwrap();
    assert_eq!(job.options.model.as_deref(), Some("m-1"));
    stage.hand_in(stage.service.message_in("a", "6", "61", "goes on")).await;
    stage.begins("7", "/q its own").await;
    stage.done(4).await;
    let job = stage.engine.jobs().into_iter().find(|job| job.prompt == "goes on").unwrap();
    assert_eq!(job.session.unwrap().to_string(), "s6");
    assert_eq!(stage.worked_on("its own"), on("q", None));
    stage.hand_in(stage.service.message_in("a", "7", "71", "stays there")).await;
    stage.done(5).await;
    assert_eq!(stage.worked_on("stays there"), on("q", None));
}

#[tokio::test(start_paused = true)]
async fn a_thread_where_nothing_is_to_go_on_by_itself_goes_on_by_reply_alone() {
    let lone = service(Habits::default()).with_spec(|spec| spec.features.conversations = false);
    let stage = open(lone, Arc::default()).await;
    stage.begins("5", "one session:s1").await;
    stage.done(1).await;
    stage.hand_in(stage.service.message_in("a", "5", "51", "two")).await;
    stage.done(2).await;
    let seen = stage.service.seen("a");
    let first = seen.iter().find(|seen| seen.body.text == "ok").unwrap();
    let meant = stage.service.message_in("a", "5", "52", "three");
    let Message { reply_to, .. } = stage.service.reply("a", "52", "three", &first.id.to_string());
    stage.hand_in(Message { reply_to, ..meant }).await;
    stage.done(3).await;
    let sessions = stage.engine.jobs().into_iter().map(|job| job.session.map(|session| session.to_string()));
    assert_eq!(sessions.collect::<Vec<_>>(), [None, None, Some("s1".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_thread_that_was_begun_with_an_engine_goes_on_with_it_from_its_first_moment() {
    let stage = threaded(Habits::default()).await;
    stage.begins("5", "/beta one gate:x session:b1").await;
    stage.engine.wait_running(&["one gate:x session:b1"]).await;
    stage.hand_in(stage.service.message_in("a", "5", "51", "two")).await;
    stage.engine.open_gate("x");
    stage.done(2).await;
    stage.hand_in(stage.service.message_in("a", "5", "52", "/alpha three session:a1")).await;
    stage.done(3).await;
    stage.hand_in(stage.service.message_in("a", "5", "53", "four")).await;
    stage.done(4).await;
    stage.hand_in(stage.service.message_in("a", "5", "54", "/probe new")).await;
    stage.service.wait_for("a", |seen| texts(seen).contains(&"stopped 0")).await;
    stage.hand_in(stage.service.message_in("a", "5", "55", "five")).await;
    stage.begins("6", "six").await;
    stage.done(6).await;
    let sessions = stage.engine.jobs().into_iter().map(|job| {
        let prompt = job.prompt.split_whitespace().next().unwrap().to_owned();
        (prompt, job.session.map(|session| session.to_string()))
    });
    let continued = |prompt: &str, session: Option<&str>| (prompt.to_owned(), session.map(str::to_owned));
    assert_eq!(
        sessions.collect::<Vec<_>>()[..4],
        [
            continued("one", None),
            continued("two", Some("b1")),
            continued("three", None),
            continued("four", Some("a1"))
        ]
    );
    let headers =
        stage.service.seen("a").into_iter().filter_map(|seen| Some((seen.reply_to?, seen.body.header?)));
    let by = |upstream: &str, headers: &[(String, String)]| {
        let (_, header) = headers.iter().find(|(of, _)| of == upstream).unwrap();
        header.split(" · ").nth(1).unwrap().to_owned()
    };
    let headers: Vec<_> = headers.collect();
    let engines = ["5", "51", "52", "53", "55", "6"].map(|upstream| by(upstream, &headers));
    assert_eq!(engines, ["beta", "beta", "alpha", "alpha", "alpha", "alpha"]);
}

#[tokio::test(start_paused = true)]
async fn where_the_bot_is_involved_it_hears_what_is_said_in_its_own_threads() {
    let habits = Habits { usual: Trigger::Involved, part_of: Some("5".to_owned()), ..Habits::default() };
    let stage = threaded(habits).await;
    stage.begins("6", "to somebody else").await;
    stage.begins("5", "to the bot").await;
    stage.done(1).await;
    stage.set(PreferenceKey::Trigger, None, "all").await;
    stage.begins("7", "to anybody").await;
    stage.done(2).await;
    stage.set(PreferenceKey::Trigger, None, "mentions").await;
    stage.hand_in(stage.service.message_in("a", "5", "51", "not to the bot")).await;
    stage.hand_in(stage.service.message_in("a", "5", "52", "/alpha but this")).await;
    stage.done(3).await;
    let prompts: Vec<String> = stage.engine.jobs().into_iter().map(|job| job.prompt).collect();
    assert_eq!(prompts, ["to the bot", "to anybody", "but this"]);
}

#[tokio::test(start_paused = true)]
async fn a_transport_learns_what_is_set_for_its_places_when_it_is_served_and_after_every_change() {
    let ledger = Arc::new(MemoryLedger::new());
    let (service, chat) = (service(Habits::default()), service(Habits::default()).address("a"));
    ledger.prefer(&chat, PreferenceKey::Trigger, None, Some("mentions")).await.unwrap();
    ledger.prefer(&chat, PreferenceKey::Engine, None, Some("beta")).await.unwrap();
    let elsewhere = Address { instance: crate::id::InstanceId::parse("other").unwrap(), ..chat.clone() };
    ledger.prefer(&elsewhere, PreferenceKey::Context, None, Some("p")).await.unwrap();
    let stage = open(service, ledger).await;
    let place = |address: &Address, trigger, bound| PlaceSetting { address: address.clone(), trigger, bound };
    let of_chat = place(&chat, Some(Trigger::Mentions), false);
    assert_eq!(stage.service.places(), std::slice::from_ref(&of_chat));
    stage.begins("5", "/p one").await;
    stage.done(1).await;
    let thread = stage.service.thread("a", "5");
    assert_eq!(stage.service.places(), [of_chat, place(&thread, None, true)]);
    stage.say("a", "2", "/probe settle q").await;
    stage.service.wait_for("a", |_| stage.service.places().iter().all(|place| place.bound)).await;
    assert_eq!(stage.service.places()[0], place(&chat, Some(Trigger::Involved), true));
}

#[tokio::test(start_paused = true)]
async fn a_new_thread_of_a_chat_with_a_project_gets_a_branch_of_its_own_and_keeps_it() {
    let stage = threaded(Habits { branches: true, ..Habits::default() }).await;
    stage.begins("4", "no project here").await;
    stage.done(1).await;
    stage.set(PreferenceKey::Context, None, "p").await;
    stage.begins("5", "Fix the login, please! It's odd").await;
    stage.hand_in(stage.service.message_in("a", "5", "51", "and then this")).await;
    stage.begins("6", "@mine on a branch that was said").await;
    stage.begins("7", "/q /alpha ¿?").await;
    stage.done(5).await;
    assert_eq!(stage.worked_on("no project"), (None, None));
    let (project, branch) = stage.worked_on("Fix the login");
    let branch = branch.unwrap();
    assert_eq!(project.as_deref(), Some("p"));
    let mark = branch.strip_prefix("takopi/fix-the-login-please-").unwrap();
    assert!(mark.len() == 6 && mark.bytes().all(|byte| byte.is_ascii_hexdigit()), "{branch}");
    assert_eq!(stage.worked_on("and then this"), on("p", Some(&branch)));
    assert_eq!(stage.worked_on("that was said"), on("p", Some("mine")));
    assert!(stage.worked_on("¿?").1.unwrap().starts_with("takopi/thread-"));
    let named: Vec<String> =
        stage.service.calls().into_iter().filter(|call| call.starts_with("name ")).collect();
    assert_eq!(named, ["name P @mine"], "a branch that was made up names nothing");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_waits_in_a_thread_is_amended_and_taken_back() {
    let stage = threaded(Habits::default()).await;
    stage.begins("5", "session:s1 gate:x one").await;
    stage.engine.wait_running(&["session:s1 gate:x one"]).await;
    stage.hand_in(stage.service.message_in("a", "5", "51", "two")).await;
    stage.hand_in(stage.service.message_in("a", "5", "52", "three")).await;
    let waiting = |seen: &[Seen]| seen.len() == 3;
    stage.service.wait_for("a", waiting).await;
    let edited = Message { upstream: "e".to_owned(), ..stage.service.message_in("a", "5", "51", "two anew") };
    stage.service.hand_in(Inbound::Edited(edited.clone())).await.unwrap();
    let message = crate::message::MessageRef { id: "52".to_owned(), ..edited.message };
    stage.service.hand_in(Inbound::Deleted { upstream: "d".to_owned(), message }).await.unwrap();
    let cancelled = |seen: &[Seen]| {
        let header = |seen: &Seen| seen.body.header.clone().unwrap_or_default();
        seen.iter().any(|seen| header(seen).contains("cancelled"))
    };
    stage.service.wait_for("a", cancelled).await;
    stage.engine.open_gate("x");
    stage.done(2).await;
    let prompts: Vec<String> = stage.engine.jobs().into_iter().map(|job| job.prompt).collect();
    assert_eq!(prompts, ["session:s1 gate:x one", "two anew"]);
}

#[tokio::test(start_paused = true)]
async fn a_final_names_who_asked_and_nothing_else_does() {
    let stage = threaded(Habits::default()).await;
    stage.begins("5", "gate:x one").await;
    let seen = stage.service.wait_for("a", |seen| seen.len() == 1).await;
    assert_eq!((seen[0].notified, seen[0].asked_by.as_deref()), (false, None), "that is progress");
    stage.engine.open_gate("x");
    let seen = stage.service.wait_for("a", |seen| texts(seen) == ["ok"]).await;
    assert_eq!((seen[0].notified, seen[0].asked_by.as_deref()), (true, Some("1")));
    assert_eq!(seen[0].reply_to.as_deref(), Some("5"));
    stage.hand_in(stage.service.message_in("a", "5", "51", "/probe")).await;
    let seen = stage.service.wait_for("a", |seen| seen.len() == 2).await;
    assert_eq!(seen[1].asked_by, None);
}

#[tokio::test(start_paused = true)]
async fn a_thread_that_the_service_counts_by_itself_waits_for_no_other() {
    let few = Rate { calls: 2, per: Duration::from_secs(3600), bursts: false };
    let habits = Habits { counts_threads: true, ..Habits::default() };
    let service = service(habits).with_spec(|spec| spec.limits.chat = Some(few));
    let stage = open(service, Arc::default()).await;
    let begun = tokio::time::Instant::now();
    for thread in ["5", "6", "7"] {
        stage.begins(thread, "one").await;
    }
    stage.done(3).await;
    assert!(begun.elapsed() < few.per, "{:?}", begun.elapsed());
}
