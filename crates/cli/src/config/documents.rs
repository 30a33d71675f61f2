//! Documents on their way into the table: where their text comes from, and everything that is wrong with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use tollgate_core::budgets::Budgets;
use tollgate_core::catalogue::{Catalogue, Faults, Prices};
use tollgate_core::enforcement::Policy;
use tollgate_core::routing::Routing;
use tollgate_core::settings::Document;

use crate::error::Error;

/// `DynamoDB` takes items of 400 KB.
const MOST_BYTES: usize = 390_000;

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be read", .path.display())]
pub(crate) struct ReadError {
    path: PathBuf,
    source: std::io::Error,
}

/// Where a text comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Shipped,
    Stored,
    File(PathBuf),
}

/// A text that may be a document.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) origin: Origin,
    pub(crate) text: String,
}

/// One text for each document.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    pub(crate) catalogue: Source,
    pub(crate) prices: Source,
    pub(crate) routing: Source,
    pub(crate) budgets: Source,
    pub(crate) enforcement: Source,
}

/// Documents without a fault.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) origins: [Origin; 5],
    pub(crate) catalogue: Catalogue,
    pub(crate) prices: Prices,
    pub(crate) routing: Routing,
    pub(crate) budgets: Budgets,
    pub(crate) enforcement: Policy,
}

impl Source {
    /// The file's text, or the shipped document where no file is named.
    pub(crate) fn read(path: Option<&Path>, document: Document) -> Result<Self, ReadError> {
        let Some(path) = path else {
            return Ok(Self { origin: Origin::Shipped, text: shipped(document).to_owned() });
        };
        let text = std::fs::read_to_string(path).map_err(|source| ReadError { path: path.into(), source })?;
        Ok(Self { origin: Origin::File(path.into()), text })
    }

    fn parse<T: DeserializeOwned>(&self, document: Document, faults: &mut Vec<String>) -> Option<T> {
        let mut deserializer = serde_json::Deserializer::from_str(&self.text);
        let parsed = serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| error.to_string())
            .and_then(|value| deserializer.end().map(|()| value).map_err(|error| error.to_string()));
        match parsed {
            Ok(_) if self.text.len() > MOST_BYTES => {
                faults.push(self.fault(document, &format!("longer than {MOST_BYTES} bytes")));
                None
            }
            Ok(value) => Some(value),
            Err(fault) => {
                faults.push(self.fault(document, &fault));
                None
            }
        }
    }

    fn fault(&self, document: Document, fault: &str) -> String {
        match &self.origin {
            Origin::Shipped => format!("{} (shipped): {fault}", name(document)),
            Origin::Stored => format!("{} (stored): {fault}", name(document)),
            Origin::File(path) => format!("{}: {fault}", path.display()),
        }
    }
}

impl Sources {
    /// All of them with what they are.
    pub(crate) fn each_mut(&mut self) -> [(Document, &mut Source); 5] {
        [
            (Document::Catalogue, &mut self.catalogue),
            (Document::Prices, &mut self.prices),
            (Document::Routing, &mut self.routing),
            (Document::Budgets, &mut self.budgets),
            (Document::Enforcement, &mut self.enforcement),
        ]
    }

    /// Reads and checks all documents; the faults of all of them are listed.
    pub(crate) fn check(self) -> Result<Checked, Error> {
        let mut faults = Vec::new();
        let catalogue: Option<Catalogue> = self.catalogue.parse(Document::Catalogue, &mut faults);
        let prices: Option<Prices> = self.prices.parse(Document::Prices, &mut faults);
        let routing: Option<Routing> = self.routing.parse(Document::Routing, &mut faults);
        let budgets: Option<Budgets> = self.budgets.parse(Document::Budgets, &mut faults);
        let enforcement: Option<Policy> = self.enforcement.parse(Document::Enforcement, &mut faults);
        let mut note = |source: &Source, document, outcome: Result<(), Faults>| {
            let Err(Faults(found)) = outcome else { return };
            faults.extend(found.iter().map(|fault| source.fault(document, fault)));
        };
        if let Some(budgets) = &budgets {
            note(&self.budgets, Document::Budgets, budgets.check());
        }
        if let Some(enforcement) = &enforcement {
            note(&self.enforcement, Document::Enforcement, enforcement.check());
        }
        if let Some(catalogue) = &catalogue {
            note(&self.catalogue, Document::Catalogue, catalogue.check());
            if let Some(prices) = &prices {
                note(&self.prices, Document::Prices, prices.check(catalogue));
            }
            if let Some(routing) = &routing {
                note(&self.routing, Document::Routing, routing.check(catalogue));
            }
        }
        match (catalogue, prices, routing, budgets, enforcement) {
            (Some(catalogue), Some(prices), Some(routing), Some(budgets), Some(enforcement))
                if faults.is_empty() =>
            {
                let sources = [self.catalogue, self.prices, self.routing, self.budgets, self.enforcement];
                let origins = sources.map(|source| source.origin);
                Ok(Checked { origins, catalogue, prices, routing, budgets, enforcement })
            }
            _ => Err(Error::Faults(Faults(faults))),
        }
    }
}

impl Checked {
    /// The texts to store: the same for the same content, however a file was laid out.
    pub(crate) fn texts(&self) -> Result<BTreeMap<Document, String>, serde_json::Error> {
        Ok([
            (Document::Catalogue, serde_json::to_string(&self.catalogue)?),
            (Document::Prices, serde_json::to_string(&self.prices)?),
            (Document::Routing, serde_json::to_string(&self.routing)?),
            (Document::Budgets, serde_json::to_string(&self.budgets)?),
            (Document::Enforcement, serde_json::to_string(&self.enforcement)?),
        ]
        .into())
    }
}

/// What the command line calls a document.
pub(crate) const fn name(document: Document) -> &'static str {
    document.version_attribute()
}

/// Reads the text of a document that was checked when it was stored.
pub(crate) fn parse_stored<T: DeserializeOwned>(document: Document, text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|source| Error::Garbled { document: name(document), source })
}

const fn shipped(document: Document) -> &'static str {
    match document {
        Document::Catalogue => include_str!("../../../../config/catalogue.json"),
        Document::Prices => include_str!("../../../../config/prices.json"),
        Document::Routing => include_str!("../../../../config/routing.json"),
        Document::Budgets => include_str!("../../../../config/budgets.json"),
        Document::Enforcement => include_str!("../../../../config/enforcement.json"),
        // Nobody writes it but `cache purge`.
        Document::Purges => "{}",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> Sources {
        let read = |document| Source::read(None, document).unwrap();
        Sources {
            catalogue: read(Document::Catalogue),
            prices: read(Document::Prices),
            routing: read(Document::Routing),
            budgets: read(Document::Budgets),
            enforcement: read(Document::Enforcement),
        }
    }

    fn file(name: &str, text: &str) -> Source {
        Source { origin: Origin::File(name.into()), text: text.to_owned() }
    }

    #[test]
    fn the_shipped_documents_have_no_fault() {
        assert!(sources().check().is_ok());
    }

    #[test]
    fn the_faults_of_all_documents_are_listed_with_their_places() {
        let prices = file("prices.json", r#"{"targets": {"x": {"input": "cheap", "output": "2"}}}"#);
        let routing = file("routing.json", r#"{"default": {"providers": {"nobody": 1}}}"#);

        let error = Sources { prices, routing, ..sources() }.check().unwrap_err();

        insta::assert_snapshot!(error, @r#"
        the configuration has faults
          prices.json: targets.x.input: "cheap" is no amount in dollars, such as 12.50 (at most nine decimals) at line 1 column 35
          routing.json: route "default" names no provider and no target of the catalogue
        "#);
    }

    #[test]
    fn other_documents_are_read_although_the_catalogue_is_broken() {
        let catalogue = file("catalogue.json", r#"{"models": {}, "targets": {"t": {"provider": "p"}}}"#);
        let routing = file("routing.json", "{} {}");

        let error = Sources { catalogue, routing, ..sources() }.check().unwrap_err();

        insta::assert_snapshot!(error, @"
        the configuration has faults
          catalogue.json: targets.t: missing field `model_id` at line 1 column 49
          routing.json: missing field `default` at line 1 column 2
        ");
    }

    #[test]
    fn a_document_that_no_item_holds_is_refused() {
        let padding = " ".repeat(MOST_BYTES);
        let routing = file("routing.json", &format!("{}{padding}", shipped(Document::Routing)));

        let error = Sources { routing, ..sources() }.check().unwrap_err();

        assert!(error.to_string().ends_with("routing.json: longer than 390000 bytes"), "{error}");
    }

    #[test]
    fn lay_out_makes_no_new_version() {
        let sources = sources();
        let spaced = sources.routing.text.replace(',', " ,\n");
        let texts = sources.clone().check().unwrap().texts().unwrap();

        let routing = file("routing.json", &spaced);

        assert_eq!(Sources { routing, ..sources }.check().unwrap().texts().unwrap(), texts);
    }
}
