//! Files put and got: in real folders, with real links, pipes and people who swap them.

mod folders;
mod links;
mod races;

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};

use takopi_core::files::{DenyGlobs, FilePath};
use takopi_core::port::workspace::{FileError, FileRules, Get, Got, List, Put, Saved, Way};

use super::*;

/// A project with files, and a folder beside it that is none of it.
struct Desk {
    machine: Machine,
    rules: FileRules,
    force: bool,
}

impl Desk {
    fn new() -> Self {
        let machine = Machine::bare("app");
        for folder in ["spool", "outside"] {
            std::fs::create_dir(machine.beside(folder)).unwrap();
        }
        std::fs::write(machine.beside("outside").join("secret"), "outside").unwrap();
        Self { machine, rules: FileRules::usual().unwrap(), force: false }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.machine.root().join(path)
    }

    fn outside(&self) -> PathBuf {
        self.machine.beside("outside")
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        std::fs::write(self.path(path), text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap()
    }

    fn link(&self, target: impl AsRef<Path>, path: &str) {
        symlink(target, self.path(path)).unwrap();
    }

    fn into(&self) -> PathBuf {
        self.machine.beside("spool").join("out")
    }

    fn to_put(&self, to: &str, text: &str) -> Put {
        let from = self.machine.beside("spool").join("in");
        std::fs::write(&from, text).unwrap();
        let (context, place) = (on_project(), Place::Open);
        let to = FilePath::parse(to).unwrap();
        Put {
            context,
            place,
            from,
            to,
            name: "named.txt".into(),
            force: self.force,
            rules: self.rules.clone(),
        }
    }

    fn to_get(&self, path: &str) -> Get {
        let path = FilePath::parse(path).unwrap();
        Get { context: on_project(), place: Place::Open, path, into: self.into(), rules: self.rules.clone() }
    }

    async fn put(&self, to: &str, text: &str) -> Result<Saved, FileError> {
        self.machine.workspace().put(&self.to_put(to, text), &CancellationToken::new()).await
    }

    async fn get(&self, path: &str) -> Result<(Got, Vec<u8>), FileError> {
        let got = self.machine.workspace().get(&self.to_get(path), &CancellationToken::new()).await;
        let Ok(got) = got else {
            assert!(!self.into().exists(), "an unfinished copy of {path} stays");
            return Err(got.unwrap_err());
        };
        let bytes = std::fs::read(self.into()).unwrap();
        std::fs::remove_file(self.into()).unwrap();
        Ok((got, bytes))
    }

    /// Returns what a folder is said to hold when so many entries are looked at.
    async fn listed(&self, folder: &str, max_entries: usize) -> Result<Vec<String>, FileError> {
        let (folder, rules) =
            (FilePath::parse(folder).unwrap(), FileRules { max_entries, ..self.rules.clone() });
        let list = List { context: on_project(), folder, rules };
        self.machine.workspace().list(&list, &CancellationToken::new()).await
    }

    async fn text(&self, path: &str) -> String {
        String::from_utf8(self.get(path).await.unwrap().1).unwrap()
    }

    /// Returns what an archive of a folder holds.
    async fn unzipped(&self, path: &str) -> BTreeMap<String, String> {
        let (_, bytes) = self.get(path).await.unwrap();
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
        let mut entries = BTreeMap::new();
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).unwrap();
            let text = std::io::read_to_string(&mut entry).unwrap();
            entries.insert(entry.name().unwrap().into_owned(), text);
        }
        entries
    }

    /// Returns the names in a folder of the project.
    fn list(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(path)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn on_project() -> Context {
    Context { project: Some("app".to_owned()), branch: None }
}

fn denied<T: std::fmt::Debug>(result: Result<T, FileError>) -> String {
    match result {
        Err(FileError::Denied(rule)) => rule,
        other => panic!("not denied: {other:?}"),
    }
}

#[tokio::test]
async fn a_file_lands_in_new_folders_and_nothing_else_does() {
    let desk = Desk::new();
    let saved = desk.put("Größe/日本語/ein name.txt", "hallo").await.unwrap();
    assert_eq!((saved.path.as_str(), saved.bytes), ("Größe/日本語/ein name.txt", 5));
    assert_eq!(desk.read("Größe/日本語/ein name.txt"), "hallo");
    assert_eq!(desk.list("Größe/日本語"), ["ein name.txt"]);
    assert_eq!(desk.text("Größe/日本語/ein name.txt").await, "hallo");
}

#[tokio::test]
async fn a_replaced_file_keeps_its_permissions_and_an_open_one_its_text() {
    let mut desk = Desk::new();
    desk.write("run.sh", "old");
    std::fs::set_permissions(desk.path("run.sh"), std::fs::Permissions::from_mode(0o4750)).unwrap();
    let open = std::fs::File::open(desk.path("run.sh")).unwrap();
    assert_eq!(desk.put("run.sh", "new").await, Err(FileError::Exists("run.sh".to_owned())));
    desk.force = true;
    desk.put("run.sh", "new").await.unwrap();
    let mode = std::fs::metadata(desk.path("run.sh")).unwrap().permissions().mode();
    assert_eq!((desk.read("run.sh").as_str(), mode & 0o7777), ("new", 0o750));
    assert_eq!(std::io::read_to_string(open).unwrap(), "old");
}

#[tokio::test]
async fn a_path_through_a_file_or_onto_a_folder_is_refused() {
    let mut desk = Desk::new();
    desk.write("docs/a.txt", "a");
    for force in [false, true] {
        desk.force = force;
        assert_eq!(desk.put("docs", "x").await, Err(FileError::IsFolder("docs".to_owned())));
        let through = FileError::NoFolder("docs/a.txt/b".to_owned());
        assert_eq!(desk.put("docs/a.txt/b", "x").await, Err(through.clone()));
        assert_eq!(desk.get("docs/a.txt/b").await.unwrap_err(), through);
    }
    let saved = desk.put("docs/", "x").await.unwrap();
    assert_eq!((saved.path.as_str(), desk.read("docs/named.txt").as_str()), ("docs/named.txt", "x"));
}

#[tokio::test]
async fn a_denied_path_makes_no_folder_on_its_way() {
    let desk = Desk::new();
    for (path, rule) in [("new/.env", ".env"), ("new/A.PEM", "*.pem"), ("new/.SSH/deep/id", ".ssh/**")] {
        assert_eq!(denied(desk.put(path, "x").await), rule);
        assert_eq!(denied(desk.get(path).await), rule);
    }
    assert_eq!(desk.list(""), [""; 0]);
    let mut desk = desk;
    desk.rules.deny = DenyGlobs::parse(["*.lock"]).unwrap();
    assert_eq!(denied(desk.put("new/Cargo.lock", "x").await), "*.lock");
    desk.put("new/.env", "x").await.unwrap();
}

#[tokio::test]
async fn pipes_sockets_and_devices_are_refused_and_nobody_waits_for_them() {
    let mut desk = Desk::new();
    let made = Command::new("mkfifo").arg(desk.path("pipe")).status().unwrap();
    assert!(made.success());
    let _socket = std::os::unix::net::UnixListener::bind(desk.path("socket")).unwrap();
    desk.force = true;
    for name in ["pipe", "socket"] {
        let special = FileError::Special(name.to_owned());
        assert_eq!(desk.get(name).await.unwrap_err(), special);
        assert_eq!(desk.put(name, "x").await.unwrap_err(), special);
    }
    desk.write("box/a.txt", "a");
    std::fs::rename(desk.path("pipe"), desk.path("box/pipe")).unwrap();
    std::fs::rename(desk.path("socket"), desk.path("box/socket")).unwrap();
    assert_eq!(desk.unzipped("box").await, BTreeMap::from([("box/a.txt".into(), "a".into())]));
}

#[tokio::test]
async fn a_huge_file_is_refused_before_it_is_read() {
    let desk = Desk::new();
    let huge = std::fs::File::create(desk.path("huge")).unwrap();
    huge.set_len(1 << 40).unwrap();
    let too_large = |way, max_bytes| FileError::TooLarge { way, max_bytes };
    assert_eq!(desk.get("huge").await.unwrap_err(), too_large(Way::Get, 50 << 20));

    let mut put = desk.to_put("copy", "");
    put.from = desk.path("huge");
    let refused = desk.machine.workspace().put(&put, &CancellationToken::new()).await;
    assert_eq!(refused, Err(too_large(Way::Put, 20 << 20)));
    // Endless files say they are empty.
    put.from = "/dev/zero".into();
    let refused = desk.machine.workspace().put(&put, &CancellationToken::new()).await;
    assert_eq!(refused, Err(too_large(Way::Put, 20 << 20)));
    assert_eq!(desk.list(""), ["huge"]);
}

#[tokio::test]
async fn what_the_system_says_is_told_and_nothing_is_left() {
    let desk = Desk::new();
    let mut put = desk.to_put("a", "x");
    put.from = desk.path("nobody made this");
    let failed = desk.machine.workspace().put(&put, &CancellationToken::new()).await.unwrap_err();
    assert!(failed.to_string().starts_with("failed to save file. a: No such file"), "{failed}");
    desk.write("there", "x");
    let mut get = desk.to_get("there");
    get.into = desk.path("there");
    let failed = desk.machine.workspace().get(&get, &CancellationToken::new()).await.unwrap_err();
    assert!(failed.to_string().starts_with("failed to send file. there: File exists"), "{failed}");
    assert_eq!(desk.list(""), ["there"]);
    assert_eq!(desk.read("there"), "x", "a copy never goes over something");
}

#[tokio::test]
async fn a_stop_ends_an_endless_copy_and_leaves_nothing() {
    let desk = Desk::new();
    let mut put = desk.to_put("endless", "");
    (put.from, put.rules.max_put_bytes) = ("/dev/zero".into(), u64::MAX);
    let (stop, workspace) = (CancellationToken::new(), desk.machine.workspace());
    let putting = workspace.put(&put, &stop);
    let stopping = async {
        while !desk.list("").iter().any(|name| name.ends_with(".part")) {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let (put, ()) = tokio::join!(putting, stopping);
    assert_eq!(put, Err(FileError::Stopped));
    assert_eq!(desk.list(""), [""; 0]);
}
