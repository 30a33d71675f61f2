//! One real call through the front door, which shows that the stack works.

use serde::Deserialize;
use serde_json::json;

/// The alias of the shipped catalogue that the examples use.
pub(super) const MODEL: &str = "gpt-5.5";
const QUESTION: &str = "Say in one sentence what a gateway for language models is good for.";
const BODY_SHOWN: usize = 600;

/// What came back.
#[derive(Debug)]
pub(super) struct FirstAnswer {
    pub(super) text: String,
    /// The `x-tollgate-*` headers and their values, in order.
    pub(super) headers: Vec<(String, String)>,
}

/// The call did not work.
#[derive(Debug, thiserror::Error)]
pub enum FirstCallError {
    /// Nobody answered.
    #[error("the first call got no answer")]
    Transport(#[from] reqwest::Error),
    /// The answer is an error.
    #[error("the first call was answered with {status}: {body}")]
    Refused {
        /// Its status.
        status: u16,
        /// Its body.
        body: String,
    },
    /// The answer is no chat completion.
    #[error("the first call was answered with something else than a chat completion")]
    Malformed(#[from] serde_json::Error),
}

#[derive(Deserialize)]
struct Completion {
    choices: [Choice; 1],
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

/// Asks one question at the front door.
pub(super) async fn ask(front_door_url: &str, key: &str) -> Result<FirstAnswer, FirstCallError> {
    let question = json!({ "model": MODEL, "messages": [{ "role": "user", "content": QUESTION }] });
    let url = format!("{front_door_url}/v1/chat/completions");
    let answer = reqwest::Client::new().post(url).bearer_auth(key).json(&question).send().await?;
    let status = answer.status();
    let headers = answer
        .headers()
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("x-tollgate-"))
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let body = answer.text().await?;
    if !status.is_success() {
        let body = body.chars().take(BODY_SHOWN).collect();
        return Err(FirstCallError::Refused { status: status.as_u16(), body });
    }
    let Completion { choices: [choice] } = serde_json::from_str(&body)?;
    Ok(FirstAnswer { text: choice.message.content, headers })
}
