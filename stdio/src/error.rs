//! What can go wrong between a child and its caller. Wire errors of JSON-RPC are in [`crate::rpc`].

use std::io;
use std::path::PathBuf;

/// A failed attempt to start a child or to read lines.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StdioError {
    /// The program is nowhere on `PATH`, or the path given for it doesn't exist.
    #[error("start `{program}`: no such program; install it, or give its full path")]
    NoProgram {
        /// The program as it was asked for.
        program: String,
    },
    /// The directory the child should start in is missing.
    #[error("start `{program}`: the directory {} does not exist", dir.display())]
    NoDirectory {
        /// The program as it was asked for.
        program: String,
        /// The missing directory.
        dir: PathBuf,
    },
    /// The operating system refused to start the program.
    #[error("start `{program}`")]
    Start {
        /// The program as it was asked for.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Reading failed; nothing more will come.
    #[error("read a line")]
    Read(#[source] io::Error),
    /// A line was longer than the bound. It is thrown away; the next call goes on behind it.
    #[error("read a line: it is longer than {limit} bytes")]
    LineTooLong {
        /// The bound, in bytes without the line end.
        limit: usize,
    },
}
