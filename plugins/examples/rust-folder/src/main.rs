//! An example plugin: a transport that is a folder. A file in `in/` is a message, the answers to it go to `out/`.
//!
//! The name of a file is the message's name, so writing the same name again is the same message. A chat is one folder.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fs, io};

use takopi_plugin::{
    Config, Delete, Door, Edit, Error, Inbound, Issue, MessageRef, Plugin, Result, Sender, Sending, Start,
    Transport, async_trait,
};

/// Between two looks into the folder: enough for a person, and needs no library.
const LOOK: Duration = Duration::from_millis(200);

/// `[transports.rust_folder]`.
#[derive(serde::Deserialize)]
struct Settings {
    folder: PathBuf,
}

/// The folders that are served, by the instance they are configured as.
#[derive(Default)]
struct Folders {
    served: Mutex<HashMap<String, Arc<Folder>>>,
}

struct Folder {
    dir: PathBuf,
    shown: Mutex<Shown>,
}

#[derive(Default)]
struct Shown {
    /// The number of the last file.
    last: u64,
    /// Which file was made for which nonce: a second try shows nothing new.
    by_nonce: HashMap<String, u64>,
}

impl Folders {
    fn of(&self, instance: &str) -> Result<Arc<Folder>> {
        let served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        served.get(instance).cloned().ok_or_else(|| Error::failed(format!("{instance} is not started")))
    }
}

#[async_trait]
impl Transport for Folders {
    async fn start(&self, start: &Start) -> Result<()> {
        let Settings { folder: dir } = Config::from(start.config.clone()).read()?;
        for name in ["in", "out", "done"] {
            fs::create_dir_all(dir.join(name))?;
        }
        let last = names(&dir.join("out"))?.iter().filter_map(|name| name.parse().ok()).max().unwrap_or(0);
        let shown = Mutex::new(Shown { last, by_nonce: HashMap::new() });
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        served.insert(start.instance.clone(), Arc::new(Folder { dir, shown }));
        Ok(())
    }

    async fn receive(&self, start: Start, door: Door) -> Result<()> {
        let folder = self.of(&start.instance)?;
        loop {
            folder.hand_in(&door).await?;
            tokio::select! {
                () = door.closed() => return Ok(()),
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn send(&self, sending: Sending) -> Result<MessageRef> {
        let folder = self.of(&sending.address.instance)?;
        let number = folder.show(sending.nonce, &sending.part.text)?;
        Ok(MessageRef { address: sending.address, id: number.to_string() })
    }

    async fn edit(&self, edit: Edit) -> Result<()> {
        let path = self.of(&edit.message.address.instance)?.path_of(&edit.message)?;
        if !path.exists() {
            return Err(Error::gone("the file is gone"));
        }
        Ok(write(&path, &edit.part.text)?)
    }

    async fn delete(&self, delete: Delete) -> Result<()> {
        let path = self.of(&delete.message.address.instance)?.path_of(&delete.message)?;
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    async fn validate(&self, config: &Config) -> Vec<Issue> {
        config.check::<Settings>()
    }
}

impl Folder {
    /// Hands in each file, and puts it away once takopi has it; one that is not taken is handed in again later.
    #[expect(clippy::print_stderr, reason = "it goes to takopi's log")]
    async fn hand_in(&self, door: &Door) -> Result<()> {
        for name in names(&self.dir.join("in"))? {
            let path = self.dir.join("in").join(&name);
            let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
            let sender = Sender { id: "folder".to_owned(), name: "folder".to_owned(), is_bot: false };
            let message = door.message("folder", &name);
            if let Err(error) = door.inbound(Inbound::text(message, sender, text)).await {
                eprintln!("{name} was not taken: {error}");
                return Ok(());
            }
            fs::rename(&path, self.dir.join("done").join(&name))?;
        }
        Ok(())
    }

    /// Writes a new file, unless there is one for the nonce; returns its number.
    fn show(&self, nonce: Option<String>, text: &str) -> io::Result<u64> {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = nonce.as_ref().and_then(|nonce| shown.by_nonce.get(nonce)) {
            return Ok(*number);
        }
        let number = shown.last + 1;
        write(&self.path(number), text)?;
        shown.last = number;
        shown.by_nonce.extend(nonce.map(|nonce| (nonce, number)));
        Ok(number)
    }

    fn path_of(&self, message: &MessageRef) -> Result<PathBuf> {
        let number = message.id.parse().map_err(|_| Error::gone("there is no such file"))?;
        Ok(self.path(number))
    }

    fn path(&self, number: u64) -> PathBuf {
        self.dir.join("out").join(format!("{number:06}"))
    }
}

/// Returns the files of a folder in order. Who writes one writes it under a hidden name first, then renames it.
fn names(dir: &Path) -> io::Result<Vec<String>> {
    let names =
        fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
    let mut names: Vec<String> = names.collect::<io::Result<_>>()?;
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    Ok(names)
}

/// Writes a file so that nobody sees half of it.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let hidden = path.with_file_name(format!(".{name}"));
    fs::write(&hidden, text)?;
    fs::rename(hidden, path)
}

fn main() -> ExitCode {
    Plugin::new("takopi-example-rust-folder", env!("CARGO_PKG_VERSION"))
        .transport("rust_folder", Folders::default())
        .serve()
}
