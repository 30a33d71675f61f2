//! The front door and the functions behind it, with real processes on loopback.

#[cfg(test)]
mod function;
#[cfg(test)]
mod stage;
