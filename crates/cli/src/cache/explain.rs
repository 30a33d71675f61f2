//! `tollgate cache explain`: the parts of two calls' keys that differ, as the gateway itself makes them.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use tollgate_aws::clock;
use tollgate_core::cache::explain::{Difference, differences};
use tollgate_core::cache::key::Asked;
use tollgate_core::cache::purge::Purges;
use tollgate_core::cache::{Sharing, Template};
use tollgate_core::caller::Caller;
use tollgate_core::dialect::Dialect;
use tollgate_core::name::Name;
use tollgate_core::ports::Settings;
use tollgate_core::request::Request;
use tollgate_core::routing::{Named, Query, Routing};
use tollgate_core::settings::Document;

use super::view::seconds_left;
use crate::config::parse_stored;
use crate::deployment::Deployment;
use crate::error::Error;
use crate::screen::Screen;

/// Say in which field the keys of two requests differ, and how long each answer is still kept
///
/// A and B are files with request bodies. The route, the stop sequences and the sharing are those of the API key.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// File with the body of a request
    a: PathBuf,
    /// File with the body of another
    b: PathBuf,
    /// Id of the API key that both came with
    #[arg(long, value_name = "ID")]
    key_id: Name,
    /// Id of the API key that B came with, where it is another one
    #[arg(long, value_name = "ID")]
    key_id_b: Option<Name>,
    /// What both went to: chat, responses or embeddings
    #[arg(long, value_name = "NAME", default_value = "chat", value_parser = parse_dialect)]
    dialect: Dialect,
    /// The x-tollgate-template of A
    #[arg(long, value_name = "NAME:VERSION")]
    template: Option<Template>,
    /// The x-tollgate-template of B
    #[arg(long, value_name = "NAME:VERSION")]
    template_b: Option<Template>,
    /// The x-tollgate-cache-sharing of both
    #[arg(long, value_name = "WITH", value_parser = parse_sharing, default_value = "tenant")]
    sharing: Sharing,
    /// Both said x-tollgate-strict: true
    #[arg(long)]
    strict: bool,
}

fn parse_dialect(text: &str) -> Result<Dialect, &'static str> {
    let all = [Dialect::Chat, Dialect::Responses, Dialect::Embeddings];
    all.into_iter().find(|dialect| dialect.as_str() == text).ok_or("it is chat, responses or embeddings")
}

fn parse_sharing(text: &str) -> Result<Sharing, &'static str> {
    Sharing::parse(text).ok_or("it is private, team or tenant")
}

/// What is compared, and with what.
#[derive(Debug, Serialize)]
struct Explanation {
    a: Side,
    b: Side,
    #[serde(serialize_with = "as_rows")]
    differences: Vec<Difference>,
}

#[derive(Debug, Serialize)]
struct Side {
    key: String,
    template: Option<String>,
    seconds_left: Option<u64>,
}

impl Explain {
    pub(super) async fn run(self, deployment: &Deployment, screen: &mut Screen<'_>) -> Result<(), Error> {
        let routing = deployment.settings.document(Document::Routing).await?.ok_or(Error::NotSeeded)?;
        let routing: Routing = parse_stored(Document::Routing, &routing)?;
        let one = (self.caller(deployment, &self.key_id).await?, self.read(&self.a)?);
        let id = self.key_id_b.as_ref().unwrap_or(&self.key_id);
        let other = (self.caller(deployment, id).await?, self.read(&self.b)?);
        let stops = [&one, &other].map(|(caller, request)| {
            let task = request.task();
            caller.output.within(&routing.output_policy(&query(caller, request, task.as_ref()))).stop
        });
        let asked = self.asked(&routing, &one, (&self.template, &stops[0]));
        let asked_b = self.asked(&routing, &other, (&self.template_b, &stops[1]));
        let purges = super::purges(deployment).await?;
        screen.show(&Explanation {
            a: side(deployment, &asked, &purges).await?,
            b: side(deployment, &asked_b, &purges).await?,
            differences: differences(&asked, &asked_b),
        })
    }

    async fn caller(&self, deployment: &Deployment, id: &Name) -> Result<Caller, Error> {
        let record = deployment.keys.find(id).await?;
        record.map(|record| record.caller()).ok_or_else(|| Error::UnknownKey(id.clone()))
    }

    fn read(&self, path: &Path) -> Result<Request, Error> {
        let unreadable = |source| Error::Request { path: path.into(), source };
        let bytes = std::fs::read(path).map_err(|error| unreadable(Box::new(error)))?;
        Request::parse(self.dialect, &bytes).map_err(|error| unreadable(Box::new(error)))
    }

    fn asked<'a>(
        &'a self,
        routing: &'a Routing,
        (caller, request): &'a (Caller, Request),
        (template, stops): (&'a Option<Template>, &'a [String]),
    ) -> Asked<'a> {
        let task = request.task();
        let Named { name, route } = routing.route(&query(caller, request, task.as_ref()));
        Asked {
            caller,
            sharing: self.sharing.min(route.cache.sharing).min(caller.sharing),
            request,
            template: template.as_ref(),
            is_strict: self.strict,
            route: name,
            policy: &route.cache,
            stops,
        }
    }
}

/// What routing looks at of such a call, made now without headers.
fn query<'a>(caller: &'a Caller, request: &'a Request, task: Option<&'a Name>) -> Query<'a> {
    let Caller { tenant, team, user, .. } = caller;
    Query { tenant, team, user, model: &request.model, task, now: clock::now() }
}

async fn side(deployment: &Deployment, asked: &Asked<'_>, purges: &Purges) -> Result<Side, Error> {
    let key = asked.key();
    let about = deployment.entries.about(key.as_str()).await?;
    let now = clock::now();
    let left = about.map(|about| seconds_left(&about, purges.cover(key.as_str(), &about), now));
    Ok(Side {
        key: key.to_string(),
        template: asked.template.map(ToString::to_string),
        seconds_left: left.filter(|secs| *secs > 0),
    })
}

fn as_rows<S: serde::Serializer>(found: &[Difference], serializer: S) -> Result<S::Ok, S::Error> {
    let row =
        |found: &Difference| serde_json::json!({"field": found.field, "a": found.one, "b": found.other});
    serializer.collect_seq(found.iter().map(row))
}

impl Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, side) in [("A", &self.a), ("B", &self.b)] {
            let left = side.seconds_left.map(|secs| format!("kept for {secs} s more"));
            let template = side.template.as_deref().unwrap_or("no template");
            writeln!(f, "{name}: {}, {template}, {}", side.key, left.as_deref().unwrap_or("not kept"))?;
        }
        if self.differences.is_empty() {
            return f.write_str("They share one key.");
        }
        for Difference { field, one, other } in &self.differences {
            let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
            writeln!(f, "differs: {field}: {} | {}", value(one), value(other))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_shown_with_what_each_has() {
        let side = |key: &str, seconds_left| Side { key: key.to_owned(), template: None, seconds_left };
        let found =
            Difference { field: "messages[1].content".into(), one: Some("\"a\"".into()), other: None };
        let explanation =
            Explanation { a: side("k1", Some(5)), b: side("k2", None), differences: vec![found] };

        insta::assert_snapshot!(explanation, @r#"
        A: k1, no template, kept for 5 s more
        B: k2, no template, not kept
        differs: messages[1].content: "a" | nothing
        "#);
        assert_eq!(serde_json::json!(explanation)["differences"][0]["field"], "messages[1].content");
    }
}
