//! Voice notes said to a bot: what was said becomes a prompt, or its sender is told why not.

use rustix::process::Signal;
use takopi_fake::speech::SpeechServer;
use takopi_fake::telegram::{Attachment, Say, TOKEN, TelegramServer};

use crate::agents::Agents;
use crate::house::Daemon;
use crate::telegram::{ADA, said, server};
use crate::wait::wait_for;

/// Returns what `takopi.toml` says when `speech` hears the voice notes.
fn config(server: &TelegramServer, speech: &SpeechServer, voice: &str) -> String {
    format!(
        "transport = ['telegram', 'local']\ndefault_engine = 'codex'\n\
         [transports.telegram]\nbot_token = '{TOKEN}'\nchat_id = {ADA}\napi_url = '{}'\n\
         voice_transcription_base_url = '{}'\nvoice_transcription_api_key = 'sk-voice-key'\n{voice}",
        server.url(),
        speech.base_url()
    )
}

fn say_aloud(server: &TelegramServer, words: &str, caption: &str) {
    server.send(Say::new(ADA, ADA, caption).with(Attachment::voice(words.as_bytes())));
}

#[test]
fn telegram_a_voice_note_becomes_a_prompt_in_its_place() {
    let (server, speech) = (server(), SpeechServer::start().unwrap());
    let agents = Agents::with(&["codex"], &config(&server, &speech, "voice_transcription = true"));
    let daemon = Daemon::start(&agents.home);
    say_aloud(&server, "hold fix the tests", "");
    server.say(ADA, ADA, "and then the docs");
    wait_for("a request to transcribe", || (!speech.asked().is_empty()).then_some(()));
    assert!(agents.log("turn").is_empty(), "what was written later waits for what was said");
    speech.release();
    said(&server, "ok: (voice transcribed) fix the tests");
    said(&server, "ok: and then the docs");
    let [asked] = &speech.asked()[..] else { panic!("{:?}", speech.asked()) };
    assert_eq!(asked.authorization.as_deref(), Some("Bearer sk-voice-key"));
    assert_eq!((asked.model.as_str(), asked.file.as_str()), ("gpt-4o-mini-transcribe", "voice.ogg"));
    let doctor = agents.home.run(&["doctor"]).stdout;
    assert!(doctor.contains("voice notes are transcribed by gpt-4o-mini-transcribe"), "{doctor}");
    daemon.stop();
}

#[test]
fn telegram_a_voice_note_that_is_not_heard_is_answered_with_why() {
    let (server, speech) = (server(), SpeechServer::start().unwrap());
    let voice = "voice_transcription = true\nvoice_max_bytes = 20";
    let agents = Agents::with(&["codex"], &config(&server, &speech, voice));
    let daemon = Daemon::start(&agents.home);
    say_aloud(&server, "far more than twenty bytes of speech", "");
    said(&server, "voice message is too large to transcribe.");
    say_aloud(&server, "status:401 bad key", "");
    said(&server, "bad key");
    assert_eq!((speech.asked().len(), agents.log("turn").len()), (1, 0));
    daemon.stop();
}

#[test]
fn telegram_voice_is_switched_on_and_off_by_the_config_without_a_restart() {
    let (server, speech) = (server(), SpeechServer::start().unwrap());
    let agents = Agents::with(&["codex"], &config(&server, &speech, ""));
    let mut daemon = Daemon::start(&agents.home);
    say_aloud(&server, "one", "");
    said(&server, "voice_transcription = true");
    agents.home.configure(&config(&server, &speech, "voice_transcription = true"));
    daemon.signal(Signal::HUP);
    daemon.tells("READY=1");
    say_aloud(&server, "two", "");
    said(&server, "ok: (voice transcribed) two");
    agents.home.configure(&config(&server, &speech, ""));
    daemon.signal(Signal::HUP);
    daemon.tells("READY=1");
    say_aloud(&server, "three", "");
    server.wait_in(ADA, "voice is off again", |shown| {
        let told =
            shown.iter().filter(|shown| shown.text.contains("voice transcription is disabled")).count();
        (told == 2).then_some(())
    });
    daemon.stop();
}
