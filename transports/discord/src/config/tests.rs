//! Tables as people write them, and what they come to.

use std::path::Path;
use std::time::Duration;

use takopi_core::id::{InstanceId, TransportKind};
use takopi_core::port::transport::AutoPut;
use takopi_core::settings::{ConfigFile, Input, Known, Reading, load};

use super::*;

fn read_with(table: &str, environment: &[(String, String)]) -> Reading<DiscordConfig> {
    let text = format!("[transports.discord]\n{table}");
    let file = ConfigFile { path: "/home/takopi.toml".into(), named: true, content: Ok(text.into_bytes()) };
    let input = Input { file: &file, environment, overrides: &[], home: Some(Path::new("/home")) };
    let kind = TransportKind::parse("discord").unwrap();
    let known = Known { transports: vec![kind], ..Known::default() };
    load(&input, &known).unwrap().settings.transport(&InstanceId::parse("discord").unwrap())
}

fn read(table: &str) -> Reading<DiscordConfig> {
    read_with(table, &[])
}

fn told(table: &str) -> String {
    read(table).diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

const LEAST: &str = "bot_token = 'MT.x-y_z'\n";

#[test]
fn the_least_table_has_the_documented_defaults() {
    let (config, warnings) = read(LEAST).usable().unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(
        (config.token().unwrap().reveal(), config.api_url.as_str()),
        ("MT.x-y_z", "https://discord.com")
    );
    assert_eq!((config.trigger, config.message_overflow), (Trigger::Involved, Overflow::Split));
    assert_eq!((config.max_parts, config.notify), (5, Notify::Final));
    assert!(config.conversations && config.show_resume_line && config.catch_up && config.typing);
    assert!(!config.auto_worktree && config.access == AccessConfig::default());
    assert_eq!(config.media_group_debounce, Duration::from_millis(750));
    assert_eq!(config.backlog_max_age, Duration::from_secs(3600));
    assert!(config.files.policy().is_none() && !config.voice.enabled);
    assert_eq!((config.voice.max_bytes, config.voice.model.as_str()), (10_485_760, "gpt-4o-mini-transcribe"));
}

#[test]
fn a_table_of_the_python_plugin_loads_with_every_key() {
    let table = "\
        bot_token = ' MT.a '\nguild_id = 1234567890123456789\nmessage_overflow = 'trim'\nsession_mode = 'chat'\n\
        show_resume_line = false\ntrigger_mode_default = 'all'\nallowed_user_ids = [1, '2']\n\
        allowed_bot_user_ids = [3]\nmedia_group_debounce_s = 0.5\n\
        [transports.discord.files]\nenabled = true\nauto_put = true\nauto_put_mode = 'prompt'\n\
        uploads_dir = 'in'\nmax_upload_bytes = 5\nmax_download_bytes = 6\ndeny_globs = ['x']\n\
        allowed_user_ids = [4]\n\
        [transports.discord.voice_messages]\nenabled = false\nmax_bytes = 7\nwhisper_model = 'base'\n\
        voice_transcription_base_url = 'http://127.0.0.1/v1'\nvoice_transcription_api_key = 'k'\n";
    let (config, warnings) = read(table).usable().unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let access = &config.access;
    assert_eq!(
        (access.guilds.as_slice(), access.users.as_slice()),
        (&[1_234_567_890_123_456_789][..], &[1, 2][..])
    );
    assert_eq!((access.bots.as_slice(), config.trigger), (&[3][..], Trigger::All));
    assert_eq!((config.message_overflow, config.conversations), (Overflow::Trim, true));
    let files = config.files.policy().unwrap();
    assert_eq!((files.auto_put, files.uploads.as_str()), (AutoPut::Prompt, "in"));
    assert_eq!((files.rules.max_put_bytes, files.rules.max_get_bytes), (5, 6));
    assert_eq!((files.people, config.voice.max_bytes), (vec!["4".to_owned()], 7));
}

#[test]
fn mistakes_are_told_by_key_with_the_remedy_and_without_the_secret() {
    let wrong = "bot_token = 'hunter2 x'\napi_url = 'nowhere'\nguild_ids = 'x'\nallowed_role_ids = ['@dev', 0]\n\
        allowed_user_ids = [5]\nallow_everyone = true\nadmin_role_ids = [true]\nguild_id = '-3'\nmax_parts = 0\n\
        trigger_mode_default = 'always'\nsession_mode = 'threads'\nalowed_bot_user_ids = []\n\
        voice_messages = { enabled = true, whisper_model = 'base' }\n";
    let told = told(wrong);
    assert!(!told.contains("hunter2"), "{told}");
    insta::assert_snapshot!(told);
}

#[test]
fn a_missing_token_is_told_with_the_page_it_is_on() {
    insta::assert_snapshot!(told(""));
}

#[test]
fn the_environment_can_hold_the_token() {
    let variable = "TAKOPI__TRANSPORTS__DISCORD__BOT_TOKEN".to_owned();
    let (config, _) = read_with("", &[(variable, "Bot MT.env".to_owned())]).usable().unwrap();
    assert_eq!(config.token().unwrap().reveal(), "MT.env");
    assert!(!format!("{config:?}").contains("MT.env"));
}

#[test]
fn a_token_can_lie_in_a_file_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    std::fs::write(&path, "MT.file\n").unwrap();
    let table = |path: &Path| format!("bot_token_file = '{}'", path.display());
    assert_eq!(read(&table(&path)).value.token().unwrap().reveal(), "MT.file");
    let nowhere = read(&table(&dir.path().join("none"))).value.token().unwrap_err();
    assert!(nowhere.to_string().contains("none cannot be read"), "{nowhere}");
}
