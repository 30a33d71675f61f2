//! Providers' API keys: in Secrets Manager, kept for minutes, and never shown.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tollgate_core::time::Timestamp;

use crate::secrets::{SecretError, Secrets};

/// A rotation is taken up within this time even where the provider still takes the old key.
const KEPT_FOR: Duration = Duration::from_secs(300);

/// How long a key may take to come.
const PATIENCE: Duration = Duration::from_secs(2);

/// The keys of this environment, by the secrets that hold them.
#[derive(Debug)]
pub struct ApiKeys {
    secrets: Secrets,
    kept: Mutex<HashMap<String, Kept>>,
}

#[derive(Debug)]
struct Kept {
    key: SecretString,
    since: Timestamp,
}

/// Why there is no key. It names the secret; what the secret says is in neither its text nor its `Debug` form.
#[derive(thiserror::Error)]
pub enum KeyError {
    /// The secret cannot be read.
    #[error("an API key cannot be read")]
    Unreadable(#[source] Quiet),
    /// It did not come in time.
    #[error("the secret {0} did not come in time")]
    Late(String),
    /// The secret is neither a key nor `{"api_key": "…"}`.
    #[error("the secret {0} holds no API key")]
    NoKey(String),
}

impl fmt::Debug for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An error of Secrets Manager without its `Debug` form, which can hold the answer's body and so the key.
pub struct Quiet(SecretError);

impl fmt::Debug for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for Quiet {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl ApiKeys {
    /// Over Secrets Manager, with no key yet.
    #[must_use]
    pub fn new(secrets: Secrets) -> Self {
        Self { secrets, kept: Mutex::default() }
    }

    /// Fetches keys ahead of their first use. What cannot be fetched now is fetched, and its failure told, at that use.
    pub async fn prefetch(&self, names: &[String], now: Timestamp) {
        join_all(names.iter().map(|name| self.fetch(name, now))).await;
    }

    /// The key that the secret of this name holds, or held less than five minutes ago.
    pub async fn key(&self, name: &str, now: Timestamp) -> Result<SecretString, KeyError> {
        match self.kept(name, now) {
            Some(key) => Ok(key),
            None => self.fetch(name, now).await,
        }
    }

    /// The key that the secret holds now, if it is another than the one that was `refused`.
    pub async fn successor(
        &self,
        name: &str,
        refused: &SecretString,
        now: Timestamp,
    ) -> Result<Option<SecretString>, KeyError> {
        let key = self.fetch(name, now).await?;
        Ok((key.expose_secret() != refused.expose_secret()).then_some(key))
    }

    fn kept(&self, name: &str, now: Timestamp) -> Option<SecretString> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(name).filter(|kept| now < kept.since.plus(KEPT_FOR)).map(|kept| kept.key.clone())
    }

    async fn fetch(&self, name: &str, now: Timestamp) -> Result<SecretString, KeyError> {
        let text = tokio::time::timeout(PATIENCE, self.secrets.text(name)).await;
        let text = text
            .map_err(|_| KeyError::Late(name.to_owned()))?
            .map_err(|error| KeyError::Unreadable(Quiet(error)))?;
        let key = key_in(text.expose_secret()).ok_or_else(|| KeyError::NoKey(name.to_owned()))?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(name.to_owned(), Kept { key: key.clone(), since: now });
        Ok(key)
    }
}

/// The key in the text of a secret. A key is one word of ASCII: anything else could not stand in a header.
fn key_in(text: &str) -> Option<SecretString> {
    #[derive(Deserialize)]
    struct Document {
        api_key: String,
    }
    let text = text.trim();
    let key = if text.starts_with('{') {
        serde_json::from_str::<Document>(text).ok()?.api_key
    } else {
        text.to_owned()
    };
    let is_word = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
    is_word.then(|| SecretString::from(key))
}

#[cfg(test)]
mod tests;
