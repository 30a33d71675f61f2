//! What all tables have in common.

use tollgate_core::ports::StoreError;

/// Turns whatever the client library said into the one decision there is: the store cannot be reached.
pub fn unreachable<E>(store: &'static str) -> impl FnOnce(E) -> StoreError
where
    E: std::error::Error + Send + Sync + 'static,
{
    move |cause| StoreError { store, cause: Box::new(cause) }
}
