//! `tollgate keys suspend` and `resume`: a key that is stopped for a while.

use std::fmt::{self, Display};

use clap::Args;
use serde::Serialize;
use tollgate_aws::clock;
use tollgate_aws::key_register::Switch;
use tollgate_core::caller::Suspension;
use tollgate_core::name::Name;

use crate::deployment::Deployment;
use crate::error::Error;
use crate::keys::parse_id;
use crate::keys::view::REVOKED_WITHIN_SECS;
use crate::screen::Screen;
use crate::words::{Author, parse_words};

#[derive(Debug, Args)]
pub(crate) struct Suspend {
    /// The key's id, as keys list shows it; the key itself will do
    #[arg(value_parser = parse_id)]
    id: Name,
    /// Reason, which keys list shows
    #[arg(long, value_name = "WHY", value_parser = parse_words)]
    why: String,
    #[command(flatten)]
    author: Author,
}

pub(crate) async fn suspend(
    wish: Suspend,
    deployment: &Deployment,
    screen: &mut Screen<'_>,
) -> Result<(), Error> {
    let suspension = Suspension { who: wish.author.who, why: wish.why, since: clock::now().to_string() };
    let switch = deployment.keys.suspend(&wish.id, &suspension).await?;
    screen.show(&Switched::of(wish.id, "suspended", switch)?)
}

pub(crate) async fn resume(id: Name, deployment: &Deployment, screen: &mut Screen<'_>) -> Result<(), Error> {
    let switch = deployment.keys.resume(&id).await?;
    screen.show(&Switched::of(id, "active", switch)?)
}

/// A key that is suspended or works again.
#[derive(Debug, Serialize)]
struct Switched {
    id: Name,
    status: &'static str,
    was_so: bool,
    effective_within_secs: u64,
}

impl Switched {
    fn of(id: Name, status: &'static str, switch: Switch) -> Result<Self, Error> {
        let was_so = match switch {
            Switch::Done => false,
            Switch::Already => true,
            Switch::Revoked => return Err(Error::RevokedForGood(id)),
            Switch::Unknown => return Err(Error::UnknownKey(id)),
        };
        Ok(Self { id, status, was_so, effective_within_secs: REVOKED_WITHIN_SECS })
    }
}

impl Display for Switched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, status, was_so, effective_within_secs: secs } = self;
        if *was_so {
            return writeln!(f, "{id} was {status} before.");
        }
        match *status {
            "suspended" => writeln!(f, "{id} is suspended. No call is admitted with it {secs} s from now."),
            _ => writeln!(f, "{id} is {status} again, everywhere {secs} s from now."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: &'static str, switch: Switch) -> String {
        match Switched::of("k1".parse().unwrap(), status, switch) {
            Ok(switched) => switched.to_string(),
            Err(error) => error.report(),
        }
    }

    #[test]
    fn a_switch_says_what_the_key_is_and_from_when() {
        let lines = [
            said("suspended", Switch::Done),
            said("suspended", Switch::Already),
            said("active", Switch::Done),
            said("active", Switch::Already),
        ];

        insta::assert_snapshot!(lines.concat(), @"
        k1 is suspended. No call is admitted with it 10 s from now.
        k1 was suspended before.
        k1 is active again, everywhere 10 s from now.
        k1 was active before.
        ");
    }

    #[test]
    fn a_revoked_key_is_said_to_stay_so() {
        insta::assert_snapshot!(said("active", Switch::Revoked), @"error: the key k1 is revoked, for good");
        insta::assert_snapshot!(said("active", Switch::Unknown), @"error: no key has the id k1; a key made a moment ago may not be listed yet");
    }
}
