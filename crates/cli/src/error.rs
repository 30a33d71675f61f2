//! Why a command was refused or failed, in words for the person at the keyboard.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;

use tollgate_aws::comparison::CompareError;
use tollgate_aws::locks::PlanError;
use tollgate_aws::secrets::SecretError;
use tollgate_aws::stack::StackError;
use tollgate_core::cache::purge::TooMany;
use tollgate_core::caller::change::ChangeRefusal;
use tollgate_core::caller::rotation::RotationRefusal;
use tollgate_core::catalogue::Faults;
use tollgate_core::name::{Name, NameError};
use tollgate_core::ports::{LockError, StoreError};

use crate::config::ReadError;
use crate::flag::StateView;

/// Every end of a command but success; the exit code is 1.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the deployment cannot be found")]
    Stack(#[from] StackError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the ledger cannot be held against Bedrock's count")]
    Compare(#[from] CompareError),
    #[error(
        "the budgets are written, but calls kept taking from a lane: the room that is left there is still used; try again"
    )]
    LanesBusy,
    #[error("nothing is seeded yet: run tollgate config seed")]
    NotSeeded,
    #[error("keys cannot be hashed")]
    Pepper(#[from] SecretError),
    #[error("a new key has no proper id")]
    Minted(#[source] NameError),
    #[error("the operating system gives no random numbers")]
    Entropy(#[from] getrandom::Error),
    #[error("the catalogue has no model {}: it has {}", .unknown.join(", "), .known.join(", "))]
    UnknownModels { unknown: Vec<String>, known: Vec<String> },
    #[error("the catalogue has no target {target}: it has {}", .known.join(", "))]
    UnknownTarget { target: String, known: Vec<String> },
    #[error("the head has no versions of its own: name a document")]
    HeadHasNoVersions,
    #[error("no version {version} of the {document} was kept: tollgate config history {document} lists them")]
    UnknownVersion { document: &'static str, version: u64 },
    #[error("the breaker of {0} was moved by others again and again and nothing was written: try again")]
    BreakerBusy(String),
    #[error("there is no tenant {0}: register it with tollgate tenants put")]
    UnknownTenant(Name),
    #[error("the tenant default is the gateway's own account and needs no registration")]
    ReservedTenant,
    #[error("no key has the id {0}; a key made a moment ago may not be listed yet")]
    UnknownKey(Name),
    #[error("the key {id} was not rotated: {why}")]
    NotRotated { id: Name, why: RotationRefusal },
    #[error("no key was created: {0}")]
    NotCreated(ChangeRefusal),
    #[error("the key {id} was not changed: {why}")]
    NotChanged { id: Name, why: ChangeRefusal },
    #[error("nothing was changed: name a limit to set, or one to take away")]
    NoChange,
    #[error("the key {0} was changed by others at this moment and nothing was written: try again")]
    LostRace(Name),
    #[error("the key {0} is revoked, for good")]
    RevokedForGood(Name),
    #[error("spend is summed by target, and {alias} is a model with the targets {}: name one of them", .targets.join(", "))]
    Alias { alias: String, targets: Vec<String> },
    #[error("nothing was purged: name a tenant, a model, a template, a tag or a key, or say --everything")]
    NothingToPurge,
    #[error("nothing was purged")]
    TooManyPurges(#[from] TooMany),
    #[error("nothing is kept under the key {0}: it may have expired, lie in Valkey, or never have been kept")]
    UnknownEntry(String),
    #[error("{} is no request", .path.display())]
    Request { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("the ledger has no call {0}")]
    UnknownCall(String),
    #[error("nothing was changed: with --yes, calls would be admitted again; the flag is {0}")]
    Unconfirmed(Box<StateView>),
    #[error("the deployment's output UsagePlans cannot be read")]
    Plans(#[from] PlanError),
    #[error("not all was unlocked, and the lock stands: try again")]
    Unlock(#[from] LockError),
    #[error("the configuration has faults\n{}", lines(.0))]
    Faults(Faults),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the stored {document} cannot be read")]
    Garbled { document: &'static str, source: serde_json::Error },
    #[error("others are writing the configuration at this moment and nothing was changed: try again")]
    Contended,
    #[error("the answer cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    #[error("the answer cannot be written")]
    Write(#[from] io::Error),
}

impl Error {
    /// Whether nobody reads the answer any more, as in `tollgate keys list | head -1`.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Write(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// What goes to standard error: the fault and its causes in one line, then perhaps a hint.
    pub(crate) fn report(&self) -> String {
        let mut text = format!("error: {self}");
        let mut cause = self.source();
        while let Some(error) = cause {
            let words = error.to_string();
            // Some errors repeat their cause in their own words.
            if !text.ends_with(&words) {
                text.push_str(&format!(": {words}"));
            }
            cause = error.source();
        }
        if let Some(hint) = self.hint() {
            text.push_str(&format!("\n{hint}"));
        }
        text
    }

    const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Stack(StackError::Unknown(_)) => Some(
                "hint: deploy it, or name another with --stack or TOLLGATE_STACK; see AWS_REGION and AWS_ENDPOINT_URL too",
            ),
            Self::Stack(StackError::Unreachable { .. }) => {
                Some("hint: are AWS_REGION and credentials set, and for a local stack AWS_ENDPOINT_URL?")
            }
            _ => None,
        }
    }
}

fn lines(Faults(faults): &Faults) -> String {
    faults.iter().map(|fault| format!("  {fault}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_the_causes_and_what_to_do() {
        let error = Error::from(StackError::Unknown("tollgate".to_owned()));

        insta::assert_snapshot!(error.report(), @r#"
        error: the deployment cannot be found: no stack is called "tollgate" in this account and region
        hint: deploy it, or name another with --stack or TOLLGATE_STACK; see AWS_REGION and AWS_ENDPOINT_URL too
        "#);
    }

    #[test]
    fn all_faults_are_listed() {
        let error = Error::Faults(Faults(vec!["one is wrong".to_owned(), "two is too".to_owned()]));

        insta::assert_snapshot!(error.report(), @r"
        error: the configuration has faults
          one is wrong
          two is too
        ");
    }

    #[test]
    fn a_reader_that_left_is_no_fault() {
        let error = |kind| Error::Write(io::Error::from(kind));

        assert!(error(io::ErrorKind::BrokenPipe).is_closed_pipe());
        assert!(!error(io::ErrorKind::StorageFull).is_closed_pipe());
    }
}
