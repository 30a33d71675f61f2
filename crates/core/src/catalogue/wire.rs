//! The wires of providers: where they are, how they are signed, and which bodies they take.

use serde::{Deserialize, Serialize};

use crate::dialect::Dialect;

/// The provider kinds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Wire {
    /// OpenAI's wire over HTTPS: Bedrock's own endpoints, OpenAI, and servers that speak as OpenAI does.
    Openai {
        /// Scheme and host, such as `https://bedrock-mantle.us-east-1.api.aws`.
        host: String,
        /// What stands before `/chat/completions`, such as `/openai/v1`.
        path_prefix: String,
        /// What it speaks, the preferred first.
        dialects: Vec<Dialect>,
        /// Who we are there.
        auth: Auth,
    },
    /// Converse and `ConverseStream` of `bedrock-runtime`.
    Converse {
        /// Where the reasoning effort goes in `additionalModelRequestFields`.
        #[serde(default)]
        effort: EffortField,
        /// Where the schema of a structured answer goes.
        #[serde(default)]
        schema: SchemaField,
        /// The guardrail that every call goes through.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        guardrail: Option<Guardrail>,
    },
    /// `InvokeModel` of `bedrock-runtime`, whose body is the model's own.
    Invoke {
        /// Whose body.
        body: InvokeBody,
    },
}

/// Who we are at a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Auth {
    /// The function's role, or the tenant's.
    Sigv4 {
        /// The service name in the credential scope.
        signing_name: String,
    },
    /// An API key.
    Bearer {
        /// The secret in Secrets Manager that holds it, by name or ARN.
        secret: String,
    },
    /// Nobody in particular.
    None,
}

/// Where Converse takes the reasoning effort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EffortField {
    /// Nowhere: a call that names one goes to another target.
    #[default]
    None,
    /// `{"reasoning": {"effort": …}}`, as GPT-5.6 and later take it.
    Nested,
    /// `{"reasoning_effort": …}`, as gpt-oss takes it.
    Flat,
}

/// Where Converse takes the schema of a structured answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SchemaField {
    /// Nowhere: a call that names one goes to another target.
    #[default]
    None,
    /// `outputConfig.textFormat`.
    OutputConfig,
    /// `{"text": {"format": …}}` in `additionalModelRequestFields`, as OpenAI's models take it.
    TextFormat,
}

/// A guardrail of Bedrock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guardrail {
    /// Its id or ARN.
    pub id: String,
    /// Its version, or `DRAFT`.
    pub version: String,
}

/// Bodies of `InvokeModel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InvokeBody {
    /// Chat Completions, as gpt-oss takes it; reasoning comes inline in the text.
    Chat,
    /// Amazon Titan Text Embeddings V2: one text a call.
    TitanEmbedding,
    /// Cohere Embed v4: up to 96 texts a call.
    CohereEmbedding,
    /// Amazon Nova Multimodal Embeddings: one text a call.
    NovaEmbedding,
}
