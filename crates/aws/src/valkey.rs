//! The cache in Valkey or Redis, for those who want it faster than a table: an entry and a lease are two keys of one slot.
//!
//! No task of its own keeps a connection alive: a Lambda environment is frozen between calls. Whoever finds none opens one, and
//! whoever meets an error leaves none behind.

mod link;
mod token;

use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use bytes::Bytes;
use redis::{Cmd, FromRedisValue, cmd};
use secrecy::SecretString;
use tokio::sync::Mutex;
use tollgate_core::cache::entry::MAX_REPLY_BYTES;
use tollgate_core::cache::{About, Entry, Lease, Leasing};
use tollgate_core::ports::{Cache, Standing, StoreError};
use tollgate_core::time::Timestamp;

use self::link::{Link, Open};
use crate::clock;
use crate::packing;
use crate::store::unreachable;

const STORE: &str = "cache";

/// The first byte of every value; another one is another version's.
const VERSION: u8 = 1;

/// `ElastiCache` ends a connection that IAM let in after twelve hours.
const LONGEST_CONNECTION: Duration = Duration::from_secs(11 * 3_600);

/// Keeps an entry and ends its lease, both or neither. A transaction would do the same, but clients do not follow it to where
/// its slot has moved.
const KEEP: &str = "redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2]) return redis.call('DEL', KEYS[2])";

/// Deletes the lease, if it is still this call's.
const RELEASE: &str = "local lease = redis.call('GET', KEYS[1]) \
    if lease and cjson.decode(lease).holder == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

/// Where the cache is, and how it is entered.
#[derive(Clone, Debug)]
pub struct Options {
    /// `host:port`.
    pub endpoint: String,
    /// Whether it runs in cluster mode.
    pub is_cluster: bool,
    /// Whether connections are encrypted; IAM wants it.
    pub is_encrypted: bool,
    /// The certificate authority in PEM, where it is none of the usual ones.
    pub authority: Option<Vec<u8>>,
    /// Who enters.
    pub login: Login,
}

/// How a connection proves who it is.
#[derive(Clone, Debug)]
pub enum Login {
    /// Not at all.
    Nobody,
    /// As a user with a password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// As a user of `ElastiCache`, by the role that this runs under.
    Iam {
        /// The user.
        user: String,
        /// The replication group.
        cache_name: String,
        /// What signs the token.
        sdk: Box<SdkConfig>,
    },
}

/// The cache; nothing is connected before it is first asked.
#[derive(Debug)]
pub struct ValkeyCache {
    options: Options,
    open: Mutex<Option<Open>>,
}

impl ValkeyCache {
    /// With these options.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options, open: Mutex::new(None) }
    }

    async fn link(&self) -> Result<Link, StoreError> {
        let mut open = self.open.lock().await;
        let now = clock::now();
        if let Some(Open { link, since }) = &*open
            && !is_worn_out(*since, now)
        {
            return Ok(link.clone());
        }
        let link =
            Link::open(&self.options, now).await.map_err(|cause| StoreError { store: STORE, cause })?;
        *open = Some(Open { link: link.clone(), since: now });
        Ok(link)
    }

    async fn ask<T: FromRedisValue>(&self, question: &Cmd) -> Result<T, StoreError> {
        let mut link = self.link().await?;
        let answer = link.query(question).await;
        self.heard(answer).await
    }

    /// After an error nobody knows what the connection will say next.
    async fn heard<T>(&self, answer: redis::RedisResult<T>) -> Result<T, StoreError> {
        if answer.is_err() {
            *self.open.lock().await = None;
        }
        answer.map_err(unreachable(STORE))
    }
}

#[async_trait]
impl Cache for ValkeyCache {
    async fn read(&self, key: &str, now: Timestamp) -> Result<Standing, StoreError> {
        let both = cmd("MGET").arg(entry_key(key)).arg(lease_key(key)).take();
        let (entry, lease): (Option<Vec<u8>>, Option<Vec<u8>>) = self.ask(&both).await?;
        let entry = entry.map(|value| decode(&value)).transpose()?;
        let lease = lease.map(|value| read_lease(&value)).transpose()?;
        Ok(Standing {
            entry: entry.filter(|entry| entry.about.is_fresh(now)),
            lease: lease.filter(|lease| lease.stands(now)),
        })
    }

    async fn write(&self, key: &str, entry: &Entry) -> Result<(), StoreError> {
        if entry.reply.len() > MAX_REPLY_BYTES {
            return Ok(());
        }
        let until_ms = entry.about.expires_at.saturating_mul(1_000);
        let mut keep = cmd("EVAL");
        keep.arg(KEEP).arg(2).arg(entry_key(key)).arg(lease_key(key)).arg(encode(entry)?).arg(until_ms);
        self.ask::<i64>(&keep).await.map(drop)
    }

    async fn lease(&self, key: &str, lease: &Lease, now: Timestamp) -> Result<Leasing, StoreError> {
        let value = serde_json::to_string(lease).map_err(unreachable(STORE))?;
        let lasts = lease.until_us.since(now).as_millis().max(1);
        let lasts = u64::try_from(lasts).unwrap_or(u64::MAX);
        let take = cmd("SET").arg(lease_key(key)).arg(value).arg("NX").arg("GET").arg("PX").arg(lasts).take();
        let held: Option<Vec<u8>> = self.ask(&take).await?;
        match held.map(|value| read_lease(&value)).transpose()? {
            Some(held) if held.holder != lease.holder => Ok(Leasing::Held(held)),
            _ => Ok(Leasing::Taken),
        }
    }

    async fn release(&self, key: &str, holder: &str) -> Result<(), StoreError> {
        let release = cmd("EVAL").arg(RELEASE).arg(1).arg(lease_key(key)).arg(holder).take();
        self.ask::<i64>(&release).await.map(drop)
    }
}

fn is_worn_out(since: Timestamp, now: Timestamp) -> bool {
    now.since(since) >= LONGEST_CONNECTION
}

/// The braces make both keys of an entry one slot.
fn entry_key(key: &str) -> String {
    format!("tollgate:{{{key}}}:entry")
}

fn lease_key(key: &str) -> String {
    format!("tollgate:{{{key}}}:lease")
}

fn read_lease(value: &[u8]) -> Result<Lease, StoreError> {
    serde_json::from_slice(value).map_err(unreachable(STORE))
}

/// A version, the length of what is known of the answer, that as JSON, and the answer, packed.
fn encode(entry: &Entry) -> Result<Vec<u8>, StoreError> {
    let about = serde_json::to_vec(&entry.about).map_err(unreachable(STORE))?;
    let length = u32::try_from(about.len()).map_err(unreachable(STORE))?;
    let packed = packing::pack(&entry.reply).map_err(unreachable(STORE))?;
    Ok([&[VERSION][..], &length.to_be_bytes(), &about, &packed].concat())
}

fn decode(value: &[u8]) -> Result<Entry, StoreError> {
    let garbled = || StoreError { store: STORE, cause: "a kept answer is garbled".into() };
    let (&version, rest) = value.split_first().ok_or_else(garbled)?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(garbled)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| garbled())?;
    let (about, packed) = rest.split_at_checked(length).ok_or_else(garbled)?;
    if version != VERSION {
        return Err(garbled());
    }
    let about: About = serde_json::from_slice(about).map_err(unreachable(STORE))?;
    let reply: Bytes = packing::unpack(packed).map_err(unreachable(STORE))?;
    Ok(Entry { about, reply })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_renewed_before_it_is_ended() {
        let noon = Timestamp::from_secs(1_795_348_800);

        assert!(!is_worn_out(noon, noon.plus(Duration::from_secs(11 * 3_600 - 1))));
        assert!(is_worn_out(noon, noon.plus(Duration::from_secs(11 * 3_600))));
    }

    #[test]
    fn values_that_are_none_of_ours_are_errors() {
        for value in [
            &b""[..],
            b"\x01",
            b"\x01\0\0\0\x09{}",
            b"\x02\0\0\0\x02{}",
            b"\x01\0\0\0\x02{}",
            b"\x01\xff\xff\xff\xff",
        ] {
            assert_eq!(decode(value).unwrap_err().store, "cache", "{value:?}");
        }
    }
}
