//! One request, as one target is to be asked.

use crate::catalogue::Target;
use crate::parameter::{Parameter, Parameters};

/// What does not follow from the request alone.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// The target's id in the catalogue.
    pub target_id: &'a str,
    /// The target.
    pub target: &'a Target,
    /// The settings after the target's rules, the output cap included.
    pub parameters: &'a Parameters,
    /// Whether the answer is to come as a stream.
    pub stream: bool,
    /// The provider's own id of the response that this one goes on from.
    pub continues: Option<&'a str>,
}

impl Asking<'_> {
    /// The name that this target gives to the field of a setting, if it has one of its own.
    #[must_use]
    pub fn name_of(&self, parameter: Parameter) -> Option<&str> {
        self.target.parameters.get(&parameter)?.sent_as.as_deref()
    }
}
