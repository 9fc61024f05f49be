//! Tables as people write them, and what they come to.

use std::path::Path;
use std::time::Duration;

use takopi_core::id::{InstanceId, TransportKind};
use takopi_core::port::transport::AutoPut;
use takopi_core::settings::{ConfigFile, Input, Known, Reading, Settings, load};

use super::*;

fn settings(table: &str) -> Settings {
    let text = format!("[transports.telegram]\n{table}");
    let file = ConfigFile { path: "/home/takopi.toml".into(), named: true, content: Ok(text.into_bytes()) };
    let input = Input { file: &file, environment: &[], overrides: &[], home: Some(Path::new("/home")) };
    let kind = TransportKind::parse("telegram").unwrap();
    let known = Known { transports: vec![kind], ..Known::default() };
    load(&input, &known).unwrap().settings
}

fn read(table: &str) -> Reading<TelegramConfig> {
    settings(table).transport(&InstanceId::parse("telegram").unwrap())
}

fn told(table: &str) -> Vec<String> {
    read(table).diagnostics.iter().map(ToString::to_string).collect()
}

const LEAST: &str = "bot_token = '1:AA'\nchat_id = 7\n";

#[test]
fn the_least_table_has_the_documented_defaults() {
    let (config, warnings) = read(LEAST).usable().unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(config.token().unwrap().reveal(), "1:AA");
    assert_eq!((config.chat_id, config.api_url.as_str()), (Some(7), "https://api.telegram.org"));
    assert_eq!((config.message_overflow, config.session_mode), (Overflow::Trim, SessionMode::Stateless));
    assert_eq!(config.forward_coalesce, Duration::from_millis(150));
    assert_eq!(config.backlog_max_age, Duration::from_secs(3600));
    assert_eq!(config.media_group_debounce, Duration::from_secs(1));
    assert!(config.show_resume_line && config.allowed_user_ids.is_empty() && !config.topics.enabled);
    assert_eq!((config.voice.max_bytes, config.voice.model.as_str()), (10_485_760, "gpt-4o-mini-transcribe"));
    assert!(config.files.policy().is_none(), "files are switched off");
    assert_eq!(config.files.uploads_dir.unwrap().as_str(), "incoming");
    assert_eq!(config.files.deny.unwrap().denies("deep/.env"), Some(".env"));
}

#[test]
fn a_table_of_the_python_takopi_loads_with_every_key() {
    let table = "\
        bot_token = ' 1:AA '\nchat_id = '-100'\nallowed_user_ids = [1, 2]\nmessage_overflow = 'split'\n\
        session_mode = 'chat'\nshow_resume_line = false\nforward_coalesce_s = 0\nmedia_group_debounce_s = 0.5\n\
        voice_transcription = true\nvoice_max_bytes = 5\nvoice_transcription_model = 'm'\n\
        voice_transcription_base_url = 'http://127.0.0.1/v1'\nvoice_transcription_api_key = 'k'\n\
        [transports.telegram.topics]\nenabled = true\nscope = 'all'\n\
        [transports.telegram.files]\nenabled = true\nauto_put = false\nauto_put_mode = 'prompt'\n\
        uploads_dir = 'in'\nallowed_user_ids = [3]\ndeny_globs = ['x']\n";
    let (config, warnings) = read(table).usable().unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!((config.chat_id, config.token().unwrap().reveal()), (Some(-100), "1:AA"));
    assert_eq!((config.session_mode, config.topics.scope), (SessionMode::Chat, TopicScope::All));
    assert_eq!(config.forward_coalesce, Duration::ZERO);
    let files = config.files.policy().unwrap();
    assert_eq!((files.auto_put, files.uploads.as_str()), (AutoPut::Off, "in"));
    assert_eq!((files.people, files.rules.deny.denies("a/x")), (vec!["3".to_owned()], Some("x")));
}

#[test]
fn the_old_name_of_the_topics_scope_is_read_and_told() {
    let reading = read(&format!("{LEAST}topics = {{ mode = 'per_project_chat' }}"));
    assert_eq!(reading.value.topics.scope, TopicScope::Projects);
    assert!(
        told(&format!("{LEAST}topics = {{ mode = 'per_project_chat' }}"))[0].contains("write scope instead")
    );
}

#[test]
fn what_is_missing_or_misspelt_is_told_with_the_remedy_and_without_the_secret() {
    let missing = told("").join("\n");
    assert!(missing.contains("bot_token: it is missing; write the token @BotFather gave you"), "{missing}");
    assert!(missing.contains("chat_id: it is missing"), "{missing}");
    let misspelt = told(&format!("{LEAST}alowed_user_ids = [1]"));
    assert!(misspelt[0].contains("did you mean allowed_user_ids?"), "{misspelt:?}");
    let wrong = told("bot_token = 'hunter2/x'\nchat_id = 7\napi_url = 'nowhere'").join("\n");
    assert!(wrong.contains("bot_token: this is no bot token") && !wrong.contains("hunter2"), "{wrong}");
    assert!(wrong.contains("api_url: this is no address"), "{wrong}");
    assert!(!format!("{:?}", read(LEAST)).contains("1:AA"));
}

#[test]
fn a_token_can_lie_in_a_file_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    std::fs::write(&path, "1:BB\n").unwrap();
    let table = |path: &Path| format!("bot_token_file = '{}'\nchat_id = 7", path.display());
    let (config, _) = read(&table(&path)).usable().unwrap();
    assert_eq!(config.token().unwrap().reveal(), "1:BB");
    let nowhere = dir.path().join("none");
    let (config, _) = read(&table(&nowhere)).usable().unwrap();
    assert!(config.token().unwrap_err().to_string().contains("none cannot be read"));
}

#[test]
fn a_group_that_anybody_may_command_is_noticed() {
    let open = |table: &str, chats: &[i64]| read(table).value.is_open_to_a_group(chats);
    assert!(open("bot_token = '1:A'\nchat_id = -100", &[]) && open(LEAST, &[-5]));
    assert!(!open(LEAST, &[]) && !open("bot_token = '1:A'\nchat_id = -100\nallowed_user_ids = [1]", &[]));
}

#[test]
fn what_files_may_not_be_is_told_by_key() {
    let wrong = told(&format!("{LEAST}files = {{ uploads_dir = '../out', deny_globs = ['['] }}")).join("\n");
    assert!(wrong.contains("uploads_dir: this leads out of the project"), "{wrong}");
    assert!(wrong.contains("deny_globs: `[` is no pattern for files"), "{wrong}");
    let switched = |table: &str| {
        read(&format!("{LEAST}files = {{ {table} }}")).value.files.policy().map(|it| it.auto_put)
    };
    assert_eq!(switched("enabled = true"), Some(AutoPut::Store));
    assert_eq!(switched("enabled = true, auto_put_mode = 'prompt'"), Some(AutoPut::Prompt));
}
