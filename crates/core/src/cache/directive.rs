//! What a caller asks of the cache: `Cache-Control` and the `x-tollgate-cache-…` headers.

use std::time::Duration;

use crate::cache::sharing::Sharing;
use crate::cache::template::{self, Template};
use crate::constraint::{DATA_CLASS_HEADER, GENERAL, named_in};
use crate::error::Error;
use crate::name::Name;

/// The header that narrows with whom an answer is shared.
pub const SHARING_HEADER: &str = "x-tollgate-cache-sharing";

/// The header that tags what is kept of the answer.
pub const TAGS_HEADER: &str = "x-tollgate-cache-tags";

const MOST_TAGS: usize = 8;

/// What a caller asks of the cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directive {
    /// A fresh answer, whatever is kept: `no-cache`.
    pub is_fresh: bool,
    /// The answer may not be kept, and none that was kept is wanted: `no-store`.
    pub no_store: bool,
    /// How old an answer may be, and how long this one is kept at most: `max-age`.
    pub max_age: Option<Duration>,
    /// With whom it is shared at most.
    pub sharing: Sharing,
    /// What purges may know it by.
    pub tags: Vec<Name>,
    /// The template that the prompt was made from.
    pub template: Option<Template>,
    /// The prompt holds data of another class than the general one: what is kept stays with the caller's own user.
    pub is_personal: bool,
}

impl Directive {
    /// Reads headers; `read` gives the value of one, by its name in small letters. What HTTP says of unknown directives holds
    /// here, too: they are ignored.
    pub fn read(read: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let mut directive = Self {
            sharing: sharing(read(SHARING_HEADER).as_deref())?,
            tags: tags(read(TAGS_HEADER).as_deref())?,
            template: template_of(read(template::HEADER).as_deref())?,
            is_personal: is_personal(read(DATA_CLASS_HEADER).as_deref())?,
            ..Self::default()
        };
        let control = read("cache-control").unwrap_or_default();
        for part in control.split(',').map(str::trim) {
            let (name, value) =
                part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" => directive.no_store = true,
                "no-cache" => directive.is_fresh = true,
                "max-age" => directive.max_age = Some(max_age(value)?),
                _ => {}
            }
        }
        Ok(directive)
    }

    /// With whom an answer is shared, where a route and a key allow no more than this.
    #[must_use]
    pub fn sharing_within(&self, route: Sharing, key: Sharing) -> Sharing {
        if self.is_personal { Sharing::Private } else { self.sharing.min(route).min(key) }
    }

    /// How long an answer is kept, where it is kept for `ttl` otherwise.
    #[must_use]
    pub fn ttl_within(&self, ttl: Duration) -> Duration {
        self.max_age.map_or(ttl, |max_age| max_age.min(ttl))
    }

    /// Whether an answer of this age may be served.
    #[must_use]
    pub fn allows(&self, age: Duration) -> bool {
        !self.no_store && !self.is_fresh && self.max_age.is_none_or(|max_age| age <= max_age)
    }
}

fn sharing(value: Option<&str>) -> Result<Sharing, Error> {
    let Some(value) = value else { return Ok(Sharing::default()) };
    let wrong = || Error::invalid(SHARING_HEADER, format!("{SHARING_HEADER} is private, team or tenant"));
    Sharing::parse(value).ok_or_else(wrong)
}

fn tags(value: Option<&str>) -> Result<Vec<Name>, Error> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let tags: Result<Vec<Name>, _> = value.split(',').map(|tag| tag.trim().parse()).collect();
    let message = || {
        let form = "each 1 to 64 characters of A-Z a-z 0-9 . _ @ -";
        Error::invalid(
            TAGS_HEADER,
            format!("{TAGS_HEADER} are up to {MOST_TAGS} tags with commas between them, {form}"),
        )
    };
    tags.ok().filter(|tags| tags.len() <= MOST_TAGS).ok_or_else(message)
}

fn template_of(value: Option<&str>) -> Result<Option<Template>, Error> {
    let read = value.map(str::parse).transpose();
    read.map_err(|error: template::TemplateError| Error::invalid(template::HEADER, error.to_string()))
}

fn is_personal(value: Option<&str>) -> Result<bool, Error> {
    Ok(named_in(DATA_CLASS_HEADER, value)?.is_some_and(|class| class.as_str() != GENERAL))
}

fn max_age(value: Option<&str>) -> Result<Duration, Error> {
    // Only digits, which may be quoted: a number in Rust may also have a plus.
    let digits = value.map(|value| value.trim().trim_matches('"'));
    let digits = digits.filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()));
    let Some(digits) = digits else {
        return Err(Error::invalid("cache-control", "max-age is a number of whole seconds"));
    };
    // More seconds than fit are as good as for ever.
    Ok(Duration::from_secs(digits.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&str, &'static str)]) -> Result<Directive, Error> {
        Directive::read(|wanted| {
            headers.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn nothing_said_is_nothing_special() {
        let directive = read(&[]).unwrap();

        assert_eq!(directive, Directive::default());
        assert!(directive.allows(Duration::from_secs(1_000_000)));
        assert_eq!(directive.sharing_within(Sharing::Tenant, Sharing::Tenant), Sharing::Tenant);
    }

    #[test]
    fn directives_are_read_in_any_case_and_company() {
        let directive = read(&[("cache-control", "private, Max-Age=\"60\",NO-CACHE")]).unwrap();

        assert_eq!(directive.max_age, Some(Duration::from_secs(60)));
        assert!(directive.is_fresh && !directive.no_store && !directive.allows(Duration::ZERO));
        assert!(read(&[("cache-control", "no-store")]).unwrap().no_store);
        let long = read(&[("cache-control", "max-age=99999999999999999999999")]).unwrap();
        assert_eq!(long.max_age, Some(Duration::from_secs(u64::MAX)));
    }

    #[test]
    fn an_answer_is_served_up_to_its_age_and_kept_no_longer() {
        let directive = read(&[("cache-control", "max-age=60")]).unwrap();

        assert!(directive.allows(Duration::from_secs(60)));
        assert!(!directive.allows(Duration::from_micros(60_000_001)));
        assert_eq!(directive.ttl_within(Duration::from_secs(3_600)), Duration::from_secs(60));
        assert_eq!(directive.ttl_within(Duration::from_secs(10)), Duration::from_secs(10));
    }

    #[test]
    fn sharing_is_never_wider_than_anybody_allows() {
        let directive = read(&[(SHARING_HEADER, "team")]).unwrap();

        assert_eq!(directive.sharing_within(Sharing::Tenant, Sharing::Tenant), Sharing::Team);
        assert_eq!(directive.sharing_within(Sharing::Tenant, Sharing::Private), Sharing::Private);
        assert_eq!(directive.sharing_within(Sharing::Private, Sharing::Tenant), Sharing::Private);
        let personal = read(&[(DATA_CLASS_HEADER, "personal")]).unwrap();
        assert_eq!(personal.sharing_within(Sharing::Tenant, Sharing::Tenant), Sharing::Private);
    }

    #[test]
    fn tags_and_a_template_are_names() {
        let directive = read(&[(TAGS_HEADER, "docs, v2"), (template::HEADER, "answer:3")]).unwrap();

        assert_eq!(directive.tags.iter().map(Name::as_str).collect::<Vec<_>>(), ["docs", "v2"]);
        assert_eq!(directive.template.unwrap().to_string(), "answer:3");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_header() {
        let wrong = [
            ("cache-control", "max-age=1h"),
            ("cache-control", "max-age"),
            ("cache-control", "max-age=+5"),
            (SHARING_HEADER, "public"),
            (TAGS_HEADER, "a b"),
            (TAGS_HEADER, ""),
            (TAGS_HEADER, "1,2,3,4,5,6,7,8,9"),
            (template::HEADER, "answer"),
            (DATA_CLASS_HEADER, "personal data"),
        ];

        for (header, value) in wrong {
            let Err(Error::Invalid { param, .. }) = read(&[(header, value)]) else {
                panic!("{header}: {value}")
            };
            assert_eq!(param.as_deref(), Some(header), "{value}");
        }
    }
}
