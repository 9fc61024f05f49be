//! What the port promises of files.

use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use super::WorkspaceSubject;
use crate::files::FilePath;
use crate::port::workspace::{FileError, FileRules, Get, Got, List, Place, Put, RunDir, Saved, Way};
use crate::session::Context;

pub(super) async fn files_contract(subject: &WorkspaceSubject<'_>) {
    let folder = Folder { subject, rules: FileRules::usual().unwrap() };
    what_is_put_can_be_got(&folder).await;
    a_folder_keeps_the_name_and_comes_out_as_one_file(&folder).await;
    only_force_replaces(&folder).await;
    what_is_denied_goes_neither_way(&folder).await;
    what_is_sendable_is_what_can_be_got(&folder).await;
    a_folder_is_listed_without_what_is_denied_and_nothing_is_made(&folder).await;
    limits_hold_and_leave_nothing(folder).await;
    nothing_happens_without_a_directory_or_after_a_stop(subject).await;
}

/// The project's directory, by its files.
struct Folder<'a> {
    subject: &'a WorkspaceSubject<'a>,
    rules: FileRules,
}

impl Folder<'_> {
    fn context(&self) -> Context {
        Context { project: Some(self.subject.project.0.to_owned()), branch: None }
    }

    fn into(&self) -> PathBuf {
        self.subject.spool.join("on its way out")
    }

    fn to_put(&self, to: &str, text: &str, force: bool) -> Put {
        let from = self.subject.spool.join("on its way in");
        std::fs::create_dir_all(self.subject.spool).unwrap();
        std::fs::write(&from, text).unwrap();
        let to = FilePath::parse(to).unwrap();
        let (context, rules) = (self.context(), self.rules.clone());
        Put { context, place: Place::Open, from, to, name: "named.txt".to_owned(), force, rules }
    }

    async fn put(&self, to: &str, text: &str, force: bool) -> Result<Saved, FileError> {
        let put = self.to_put(to, text, force);
        self.subject.workspace.put(&put, &CancellationToken::new()).await
    }

    fn to_get(&self, path: &str) -> Get {
        let path = FilePath::parse(path).unwrap();
        let (context, rules) = (self.context(), self.rules.clone());
        Get { context, place: Place::Open, path, into: self.into(), rules }
    }

    /// Gets a file, and its bytes out of the spool.
    async fn get(&self, path: &str) -> Result<(Got, Vec<u8>), FileError> {
        let got = self.subject.workspace.get(&self.to_get(path), &CancellationToken::new()).await;
        let into = self.into();
        let got = got.inspect_err(|error| assert!(!into.exists(), "{error}, but something is left"))?;
        let bytes = std::fs::read(&into).unwrap();
        std::fs::remove_file(&into).unwrap();
        assert_eq!(bytes.len() as u64, got.bytes, "the size is that of the copy");
        Ok((got, bytes))
    }

    async fn refused_put(&self, to: &str, text: &str) -> FileError {
        self.put(to, text, false).await.unwrap_err()
    }
}

async fn what_is_put_can_be_got(folder: &Folder<'_>) {
    let saved = folder.put("contract/one.txt", "one", false).await.unwrap();
    assert_eq!((saved.path.as_str(), saved.bytes, saved.warning), ("contract/one.txt", 3, None));
    assert_eq!(saved.dir, folder.subject.project.1, "it lies in the project");
    let (got, bytes) = folder.get("contract/one.txt").await.unwrap();
    assert_eq!((got.name.as_str(), bytes.as_slice(), got.warning), ("one.txt", b"one".as_slice(), None));
    let missing = folder.get("contract/nobody_made_this").await.unwrap_err();
    assert_eq!(missing, FileError::NotThere("contract/nobody_made_this".to_owned()));

    std::fs::write(folder.into(), "somebody's").unwrap();
    let got =
        folder.subject.workspace.get(&folder.to_get("contract/one.txt"), &CancellationToken::new()).await;
    assert!(matches!(got, Err(FileError::Failed { way: Way::Get, .. })), "{got:?}");
    assert_eq!(std::fs::read(folder.into()).unwrap(), b"somebody's", "a copy goes over nothing");
    std::fs::remove_file(folder.into()).unwrap();
}

async fn a_folder_keeps_the_name_and_comes_out_as_one_file(folder: &Folder<'_>) {
    let saved = folder.put("contract/deep/", "two", false).await.unwrap();
    assert_eq!(saved.path.as_str(), "contract/deep/named.txt");
    let refused = folder.refused_put("contract/deep", "x").await;
    assert_eq!(refused, FileError::IsFolder("contract/deep".to_owned()));
    let (got, bytes) = folder.get("contract/deep").await.unwrap();
    assert_eq!(got.name, "deep.zip");
    assert!(!bytes.is_empty());
}

async fn only_force_replaces(folder: &Folder<'_>) {
    let exists = FileError::Exists("contract/one.txt".to_owned());
    assert_eq!(folder.refused_put("contract/one.txt", "x").await, exists);
    assert_eq!(folder.get("contract/one.txt").await.unwrap().1, b"one", "a refusal changes nothing");
    folder.put("contract/one.txt", "another", true).await.unwrap();
    assert_eq!(folder.get("contract/one.txt").await.unwrap().1, b"another");
}

async fn what_is_denied_goes_neither_way(folder: &Folder<'_>) {
    for (path, rule) in [("contract/.ENV", ".env"), ("a.pem", "*.pem"), (".ssh/new", ".ssh/**")] {
        let denied = FileError::Denied(rule.to_owned());
        assert_eq!(folder.refused_put(path, "x").await, denied);
        assert_eq!(folder.get(path).await.unwrap_err(), denied, "whether it is there is not told");
    }
}

async fn what_is_sendable_is_what_can_be_got(folder: &Folder<'_>) {
    let path = folder.subject.project.1.to_owned();
    let dir = RunDir { real: path.canonicalize().unwrap_or_else(|_| path.clone()), path, warning: None };
    let paths =
        |paths: &[&str]| -> Vec<FilePath> { paths.iter().filter_map(|path| FilePath::parse(path)).collect() };
    let asked =
        paths(&["contract/one.txt", "nobody_made_this", "contract/deep", ".env", "contract/deep/named.txt"]);
    let found = folder.subject.workspace.sendable(&dir, &asked, &folder.rules).await;
    assert_eq!(found, paths(&["contract/one.txt", "contract/deep/named.txt"]), "files alone, in their order");
    let small = FileRules { max_get_bytes: 3, ..folder.rules.clone() };
    let found = folder.subject.workspace.sendable(&dir, &asked, &small).await;
    assert_eq!(found, paths(&["contract/deep/named.txt"]), "one of them is too large");
}

async fn a_folder_is_listed_without_what_is_denied_and_nothing_is_made(folder: &Folder<'_>) {
    let list = |at: FilePath, context| List { context, folder: at, rules: folder.rules.clone() };
    let (workspace, stop) = (folder.subject.workspace, CancellationToken::new());
    let inside = list(FilePath::parse("contract").unwrap(), folder.context());
    let found = workspace.list(&inside, &stop).await.unwrap();
    assert_eq!(found, ["contract/deep/", "contract/one.txt"]);
    let top = workspace.list(&list(FilePath::top(), folder.context()), &stop).await.unwrap();
    assert!(top.contains(&"contract/".to_owned()), "{top:?}");
    assert!(!top.iter().any(|path| path.starts_with(".git/")), "{top:?}");
    let denied = workspace.list(&list(FilePath::parse(".ssh").unwrap(), folder.context()), &stop).await;
    assert_eq!(denied, Err(FileError::Denied(".ssh/**".to_owned())));
    for absent in ["nobody_made_this", "contract/one.txt"] {
        let nothing = workspace.list(&list(FilePath::parse(absent).unwrap(), folder.context()), &stop).await;
        assert_eq!(nothing.unwrap_or_default(), [""; 0], "{absent}");
    }
    let project = Some("nobody_has_this".to_owned());
    let unknown = workspace.list(&list(FilePath::top(), Context { project, branch: None }), &stop).await;
    assert!(matches!(unknown, Err(FileError::NoDirectory(_))), "{unknown:?}");
    stop.cancel();
    assert_eq!(workspace.list(&inside, &stop).await, Err(FileError::Stopped));
}

async fn limits_hold_and_leave_nothing(mut folder: Folder<'_>) {
    folder.put("contract/five", "12345", false).await.unwrap();
    (folder.rules.max_put_bytes, folder.rules.max_get_bytes) = (4, 4);
    let too_large = |way| FileError::TooLarge { way, max_bytes: 4 };
    assert_eq!(folder.refused_put("contract/large", "12345").await, too_large(Way::Put));
    assert_eq!(folder.get("contract/five").await.unwrap_err(), too_large(Way::Get));
    let absent = folder.get("contract/large").await.unwrap_err();
    assert_eq!(absent, FileError::NotThere("contract/large".to_owned()));
    folder.put("contract/four", "1234", false).await.unwrap();
    assert_eq!(folder.get("contract/four").await.unwrap().1, b"1234", "a limit is what still goes");
}

async fn nothing_happens_without_a_directory_or_after_a_stop(subject: &WorkspaceSubject<'_>) {
    let folder = Folder { subject, rules: FileRules::usual().unwrap() };
    let (mut put, mut get) = (folder.to_put("contract/late", "x", false), folder.to_get("contract/one.txt"));
    let stopped = CancellationToken::new();
    stopped.cancel();
    assert_eq!(subject.workspace.put(&put, &stopped).await, Err(FileError::Stopped));
    assert_eq!(subject.workspace.get(&get, &stopped).await, Err(FileError::Stopped));
    assert!(matches!(folder.get("contract/late").await, Err(FileError::NotThere(_))));

    put.context.project = Some("nobody_has_this".to_owned());
    get.context.project.clone_from(&put.context.project);
    let told = [
        subject.workspace.put(&put, &CancellationToken::new()).await.map(|_| ()),
        subject.workspace.get(&get, &CancellationToken::new()).await.map(|_| ()),
    ];
    for result in told {
        match result {
            Err(FileError::NoDirectory(text)) => assert!(text.contains("nobody_has_this"), "{text}"),
            other => panic!("a project nobody has was not refused: {other:?}"),
        }
    }
}
