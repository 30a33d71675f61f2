//! Lambda: the call itself
