//! `/file put` as the caption of a file or an album: which directory and path are meant, what became of each file.

use takopi_core::files::{FilePath, clean_name, shown_size};
use takopi_core::message::{Attachment, Body};
use takopi_core::port::command::{Call, CommandError, CommandHost, CommandReply, Deposit, Directed};
use takopi_core::port::transport::FilePolicy;
use takopi_core::port::workspace::{FileError, Saved, Way, failed_line};
use takopi_core::render::{code_span, shorten};
use tokio_util::sync::CancellationToken;

use super::{bind, told};

const USAGE: &str = "usage: /file put <path>\n\nWrite it as the caption of the file that is to be stored.";

/// Stores the files of the call's message.
pub(super) async fn put(
    call: &Call,
    host: &dyn CommandHost,
    policy: &FilePolicy,
    stop: &CancellationToken,
) -> Result<CommandReply, CommandError> {
    let [first, others @ ..] = call.files.as_slice() else { return Ok(told(USAGE)) };
    if let Some(refusal) = host.file_refusal().await? {
        return Ok(told(refusal));
    }
    let (flags, words): (Vec<&str>, Vec<&str>) =
        call.words.iter().skip(1).map(String::as_str).partition(|word| word.starts_with("--"));
    if let Some(unknown) = flags.iter().find(|flag| **flag != "--force") {
        return Ok(told(format!("unknown flag: {}", crate::shown(unknown))));
    }
    let Directed { context, said, text: path } = host.directed(&words.join(" ")).await?;
    if context.project.is_none() {
        return Ok(told(FileError::NoProject(Way::Put).to_string()));
    }
    let several = call.album || !others.is_empty();
    let Some(to) = target(&path, several, policy) else {
        return Ok(told(FileError::Invalid(Way::Put).to_string()));
    };
    if said {
        bind(host, &context).await?;
    }
    let place = crate::ctx::place(host, &context);
    let deposit = Deposit { context, to, force: !flags.is_empty() };
    if several {
        return Ok(put_all(call, host, &deposit, &place, stop).await);
    }
    Ok(match host.store(first, &deposit, stop).await {
        Ok(saved) => {
            let (path, size) = (code_span(saved.path.as_str()), shown_size(saved.bytes));
            with_warning(format!("saved {path} in {place} ({size})"), saved.warning)
        }
        Err(error) => told(error.to_string()),
    })
}

/// Returns where files go; several go to a folder, however that is written.
fn target(path: &str, several: bool, policy: &FilePolicy) -> Option<FilePath> {
    match path.trim() {
        "" => Some(policy.uploads.clone()),
        path if several => FilePath::parse(&format!("{path}/")),
        path => FilePath::parse(path),
    }
}

async fn put_all(
    call: &Call,
    host: &dyn CommandHost,
    deposit: &Deposit,
    place: &str,
    stop: &CancellationToken,
) -> CommandReply {
    let (mut stored, mut failures): (Vec<Saved>, Vec<(String, FileError)>) = (Vec::new(), Vec::new());
    for file in &call.files {
        // What is replaced by force was there before, and is none of the album itself.
        let is_ours =
            |saved: &Saved| file.name.as_deref().and_then(clean_name).as_deref() == Some(saved.path.name());
        let force = deposit.force && !stored.iter().any(is_ours);
        match host.store(file, &Deposit { force, ..deposit.clone() }, stop).await {
            Ok(saved) => stored.push(saved),
            Err(error) => failures.push((Attachment::shown(file), error)),
        }
    }
    let failed = (!failures.is_empty()).then(|| failed_line(&failures));
    let onto_file = |(_, error): &(String, FileError)| matches!(error, FileError::NoFolder(_));
    if stored.is_empty() && failures.iter().all(onto_file) {
        return told("upload path is a file. Several files need a folder: name another path");
    }
    if stored.is_empty() {
        return told(format!("failed to upload files.\n\n{}", failed.unwrap_or_default()));
    }
    let names = crate::list(stored.iter().map(|saved| code_span(&shorten(saved.path.name(), 60))));
    let (folder, size) =
        (code_span(&format!("{}/", deposit.to)), shown_size(stored.iter().map(|saved| saved.bytes).sum()));
    let mut paragraphs = vec![format!("saved {names} to {folder} in {place} ({size})")];
    paragraphs.extend(failed.map(|line| code_span(&line)));
    let warning = stored.into_iter().find_map(|saved| saved.warning);
    with_warning(paragraphs.join("\n\n"), warning)
}

fn with_warning(text: String, warning: Option<String>) -> CommandReply {
    let warning = warning.map(|warning| format!("\n\n⚠️ {}", code_span(&warning))).unwrap_or_default();
    CommandReply { body: Body::markdown(format!("{text}{warning}")), notify: true }
}
