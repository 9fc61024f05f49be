//! What a plugin's command asks takopi for: runs, values, how a text would be read; and what it is refused.

use std::sync::Arc;

use takopi_core::port::command::{RunMode, RunRequest};
use takopi_core::testing::command::{Deed, FakeHost};
use takopi_plugin_host::manifest::Permission;

use super::script::Script;
use super::{house, text};

const ALL: [Permission; 4] =
    [Permission::RunEngine, Permission::SendMessage, Permission::Store, Permission::Background];

/// Asks what the call's text says, `METHOD MORE`, and answers with what takopi said.
const ASK: &str = r#"
    what=${line#*'"args_text":"'}
    what=${what%%'","config"'*}
    what=$(printf '%s' "$what" | sed 's/\\\(.\)/\1/g')
    ask "${what%% *}" "${what#* }"
    answer "$(quoted "$got")"
"#;

/// Asks each of these and returns what was said, one below the other.
async fn talk(permissions: &[Permission], host: FakeHost, asked: &[(&str, &str)]) -> (String, Vec<Deed>) {
    let (script, host) = (Script::new(permissions, ASK), Arc::new(host));
    let mut told = Vec::new();
    for (method, more) in asked {
        let got = text(script.call_in(&format!("{method} {more}"), &host).await);
        told.push(format!("> {method} {more}\n{}", got.replace(r#"{"jsonrpc":"2.0","id":"q","#, "")));
    }
    (told.join("\n"), host.deeds())
}

const EVERYTHING: [(&str, &str); 8] = [
    ("host/send", r#","body":{"text":"hello"}"#),
    ("host/run", r#","prompt":"fix it""#),
    ("host/run_many", r#","requests":[]"#),
    ("host/engines", ""),
    ("host/resolve", r#","text":"/claude /api @main fix it""#),
    ("host/get", r#","key":"unit""#),
    ("host/put", r#","key":"unit","value":"C""#),
    ("host/get", r#","key":"unit""#),
];

#[tokio::test]
async fn everything_that_is_permitted_is_done() {
    let (told, deeds) = talk(&ALL, house(), &EVERYTHING).await;
    let deeds: Vec<String> = deeds.iter().map(|deed| format!("{deed:?}")).collect();
    insta::assert_snapshot!(format!("{told}\n\n{}", deeds.join("\n")));
}

#[tokio::test]
async fn without_a_permission_it_is_said_which_and_where_to_add_it() {
    let (told, deeds) = talk(&[], house(), &EVERYTHING).await;
    assert_eq!(deeds, []);
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_with_its_limit() {
    let long = format!(r#","key":"{}""#, "k".repeat(129));
    let asked = [
        ("host/run", r#","prompt":" ""#),
        ("host/run", r#","prompt":"x","engine":"No Engine""#),
        ("host/run", r#","prompt":"x","engine":"gemini""#),
        ("host/resolve", r#","text":"/codex /claude x""#),
        ("host/get", r#","key":"""#),
        ("host/send", r#","body":{}"#),
        ("host/send", ""),
        ("host/unheard_of", ""),
        ("host/get", long.as_str()),
    ];
    let (told, _) = talk(&ALL, house(), &asked).await;
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn too_many_runs_and_too_large_a_value_are_refused() {
    let script = Script::new(
        &ALL,
        r#"many='{"prompt":"x"}'
           for _ in 1 2 3 4 5 6; do many=$many,$many; done
           ask host/run_many ",\"requests\":[{\"prompt\":\"x\"},$many]"; one=$got
           ask host/put ",\"key\":\"k\",\"value\":\"$(printf '%65537s' v)\""
           answer "$(quoted "$one $got")""#,
    );
    let host = Arc::new(house());
    let told = text(script.call_in("", &host).await);
    assert!(told.contains("65 requests at once; 64 at most"), "{told}");
    assert!(told.contains("the value has 65537 bytes; 65536 at most, more goes into files"), "{told}");
    assert_eq!(host.deeds(), []);
}

#[tokio::test]
async fn of_several_runs_the_answers_come_in_the_order_they_were_asked_for() {
    let requests = r#","requests":[{"prompt":"one","mode":"emit"},{"prompt":"two","engine":"gemini"},
        {"prompt":"three","engine":"claude","session":"s1","place":{"project":"API"}},{"prompt":""}]"#;
    let requests = requests.replace("\n        ", "");
    for parallel in ["true", "false"] {
        let asked = format!(r#"{requests},"parallel":{parallel}"#);
        let (told, deeds) = talk(&ALL, house(), &[("host/run_many", &asked)]).await;
        let answer = told.lines().nth(1).unwrap().replace("},{", "},\n{");
        insta::allow_duplicates! { insta::assert_snapshot!("run_many", answer); }
        let ran = |deed: &Deed| match deed {
            Deed::Ran(RunRequest { prompt, .. }, mode) => Some((prompt.clone(), *mode)),
            _ => None,
        };
        let ran: Vec<_> = deeds.iter().filter_map(ran).collect();
        let prompts: Vec<&str> = ran.iter().map(|(prompt, _)| prompt.as_str()).collect();
        assert_eq!((prompts, ran[0].1), (vec!["one", "two", "three"], RunMode::Emit));
    }
}

/// Keeps the context of its first call and uses it in the second; the third gives it back before.
const LATER: &str = r#"
    case $line in
        *'"args_text":"first"'*) kept=$ctx; answer kept ;;
        *'"args_text":"released"'*) say "{\"method\":\"context/release\",\"params\":{\"context\":\"$kept\"}}" ;;
    esac
    case $line in *'"args_text":"first"'*) ;; *)
        own=$ctx; ctx=$kept
        ask host/send ",\"body\":{\"text\":\"later\"}"
        ctx=$own; answer "$(quoted "$got")"
    esac
"#;

#[tokio::test]
async fn a_context_ends_with_its_call_unless_the_plugin_works_in_the_background() {
    let mut told = String::new();
    for permissions in [&[Permission::SendMessage][..], &ALL] {
        let script = Script::new(permissions, LATER);
        let (first, other) = (Arc::new(house()), Arc::new(house()));
        text(script.call_in("first", &first).await);
        for word in ["second", "released"] {
            let got = text(script.call_in(word, &other).await);
            told += &got.replace(r#"{"jsonrpc":"2.0","id":"q","#, "");
            told.push('\n');
        }
        let is_background = permissions.contains(&Permission::Background);
        assert_eq!((first.deeds().len(), other.deeds().len()), (usize::from(is_background), 0));
    }
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn a_made_up_context_is_of_nobody() {
    let script = Script::new(
        &ALL,
        r#"ctx=0123456789abcdef0123456789abcdef
           ask host/send ",\"body\":{\"text\":\"hello\"}"
           answer "$(quoted "$got")""#,
    );
    let host = Arc::new(house());
    let told = text(script.call_in("", &host).await);
    assert!(told.contains("-32011") && told.contains("of no call"), "{told}");
    assert_eq!(host.deeds(), []);
}
