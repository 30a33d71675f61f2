//! The cache of answers: under which key, for whom, how long, and when an entry must not be served any more.
//!
//! `no_leak`: the key of an entry holds everything that can change the answer, and everything that says for whom it was made.

pub mod directive;
pub mod entry;
pub mod explain;
pub mod key;
pub mod lease;
pub mod policy;
pub mod purge;
pub mod replay;
pub mod sharing;
mod spacing;
pub mod template;

mod canonical;

pub use self::directive::Directive;
pub use self::entry::{About, Entry, Labels, Question};
pub use self::key::CacheKey;
pub use self::lease::{Lease, Leasing};
pub use self::policy::CachePolicy;
pub use self::sharing::Sharing;
pub use self::template::Template;
