//! Lambda: who is calling, and may they call now
