//! JSON objects whose members stay as they were written: what we do not touch leaves byte for byte.

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::error::Error;

/// A JSON object: members in their order, values unread. A name that comes twice is an error, because readers
/// disagree about which of the two counts.
#[derive(Clone, Debug, Default)]
pub struct RawObject(Vec<(String, Box<RawValue>)>);

impl RawObject {
    /// The unread value of a member.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// The value of a member; `None` where it is absent or null.
    pub fn read<'de, T: Deserialize<'de>>(&'de self, name: &str) -> Result<Option<T>, serde_json::Error> {
        match self.raw(name) {
            None => Ok(None),
            Some(value) => serde_json::from_str(value.get()),
        }
    }

    /// The same for a member of a caller's request: what is wrong is said with its name as the param.
    pub fn field<'de, T: Deserialize<'de>>(&'de self, name: &str) -> Result<Option<T>, Error> {
        self.read(name)
            .map_err(|error| Error::invalid(name, format!("invalid value for \"{name}\": {error}")))
    }

    /// Puts a member in the place of the one of that name, or at the end.
    pub fn set<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), serde_json::Error> {
        let value = serde_json::value::to_raw_value(value)?;
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
        Ok(())
    }

    /// Takes a member out, if it is there.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    /// Names and unread values, in their order.
    pub fn members(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), &**value))
    }
}

impl<'de> Deserialize<'de> for RawObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = RawObject;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawObject, A::Error> {
        let mut members: Vec<(String, Box<RawValue>)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
            if members.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom(format!("the field \"{name}\" comes twice")));
            }
            members.push((name, value));
        }
        Ok(RawObject(members))
    }
}

impl Serialize for RawObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.members())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_touched_keeps_its_bytes() {
        let mut object: RawObject = serde_json::from_str(r#"{"b":1.50,"a":{"z":1,"y":"\u00e9"}}"#).unwrap();

        object.set("b", &2).unwrap();
        object.set("c", "x").unwrap();

        assert_eq!(serde_json::to_string(&object).unwrap(), r#"{"b":2,"a":{"z":1,"y":"\u00e9"},"c":"x"}"#);
    }

    #[test]
    fn what_is_taken_out_leaves_the_rest_as_it_was() {
        let mut object: RawObject = serde_json::from_str(r#"{"b":1.50,"a":null,"c":"\u00e9"}"#).unwrap();

        object.remove("a");
        object.remove("absent");

        assert_eq!(serde_json::to_string(&object).unwrap(), r#"{"b":1.50,"c":"\u00e9"}"#);
    }

    #[test]
    fn a_field_that_comes_twice_is_refused() {
        let error = serde_json::from_str::<RawObject>(r#"{"a":1,"a":2}"#).unwrap_err();

        assert!(error.to_string().starts_with("the field \"a\" comes twice"));
    }
}
