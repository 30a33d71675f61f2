//! The few words that the features know. Outside English only numbers, names and the words themselves are compared.

/// Words that say nothing about what is asked.
const STOP: &[&str] = &[
    "a", "about", "actually", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been",
    "being", "both", "but", "by", "do", "does", "doing", "done", "ever", "exactly", "for", "from", "had",
    "having", "i", "in", "into", "is", "it's", "its", "just", "kindly", "of", "on", "please", "really",
    "some", "tell", "the", "their", "them", "then", "these", "to", "truly", "very", "was", "way", "we",
    "were", "what", "what's", "which", "while", "you",
];

const NEGATIONS: &[&str] = &[
    "not", "no", "never", "none", "nobody", "nothing", "nowhere", "neither", "nor", "cannot", "cant", "dont",
    "doesnt", "didnt", "isnt", "arent", "wasnt", "werent", "wont", "wouldnt", "shouldnt", "couldnt",
    "havent", "hasnt", "aint", "without", "nicht", "kein", "keine", "nie", "ne", "pas", "jamais", "nunca",
    "jamás", "não", "sin", "sans", "ohne",
];

/// Calendar words and units; they count like numbers.
const MEASURES: &[&str] = &[
    "january",
    "february",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "jan",
    "feb",
    "apr",
    "jun",
    "jul",
    "aug",
    "sep",
    "sept",
    "oct",
    "nov",
    "dec",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "today",
    "tomorrow",
    "yesterday",
    "tonight",
    "daily",
    "weekly",
    "monthly",
    "yearly",
    "annual",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "year",
    "decade",
    "century",
    "pm",
    "kg",
    "km",
    "cm",
    "mm",
    "ml",
    "mb",
    "gb",
    "tb",
    "kilogram",
    "gram",
    "kilometer",
    "kilometre",
    "meter",
    "metre",
    "centimeter",
    "mile",
    "inch",
    "feet",
    "foot",
    "yard",
    "pound",
    "ounce",
    "liter",
    "litre",
    "gallon",
    "celsius",
    "fahrenheit",
    "kelvin",
    "dollar",
    "euro",
    "rupee",
    "yen",
    "percent",
    "usd",
    "eur",
    "inr",
    "gbp",
    "cent",
];

/// Words for numbers. "One" is left out: it is a pronoun as often.
const NUMBERS: &str = "\
    zero/0 two/2 three/3 four/4 five/5 six/6 seven/7 eight/8 nine/9 ten/10 eleven/11 twelve/12 twenty/20 \
    thirty/30 fifty/50 hundred/100 thousand/1000 million/1000000 billion/1000000000 twice/2 half/0.5 \
    first/1 third/3";

/// Pairs of which one word asks the contrary of the other.
const OPPOSITES: &str = "\
    buy/sell increase/decrease increase/reduce increase/lower before/after best/worst good/bad \
    better/worse with/without more/less most/least gain/lose win/lose open/close start/stop start/end \
    begin/end install/uninstall enable/disable add/remove love/hate like/dislike male/female man/woman \
    men/women boy/girl boyfriend/girlfriend husband/wife father/mother brother/sister son/daughter \
    advantage/disadvantage pro/con benefit/drawback high/low higher/lower long/short big/small \
    large/small old/young old/new hot/cold left/right up/down in/out north/south east/west true/false \
    positive/negative import/export upload/download send/receive lend/borrow teach/learn push/pull \
    save/spend fast/slow easy/hard easy/difficult legal/illegal happy/sad rich/poor strong/weak \
    maximum/minimum max/min input/output encrypt/decrypt encode/decode accept/reject allow/forbid \
    prove/disprove safe/dangerous cheap/expensive internal/external introvert/extrovert debit/credit \
    asset/liability hire/fire marry/divorce he/she his/her day/night morning/evening summer/winter \
    delete/restore lock/unlock block/unblock follow/unfollow connect/disconnect always/never \
    everything/nothing tall/short thin/fat introduce/abolish war/peace alive/dead life/death rise/fall \
    ascend/descend public/private front/back top/bottom";

/// Words that ask for something of their own kind; "what", "which" and "how" ask for anything.
const ASKS: &str = "\
    why/why where/where when/when who/who whom/who whose/who warum/why wo/where wann/when wer/who \
    pourquoi/why où/where quand/when qui/who cuándo/when dónde/where quién/who";

/// Words with which a sentence begins that wants a yes or a no.
const WHETHER: &[&str] = &[
    "am", "are", "can", "could", "did", "do", "does", "had", "has", "have", "is", "may", "might", "must",
    "shall", "should", "was", "were", "will", "would",
];

/// Whether the word says nothing about what is asked.
pub(super) fn is_stop(word: &str) -> bool {
    STOP.contains(&word)
}

/// What the word asks for, if it asks for something of its own kind.
pub(super) fn asked(word: &str, is_first: bool) -> Option<&'static str> {
    if is_first && WHETHER.contains(&word) {
        return Some("whether");
    }
    pairs(ASKS).find(|(name, _)| *name == word).map(|(_, asked)| asked)
}

/// Whether the word joins one thing to another, or leaves a choice.
pub(super) fn is_joint(word: &str) -> bool {
    ["and", "or", "und", "oder", "et", "ou", "y", "o"].contains(&word)
}

/// Whether the word denies.
pub(super) fn is_negation(word: &str) -> bool {
    NEGATIONS.contains(&word) || word.ends_with("n't") || word.ends_with("n’t")
}

/// Whether the word, in its singular or plural, is of the calendar or a unit.
pub(super) fn is_measure(word: &str) -> bool {
    MEASURES.contains(&word) || word.strip_suffix('s').is_some_and(|word| MEASURES.contains(&word))
}

/// The digits of a word for a number.
pub(super) fn number(word: &str) -> Option<&'static str> {
    pairs(NUMBERS).find(|(name, _)| *name == word).map(|(_, digits)| digits)
}

/// Whether the word is one of a pair of opposites.
pub(super) fn has_opposite(word: &str) -> bool {
    opposites().any(|(one, other)| one == word || other == word)
}

/// All pairs of opposites.
pub(super) fn opposites() -> impl Iterator<Item = (&'static str, &'static str)> {
    pairs(OPPOSITES)
}

/// Words with a stroke between them, pair by pair.
fn pairs(list: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    list.split_whitespace().filter_map(|pair| pair.split_once('/'))
}

/// The word without a usual English ending, so that "laptops" and "laptop" are one word.
pub(super) fn stem(word: &str) -> String {
    let word = word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(word);
    if word.len() < 4 || !word.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return word.to_owned();
    }
    let cut = |ending: &str, least: usize| word.strip_suffix(ending).filter(|rest| rest.len() >= least);
    if let Some(rest) = cut("ies", 2) {
        return format!("{rest}y");
    }
    if ["sses", "xes", "ches", "shes"].iter().any(|ending| word.ends_with(ending)) {
        return word[..word.len() - 2].to_owned();
    }
    if word.ends_with("ss") || word.ends_with("us") || word.ends_with("is") {
        return word.to_owned();
    }
    cut("s", 3).unwrap_or(word).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_have_one_stem() {
        for (one, other) in [
            ("laptops", "laptop"),
            ("countries", "country"),
            ("phone", "phones"),
            ("trump's", "trump"),
            ("increases", "increase"),
            ("boxes", "box"),
            ("glasses", "glass"),
        ] {
            assert_eq!(stem(one), stem(other), "{one} {other}");
        }
        assert_ne!(stem("bus"), stem("bu"));
        assert_ne!(stem("forced"), stem("force"));
        assert_eq!(stem("größer"), "größer");
    }
}
