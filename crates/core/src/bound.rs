//! The upper bound of a call's cost, known before it is made.
//!
//! Every token of a byte-level vocabulary, as o200k is, stands for at least one byte of text; so the bytes of the body
//! bound its text tokens whatever the model. Images are bounded by the catalogue, providers' additions by a margin.

use crate::catalogue::Target;
use crate::chat::ChatRequest;
use crate::message::Part;
use crate::money::Nanos;
use crate::usage::Price;

/// Bytes that stand in for an inline image after its data were taken out.
const IMAGE_FRAME_BYTES: u64 = 64;

/// The most input tokens that a target can count for a request.
#[must_use]
pub fn input_tokens(request: &ChatRequest, target: &Target) -> u64 {
    let parts = || request.messages.iter().flat_map(|message| &message.parts);
    let inline: usize = parts()
        .map(|part| match part {
            Part::Image { inline_bytes } => *inline_bytes,
            Part::Text(_) => 0,
        })
        .sum();
    let images = parts().filter(|part| matches!(part, Part::Image { .. })).count();
    let text = as_tokens(request.body_bytes().saturating_sub(inline));
    let messages = as_tokens(request.messages.len() + 1).saturating_mul(target.overhead_tokens);
    let images = as_tokens(images).saturating_mul(target.max_image_tokens + IMAGE_FRAME_BYTES);
    text.saturating_add(messages).saturating_add(images)
}

/// The most that one attempt at a target can cost.
#[must_use]
pub fn attempt_cost(request: &ChatRequest, target: &Target, price: &Price, output_cap: u64) -> Nanos {
    let output = output_cap.saturating_mul(request.choices);
    price.bound(input_tokens(request, target), output)
}

fn as_tokens(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;

    fn target() -> Target {
        let catalogue: Catalogue =
            serde_json::from_str(include_str!("../../../config/catalogue.json")).unwrap();
        catalogue.targets["mantle-us-east-1/gpt-5.5"].clone()
    }

    fn request(content: &str) -> ChatRequest {
        let body = format!(r#"{{"model":"gpt-5.5","messages":[{{"role":"user","content":{content}}}]}}"#);
        ChatRequest::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn text_is_bounded_by_its_bytes() {
        let tokens = input_tokens(&request("\"hello\""), &target());

        assert!((5..300).contains(&tokens), "{tokens}");
    }

    #[test]
    fn an_image_counts_as_the_catalogue_says_not_as_its_bytes() {
        let data = "A".repeat(1_000_000);
        let image =
            format!(r#"[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{data}"}}}}]"#);

        let tokens = input_tokens(&request(&image), &target());

        assert!(tokens > target().max_image_tokens && tokens < 20_000, "{tokens}");
    }

    #[test]
    fn every_choice_may_use_the_whole_cap() {
        let price: Price = serde_json::from_str(r#"{"input":"0","output":"1"}"#).unwrap();
        let body = r#"{"model":"m","n":3,"messages":[{"role":"user","content":"a"}]}"#;
        let request = ChatRequest::parse(body.as_bytes()).unwrap();

        assert_eq!(attempt_cost(&request, &target(), &price, 10), Nanos(30_000));
    }
}
