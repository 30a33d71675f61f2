//! Lambda: budget notices become flags
