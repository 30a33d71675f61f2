//! An object inside a request, which knows where it stands: what is wrong with it is said with its path.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::Error;
use crate::raw::RawObject;

pub(super) struct Node {
    path: String,
    object: RawObject,
}

impl Node {
    pub(super) fn open(path: String, value: &RawValue) -> Result<Self, Error> {
        match serde_json::from_str(value.get()) {
            Ok(object) => Ok(Self { path, object }),
            Err(error) => Err(Error::invalid(
                &path,
                format!("invalid value for \"{path}\": an object is expected: {error}"),
            )),
        }
    }

    /// The member of a request that is an object; `None` where it is absent or null.
    pub(super) fn member(body: &RawObject, name: &str) -> Result<Option<Self>, Error> {
        match body.raw(name) {
            Some(value) if value.get() != "null" => Self::open(name.to_owned(), value).map(Some),
            _ => Ok(None),
        }
    }

    pub(super) fn path_of(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    /// The unread value of a member; `None` where it is absent or null.
    pub(super) fn raw(&self, name: &str) -> Option<&RawValue> {
        self.object.raw(name).filter(|value| value.get() != "null")
    }

    pub(super) fn field<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let path = || self.path_of(name);
        self.object
            .read(name)
            .map_err(|error| Error::invalid(&path(), format!("invalid value for \"{}\": {error}", path())))
    }

    pub(super) fn need<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        self.field(name)?.ok_or_else(|| self.missing(name))
    }

    pub(super) fn missing(&self, name: &str) -> Error {
        let path = self.path_of(name);
        Error::invalid(&path, format!("\"{path}\" is required"))
    }

    /// The names of members that are not null and not among these.
    pub(super) fn others<'a>(&'a self, known: &'a [&str]) -> impl Iterator<Item = String> + 'a {
        let others =
            self.object.members().filter(|(name, value)| !known.contains(name) && value.get() != "null");
        others.map(|(name, _)| self.path_of(name))
    }
}

/// The refusal of what would be done, kept or fetched at the provider in ways that the caller's budget cannot bound.
pub(super) fn unbounded(param: &str, what: &str) -> Error {
    Error::invalid(
        param,
        format!("{what} is not supported: the gateway cannot know beforehand what it would cost at most"),
    )
}
