//! The ports over AWS.
