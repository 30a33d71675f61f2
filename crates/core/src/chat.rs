//! stub
pub use crate::completion::glimpse;
use crate::{
    asking::Asking, completion::*, error::Error, event::Event, parameter::*, prompt::Prompt, raw::RawObject,
    time::Timestamp,
};
use bytes::Bytes;
pub(crate) fn read(_: &RawObject) -> Result<Prompt, Error> {
    Err(Error::Internal)
}
pub(crate) fn forward(_: &RawObject, _: &Parameters, _: &Asking<'_>) -> Result<Bytes, serde_json::Error> {
    Ok(Default::default())
}
pub(crate) fn write(_: &Prompt, _: &Asking<'_>) -> Result<(Bytes, Vec<String>), Unfit> {
    Ok(Default::default())
}
pub(crate) fn failure(_: &Error) -> Bytes {
    Bytes::new()
}
#[derive(Debug)]
pub struct ChatReader;
impl ChatReader {
    pub fn new(_: bool) -> Self {
        Self
    }
    pub fn whole(&mut self, _: &[u8]) -> Result<Vec<Event>, NoAnswer> {
        Ok(vec![])
    }
    pub fn chunk(&mut self, _: &[u8]) -> Result<Vec<Event>, NoAnswer> {
        Ok(vec![])
    }
    pub fn end(&mut self) -> Vec<Event> {
        vec![]
    }
}
#[derive(Debug)]
pub struct ChatWriter;
impl ChatWriter {
    pub fn new(_: &str, _: &str, _: Timestamp, _: bool) -> Self {
        Self
    }
    pub fn whole(&self, _: &[Event]) -> Bytes {
        Bytes::new()
    }
    pub fn begin(&mut self) -> Vec<Bytes> {
        vec![]
    }
    pub fn write(&mut self, _: &Event) -> Vec<Bytes> {
        vec![]
    }
    pub fn end(&mut self) -> Vec<Bytes> {
        vec![]
    }
    pub fn fail(&mut self, _: &Error) -> Bytes {
        Bytes::new()
    }
}
