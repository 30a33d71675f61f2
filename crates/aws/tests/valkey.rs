//! The cache against real servers: plain, encrypted, with a password, in cluster mode. Without `redis-server` or `valkey-server`
//! nothing runs, and this says so.

#[path = "valkey/server.rs"]
mod server;

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use secrecy::SecretString;
use tollgate_aws::clock;
use tollgate_aws::valkey::{Login, Options, ValkeyCache};
use tollgate_core::cache::{About, Entry, Labels, Lease, Leasing};
use tollgate_core::idempotency::Form;
use tollgate_core::money::Nanos;
use tollgate_core::ports::{Cache, Standing};
use tollgate_core::time::Timestamp;
use tollgate_core::usage::Usage;

use crate::server::{Cluster, Kind, Server};

const WAIT: Duration = Duration::from_secs(5);

fn entry(expires_at: u64) -> Entry {
    let about = About {
        request_id: "r-1".to_owned(),
        form: Form::Events,
        include_usage: true,
        target: "bedrock/gpt".to_owned(),
        usage: Usage { input: 5, cached: 1, cache_write: 2, output: 7, reasoning: 3 },
        cost_nanos: Nanos(42),
        asked_us: clock::now(),
        expires_at,
        question: None,
        labels: Labels {
            tenant: "acme".parse().expect("it is a name"),
            model: "gpt-5.5".to_owned(),
            template: "answer:3".parse().ok(),
            tags: vec!["docs".parse().expect("it is a name")],
        },
    };
    Entry { about, reply: Bytes::from_static(b"data: \xff\x00\n\n") }
}

fn in_an_hour() -> u64 {
    clock::now().as_secs() + 3_600
}

fn options(server: &Server) -> Options {
    Options {
        endpoint: server.endpoint(),
        is_cluster: server.kind == Kind::Cluster,
        is_encrypted: server.kind == Kind::Encrypted,
        authority: server.authority(),
        login: match server.kind {
            Kind::Guarded => {
                Login::Password { user: "gateway".to_owned(), password: SecretString::from("secret") }
            }
            _ => Login::Nobody,
        },
    }
}

#[tokio::test]
async fn every_kind_of_server_keeps_and_leases() {
    for kind in [Kind::Plain, Kind::Encrypted, Kind::Guarded, Kind::Cluster] {
        let Some(server) = Server::start(kind).await else { return };
        let cache = ValkeyCache::new(options(&server));
        let (kept, now) = (entry(in_an_hour()), clock::now());

        let lease = Lease::new("r-1", WAIT, now);
        assert_eq!(cache.lease("key", &lease, now).await.unwrap(), Leasing::Taken, "{kind:?}");
        let other = Lease::new("r-2", WAIT, now);
        assert_eq!(cache.lease("key", &other, now).await.unwrap(), Leasing::Held(lease.clone()), "{kind:?}");
        cache.release("key", "r-2").await.unwrap();
        assert_eq!(cache.read("key", now).await.unwrap(), Standing { entry: None, lease: Some(lease) });
        cache.write("key", &kept).await.unwrap();

        assert_eq!(cache.read("key", now).await.unwrap(), Standing { entry: Some(kept), lease: None });
        assert_eq!(cache.read("other", now).await.unwrap(), Standing::default());
        let last = Timestamp::from_secs(in_an_hour() + 1);
        assert_eq!(cache.read("key", last).await.unwrap(), Standing::default(), "{kind:?}");
    }
}

#[tokio::test]
async fn the_server_forgets_what_has_expired() {
    let Some(server) = Server::start(Kind::Plain).await else { return };
    let cache = ValkeyCache::new(options(&server));

    cache.write("key", &entry(clock::now().as_secs().saturating_sub(1))).await.unwrap();

    assert_eq!(server.say(&["EXISTS", "tollgate:{key}:entry"]), "0");
    cache.write("key", &entry(in_an_hour())).await.unwrap();
    let left: u64 = server.say(&["TTL", "tollgate:{key}:entry"]).parse().unwrap();
    assert!((3_500..=3_600).contains(&left), "{left}");
}

#[tokio::test]
async fn of_all_who_ask_at_once_one_leads_and_frees_its_lease_alone() {
    let Some(server) = Server::start(Kind::Plain).await else { return };
    let (cache, now) = (ValkeyCache::new(options(&server)), clock::now());
    let leases: Vec<Lease> = (0..16).map(|call| Lease::new(&format!("r-{call}"), WAIT, now)).collect();

    let taken = join_all(leases.iter().map(|lease| cache.lease("key", lease, now))).await;

    let leaders: Vec<&Lease> = leases
        .iter()
        .zip(&taken)
        .filter_map(|(lease, taken)| matches!(taken, Ok(Leasing::Taken)).then_some(lease))
        .collect();
    assert_eq!(leaders.len(), 1, "{taken:?}");
    cache.release("key", "somebody").await.unwrap();
    assert!(cache.read("key", now).await.unwrap().lease.is_some());
    cache.release("key", &leaders[0].holder).await.unwrap();
    assert_eq!(cache.lease("key", &Lease::new("r-99", WAIT, now), now).await.unwrap(), Leasing::Taken);
}

#[tokio::test]
async fn garbage_is_an_error_and_no_panic() {
    let Some(server) = Server::start(Kind::Plain).await else { return };
    let cache = ValkeyCache::new(options(&server));
    for garbage in ["", "\x01", "{}", "\x01\x7f\x7f\x7f\x7f{}"] {
        server.say(&["SET", "tollgate:{key}:entry", garbage]);
        assert_eq!(cache.read("key", clock::now()).await.unwrap_err().store, "cache", "{garbage:?}");
    }
    server.say(&["DEL", "tollgate:{key}:entry"]);
    server.say(&["SET", "tollgate:{key}:lease", "mine"]);
    assert!(cache.read("key", clock::now()).await.is_err());
    assert!(cache.release("key", "r-1").await.is_err());
}

#[tokio::test]
async fn a_server_that_is_away_is_an_error_in_time_and_found_again() {
    let Some(mut server) = Server::start(Kind::Plain).await else { return };
    let cache = ValkeyCache::new(options(&server));
    cache.write("key", &entry(in_an_hour())).await.unwrap();

    server.stop();
    let begun = tokio::time::Instant::now();
    assert!(cache.read("key", clock::now()).await.is_err());
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());

    server.resume().await;
    // The first question may still meet the end of the old connection.
    let _lost = cache.read("key", clock::now()).await;
    cache.write("key", &entry(in_an_hour())).await.unwrap();
    assert!(cache.read("key", clock::now()).await.unwrap().entry.is_some());
}

#[tokio::test]
async fn a_server_that_never_answers_is_an_error_in_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let cache = ValkeyCache::new(Options {
        endpoint: listener.local_addr().unwrap().to_string(),
        is_cluster: false,
        is_encrypted: false,
        authority: None,
        login: Login::Nobody,
    });
    let begun = tokio::time::Instant::now();

    let answer = cache.read("key", clock::now()).await;

    assert!(answer.is_err() && begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_wrong_password_is_an_error() {
    let Some(server) = Server::start(Kind::Guarded).await else { return };
    let login = Login::Password { user: "gateway".to_owned(), password: SecretString::from("wrong") };
    let cache = ValkeyCache::new(Options { login, ..options(&server) });

    assert!(cache.read("key", clock::now()).await.is_err());
}

#[tokio::test]
async fn a_cluster_of_several_nodes_is_used_whole_and_a_slot_that_moved_is_found() {
    let Some(cluster) = Cluster::start().await else { return };
    let cache = ValkeyCache::new(options(&cluster.nodes[0]));
    let (kept, now) = (entry(in_an_hour()), clock::now());
    let keys: Vec<String> = (0..30).map(|number| format!("key-{number}")).collect();

    for key in &keys {
        cache.write(key, &kept).await.unwrap();
    }

    for key in &keys {
        assert_eq!(cache.read(key, now).await.unwrap().entry.as_ref(), Some(&kept), "{key}");
        let node = &cluster.nodes[cluster.holder(&format!("tollgate:{{{key}}}:entry"))];
        assert_eq!(node.say(&["EXISTS", &format!("tollgate:{{{key}}}:entry")]), "1", "{key}");
    }
    assert!(cluster.nodes.iter().all(|node| node.say(&["DBSIZE"]) != "0"));

    let moved = "tollgate:{moved}:entry";
    let next = (cluster.holder(moved) + 1) % 3;
    cluster.hand_over(moved, next);
    let lease = Lease::new("r-1", WAIT, now);
    assert_eq!(cache.lease("moved", &lease, now).await.unwrap(), Leasing::Taken);
    cache.write("moved", &kept).await.unwrap();
    assert_eq!(cache.read("moved", now).await.unwrap(), Standing { entry: Some(kept), lease: None });
    assert_eq!(cluster.nodes[next].say(&["EXISTS", moved]), "1");
}
