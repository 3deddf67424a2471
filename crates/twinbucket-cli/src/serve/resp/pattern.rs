//! The patterns of Redis: `*`, `?`, `[abc]`, `[^a-z]` and `\` before a character that is meant literally.
//!
//! They match bytes, as in Redis. A match takes at most as many steps as pattern and text have bytes, multiplied: after
//! a failure it goes back to the last `*` only, never to one before it.

/// Tells whether all of `text` matches `pattern`.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut from) = (pattern, text);
    // The last `*`: what follows it, and the text that was not yet tried for that.
    let mut last: Option<(&[u8], &[u8])> = None;
    loop {
        let step = match at.split_first() {
            Some((b'*', after)) => {
                last = Some((after, from));
                at = after;
                continue;
            }
            Some(_) => from.split_first().and_then(|(&byte, rest)| Some((one(at, byte)?, rest))),
            None if from.is_empty() => return true,
            None => None,
        };
        (at, from) = match (step, last) {
            (Some(next), _) => next,
            (None, Some((after, [_, rest @ ..]))) => {
                last = Some((after, rest));
                (after, rest)
            }
            (None, _) => return false,
        };
    }
}

/// Matches one byte against the head of a pattern, which is no `*`, and returns what comes after it.
fn one(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    match pattern {
        [b'?', after @ ..] => Some(after),
        [b'[', class @ ..] => in_class(class, byte),
        [b'\\', literal, after @ ..] | [literal, after @ ..] => (*literal == byte).then_some(after),
        [] => None,
    }
}

/// Matches one byte against a class, from after its `[`. A class that does not end is taken to end with the pattern.
fn in_class(class: &[u8], byte: u8) -> Option<&[u8]> {
    let (negated, mut rest) = match class {
        [b'^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let mut found = false;
    loop {
        rest = match rest {
            [b'\\', literal, after @ ..] => {
                found |= *literal == byte;
                after
            }
            [b']', after @ ..] => return (found != negated).then_some(after),
            [] => return (found != negated).then_some(rest),
            [from, b'-', to, after @ ..] => {
                found |= (*from.min(to)..=*from.max(to)).contains(&byte);
                after
            }
            [literal, after @ ..] => {
                found |= *literal == byte;
                after
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_match_as_in_redis() {
        let cases = [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*llo", "heeeello", true),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-b]llo", "hbllo", true),
            ("h[b-a]llo", "hallo", true),
            ("h[a-", "h-", true),
            ("[\\]]", "]", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("a\\", "a\\", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "xxaxxbxx", false),
            ("[]", "a", false),
            ("[^]", "a", true),
            ("user:*:name", "user:12:name", true),
            ("user:*:name", "user:12:names", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn hostile_pattern_ends() {
        let (pattern, text) = ("a*".repeat(400), "a".repeat(4000));
        assert!(!matches(format!("{pattern}b").as_bytes(), text.as_bytes()));
    }

    /// The definition, word for word, and exponential.
    fn slow(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', after)) => (0..=text.len()).any(|at| slow(after, &text[at..])),
            Some(_) => text
                .split_first()
                .is_some_and(|(&byte, rest)| one(pattern, byte).is_some_and(|after| slow(after, rest))),
        }
    }

    proptest! {
        #[test]
        fn matching_agrees_with_its_definition(pattern in r"[ab*?\[\]^\\-]{0,8}", text in "[ab*-]{0,8}") {
            prop_assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), slow(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn any_bytes_can_be_matched(pattern: Vec<u8>, text: Vec<u8>) {
            matches(&pattern, &text);
        }

        #[test]
        fn escaped_text_matches_itself_only(text: Vec<u8>, other: Vec<u8>) {
            let pattern: Vec<u8> = text.iter().flat_map(|&byte| [b'\\', byte]).collect();
            prop_assert!(matches(&pattern, &text));
            prop_assert_eq!(matches(&pattern, &other), text == other);
        }
    }
}
