//! Setting a Discord bot up from the command line, what the doctor says of it, and coming from the Python plugin.

use std::os::unix::fs::PermissionsExt as _;

use rustix::process::Signal;
use takopi_fake::discord::{DiscordServer, TOKEN, permission};

use crate::discord::{home, said, thread_on};
use crate::house::{Daemon, Home};
use crate::program::Program;

/// Returns a home with the token in a file.
fn bare() -> Home {
    let home = Home::new();
    std::fs::write(home.work().join("token"), format!("{TOKEN}\n")).unwrap();
    home
}

fn onboard(home: &Home, server: &DiscordServer, more: &[&str]) -> Program {
    let url = server.url();
    let arguments = ["onboard", "--discord", "--bot-token-file", "token", "--api-url", &url, "--yes"];
    Program::start(&mut home.takopi(&[&arguments, more].concat()))
}

/// Returns what is to be written, once the bot would hear it.
fn code(program: &mut Program, server: &DiscordServer) -> String {
    let code = program.says("    takopi ").trim().to_owned();
    server.wait_ready();
    code
}

fn written(home: &Home) -> String {
    std::fs::read_to_string(home.place().join("takopi.toml")).unwrap()
}

#[test]
fn discord_setup_onboard_learns_the_person_from_the_code_and_the_daemon_then_answers_them() {
    let server = crate::discord::server();
    let home = bare();
    let mut program = onboard(&home, &server, &["--engine", "shell"]);
    let code = code(&mut program, &server);
    server.person("mallory").says("general", "takopi 123456789012");
    server.person("alice").says("general", &code);
    let ended = program.wait();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("oauth2/authorize?client_id="), "{}", ended.stdout);
    assert!(!ended.stdout.contains(TOKEN) && !ended.stderr.contains(TOKEN));
    said(&server, "general", "takopi can write here");

    let text = written(&home);
    let (alice, guild) = (server.person("alice").id, server.guild("Takopi Test"));
    let channel = server.channel("general");
    for line in [
        format!("allowed_user_ids = [\"{alice}\"]"),
        format!("guild_ids = [\"{guild}\"]"),
        format!("startup_channel_id = \"{channel}\""),
        "[transports.local]".to_owned(),
    ] {
        assert!(text.lines().any(|written| written == line), "{line}: {text}");
    }
    let file = home.place().join("takopi.toml");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(home.run(&["config", "check"]).code, 0);
    let remedy = "[engines.shell]\ntransports = [\"local\", \"discord\"]\n";
    assert!(ended.stderr.contains(remedy), "{}", ended.stderr);
    std::fs::write(&file, format!("{text}\n{remedy}")).unwrap();
    let daemon = Daemon::start(&home);
    said(&server, "general", "takopi is ready");
    let asked = server.person("alice").says("general", "@takopi echo from the shell");
    said(&server, thread_on(&server, asked).id, "from the shell");
    assert!(server.threads().iter().all(|thread| thread.id == asked), "the code is no prompt");
    daemon.stop();
}

#[test]
fn discord_setup_onboard_asks_the_server_that_the_config_names() {
    let server = crate::discord::server();
    let home = bare();
    home.configure(&format!("[transports.discord]\napi_url = '{}'\n", server.url()));
    let alice = server.person("alice").id.to_string();
    let ended = home.run(&[
        "onboard",
        "--discord",
        "--bot-token-file",
        "token",
        "--user-id",
        &alice,
        "--engine",
        "shell",
        "--yes",
    ]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let text = written(&home);
    assert_eq!(text.matches("api_url").count(), 1, "{text}");
    assert!(text.contains(&format!("allowed_user_ids = [\"{alice}\"]")), "{text}");
}

#[test]
fn discord_setup_onboard_waits_until_the_bot_may_read_and_is_in_a_server() {
    let server = crate::discord::server();
    server.allow_intents(false, false);
    for guild in ["Takopi Test", "Other Guild"] {
        server.leave_guild(server.guild(guild));
    }
    let home = bare();
    let mut program = onboard(&home, &server, &[]);
    let told = program.remarks("Message Content Intent");
    assert!(told.contains(&format!("applications/{}/bot", server.bot())), "{told}");
    server.allow_intents(true, false);
    program.says("Waiting until it is in one");
    server.add_guild("New", "alice", "talk");
    let code = code(&mut program, &server);
    server.person("alice").says(server.dm("alice"), &code);
    let ended = program.wait();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let text = written(&home);
    assert!(text.contains(&format!("guild_ids = [\"{}\"]", server.guild("New"))), "{text}");
    assert!(text.contains("allow_dm = true") && !text.contains("startup_channel_id"), "{text}");
}

#[test]
fn discord_setup_onboard_that_is_left_or_fails_writes_nothing() {
    let server = crate::discord::server();
    let home = bare();
    let mut program = onboard(&home, &server, &[]);
    code(&mut program, &server);
    program.signal(Signal::INT);
    let left = program.wait();
    assert_eq!(left.code, 130, "{}", left.stderr);

    let url = server.url();
    let both = home.run(&["onboard", "--discord", "--telegram", "--api-url", &url]);
    assert_ne!(both.code, 0);

    std::fs::write(home.work().join("token"), "MTIz.no.body").unwrap();
    let unknown = onboard(&home, &server, &["--user-id", "5"]).wait();
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.contains("Reset Token"), "{}", unknown.stderr);
    assert!(!unknown.stderr.contains("no.body") && !home.place().exists(), "{}", unknown.stderr);
}

#[test]
fn discord_setup_onboard_with_a_person_named_opens_no_session() {
    let server = crate::discord::server();
    let home = bare();
    let ended = onboard(&home, &server, &["--user-id", "5"]).wait();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(written(&home).contains("allowed_user_ids = [\"5\"]"));
    assert!(ended.stderr.contains("type this again with --engine shell"), "{}", ended.stderr);
    assert!(server.log().gateway.is_empty());
}

#[test]
fn discord_setup_doctor_tells_what_the_bot_lacks_where() {
    let server = crate::discord::server();
    let random = server.channel("random");
    server.allow_bot("random", 0, permission::ATTACH_FILES | permission::CREATE_PUBLIC_THREADS);
    let home = home(&server, &format!("startup_channel_id = '{random}'\n"));
    let told = home.run(&["doctor"]).stdout;
    for line in [
        "the token is known to Discord",
        "it may read what people write",
        &format!("in channel {random} the bot lacks Create Public Threads, Attach Files"),
        "no commands in Takopi Test yet",
        "session starts are left today",
        "permissions=",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    server.allow_intents(false, false);
    let blind = home.run(&["doctor"]);
    assert!(blind.code != 0 && blind.stdout.contains("switch on \"Message Content Intent\""), "{blind:?}");
}

#[test]
fn discord_setup_what_the_python_plugin_kept_goes_on_and_what_differs_is_told() {
    let server = crate::discord::server();
    let home = Home::new();
    let dir = home.work().join("app");
    std::fs::create_dir(&dir).unwrap();
    // Every key of the plugin, nobody named.
    home.configure(&format!(
        "transport = ['discord', 'local']\ndefault_engine = 'shell'\n[engines.shell]\ntransports = ['discord']\n\
         [projects.app]\npath = '{}'\n\
         [transports.discord]\nbot_token = '{TOKEN}'\napi_url = '{}'\nguild_id = {}\nmessage_overflow = 'split'\n\
         session_mode = 'thread'\nshow_resume_line = true\ntrigger_mode_default = 'mentions'\n\
         allowed_bot_user_ids = []\nmedia_group_debounce_s = 0.75\n\
         [transports.discord.files]\nenabled = true\nauto_put = true\nauto_put_mode = 'upload'\nuploads_dir = 'in'\n\
         max_upload_bytes = 1000\nmax_download_bytes = 1000\ndeny_globs = ['.env']\nallowed_user_ids = []\n\
         [transports.discord.voice_messages]\nenabled = false\nmax_bytes = 1000\nwhisper_model = 'base'\n",
        dir.display(),
        server.url(),
        server.guild("Takopi Test"),
    ));
    let (guild, general, random) =
        (server.guild("Takopi Test"), server.channel("general"), server.channel("random"));
    let state = format!(
        "{{\"version\": 3, \"cwd\": \"/x\", \"guilds\": {{\"{guild}\": {{\"startup_channel_id\": {random}}}}},\
         \"channels\": {{\"{guild}:{general}\": {{\"context\": {{\"project\": \"app\"}}, \"sessions\": {{}}}},\
         \"{guild}:77\": {{\"context\": null, \"sessions\": {{\"codex\": \"gone\"}}}}}}}}"
    );
    std::fs::write(home.place().join("discord_state.json"), state).unwrap();
    let checked = home.run(&["config", "check"]);
    assert_eq!(checked.code, 0, "{checked:?}");

    let daemon = Daemon::start(&home);
    let greeting = said(&server, "random", "takopi is ready");
    assert!(greeting.text.contains("only members who may manage the server are served"), "{}", greeting.text);
    let told = said(&server, "random", "knew of 1 of 2 channels and threads");
    assert!(told.text.contains("trigger_mode_default"), "{}", told.text);
    let asked = server.person("alice").says("general", "@takopi pwd");
    said(&server, thread_on(&server, asked).id, "app");
    daemon.stop();

    let daemon = Daemon::start(&home);
    let again = server.person("alice").says("general", "@takopi echo once more");
    said(&server, thread_on(&server, again).id, "once more");
    let count = server.shown("random").iter().filter(|shown| shown.text.contains("Taken over")).count();
    assert_eq!(count, 1, "it is taken over once");
    daemon.stop();
}

#[test]
fn discord_setup_what_the_bot_may_not_see_of_the_python_plugins_state_is_taken_over_once_it_may() {
    let server = crate::discord::server();
    let home = Home::new();
    let dir = home.work().join("app");
    std::fs::create_dir(&dir).unwrap();
    let (random, dir) = (server.channel("random"), dir.display());
    let table = format!(
        "{}startup_channel_id = '{random}'\n[projects.app]\npath = '{dir}'\n",
        crate::discord::alice_alone(&server)
    );
    home.configure(&crate::discord::config(&server, "shell", &table));
    let (guild, general) = (server.guild("Takopi Test"), server.channel("general"));
    let state = format!(
        "{{\"version\": 3, \"cwd\": \"/x\", \"channels\": \
         {{\"{guild}:{general}\": {{\"context\": {{\"project\": \"app\"}}, \"sessions\": {{}}}}}}}}"
    );
    std::fs::write(home.place().join("discord_state.json"), state).unwrap();
    server.allow_bot("general", 0, permission::VIEW_CHANNEL);
    let greeted = |times: usize| {
        server.wait_in("random", "the greeting", |shown| {
            let greetings = shown.iter().filter(|shown| shown.text.contains("takopi is ready"));
            (greetings.count() == times).then_some(())
        });
    };
    let daemon = Daemon::start(&home);
    let told = said(&server, "random", "knew of 0 of 1 channels and threads");
    assert!(told.text.contains("1 more cannot be seen by the bot"), "{}", told.text);
    daemon.stop();

    let daemon = Daemon::start(&home);
    greeted(2);
    server.wait_for("the question about the channel", |log| {
        let asked = log.of("GET /channels/:id").filter(|call| call.channel == Some(general));
        (asked.count() >= 2).then_some(())
    });
    daemon.stop();

    server.allow_bot("general", permission::VIEW_CHANNEL, 0);
    let daemon = Daemon::start(&home);
    said(&server, "random", "knew of 1 of 1 channels and threads");
    let asked = server.person("alice").says("general", "@takopi pwd");
    said(&server, thread_on(&server, asked).id, "app");
    let told = server.shown("random").into_iter().filter(|shown| shown.text.contains("Taken over"));
    assert_eq!(told.count(), 2, "what has not changed is not told again");
    daemon.stop();
}
