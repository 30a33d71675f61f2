//! The front door and the functions behind it, with real processes on loopback.

#[cfg(test)]
mod door;
#[cfg(test)]
mod function;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod streams;
