//! Whether a request that failed can have reached anybody.

use std::error::Error;

use hyper_util::client::legacy::Error as ClientError;

/// Whether there was no connection over which anything could have left.
pub(crate) fn never_left(error: &(dyn Error + 'static)) -> bool {
    let mut source = Some(error);
    while let Some(current) = source {
        if current.downcast_ref::<ClientError>().is_some_and(ClientError::is_connect) {
            return true;
        }
        source = current.source();
    }
    false
}
