//! The settings of a request, as Converse takes them.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::catalogue::{EffortField, SchemaField};
use crate::converse::{ConverseRequest, Schema};
use crate::parameter::{Parameter, Parameters};
use crate::prompt::Format;

/// Writes settings into a request.
#[derive(Debug)]
pub(super) struct Settings<'a> {
    pub(super) effort: EffortField,
    pub(super) schema: SchemaField,
    pub(super) request: &'a mut ConverseRequest,
    pub(super) notes: &'a mut Vec<String>,
    additional: Map<String, Value>,
}

impl<'a> Settings<'a> {
    pub(super) fn new(
        (effort, schema): (EffortField, SchemaField),
        request: &'a mut ConverseRequest,
        notes: &'a mut Vec<String>,
    ) -> Self {
        Self { effort, schema, request, notes, additional: Map::new() }
    }

    /// Writes everything, or names the field that cannot be said.
    pub(super) fn write(
        mut self,
        parameters: &Parameters,
        format: Option<&Format>,
    ) -> Result<(), &'static str> {
        for (parameter, value) in parameters.iter().filter(|(_, value)| !value.is_null()) {
            self.set(parameter, value).ok_or(parameter.as_str())?;
        }
        if self.request.max_tokens == 0 {
            return Err(Parameter::MaxOutputTokens.as_str());
        }
        if let Some(format) = format {
            self.format(format).ok_or("response_format")?;
        }
        if !self.additional.is_empty() {
            self.request.additional = Some(Value::Object(self.additional));
        }
        Ok(())
    }

    fn set(&mut self, parameter: Parameter, value: &Value) -> Option<()> {
        match parameter {
            Parameter::MaxOutputTokens => self.request.max_tokens = value.as_u64()?,
            Parameter::Temperature => self.request.temperature = Some(number(value)?),
            Parameter::TopP => self.request.top_p = Some(number(value)?),
            Parameter::Stop => self.request.stop_sequences = stop_sequences(value)?,
            Parameter::ReasoningEffort => self.effort(value.as_str()?)?,
            Parameter::Verbosity if self.schema == SchemaField::TextFormat => {
                self.text("verbosity", value.clone())
            }
            Parameter::Store if *value == false => {}
            Parameter::Verbosity
            | Parameter::Store
            | Parameter::Seed
            | Parameter::PromptCacheKey
            | Parameter::ReasoningSummary => self.notes.push(format!("{}=dropped", parameter.as_str())),
            // Notes for the provider's eyes. The gateway sends its own.
            Parameter::User | Parameter::SafetyIdentifier | Parameter::Metadata => {}
            // Other tiers have other prices, which nobody has told us.
            Parameter::ServiceTier => matches!(value.as_str()?, "auto" | "default").then_some(())?,
            Parameter::ParallelToolCalls => (self.request.tools.is_empty() || *value == true).then_some(())?,
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
        let (name, value) = match self.effort {
            EffortField::None => return None,
            EffortField::Nested => ("reasoning", json!({ "effort": effort })),
            EffortField::Flat => ("reasoning_effort", json!(effort)),
        };
        self.additional.insert(name.to_owned(), value);
        Some(())
    }

    fn format(&mut self, format: &Format) -> Option<()> {
        match (format, self.schema) {
            (Format::Text, _) => {}
            (Format::JsonObject, SchemaField::TextFormat) => {
                self.text("format", json!({"type": "json_object"}))
            }
            (Format::JsonSchema { name, description, schema, .. }, SchemaField::OutputConfig) => {
                let description = description.clone().filter(|text| !text.trim().is_empty());
                let schema = schema.get().to_owned();
                self.request.schema = Some(Schema { name: name.clone(), description, schema });
            }
            (Format::JsonSchema { name, description, schema, strict }, SchemaField::TextFormat) => {
                let schema: Value = serde_json::from_str(schema.get()).ok()?;
                let mut format = json!({"type": "json_schema", "name": name, "schema": schema});
                if let Some(description) = description {
                    format["description"] = json!(description);
                }
                if let Some(strict) = strict {
                    format["strict"] = json!(strict);
                }
                self.text("format", format);
            }
            (Format::JsonObject | Format::JsonSchema { .. }, _) => return None,
        }
        Some(())
    }

    fn text(&mut self, name: &str, value: Value) {
        let text = self.additional.entry("text").or_insert_with(|| Value::Object(Map::new()));
        text[name] = value;
    }
}

fn number(value: &Value) -> Option<f32> {
    f32::deserialize(value).ok().filter(|number| number.is_finite())
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
