//! Whether an answer kept for one question may be given to another. What is served is bounded by the share of wrong
//! answers among it, learned from verified pairs; before there is evidence, nothing is served.

pub mod admission;
pub mod evidence;
pub mod exclusion;
pub mod features;
mod lexicon;
pub mod likeness;
pub mod looked;
pub mod millionths;
pub mod policy;
pub mod score;
pub mod similarity;
