//! A child's output pipe that ends when the child has ended and the pipe is empty.
//!
//! A plain pipe ends when the *last* process closes it: one server that an agent left running would keep its run open
//! for ever. Everything the child wrote is in the pipe before its end is known, so an empty pipe after that is the end.

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// What a pipe can hold at most, unless root has raised `/proc/sys/fs/pipe-max-size`: no more of what is read after the
/// child's end can be the child's own. Without this bound a flood from something it left running would never end.
const PIPE_BYTES: usize = 1 << 20;

/// The reading end of a child's stdout or stderr.
pub struct Output<P> {
    pipe: P,
    exited: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Once the child has ended: how many bytes may still be its own.
    left: Option<usize>,
}

impl<P> fmt::Debug for Output<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Output").finish_non_exhaustive()
    }
}

impl<P: AsyncRead + AsFd + Unpin> Output<P> {
    pub(crate) fn new(pipe: P, exited: CancellationToken) -> Self {
        Self { pipe, exited: Box::pin(exited.cancelled_owned()), left: None }
    }

    /// Throws away what is still written to the pipe, until nobody holds it any more or `stop`.
    ///
    /// For what a child left running on purpose: closing the pipe would end it with SIGPIPE.
    pub async fn drain(mut self, stop: &CancellationToken) {
        let mut waste = vec![0; 8 << 10];
        loop {
            let read = tokio::select! {
                () = stop.cancelled() => return,
                read = self.pipe.read(&mut waste) => read,
            };
            if !matches!(read, Ok(1..)) {
                return;
            }
        }
    }

    /// Reads what lies in the pipe, past tokio's idea of whether there is something; nothing means the end.
    fn read_now(&self, into: &mut ReadBuf<'_>, left: usize) -> io::Result<usize> {
        let room = into.initialize_unfilled();
        let room_size = room.len().min(left);
        let room = room.get_mut(..room_size).unwrap_or_default();
        loop {
            match rustix::io::read(self.pipe.as_fd(), &mut *room) {
                Ok(read) => {
                    into.advance(read);
                    return Ok(read);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => return Ok(0),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl<P: AsyncRead + AsFd + Unpin> AsyncRead for Output<P> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left.is_none() && self.exited.as_mut().poll(context).is_ready() {
            self.left = Some(PIPE_BYTES);
        }
        let Some(left) = self.left else { return Pin::new(&mut self.pipe).poll_read(context, into) };
        let read = self.read_now(into, left)?;
        self.left = Some(left - read);
        Poll::Ready(Ok(()))
    }
}
