//! Makes new inputs from those there are: bytes, words, lengths, depths.

use machinery::entropy::Entropy;

/// Longest input, in bytes.
const LONGEST: usize = 64 * 1024;
/// Numbers at which something may end.
const NUMBERS: [&str; 12] = [
    "0",
    "-1",
    "1",
    "127",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "1e400",
    "0.1",
    "NaN",
    "18446744073709551616",
];
/// What stands between words in most languages.
const MARKS: [&str; 20] = [
    "{", "}", "[", "]", ",", ":", "\"", "\\", "'", "(", ")", "=", "!", "/", "~", "\n", " ", "\0",
    "\u{fffd}", "&a *a",
];

/// An index below a length that isn't 0.
fn index(entropy: &mut Entropy, length: usize) -> usize {
    usize::try_from(entropy.below(length as u64)).unwrap_or_default()
}

fn one<'a>(entropy: &mut Entropy, of: &[&'a str]) -> &'a str {
    if of.is_empty() {
        return "";
    }
    of[index(entropy, of.len())]
}

/// A range of the input; short ones are more likely.
fn range(entropy: &mut Entropy, length: usize) -> std::ops::Range<usize> {
    if length == 0 {
        return 0..0;
    }
    let start = index(entropy, length);
    let most = (length - start).min(1 << index(entropy, 12));
    start..start + 1 + index(entropy, most)
}

/// A new input from one of those there are, with one to four changes. The first byte, which chooses the variant of the
/// target, changes seldom.
pub fn mutate(entropy: &mut Entropy, known: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
    let mut input = if known.is_empty() {
        b"0".to_vec()
    } else {
        known[index(entropy, known.len())].clone()
    };
    let variant = input.first().copied();
    for _ in 0..=entropy.below(4) {
        change(entropy, &mut input, known, words);
    }
    if let (Some(variant), Some(first)) = (variant, input.first_mut())
        && entropy.below(16) > 0
    {
        *first = variant;
    }
    input.truncate(LONGEST);
    input
}

fn change(entropy: &mut Entropy, input: &mut Vec<u8>, known: &[Vec<u8>], words: &[&str]) {
    let at = index(entropy, input.len() + 1);
    match entropy.below(12) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << entropy.below(8);
            }
        }
        1 => input.insert(at, u8::try_from(entropy.below(256)).unwrap_or_default()),
        2 => {
            let range = range(entropy, input.len());
            input.drain(range);
        }
        3 => {
            let range = range(entropy, input.len());
            let copy = input[range].to_vec();
            insert(input, at, &copy);
        }
        4 | 5 => insert(input, at, one(entropy, words).as_bytes()),
        6 => insert(input, at, one(entropy, &MARKS).as_bytes()),
        7 => number(entropy, input),
        8 => {
            // Part of another input.
            if !known.is_empty() {
                let other = &known[index(entropy, known.len())];
                let range = range(entropy, other.len());
                insert(input, at, &other[range]);
            }
        }
        9 => {
            // Something many times.
            let range = range(entropy, input.len());
            let times = 1 << entropy.below(12);
            let copy = input[range].repeat(times);
            insert(input, at, &copy[..copy.len().min(LONGEST)]);
        }
        10 => {
            // Something deep.
            let mark = one(entropy, &["[", "{\"a\":", "(", "!", "- ", "-"]);
            let depth = 1 << entropy.below(13);
            insert(input, at, mark.repeat(depth).as_bytes());
        }
        _ => {
            // A word in the place of another.
            let range = word_at(input, at);
            let word = one(entropy, words).as_bytes().to_vec();
            input.splice(range, word);
        }
    }
}

fn insert(input: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    input.splice(at..at, bytes.iter().copied());
}

/// Letters and digits round a place.
fn word_at(input: &[u8], at: usize) -> std::ops::Range<usize> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let begin = input[..at].iter().rposition(|byte| !is_word(byte));
    let end = input[at..].iter().position(|byte| !is_word(byte));
    begin.map_or(0, |begin| begin + 1)..end.map_or(input.len(), |end| at + end)
}

/// Another number in the place of one.
fn number(entropy: &mut Entropy, input: &mut Vec<u8>) {
    let digits: Vec<usize> = (1..input.len())
        .filter(|at| input[*at].is_ascii_digit())
        .collect();
    let new = one(entropy, &NUMBERS).as_bytes().to_vec();
    if digits.is_empty() {
        input.extend(new);
        return;
    }
    let at = digits[index(entropy, digits.len())];
    let end = input[at..].iter().position(|byte| !byte.is_ascii_digit());
    let end = end.map_or(input.len(), |end| at + end);
    input.splice(at..end, new);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_make_equal_inputs_and_others_make_others() {
        let known = [b"0{\"a\":[1,2,3]}".to_vec(), b"1x=y".to_vec()];
        let made = |seed: u64| {
            let mut entropy = Entropy::seeded(seed);
            let all = (0..500).map(|_| mutate(&mut entropy, &known, &["word"]));
            all.collect::<Vec<_>>()
        };
        assert_eq!(made(1), made(1));
        assert_ne!(made(1), made(2));
        let distinct: std::collections::BTreeSet<_> = made(1).into_iter().collect();
        assert!(distinct.len() > 450, "{} of 500 differ", distinct.len());
        assert!(distinct.iter().all(|input| input.len() <= LONGEST));
    }
}
