//! Lambda: what must happen without a caller
