//! Servers that break off, for tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tollgate_core::model::ModelError;

/// Longer than any test takes.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// What a server does once it has the request.
#[derive(Clone, Copy)]
pub(super) enum Then {
    /// Closes the connection.
    HangUp,
    /// Resets the connection.
    Reset,
    /// Says nothing more.
    Stall,
}

/// The URL of a server that takes one request, answers with these bytes, and breaks off.
pub(super) fn serve_once(answer: &'static str, then: Then) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        match then {
            // A socket that is closed with bytes unread is reset.
            Then::Reset => stream.read_exact(&mut [0; 16]).unwrap(),
            Then::HangUp | Then::Stall => read_request(&stream),
        }
        stream.write_all(answer.as_bytes()).unwrap();
        if matches!(then, Then::Stall) {
            // Ends when the client gives up.
            let _ended = stream.read(&mut [0; 1]);
        }
    });
    url
}

/// The URL of a server that keeps connections open, with the same answer to every request, and how many there were.
pub(super) fn keep_alive(answer: &'static str) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            count.fetch_add(1, Ordering::Relaxed);
            std::thread::spawn(move || answer_all(&stream.unwrap(), answer));
        }
    });
    (url, connections)
}

/// Answers requests until the client closes the connection.
fn answer_all(mut stream: &TcpStream, answer: &str) {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length";
    while stream.peek(&mut [0]).is_ok_and(|bytes| bytes > 0) {
        read_request(stream);
        write!(stream, "{head}: {}\r\n\r\n{answer}", answer.len()).unwrap();
    }
}

/// The URL of a port on which nobody listens.
pub(super) fn nowhere() -> String {
    format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

fn read_request(stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
}

/// What an error decides, in a word.
pub(super) const fn kind(error: &ModelError) -> &'static str {
    match error {
        ModelError::Refused { .. } => "refused",
        ModelError::Throttled { .. } => "throttled",
        ModelError::OverQuota { .. } => "over quota",
        ModelError::Unauthorized(_) => "unauthorized",
        ModelError::Unavailable(_) => "unavailable",
        ModelError::TimedOut => "timed out",
        ModelError::Garbled(_) => "garbled",
        ModelError::Broken(_) => "broken",
        ModelError::Spent(_) => "spent",
        ModelError::Gone(_) => "model gone",
    }
}
