use super::*;

#[test]
fn no_text_is_kept() {
    let kept = serde_json::to_string(&Features::of("Is Alice Meyer in room 42 tomorrow?")).unwrap();

    for word in ["alice", "meyer", "room", "42", "tomorrow"] {
        assert!(!kept.to_lowercase().contains(&format!("\"{word}")), "{kept}");
    }
    assert_eq!(
        serde_json::from_str::<Features>(&kept).unwrap(),
        Features::of("Is Alice Meyer in room 42 tomorrow?")
    );
}

#[test]
fn case_and_punctuation_do_not_matter() {
    assert_eq!(Features::of("What is a laptop?").content, Features::of("what is a Laptop").content);
    assert_eq!(Features::of("").length, 0);
}

#[test]
fn numbers_have_one_spelling() {
    for (one, other) in [("1,000 men", "1000 men"), ("two men", "2 men"), ("3.50 m", "3.5 m"), ("$5", "5")] {
        assert_eq!(Features::of(one).numbers, Features::of(other).numbers, "{one} {other}");
    }
    for (one, other) in [("1.5 m", "15 m"), ("10:30", "1030"), ("1/2", "12"), ("٣ كتب", "٤ كتب"), ("三", "3")]
    {
        assert_ne!(Features::of(one).numbers, Features::of(other).numbers, "{one} {other}");
    }
}

#[test]
fn names_are_told_by_their_letters() {
    let named = |text: &str, name: &str| Features::of(text).entities.contains(&hash(name));

    for (text, name) in [
        ("Where does Alice live?", "alice"),
        ("what does NASA do", "nasa"),
        ("is the iPhone good", "iphone"),
        ("what is \"love\" here", "love"),
        ("who is a@b.org", "a@b.org"),
        ("open src/main.rs now", "src/main.rs"),
        ("what is vitamin A", "a"),
    ] {
        assert!(named(text, name), "{text}");
    }
    assert!(!named("Why is the sky blue? Because I ask.", "because"));
    assert!(!named("What Is The Best Way To Learn Cooking Quickly", "cooking"));
}

#[test]
fn a_long_text_is_kept_short() {
    let text = (0..10_000).map(|word| format!("word{word} ")).collect::<String>();

    let features = Features::of(&text);

    assert_eq!((features.content.len(), features.length), (512, 10_000));
}
