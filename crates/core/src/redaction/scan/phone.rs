//! Telephone numbers: international ones by their country, national ones by the groups in which people write them, and
//! whatever stands after a word such as "call".

mod countries;

use self::countries::COUNTRIES;
use super::figures::separator_at;
use super::{Text, has_any};

/// Words after which a number is a telephone's.
const TOLD: [&str; 38] = [
    "phone",
    "tel.",
    "tel:",
    "tel ",
    "tel\"",
    "telef",
    "téléph",
    "teléf",
    "mobile",
    "mobil",
    "cell",
    "call",
    "fax",
    "whatsapp",
    "sms",
    "text me",
    "ring ",
    "dial",
    "hotline",
    "handy",
    "rufnummer",
    "durchwahl",
    "rückruf",
    "anruf",
    "erreich",
    "portable",
    "appel",
    "joindre",
    "joignable",
    "móvil",
    "movil",
    "llam",
    "chiam",
    "recapito",
    "numero di",
    "contatt",
    "contact",
    "signal",
];

/// Words right before a number at which somebody can be reached.
const LEADS: [&str; 4] = ["unter ", "en el ", " au ", " al "];

/// Words after which it is something else.
const OTHER: [&str; 43] = [
    "order",
    "invoice",
    "ticket",
    "case ",
    "ref",
    "isbn",
    "issn",
    "sku",
    "article",
    "part ",
    "serial",
    "model",
    "tracking",
    "version",
    "account",
    "no.",
    "no:",
    "nr.",
    "nr:",
    "n°",
    "nº",
    "rechnung",
    "bestell",
    "auftrag",
    "artikel",
    "kunden",
    "konto",
    "vorgang",
    "sendung",
    "aktenzeichen",
    "commande",
    "facture",
    "dossier",
    "colis",
    "pedido",
    "factura",
    "expediente",
    "ordine",
    "fattura",
    "pratica",
    "spedizione",
    "id ",
    "id:",
];

/// The most digits that a number has, with its country.
const MOST: usize = 15;

/// A number as it is written.
struct Written {
    digits: String,
    /// How many digits each group has, and where it ends in the text.
    groups: Vec<(usize, usize)>,
    separators: Vec<u8>,
}

/// Where the number that begins here ends.
pub(crate) fn at(text: Text<'_>, at: usize) -> Option<usize> {
    let is_international = text.bytes[at] == b'+';
    if text.bytes[at].is_ascii_alphabetic() || text.is_continued(at) {
        return None;
    }
    let written = Written::read(text, at + usize::from(is_international))?;
    if text.bytes[at] == b'(' && !written.separators.contains(&b')') {
        return None;
    }
    let follows_figures = at >= 2 && text.bytes[at - 1] == b' ' && text.bytes[at - 2].is_ascii_digit();
    if follows_figures && !is_international && !is_told(text, at) {
        return None;
    }
    let count = if is_international {
        written.international(0)?
    } else if written.digits.starts_with("00") {
        written.international(2).filter(|_| written.groups.len() > 1 || is_told(text, at))?
    } else {
        written.national(text, at)?
    };
    let end = written.groups.iter().scan(0, |sum, (digits, end)| {
        *sum += digits;
        Some((*sum, *end))
    });
    let (_, end) = end.into_iter().find(|(sum, _)| *sum >= count)?;
    text.is_closed(end).then_some(end)
}

/// Whether words before it say that it is a telephone's.
fn is_told(text: Text<'_>, at: usize) -> bool {
    let is_led = text.bytes[at] != b'1' && LEADS.iter().any(|lead| text.before(at, 8).ends_with(lead));
    is_led || has_any(&text.before(at, 36), &TOLD)
}

impl Written {
    fn read(text: Text<'_>, at: usize) -> Option<Self> {
        let mut written = Self { digits: String::new(), groups: Vec::new(), separators: Vec::new() };
        let (mut at, mut between, mut inner) = (at, 0, 0);
        while written.digits.len() <= MOST {
            let length = text.run(at, MOST + 1, |byte| byte.is_ascii_digit());
            if length > 0 {
                written.digits.push_str(&text.text[at..at + length]);
                at += length;
                written.groups.push((length, at));
                between = 0;
                inner = written.separators.len();
            }
            let Some((separator, width)) =
                separator_at(text, at).filter(|(byte, _)| b" -./()".contains(byte))
            else {
                break;
            };
            between += 1;
            if between > 3 {
                break;
            }
            written.separators.push(separator);
            at += width;
        }
        written.separators.truncate(inner);
        (!written.groups.is_empty()).then_some(written)
    }

    /// How many of the digits belong to the number of a country, whose code stands after so many.
    fn international(&self, prefix: usize) -> Option<usize> {
        let digits = self.digits.get(prefix..)?;
        let (code, least, most) = *COUNTRIES.iter().find(|(code, ..)| digits.starts_with(code))?;
        let trunk = usize::from(digits[code.len()..].starts_with('0') && code != "39");
        let most = prefix + code.len() + trunk + most;
        let (least, ends) = (prefix + code.len() + trunk + least, self.ends());
        ends.into_iter().rev().find(|count| (least..=most).contains(count))
    }

    /// The same of a number that is written as at home.
    fn national(&self, text: Text<'_>, at: usize) -> Option<usize> {
        let told = is_told(text, at);
        let is_other = !told && has_any(&text.before(at, 22), &OTHER);
        let fits = |count: &usize| {
            let groups = self.first(*count);
            let is_shaped = !is_other && self.is_shaped(&groups, *count);
            is_shaped || told && self.is_plausible(&groups, *count)
        };
        self.ends().into_iter().rev().find(fits)
    }

    fn ends(&self) -> Vec<usize> {
        let ends = self.groups.iter().scan(0, |sum, (digits, _)| {
            *sum += digits;
            Some(*sum)
        });
        ends.collect()
    }

    fn first(&self, count: usize) -> Vec<usize> {
        let mut sum = 0;
        let groups = self.groups.iter().map(|(digits, _)| *digits);
        groups
            .take_while(|digits| {
                sum += digits;
                sum <= count
            })
            .collect()
    }

    /// Whether the groups alone tell.
    fn is_shaped(&self, groups: &[usize], count: usize) -> bool {
        let digits = self.digits.as_bytes();
        let is_american = |from: usize| {
            matches!((digits[from], digits[from + 3]), (b'2'..=b'9', b'2'..=b'9')) && digits[from + 1] != b'9'
        };
        match groups {
            [10] => matches!(&digits[..2], b"06" | b"07"),
            [11] => matches!(&digits[..3], b"015" | b"016" | b"017") || digits.starts_with(b"07"),
            [3, 3, 4] if digits[0] != b'0' => is_american(0),
            [1, 3, 3, 4] if digits[0] == b'1' => is_american(1),
            [3, 2, 2, 2] => {
                matches!(digits[0], b'6' | b'7' | b'9') && self.separators[..3].iter().all(|s| *s == b' ')
            }
            [3, 7] | [3, 6] => digits[0] == b'3' && digits[1] != b'0',
            [2, 2, 2, 2, 2] => digits[0] == b'0' && digits[1] != b'0' && self.is_uniform(4),
            [first @ 2..=5, rest @ ..] if !rest.is_empty() => {
                let is_home = digits[0] == b'0' && digits[1] != b'0' && (9..=12).contains(&count);
                let is_grouped = rest.iter().all(|group| *group >= 2) && rest.len() <= 4 && *first >= 2;
                is_home && is_grouped && !self.is_date(groups)
            }
            _ => false,
        }
    }

    /// Whether it can be a telephone's, where the text says so.
    fn is_plausible(&self, groups: &[usize], count: usize) -> bool {
        (8..=12).contains(&count)
            && !self.is_date(groups)
            && groups.len() <= 6
            && !(self.separators.first() == Some(&b'-')
                && groups.first() == Some(&4)
                && groups.len() == 3
                && count == 8)
    }

    fn is_uniform(&self, count: usize) -> bool {
        self.separators.get(..count).is_some_and(|first| first.iter().all(|one| *one == first[0]))
    }

    /// Whether it begins with a day, or a year.
    fn is_date(&self, groups: &[usize]) -> bool {
        let value =
            |range: std::ops::Range<usize>| self.digits.get(range).and_then(|text| text.parse::<u32>().ok());
        let is_dotted = !self.separators.is_empty() && matches!(self.separators[0], b'.' | b'-' | b'/');
        let is_day = matches!(groups, [2, 2, 4, ..] | [2, 2, 2])
            && value(0..2).is_some_and(|day| (1..=31).contains(&day))
            && value(2..4).is_some_and(|month| (1..=31).contains(&month));
        let is_year =
            matches!(groups, [4, 2, 2, ..]) && value(0..4).is_some_and(|year| (1900..2100).contains(&year));
        is_dotted && (is_day || is_year)
    }
}
