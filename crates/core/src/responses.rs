//! stub
use crate::{
    asking::Asking, completion::*, error::Error, event::Event, parameter::*, prompt::Prompt, raw::RawObject,
    time::Timestamp,
};
use bytes::Bytes;
pub(crate) fn read(_: &RawObject) -> Result<Prompt, Error> {
    Err(Error::Internal)
}
pub(crate) fn forward(
    _: &RawObject,
    _: &Parameters,
    _: &Asking<'_>,
) -> Result<(Bytes, Vec<String>), serde_json::Error> {
    Ok(Default::default())
}
pub(crate) fn write(_: &Prompt, _: &Asking<'_>) -> Result<(Bytes, Vec<String>), Unfit> {
    Ok(Default::default())
}
#[derive(Debug)]
pub struct ResponsesReader;
impl ResponsesReader {
    pub fn new() -> Self {
        Self
    }
    pub fn whole(&mut self, _: &[u8]) -> Result<Vec<Event>, NoAnswer> {
        Ok(vec![])
    }
    pub fn event(&mut self, _: &[u8]) -> Result<Vec<Event>, NoAnswer> {
        Ok(vec![])
    }
    pub fn end(&mut self) -> Vec<Event> {
        vec![]
    }
}
#[derive(Debug)]
pub struct ResponsesPass;
impl ResponsesPass {
    pub fn new(_: &str, _: &str) -> Self {
        Self
    }
    pub fn whole(&mut self, _: &[u8]) -> Result<(Bytes, Glimpse), NoAnswer> {
        Err(NoAnswer::Failed)
    }
    pub fn event(&mut self, _: &[u8]) -> Result<(Bytes, Glimpse), NoAnswer> {
        Err(NoAnswer::Failed)
    }
    pub fn fail(&mut self, _: &Error) -> Bytes {
        Bytes::new()
    }
}
#[derive(Debug)]
pub struct ResponsesWriter;
impl ResponsesWriter {
    pub fn new(_: &str, _: &str, _: Timestamp) -> Self {
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
pub fn request_id_of(_: &str) -> Option<String> {
    None
}
