//! How a plugin's command ends other than by its answer: taken back, crashed, never there.

use std::sync::Arc;

use serde_json::json;
use takopi_core::port::command::{Call, Command as _, CommandSettings};
use takopi_core::testing::command::{Deed, FakeHost};
use takopi_plugin_host::manifest::Permission;
use tokio_util::sync::CancellationToken;

use super::script::{Script, id};
use super::{error, house, text};

/// Waits until the house has seen so many deeds.
async fn deeds(host: &FakeHost, count: usize) -> Vec<Deed> {
    loop {
        let deeds = host.deeds();
        if deeds.len() >= count {
            return deeds;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_call_that_is_taken_back_is_cancelled_with_the_run_it_waits_for() {
    let script = Script::new(
        &[Permission::RunEngine],
        r#"waiting=$id
           on_other() {
               case $line in *'$/cancel_request'*)
                   say "{\"id\":$waiting,\"error\":{\"code\":-32800,\"message\":\"cancelled\"}}" ;;
               esac
           }
           say "{\"id\":\"q\",\"method\":\"host/run\",\"params\":{\"context\":\"$ctx\",\"prompt\":\"hang\"}}""#,
    );
    let (host, stop) = (Arc::new(house()), CancellationToken::new());
    let call = script.command.call(FakeHost::call(&id("poll"), ""), host.clone(), stop.clone());
    let (answer, ()) = tokio::join!(call, async {
        deeds(&host, 1).await;
        stop.cancel();
    });
    assert_eq!(error(answer), "it was stopped");
    assert_eq!(deeds(&host, 2).await[1], Deed::Left("hang".to_owned()));
}

#[tokio::test]
async fn a_plugin_takes_back_its_own_run() {
    let script = Script::new(
        &[Permission::RunEngine],
        r#"say "{\"id\":\"q\",\"method\":\"host/run\",\"params\":{\"context\":\"$ctx\",\"prompt\":\"hang\"}}"
           say '{"method":"$/cancel_request","params":{"id":"q"}}'
           read -r got
           answer "$(quoted "$got")""#,
    );
    let host = Arc::new(house());
    let told = text(script.call_in("", &host).await);
    assert!(told.contains("-32800"), "{told}");
    // The cancel may come before the run has begun.
    let left = |deed: &Deed| matches!(deed, Deed::Ran(..) | Deed::Left(_));
    assert!(host.deeds().iter().all(left) && host.deeds().len() != 1, "{:?}", host.deeds());
}

#[tokio::test]
async fn a_crash_is_told_with_the_exit_status_and_the_last_words_and_the_next_call_starts_anew() {
    let script = Script::new(
        &[],
        r#"case $line in *'"args_text":"crash"'*)
               for word in one two three "the key is s3cr3t-key"; do echo "$word" >&2; done
               exit 3 ;;
           esac
           answer fine"#,
    );
    for _ in 0..2 {
        let settings = json!({"api_key": "s3cr3t-key"});
        let settings = CommandSettings(settings.as_object().unwrap().clone());
        let call = Call { settings, ..FakeHost::call(&id("poll"), "crash") };
        let told = error(script.command.call(call, Arc::new(house()), CancellationToken::new()).await);
        assert_eq!(
            told,
            "the plugin takopi-poll ended unexpectedly (exit status 3): two / three / the key is •••"
        );
        assert_eq!(text(script.call("", house()).await), "fine");
    }
}

#[tokio::test]
async fn a_crash_takes_the_runs_of_its_calls_along() {
    let script = Script::new(
        &[Permission::RunEngine],
        r#"say "{\"id\":\"q\",\"method\":\"host/run\",\"params\":{\"context\":\"$ctx\",\"prompt\":\"hang\"}}"
           ask host/engines ""
           exit 1"#,
    );
    let host = Arc::new(house());
    let told = error(script.call_in("", &host).await);
    assert_eq!(told, "the plugin takopi-poll ended unexpectedly (exit status 1)");
    // The engines may be told before the run has begun, and then it never does.
    let seen = host.deeds();
    if !seen.is_empty() {
        assert_eq!(deeds(&host, 2).await[1], Deed::Left("hang".to_owned()));
    }
}
