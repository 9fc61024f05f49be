//! The world outside as a proxy that lets nobody through and remembers who wanted to go where.
//!
//! A client that minds `HTTPS_PROXY` comes here with everything that isn't on loopback.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a client may take to say where it wants to go.
const PATIENCE: Duration = Duration::from_secs(5);

/// A proxy on loopback that refuses everything, for as long as this value lives.
#[derive(Debug)]
pub struct Outside {
    address: SocketAddr,
    wanted: Arc<Mutex<Vec<String>>>,
    closing: Arc<AtomicBool>,
    door: Option<JoinHandle<()>>,
}

impl Outside {
    /// Starts the proxy on a free port.
    ///
    /// # Errors
    /// When there is no port or no thread to be had.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let wanted: Arc<Mutex<Vec<String>>> = Arc::default();
        let closing = Arc::new(AtomicBool::new(false));
        let (noted, closed) = (wanted.clone(), closing.clone());
        let door = std::thread::Builder::new().spawn(move || {
            for stream in listener.incoming() {
                if closed.load(Ordering::Acquire) {
                    break;
                }
                // One that goes away before it has asked wanted nothing.
                if let Ok(line) = stream.and_then(refuse) {
                    noted.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                }
            }
        })?;
        Ok(Self { address, wanted, closing, door: Some(door) })
    }

    /// Returns the variables that send a client here with everything that isn't on loopback.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let proxy = format!("http://{}", self.address);
        let names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];
        let loopback =
            ["NO_PROXY", "no_proxy"].map(|name| (name.to_owned(), "127.0.0.1,localhost".to_owned()));
        names.map(|name| (name.to_owned(), proxy.clone())).into_iter().chain(loopback).collect()
    }

    /// Returns what was wanted so far, as the first lines of requests: `CONNECT host:port HTTP/1.1`.
    #[must_use]
    pub fn wanted(&self) -> Vec<String> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Release);
        // The door is waiting for somebody to come. If nobody can, it is gone already.
        if TcpStream::connect(self.address).is_ok()
            && let Some(door) = self.door.take()
        {
            door.join().ok();
        }
    }
}

fn refuse(mut stream: TcpStream) -> io::Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    if line.trim().is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    // What it makes of the refusal is its own business.
    stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok();
    Ok(line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_wants_to_go_outside_is_refused_and_remembered() {
        let outside = Outside::start().unwrap();
        let mut client = TcpStream::connect(outside.address).unwrap();
        client.write_all(b"CONNECT example.invalid:443 HTTP/1.1\r\n\r\n").unwrap();
        let answer = io::read_to_string(client).unwrap_or_default();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 403"), "{answer}");
        drop(TcpStream::connect(outside.address).unwrap());
        let (wanted, door) = (outside.wanted.clone(), outside);
        drop(door);
        assert_eq!(*wanted.lock().unwrap(), ["CONNECT example.invalid:443 HTTP/1.1"]);
    }
}
