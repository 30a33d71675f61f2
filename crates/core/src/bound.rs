//! The upper bound of a call's cost, known before it is made.
//!
//! Every token of a byte-level vocabulary, as o200k is, stands for at least one byte of text; so the bytes of the body
//! bound its text tokens whatever the model. Images are bounded by the catalogue, providers' additions by a margin.

use crate::budget::Amount;
use crate::catalogue::{Target, Wire};
use crate::dialect::Dialect;
use crate::price::Price;
use crate::prompt::Part;
use crate::request::Request;

/// Bytes that stand in for an inline image after its data were taken out.
const IMAGE_FRAME_BYTES: u64 = 64;

/// English text has about four bytes a token.
const BYTES_PER_TOKEN: u64 = 4;

/// The most input tokens that a target can count for a request, without what an earlier response adds.
#[must_use]
pub fn input_tokens(request: &Request, target: &Target) -> u64 {
    let images = || {
        let parts = request.prompt().into_iter().flat_map(|prompt| prompt.parts());
        parts.filter_map(|part| match part {
            Part::Image { url, .. } => Some(url),
            Part::Text(_) | Part::Refusal(_) => None,
        })
    };
    let inline: usize = images().filter(|url| url.starts_with("data:")).map(String::len).sum();
    let text = as_tokens(request.body_bytes().saturating_sub(inline));
    let messages = as_tokens(request.pieces() + 1).saturating_mul(target.overhead_tokens);
    let images = as_tokens(images().count()).saturating_mul(target.max_image_tokens + IMAGE_FRAME_BYTES);
    text.saturating_add(messages).saturating_add(images).saturating_add(held_tokens(request, target))
}

/// The most that reasoning can count of which the request has only the id: each was an answer's output once, and all
/// together fit into the context. A target that is asked in other words is not told the id.
fn held_tokens(request: &Request, target: &Target) -> u64 {
    let knows_ids =
        matches!(&target.wire, Wire::Openai { dialects, .. } if dialects.contains(&Dialect::Responses));
    let held = request.prompt().filter(|_| knows_ids).map_or(0, |prompt| prompt.held);
    as_tokens(held).saturating_mul(target.max_output_tokens).min(target.context_tokens)
}

/// The most that one attempt at a target can cost and count, with `earlier` tokens of context that the provider already holds.
#[must_use]
pub fn attempt_bound(
    request: &Request,
    target: &Target,
    price: &Price,
    tier: &str,
    (earlier, output_cap): (u64, u64),
) -> Amount {
    let output = output_cap.saturating_mul(request.choices());
    let input = input_tokens(request, target).saturating_add(earlier);
    Amount { nanos: price.bound(input, output, tier), tokens: input.saturating_add(output) }
}

/// About how many tokens a provider counts against its quota when it admits a call: at four bytes of text a token, with
/// the whole output cap.
#[must_use]
pub fn quota_tokens(request: &Request, target: &Target, output_cap: u64) -> u64 {
    let output = output_cap.saturating_mul(request.choices());
    (input_tokens(request, target) / BYTES_PER_TOKEN).saturating_add(output)
}

fn as_tokens(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::money::Nanos;

    fn target() -> Target {
        let catalogue: Catalogue =
            serde_json::from_str(include_str!("../../../config/catalogue.json")).unwrap();
        catalogue.targets["mantle-us-east-1/gpt-5.5"].clone()
    }

    fn request(content: &str) -> Request {
        let body = format!(r#"{{"model":"gpt-5.5","messages":[{{"role":"user","content":{content}}}]}}"#);
        Request::parse(Dialect::Chat, body.as_bytes()).unwrap()
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
    fn never_over_reasoning_that_the_provider_looks_up_by_its_id_counts_as_an_answer_of_its_own() {
        let tokens = |item: &str| {
            let body = format!(
                r#"{{"model":"m","input":[{{"role":"user","content":"a"}},{{"type":"reasoning",{item}}}]}}"#
            );
            input_tokens(&Request::parse(Dialect::Responses, body.as_bytes()).unwrap(), &target())
        };
        let most = target().max_output_tokens;

        assert!(tokens(r#""id":"rs_1","summary":[]"#) > most);
        assert!(tokens(r#""id":"rs_1","summary":[],"encrypted_content":"""#) > most);
        assert!(tokens(r#""id":"rs_1","summary":[],"encrypted_content":"gAAAA""#) < most);
        assert!(tokens(r#""summary":[{"type":"summary_text","text":"a"}]"#) < most);
    }

    #[test]
    fn never_over_the_prompt_that_a_maker_adds_for_tools_is_bounded() {
        let catalogue: Catalogue =
            serde_json::from_str(include_str!("../../../config/catalogue.json")).unwrap();
        let body = br#"{"model":"m","messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f"}}]}"#;
        let request = Request::parse(Dialect::Chat, body).unwrap();

        // Anthropic adds 346 tokens of its own to a call with tools, besides the tools.
        let tokens = input_tokens(&request, &catalogue.targets["runtime-us-east-1/claude-sonnet-4.5"]);
        assert!(tokens > 346 + body.len() as u64, "{tokens}");
    }

    #[test]
    fn a_token_id_counts_as_at_least_one_token() {
        let body = br#"{"model":"m","input":[1,2,3,4,5,6,7,8,9]}"#;
        let request = Request::parse(Dialect::Embeddings, body).unwrap();

        assert!(input_tokens(&request, &target()) >= 9);
    }

    #[test]
    fn every_choice_may_use_the_whole_cap() {
        let price: Price = serde_json::from_str(r#"{"input":"0","output":"1"}"#).unwrap();
        let body = br#"{"model":"m","n":3,"messages":[{"role":"user","content":"a"}]}"#;
        let request = Request::parse(Dialect::Chat, body).unwrap();

        assert_eq!(attempt_bound(&request, &target(), &price, "default", (0, 10)).nanos, Nanos(30_000));
    }
}
