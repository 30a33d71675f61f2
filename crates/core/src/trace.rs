//! Where a call stands in a trace: read from the caller's W3C `traceparent` or from X-Ray's header, and handed on to the
//! provider. Ids of spans follow from the call's id and the step's name, so that nothing here needs chance.

use sha2::{Digest, Sha256};

/// A place in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    trace_id: String,
    parent: String,
    is_sampled: bool,
}

impl Trace {
    /// The place that the caller names, else the one of X-Ray's header, else the first of a new trace.
    #[must_use]
    pub fn new(traceparent: Option<&str>, xray: Option<&str>, request_id: &str) -> Self {
        traceparent.and_then(Self::from_w3c).or_else(|| xray.and_then(Self::from_xray)).unwrap_or_else(|| {
            Self {
                trace_id: id(request_id, "trace", 32),
                parent: id(request_id, "root", 16),
                is_sampled: false,
            }
        })
    }

    /// The trace's id: 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.trace_id
    }

    /// The span that this place is in: 16 hexadecimal digits.
    #[must_use]
    pub fn parent(&self) -> &str {
        &self.parent
    }

    /// Whether anybody records it.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.is_sampled
    }

    /// The id of a step's span.
    #[must_use]
    pub fn span(&self, request_id: &str, step: &str) -> String {
        id(request_id, step, 16)
    }

    /// The place within a span, as a `traceparent`.
    #[must_use]
    pub fn traceparent(&self, span: &str) -> String {
        format!("00-{}-{span}-{:02x}", self.trace_id, u8::from(self.is_sampled))
    }

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
        let span = trace.span("r-1", "attempt-1");
        assert_eq!(trace.traceparent(&span), format!("00-0af7651916cd43dd8448eb211c80319c-{span}-01"));
        assert_ne!(span, trace.span("r-1", "attempt-2"));
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
            assert!(trace.is_sampled());
        }
    }

    #[test]
    fn without_either_it_begins_here() {
        let trace = Trace::new(None, Some("Root=2-x"), "r-1");

        assert_eq!(trace, Trace::new(None, None, "r-1"));
        assert!(is_hex(trace.id(), 32) && !trace.is_sampled());
        assert_ne!(trace.id(), Trace::new(None, None, "r-2").id());
    }
}
