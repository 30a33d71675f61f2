//! Lambda: the ledger's stream becomes metrics and rollups
