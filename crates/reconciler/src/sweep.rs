//! Forgets questions whose answers have expired: the store of vectors forgets nothing by itself.
//!
//! What has expired is never found, so nobody waits for this, and a sweep that fails or runs out of time loses nothing. It
//! keeps no record of how far it came: the listing begins at another place each time, so that even an index that is too
//! large for one run is swept in the end.

use tollgate_aws::causes::Causes;
use tollgate_core::ports::Vectors;
use tollgate_core::time::Timestamp;
use tracing::{error, warn};

use crate::handler::Tally;

/// A sweep costs its listing even where nobody calls, so only every tenth minute's run makes one.
const EVERY_MINUTES: u64 = 10;

/// How many may be forgotten at once.
const AT_ONCE: usize = 500;

/// Whether the run that begins now sweeps.
pub(crate) const fn is_due(now: Timestamp) -> bool {
    (now.as_secs() / 60).is_multiple_of(EVERY_MINUTES)
}

/// Goes through all pages once, until it is late. A question that is kept anew under its key at this very moment may be
/// forgotten with the old one; the next miss keeps it again.
pub(crate) async fn sweep(vectors: &dyn Vectors, now: Timestamp, is_late: impl Fn() -> bool) -> Tally {
    let mut tally = Tally::default();
    let mut start: Option<String> = None;
    loop {
        if is_late() {
            warn!(swept = tally.swept, "no time is left to sweep, a later run goes on");
            return Tally { left: 1, ..tally };
        }
        let page = match vectors.page(start.as_deref()).await {
            Ok(page) => page,
            Err(failure) => {
                error!(error = %Causes(&failure), "page of vectors failed");
                return Tally { failed: 1, ..tally };
            }
        };
        let points = page.points.into_iter();
        let expired: Vec<_> =
            points.filter(|(_, expires_at)| *expires_at <= now.as_secs()).map(|(key, _)| key).collect();
        for keys in expired.chunks(AT_ONCE) {
            if let Err(failure) = vectors.remove(keys).await {
                error!(error = %Causes(&failure), "expired vectors not forgotten");
                return Tally { failed: 1, ..tally };
            }
            tally.swept += u64::try_from(keys.len()).unwrap_or(u64::MAX);
        }
        let Some(next) = page.next else { return tally };
        start = Some(next);
    }
}
