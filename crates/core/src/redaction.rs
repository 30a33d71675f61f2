//! Redaction: what could name a person or open a door is taken out of a request before it leaves, and put back into the
//! answer. What a text loses stands in a [`Vault`] for as long as the call lasts, under placeholders such as
//! `[EMAIL_1]`; only counts are kept longer.
//!
//! The tests prove that a text comes back as it was, however its stream was cut, and that JSON stays JSON.

mod find;
mod json;
mod nested;
mod policy;
mod request;
mod restore;
mod scan;
#[cfg(test)]
mod tests;
mod vault;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::find::{Finding, find};
pub use self::policy::{Classes, Redact};
pub use self::request::{Redacted, redact, redact_text, words};
pub use self::restore::Restorer;
pub use self::vault::Vault;

/// What kind of thing is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Keys, tokens, passwords, private keys.
    Secret,
    /// Addresses of e-mail.
    Email,
    /// Numbers of bank accounts.
    Iban,
    /// Numbers of payment cards.
    Card,
    /// Numbers by which a state knows a person.
    NationalId,
    /// Addresses on the internet.
    Ip,
    /// Numbers of telephones.
    Phone,
    /// Names of people, as Bedrock's guardrails find them.
    Name,
}

/// How often something of each class was taken out.
pub type Counts = BTreeMap<Class, u32>;

impl Class {
    /// All of them. Where two claim the same text, the earlier one has it.
    pub const ALL: [Self; 8] = [
        Self::Secret,
        Self::Email,
        Self::Iban,
        Self::Card,
        Self::NationalId,
        Self::Ip,
        Self::Phone,
        Self::Name,
    ];

    /// Its name in the catalogue, in headers and in the ledger.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Email => "email",
            Self::Iban => "iban",
            Self::Card => "card",
            Self::NationalId => "national_id",
            Self::Ip => "ip",
            Self::Phone => "phone",
            Self::Name => "name",
        }
    }

    /// Its name in placeholders.
    const fn tag(self) -> &'static str {
        match self {
            Self::Secret => "SECRET",
            Self::Email => "EMAIL",
            Self::Iban => "IBAN",
            Self::Card => "CARD",
            Self::NationalId => "ID",
            Self::Ip => "IP",
            Self::Phone => "PHONE",
            Self::Name => "NAME",
        }
    }
}

/// Counts as a header says them: `email=2, card=1`.
#[must_use]
pub fn header(counts: &Counts) -> String {
    let all: Vec<_> = counts.iter().map(|(class, count)| format!("{}={count}", class.as_str())).collect();
    all.join(", ")
}
