//! The file on disk: made for its owner alone, opened with the settings both connections need, brought to
//! the schema this program knows. What is done with it is `writer.rs` and `reader.rs`.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::failure::Failure;

/// One script per version, oldest first; never changed once released.
const SCHEMA: [&str; 1] = [include_str!("schema/0001.sql")];

/// The version of the schema that a file is brought to.
pub(crate) const FORMAT: usize = SCHEMA.len();

/// Marks the file as a takopi ledger: the letters `tako`.
const APPLICATION_ID: i32 = 0x7461_6b6f;

/// How long another program may hold the file before we give up. Nobody else should hold it at all; a
/// backup in progress is over by then.
const BUSY_WAIT: Duration = Duration::from_millis(1_500);

/// Statements kept prepared per connection: a little more than there are.
const STATEMENTS: usize = 64;

/// Makes the file and its folder where absent, readable for nobody but the owner.
pub(crate) fn make(path: &Path) -> Result<(), Failure> {
    let failed = |attempt| move |source| Failure::File { attempt, path: path.to_owned(), source };
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_private_dir(parent).map_err(failed("make the folder of"))?;
    }
    // SQLite gives -wal and -shm the mode of the file, so that it must be right before they are made.
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Ok(file) => file.set_permissions(Permissions::from_mode(0o600)).map_err(failed("protect")),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let found = fs::metadata(path).map_err(failed("read"))?;
            if !found.is_file() {
                return Err(Failure::Refused(format!("{} is not a file; name another path", path.display())));
            }
            let mode = found.permissions().mode();
            if mode & 0o077 == 0 {
                return Ok(());
            }
            fs::set_permissions(path, Permissions::from_mode(mode & 0o700)).map_err(failed("protect"))
        }
        Err(error) => Err(failed("make")(error)),
    }
}

/// Makes a folder with mode 0700, parents included; one that is there stays as it is.
pub(crate) fn make_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Returns the folder for files on their way out: beside the ledger, called after it.
pub(crate) fn spool_of(path: &Path) -> PathBuf {
    path.with_extension("spool")
}

/// Opens the connection that writes, and brings the file to the latest schema.
pub(crate) fn open_for_writing(path: &Path) -> Result<Connection, Failure> {
    let mut connection = connect(path)?;
    let version = check(&connection, path)?;
    configure(&connection)?;
    migrate(&mut connection, version)?;
    Ok(connection)
}

/// Opens a connection that only reads. The schema must be there.
pub(crate) fn open_for_reading(path: &Path) -> Result<Connection, Failure> {
    let connection = connect(path)?;
    configure(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Opens a connection that looks at the file as it is, and returns the version of its schema.
pub(crate) fn open_for_looking(path: &Path) -> Result<(Connection, usize), Failure> {
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", true)?;
    let version = check(&connection, path)?;
    Ok((connection, version))
}

fn connect(path: &Path) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

fn configure(connection: &Connection) -> Result<(), Failure> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    // Nothing is promised before the first write, for which the writer chooses anew: a fresh ledger is
    // made without waiting for the disk eight times.
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What is deleted or changed is overwritten: `forget.rs` promises it. It costs writing the pages again that a
    // long row gives back.
    connection.pragma_update(None, "secure_delete", true)?;
    // Memory before speed: 256 KiB of pages per connection, none mapped, a WAL that shrinks again.
    connection.pragma_update(None, "cache_size", -256)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "journal_size_limit", 4 * 1024 * 1024)?;
    Ok(())
}

/// Returns the version of the schema in a file that is ours or empty. Changes nothing.
fn check(connection: &Connection, path: &Path) -> Result<usize, Failure> {
    let version = number(connection, "PRAGMA user_version")?;
    let application = number(connection, "PRAGMA application_id")?;
    let foreign = if version == 0 {
        number(connection, "SELECT count(*) FROM sqlite_schema")? > 0
    } else {
        application != i64::from(APPLICATION_ID)
    };
    let path = path.display();
    if foreign {
        let reason = format!("{path} is the database of another program; name a different file");
        return Err(Failure::Refused(reason));
    }
    let known = SCHEMA.len();
    usize::try_from(version).ok().filter(|version| *version <= known).ok_or_else(|| {
        Failure::Refused(format!(
            "{path} was written by a newer takopi (format {version}, this one knows up to {known}); \
             update takopi, or move the file aside to start with a fresh one"
        ))
    })
}

fn migrate(connection: &mut Connection, version: usize) -> Result<(), Failure> {
    for (script, reached) in SCHEMA.iter().zip(1_i64..).skip(version) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(script)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", reached)?;
        transaction.commit()?;
    }
    Ok(())
}

fn number(connection: &Connection, sql: &str) -> Result<i64, Failure> {
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}
