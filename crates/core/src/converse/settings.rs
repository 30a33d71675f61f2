//! The settings of a request, as Converse takes them.

use serde::Deserialize;
use serde_json::{Number, Value};

use crate::catalogue::{EffortField, SchemaField};
use crate::converse::talk::is_object;
use crate::converse::{ConverseRequest, Effort, Schema, ServiceTier, Text, TextFormat};
use crate::parameter::{Parameter, Parameters};
use crate::prompt::Format;

/// Writes settings into a request.
#[derive(Debug)]
pub(super) struct Settings<'a> {
    pub(super) effort: EffortField,
    pub(super) schema: SchemaField,
    pub(super) request: &'a mut ConverseRequest,
    pub(super) notes: &'a mut Vec<String>,
}

impl Settings<'_> {
    /// Writes everything, or names the field that cannot be said.
    pub(super) fn write(
        mut self,
        parameters: &Parameters,
        format: Option<&Format>,
    ) -> Result<(), &'static str> {
        for (parameter, value) in parameters.iter().filter(|(_, value)| !value.is_null()) {
            self.set(parameter, value).ok_or(parameter.as_str())?;
        }
        if self.request.inference_config.max_tokens == 0 {
            return Err(Parameter::MaxOutputTokens.as_str());
        }
        match format {
            Some(format) => self.format(format).ok_or("response_format"),
            None => Ok(()),
        }
    }

    fn set(&mut self, parameter: Parameter, value: &Value) -> Option<()> {
        let inference = &mut self.request.inference_config;
        match parameter {
            Parameter::MaxOutputTokens => inference.max_tokens = value.as_u64()?,
            Parameter::Temperature => inference.temperature = Some(number(value)?),
            Parameter::TopP => inference.top_p = Some(number(value)?),
            Parameter::Stop => inference.stop_sequences = stop_sequences(value)?,
            Parameter::ReasoningEffort => self.effort(value.as_str()?)?,
            Parameter::Verbosity if self.schema == SchemaField::TextFormat => {
                self.text().verbosity = Some(value.as_str()?.to_owned());
            }
            Parameter::Store if *value == false => {}
            Parameter::Verbosity
            | Parameter::Store
            | Parameter::Seed
            | Parameter::PromptCacheKey
            | Parameter::ReasoningSummary => self.notes.push(format!("{}=dropped", parameter.as_str())),
            // Notes for the provider's eyes. The gateway sends its own.
            Parameter::User | Parameter::SafetyIdentifier | Parameter::Metadata => {}
            Parameter::ServiceTier => match value.as_str()? {
                "auto" | "default" => {}
                tier @ ("flex" | "priority") => {
                    self.request.service_tier = Some(ServiceTier { r#type: tier.to_owned() });
                }
                _ => return None,
            },
            Parameter::ParallelToolCalls => {
                (self.request.tool_config.is_none() || *value == true).then_some(())?;
            }
            Parameter::N => (value.as_u64()? == 1).then_some(())?,
            Parameter::Logprobs
            | Parameter::TopLogprobs
            | Parameter::LogitBias
            | Parameter::PresencePenalty
            | Parameter::FrequencyPenalty => says_nothing(value).then_some(())?,
        }
        Some(())
    }

    fn effort(&mut self, effort: &str) -> Option<()> {
        let (additional, effort) = (&mut self.request.additional, effort.to_owned());
        match self.effort {
            EffortField::None => return None,
            EffortField::Nested => additional.reasoning = Some(Effort { effort }),
            EffortField::Flat => additional.reasoning_effort = Some(effort),
        }
        Some(())
    }

    fn format(&mut self, format: &Format) -> Option<()> {
        match (format.clone(), self.schema) {
            (Format::Text, _) => {}
            (Format::JsonObject, SchemaField::TextFormat) => {
                self.text().format = Some(TextFormat::JsonObject)
            }
            (Format::JsonSchema { name, description, schema, .. }, SchemaField::OutputConfig) => {
                let description = description.filter(|text| !text.trim().is_empty());
                self.request.schema = Some(Schema { name, description, schema: schema.get().to_owned() });
            }
            (Format::JsonSchema { name, description, schema, strict }, SchemaField::TextFormat) => {
                is_object(&schema).then_some(())?;
                self.text().format = Some(TextFormat::JsonSchema { name, description, schema, strict });
            }
            (Format::JsonObject | Format::JsonSchema { .. }, _) => return None,
        }
        Some(())
    }

    fn text(&mut self) -> &mut Text {
        self.request.additional.text.get_or_insert_default()
    }
}

fn number(value: &Value) -> Option<Number> {
    value.as_number().cloned()
}

fn stop_sequences(value: &Value) -> Option<Vec<String>> {
    let stops = match value {
        Value::String(stop) => vec![stop.clone()],
        stops => Vec::deserialize(stops).ok()?,
    };
    stops.iter().all(|stop: &String| !stop.is_empty()).then_some(stops)
}

/// Whether a setting is written out but asks for nothing.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}
