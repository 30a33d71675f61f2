//! Providers that fail below or beside what the stand-in can do, and can be mended.

use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tollgate_tests::stack::eventually;

use crate::chaos::fault::How;

const WHOLE: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n\
    {\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"mended\"},\
    \"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1}}";
const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n\
    data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"mended\"},\"finish_reason\":null}]}\n\n\
    data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
    data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1}}\n\n\
    data: [DONE]\n\n";

/// A provider on a port of its own.
pub(crate) struct Provider {
    port: u16,
    manner: Manner,
    is_mended: Arc<AtomicBool>,
    servers: Mutex<JoinSet<()>>,
}

#[derive(Clone, Copy)]
enum Manner {
    Closed,
    Reset,
    Says(&'static str, &'static str),
}

impl Provider {
    /// `None` where it takes no server of ours to fail like that.
    pub(crate) async fn failing(how: &How) -> Option<Self> {
        let manner = match how {
            How::Closed => Manner::Closed,
            How::Reset => Manner::Reset,
            How::Says(whole, events) => Manner::Says(whole, events),
            How::Rule(_) | How::Nameless | How::Untrusted => return None,
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let port = listener.local_addr().expect("it listens").port();
        let provider = Self { port, manner, is_mended: Arc::default(), servers: Mutex::default() };
        if !matches!(manner, Manner::Closed) {
            provider.serve(listener);
        }
        Some(provider)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) async fn mend(&self) {
        self.is_mended.store(true, Ordering::Relaxed);
        if matches!(self.manner, Manner::Closed) {
            let listener = TcpListener::bind(("127.0.0.1", self.port)).await;
            self.serve(listener.expect("nobody has taken the port meanwhile"));
        }
    }

    fn serve(&self, listener: TcpListener) {
        let (manner, is_mended) = (self.manner, self.is_mended.clone());
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        servers.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that hangs up is no matter of ours.
                drop(answer(stream, manner, is_mended.load(Ordering::Relaxed)).await);
            }
        });
    }
}

async fn answer(mut stream: TcpStream, manner: Manner, is_mended: bool) -> std::io::Result<()> {
    let (whole, events) = match manner {
        Manner::Says(whole, events) if !is_mended => (whole, events),
        Manner::Reset if !is_mended => {
            // A socket that is closed with bytes unread is reset.
            stream.read_exact(&mut [0; 16]).await?;
            return Ok(());
        }
        Manner::Closed | Manner::Reset | Manner::Says(..) => (WHOLE, EVENTS),
    };
    let request = read_request(&mut stream).await?;
    let said = if request.contains("\"stream\":true") { events } else { whole };
    stream.write_all(said.as_bytes()).await?;
    stream.shutdown().await
}

async fn read_request(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut read = Vec::new();
    loop {
        let mut piece = [0; 4_096];
        let length = stream.read(&mut piece).await?;
        read.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_ascii_lowercase();
        let wanted = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        if length == 0 || body.len() >= wanted.unwrap_or(0) {
            return Ok(text);
        }
    }
}

/// A TLS server whose certificate nobody vouches for, and its port.
pub(crate) async fn untrusted(folder: &Path) -> (Child, u16) {
    let certify = Command::new("openssl")
        .current_dir(folder)
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .stderr(Stdio::null())
        .status();
    assert!(certify.await.is_ok_and(|status| status.success()), "openssl makes a certificate");
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
    let port = listener.local_addr().expect("it listens").port();
    drop(listener);
    let mut server = Command::new("openssl");
    server.current_dir(folder).args(["s_server", "-quiet", "-www", "-cert", "cert.pem", "-key", "key.pem"]);
    server.args(["-accept", &format!("127.0.0.1:{port}")]).kill_on_drop(true);
    server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let server = server.spawn().expect("openssl serves");
    let is_up = eventually(Duration::from_secs(10), async || {
        TcpStream::connect(("127.0.0.1", port)).await.is_ok().then_some(())
    });
    assert!(is_up.await.is_some(), "openssl does not listen");
    (server, port)
}
