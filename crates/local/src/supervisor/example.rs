//! What is printed when the stack is up: the first answer, and examples that work as they stand, from any directory.

use std::path::Path;

use super::first_call::{FirstAnswer, MODEL};

/// What the examples need to know.
pub(super) struct Example<'a> {
    /// With `/v1`.
    pub(super) base_url: &'a str,
    pub(super) key: &'a str,
    /// The checkout: `make` has installed both OpenAI clients in it.
    pub(super) checkout: &'a Path,
}

impl Example<'_> {
    pub(super) fn curl(&self) -> String {
        let Self { base_url, key, .. } = self;
        format!(
            r#"curl {base_url}/chat/completions \
  -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \
  -d '{{"model": "{MODEL}", "messages": [{{"role": "user", "content": "Hello from curl"}}]}}'"#
        )
    }

    pub(super) fn python(&self) -> String {
        let Self { base_url, key, checkout } = self;
        let python = quote(&checkout.join("target/tools/clients/bin/python"));
        format!(
            r#"{python} - <<'END'
from openai import OpenAI

client = OpenAI(base_url="{base_url}", api_key="{key}")
stream = client.chat.completions.create(
    model="{MODEL}", messages=[{{"role": "user", "content": "Hello from Python"}}], stream=True)
for chunk in stream:
    print(chunk.choices[0].delta.content or "" if chunk.choices else "", end="", flush=True)
print()
END"#
        )
    }

    pub(super) fn node(&self) -> String {
        let Self { base_url, key, checkout } = self;
        let clients = quote(&checkout.join("tests/clients"));
        format!(
            r#"(cd {clients} && node --input-type=module -) <<'END'
import OpenAI from "openai";

const client = new OpenAI({{ baseURL: "{base_url}", apiKey: "{key}" }});
const answer = await client.chat.completions.create({{
  model: "{MODEL}", messages: [{{ role: "user", content: "Hello from Node" }}] }});
console.log(answer.choices[0].message.content);
END"#
        )
    }
}

/// All that an operator needs to go on.
pub(super) fn introduce(example: &Example<'_>, answer: &FirstAnswer, state_dir: &Path) -> String {
    let headers: String =
        answer.headers.iter().map(|(name, value)| format!("    {name}: {value}\n")).collect();
    format!(
        "\n{MODEL} answered:\n    {}\n{headers}\nURL  {}\nkey  {}\n\n# curl\n{}\n\n# Python\n{}\n\n# Node\n{}\n\n\
         The variables of all this: {}; logs: {}\n\
         Stop with Ctrl-C (`make run`) or `make down` (`make up`).",
        answer.text,
        example.base_url,
        example.key,
        example.curl(),
        example.python(),
        example.node(),
        state_dir.join("env").display(),
        state_dir.join("logs").display(),
    )
}

/// A path as one word of a shell.
fn quote(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Example<'static> {
        Example {
            base_url: "http://127.0.0.1:8080/v1",
            key: "tg-1",
            checkout: Path::new("/home/me/it's here"),
        }
    }

    #[test]
    fn quotes_the_checkout() {
        assert!(
            example()
                .python()
                .starts_with(r"'/home/me/it'\''s here/target/tools/clients/bin/python' - <<'END'")
        );
        assert!(example().node().starts_with(r"(cd '/home/me/it'\''s here/tests/clients' && "));
    }

    #[test]
    fn leaves_no_placeholder_open() {
        for text in [example().curl(), example().python(), example().node()] {
            assert!(
                text.contains("http://127.0.0.1:8080/v1") && text.contains("tg-1") && text.contains(MODEL),
                "{text}"
            );
            assert!(!text.contains("{{") && !text.contains("}}}"), "{text}");
        }
    }
}
