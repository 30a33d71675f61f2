//! Where a call stands in a trace: read from the caller's W3C `traceparent` or from X-Ray's header, and handed on to the
//! provider. Ids of spans follow from the call's id and the step's name, so that nothing here needs chance.

use sha2::{Digest, Sha256};

use crate::time::Timestamp;

/// Where a call stands: in the trace that is handed on, and in the one that X-Ray records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    place: Place,
    recorded: Option<Place>,
}

/// A place in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    trace_id: String,
    parent: String,
    is_sampled: bool,
}

/// A step of a call, when it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span<'a> {
    /// The call's id.
    pub request_id: &'a str,
    /// The step, unique within the call: `reserve`, `attempt-1`.
    pub step: &'a str,
    /// When it began.
    pub begun: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// It did not do what it should.
    pub has_failed: bool,
}

impl Trace {
    /// The trace that the caller names goes on, else X-Ray's, else it begins here.
    #[must_use]
    pub fn new(traceparent: Option<&str>, xray: Option<&str>, request_id: &str) -> Self {
        let xray = xray.and_then(Place::from_xray);
        let begin = || Place {
            trace_id: id(request_id, "trace", 32),
            parent: id(request_id, "root", 16),
            is_sampled: false,
        };
        let named = traceparent.and_then(Place::from_w3c).or_else(|| xray.clone());
        Self { place: named.unwrap_or_else(begin), recorded: xray.filter(|place| place.is_sampled) }
    }

    /// The trace's id: 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.place.trace_id
    }

    /// The place within a step's span, as a `traceparent`.
    #[must_use]
    pub fn traceparent(&self, request_id: &str, step: &str) -> String {
        let Place { trace_id, is_sampled, .. } = &self.place;
        format!("00-{trace_id}-{}-{:02x}", id(request_id, step, 16), u8::from(*is_sampled))
    }

    /// A span as a document for X-Ray; `None` where the call is not sampled.
    /// <https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html>
    #[must_use]
    pub fn document(&self, span: &Span<'_>) -> Option<String> {
        let Place { trace_id, parent, .. } = self.recorded.as_ref()?;
        let (epoch, rest) = trace_id.split_at_checked(8)?;
        let mut document = format!(
            r#"{{"type":"subsegment","name":"{}","id":"{}","trace_id":"1-{epoch}-{rest}","parent_id":"{parent}","start_time":{},"end_time":{}"#,
            span.step,
            id(span.request_id, span.step, 16),
            seconds(span.begun),
            seconds(span.ended),
        );
        if span.has_failed {
            document.push_str(r#","fault":true"#);
        }
        document.push_str(&format!(r#","annotations":{{"trace":"{}"}}}}"#, self.id()));
        Some(document)
    }
}

/// Seconds since the epoch with a fraction, as X-Ray reads them.
fn seconds(at: Timestamp) -> String {
    let micros = at.as_micros();
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

impl Place {
    /// <https://www.w3.org/TR/trace-context/#traceparent-header>
    fn from_w3c(text: &str) -> Option<Self> {
        let mut fields = text.trim().split('-');
        let (version, trace_id, parent, flags) =
            (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let is_version =
            is_hex(version, 2) && version != "ff" && (version != "00" || fields.next().is_none());
        let flags = u8::from_str_radix(flags, 16).ok().filter(|_| is_hex(flags, 2))?;
        let is_right = is_version && is_hex(trace_id, 32) && is_hex(parent, 16);
        (is_right && !is_zero(trace_id) && !is_zero(parent)).then(|| Self {
            trace_id: trace_id.to_owned(),
            parent: parent.to_owned(),
            is_sampled: flags & 1 == 1,
        })
    }

    /// `Root=1-<8 digits>-<24 digits>;Parent=<16 digits>;Sampled=<0 or 1>`, fields in any order.
    /// <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>
    fn from_xray(text: &str) -> Option<Self> {
        let field =
            |name: &str| text.split(';').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
        let (version, rest) = field("Root")?.split_once('-')?;
        let trace_id: String = rest.split('-').collect();
        let parent = field("Parent").filter(|parent| is_hex(parent, 16)).unwrap_or("0000000000000001");
        (version == "1" && is_hex(&trace_id, 32)).then(|| Self {
            trace_id,
            parent: parent.to_owned(),
            is_sampled: field("Sampled") == Some("1"),
        })
    }
}

fn id(request_id: &str, step: &str, digits: usize) -> String {
    let mut digest = hex::encode(Sha256::digest(format!("{request_id}/{step}")));
    digest.truncate(digits);
    digest
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_zero(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const W3C: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const XRAY: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

    #[test]
    fn the_callers_trace_goes_on() {
        let trace = Trace::new(Some(W3C), Some(XRAY), "r-1");

        assert_eq!(trace.id(), "0af7651916cd43dd8448eb211c80319c");
        let first = trace.traceparent("r-1", "attempt-1");
        assert!(first.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && first.ends_with("-01"));
        assert_ne!(first, trace.traceparent("r-1", "attempt-2"));
        assert_eq!(Place::from_w3c(&first).unwrap().trace_id, trace.id());
    }

    #[test]
    fn without_one_it_is_x_rays() {
        for strange in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "é",
        ] {
            let trace = Trace::new(Some(strange), Some(XRAY), "r-1");

            assert_eq!(trace.id(), "5759e988bd862e3fe1be46a994272793", "{strange}");
            assert!(trace.place.is_sampled);
        }
    }

    #[test]
    fn without_either_it_begins_here() {
        let trace = Trace::new(None, Some("Root=2-x"), "r-1");

        assert_eq!(trace, Trace::new(None, None, "r-1"));
        assert!(is_hex(trace.id(), 32) && !trace.place.is_sampled);
        assert_ne!(trace.id(), Trace::new(None, None, "r-2").id());
    }

    #[test]
    fn a_sampled_step_is_a_document_for_x_ray() {
        let span = Span {
            request_id: "r-1",
            step: "reserve",
            begun: Timestamp::from_micros(1_795_348_800_000_007),
            ended: Timestamp::from_micros(1_795_348_801_500_000),
            has_failed: true,
        };

        let document = Trace::new(Some(W3C), Some(XRAY), "r-1").document(&span).unwrap();

        let written: serde_json::Value = serde_json::from_str(&document).unwrap();
        let expected = serde_json::json!({
            "type": "subsegment", "name": "reserve", "id": "eed8c70eb00e0778",
            "trace_id": "1-5759e988-bd862e3fe1be46a994272793", "parent_id": "53995c3f42cd8ad8",
            "start_time": 1_795_348_800.000_007, "end_time": 1_795_348_801.5, "fault": true,
            "annotations": {"trace": "0af7651916cd43dd8448eb211c80319c"},
        });
        assert_eq!(written, expected);
        assert_eq!(
            Trace::new(Some(W3C), Some(&XRAY.replace("Sampled=1", "Sampled=0")), "r-1").document(&span),
            None
        );
    }
}
