//! `POST /v1/embeddings`, as OpenAI and servers on premises serve it.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Vector;
use crate::standin::fault::Rule;
use crate::standin::parameters::{check_choice, check_least};
use crate::standin::refusal::Refusal;
use crate::standin::reply::count_tokens;
use crate::standin::wire::{Answer, Content, Wire, read};

/// Models, with the dimension that their vectors have unless a smaller one is asked for.
const MODELS: &[(&str, u64)] = &[("text-embedding-3-small", 1536), ("text-embedding-3-large", 3072)];
const ON_PREMISES: u64 = 768;
const MOST_INPUTS: usize = 2048;
const LONGEST_INPUT: u64 = 8192;

#[derive(Debug, Deserialize)]
pub(in crate::standin) struct OpenAi {
    #[serde(default)]
    model: String,
    input: Input,
    encoding_format: Option<String>,
    dimensions: Option<u64>,
    /// Whether any model will do.
    #[serde(skip)]
    on_premises: bool,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Texts(Vec<String>),
    Tokens(Vec<u64>),
    TokenLists(Vec<Vec<u64>>),
}

/// A text to embed, and its tokens.
type Piece = (String, u64);

impl OpenAi {
    pub(in crate::standin) fn read(body: &[u8], on_premises: bool) -> Result<Self, Refusal> {
        let request = Self { on_premises, ..read(body)? };
        if request.model.is_empty() {
            return Err(Refusal::missing_param("model"));
        }
        Ok(request)
    }

    fn pieces(&self) -> Vec<Piece> {
        let text = |text: &String| (text.clone(), count_tokens(text));
        let tokens =
            |tokens: &Vec<u64>| (format!("{tokens:?}"), u64::try_from(tokens.len()).unwrap_or(u64::MAX));
        match &self.input {
            Input::Text(one) => vec![text(one)],
            Input::Texts(texts) => texts.iter().map(text).collect(),
            Input::Tokens(list) => vec![tokens(list)],
            Input::TokenLists(lists) => lists.iter().map(tokens).collect(),
        }
    }

    fn dimension(&self) -> Result<usize, Refusal> {
        let known = MODELS.iter().find(|(id, _)| *id == self.model).map(|(_, dimension)| *dimension);
        let largest = match known {
            Some(dimension) => dimension,
            None if self.on_premises => ON_PREMISES,
            None => return Err(Refusal::unknown_model(&self.model)),
        };
        check_least("dimensions", self.dimensions, 1)?;
        let dimension = self.dimensions.unwrap_or(largest);
        if dimension > largest {
            return Err(Refusal::invalid_param(
                "integer_above_max_value",
                "dimensions",
                format!("Invalid value for 'dimensions': must be less than or equal to {largest}."),
            ));
        }
        Ok(usize::try_from(dimension).unwrap_or(usize::MAX))
    }

    fn check(&self, pieces: &[Piece]) -> Result<(), Refusal> {
        check_choice("encoding_format", self.encoding_format.as_deref(), &["float", "base64"])?;
        let about_input =
            |message: String| Refusal { param: Some("input".to_owned()), ..Refusal::invalid(message) };
        let is_blank = |(text, tokens): &Piece| text.is_empty() || *tokens == 0;
        if pieces.is_empty() || pieces.len() > MOST_INPUTS || pieces.iter().any(is_blank) {
            return Err(about_input("'$.input' is invalid.".to_owned()));
        }
        match pieces.iter().map(|(_, tokens)| *tokens).find(|tokens| *tokens > LONGEST_INPUT) {
            Some(tokens) => Err(about_input(format!(
                "This model's maximum context length is {LONGEST_INPUT} tokens, however you requested {tokens} tokens."
            ))),
            None => Ok(()),
        }
    }
}

impl Wire for OpenAi {
    fn model(&self) -> &str {
        &self.model
    }

    fn is_streamed(&self) -> bool {
        false
    }

    fn answer(&self, rule: &Rule) -> Result<Answer, Refusal> {
        let dimension = self.dimension()?;
        let pieces = self.pieces();
        self.check(&pieces)?;
        let is_base64 = self.encoding_format.as_deref() == Some("base64");
        let data = pieces.iter().enumerate().map(|(index, (text, _))| {
            let vector = Vector::of(text, dimension);
            let embedding = if is_base64 { vector.base64().into() } else { vector.numbers() };
            json!({ "object": "embedding", "index": index, "embedding": embedding })
        });
        let data: Vec<Value> = data.collect();
        let tokens = pieces.iter().map(|(_, tokens)| tokens).sum();
        let mut document = json!({ "object": "list", "data": data, "model": self.model });
        if !rule.omit_usage {
            document["usage"] = json!({ "prompt_tokens": tokens, "total_tokens": tokens });
        }
        Ok(Answer {
            input_tokens: tokens,
            output_tokens: 0,
            headers: Vec::new(),
            content: Content::Document(document),
        })
    }
}
