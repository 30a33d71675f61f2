//! What the tests stand on: functions whose binaries are this crate's examples, and gates that hold them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tollgate_local::function::{Credentials, Function, FunctionSpec, StaticCredentials};

/// Far more than any step takes; a test that hangs fails by it.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, future).await;
    done.expect("this should have happened long ago")
}

fn fixture(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let binary = test.parent().unwrap().parent().unwrap().join("examples").join(name);
    assert!(binary.exists(), "{name} is not built: run `cargo build --examples` first");
    binary
}

pub(crate) fn spec(name: &str) -> FunctionSpec {
    FunctionSpec {
        name: name.to_owned(),
        arn: format!("arn:aws:lambda:us-east-1:000000000000:function:{name}"),
        binary: fixture(name),
        environment: [("COLOUR".to_owned(), "green".to_owned())].into(),
        timeout: Duration::from_secs(30),
        memory_mb: 128,
        concurrency: None,
        log_file: Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.log")),
    }
}

pub(crate) fn credentials() -> Credentials {
    Credentials {
        access_key_id: "test".to_owned(),
        secret_access_key: "secret".to_owned(),
        session_token: None,
        expires_at: None,
    }
}

pub(crate) fn function(spec: FunctionSpec) -> Arc<Function> {
    Arc::new(Function::new(spec, Arc::new(StaticCredentials(credentials()))))
}

/// A door in a function's script: it says its word here and waits until it is let through.
pub(crate) struct Gate {
    listener: TcpListener,
}

impl Gate {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        Self { listener }
    }

    pub(crate) fn address(&self) -> String {
        self.listener.local_addr().unwrap().to_string()
    }

    pub(crate) fn step(&self, word: &str) -> serde_json::Value {
        serde_json::json!({"meet": {"gate": self.address(), "word": word}})
    }

    /// Waits for somebody; dropping what is returned lets them through.
    pub(crate) async fn arrival(&self) -> TcpStream {
        soon(self.listener.accept()).await.unwrap().0
    }

    /// Waits for somebody with that word.
    pub(crate) async fn meet(&self, word: &str) -> TcpStream {
        let mut stream = self.arrival().await;
        let mut said = String::new();
        soon(BufReader::new(&mut stream).read_line(&mut said)).await.unwrap();
        assert_eq!(said.trim_end(), word);
        stream
    }
}
