//! A server of the test's own, on a port that was free.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How a server is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    Encrypted,
    /// Only the user `gateway` may enter, with a password, and does only what the cache needs.
    Guarded,
    /// A node of a cluster.
    Cluster,
}

/// A running server; it ends with the test.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    program: &'static str,
    port: u16,
    /// Where the nodes of a cluster talk to each other.
    bus_port: u16,
    folder: PathBuf,
    child: Option<Child>,
}

impl Server {
    /// Starts one; a cluster's holds all slots. `None` where there is no program to start.
    pub(crate) async fn start(kind: Kind) -> Option<Self> {
        let server = Self::launch(kind).await?;
        if kind == Kind::Cluster {
            assert_eq!(server.say(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]), "OK");
            server.wait_until(&["CLUSTER", "INFO"], "cluster_state:ok").await;
        }
        Some(server)
    }

    /// Starts one; a cluster's knows nobody and holds no slot.
    async fn launch(kind: Kind) -> Option<Self> {
        let programs = ["valkey-server", "redis-server"];
        let is_there = |program: &&str| {
            Command::new(program)
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok()
        };
        let Some(program) = programs.into_iter().find(is_there) else {
            eprintln!("NOT RUN: there is neither valkey-server nor redis-server");
            return None;
        };
        let port = free_port();
        let folder = std::env::temp_dir().join(format!("tollgate-valkey-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the folder of temporary files can be written");
        if kind == Kind::Encrypted {
            certify(&folder);
        }
        let mut server = Self { kind, program, port, bus_port: free_port(), folder, child: None };
        server.resume().await;
        Some(server)
    }

    /// Starts it again where it was.
    pub(crate) async fn resume(&mut self) {
        let mut command = Command::new(self.program);
        command.current_dir(&self.folder).args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        let port = self.port.to_string();
        match self.kind {
            Kind::Plain => command.args(["--port", &port]),
            Kind::Encrypted => {
                command.args(["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"]).args([
                    "--tls-cert-file",
                    "cert.pem",
                    "--tls-key-file",
                    "key.pem",
                    "--tls-ca-cert-file",
                    "cert.pem",
                ])
            }
            Kind::Guarded => {
                let users = "user default on nopass +ping\n\
                    user gateway on >secret ~tollgate:* +mget +get +set +del +eval\n";
                std::fs::write(self.folder.join("users.acl"), users).expect("the folder is the test's own");
                command.args(["--port", &port, "--aclfile", "users.acl"])
            }
            // The usual bus port is the port and 10,000, which may be none.
            Kind::Cluster => command
                .args(["--port", &port, "--cluster-enabled", "yes"])
                .args(["--cluster-port", &self.bus_port.to_string()]),
        };
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.child = Some(child.expect("the server starts"));
        self.wait_until(&["PING"], "PONG").await;
    }

    async fn wait_until(&self, question: &[&str], answer: &str) {
        for _ in 0..200 {
            if self.say(question).contains(answer) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{:?} does not say {answer}: {}", self.kind, self.say(question));
    }

    /// What the server's own command line answers.
    pub(crate) fn say(&self, words: &[&str]) -> String {
        let mut command = Command::new(self.program.replace("server", "cli"));
        command.current_dir(&self.folder).args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        if self.kind == Kind::Encrypted {
            command.args(["--tls", "--cacert", "cert.pem"]);
        }
        let output = command.args(words).output().expect("the command line comes with the server");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a child can be killed");
            child.wait().expect("a child ends");
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        let host = if self.kind == Kind::Encrypted { "localhost" } else { "127.0.0.1" };
        format!("{host}:{}", self.port)
    }

    /// The authority that vouches for an encrypted server.
    pub(crate) fn authority(&self) -> Option<Vec<u8>> {
        (self.kind == Kind::Encrypted)
            .then(|| std::fs::read(self.folder.join("cert.pem")).expect("it was made at start"))
    }
}

/// Three nodes, each with a third of the slots.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Server>,
}

impl Cluster {
    const SLOTS: [[&str; 2]; 3] = [["0", "5460"], ["5461", "10922"], ["10923", "16383"]];

    /// Starts them and waits until all know of all.
    pub(crate) async fn start() -> Option<Self> {
        let mut nodes: Vec<Server> = Vec::new();
        for [first, last] in Self::SLOTS {
            let node = Server::launch(Kind::Cluster).await?;
            assert_eq!(node.say(&["CLUSTER", "ADDSLOTSRANGE", first, last]), "OK");
            if let Some(known) = nodes.first() {
                let (port, bus_port) = (known.port.to_string(), known.bus_port.to_string());
                assert_eq!(node.say(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus_port]), "OK");
            }
            nodes.push(node);
        }
        for node in &nodes {
            for sign in ["cluster_known_nodes:3", "cluster_state:ok", "cluster_slots_ok:16384"] {
                node.wait_until(&["CLUSTER", "INFO"], sign).await;
            }
        }
        Some(Self { nodes })
    }

    /// The place of the node that holds a key.
    pub(crate) fn holder(&self, key: &str) -> usize {
        let slot: u16 = self.slot(key).parse().expect("a slot is a number");
        usize::from(slot > 5_460) + usize::from(slot > 10_922)
    }

    /// Gives the slot of a key, which has nothing in it, to another node.
    pub(crate) fn hand_over(&self, key: &str, place: usize) {
        let id = self.nodes[place].say(&["CLUSTER", "MYID"]);
        let from = self.holder(key);
        for node in [place, from] {
            assert_eq!(self.nodes[node].say(&["CLUSTER", "SETSLOT", &self.slot(key), "NODE", &id]), "OK");
        }
    }

    fn slot(&self, key: &str) -> String {
        self.nodes[0].say(&["CLUSTER", "KEYSLOT", key])
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("the loopback has free ports");
    listener.local_addr().expect("a listener has an address").port()
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        // A folder that stays is only untidy.
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// A certificate that vouches for itself.
fn certify(folder: &Path) {
    let made = Command::new("openssl")
        .current_dir(folder)
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .stderr(Stdio::null())
        .status();
    assert!(made.is_ok_and(|status| status.success()), "openssl makes a certificate");
}
