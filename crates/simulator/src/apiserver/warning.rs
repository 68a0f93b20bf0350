//! Warnings for clients as header values: each text once, and no more of them than a client can be expected to read
//! (`apiserver/pkg/endpoints/filters/warning.go`, `apimachinery/pkg/util/net/http.go`).

use machinery::ordered::distinct;

/// Characters of all texts together before they are cut.
const TOTAL: usize = 4 * 1024;
/// Characters of one text once they are cut.
const ITEM: usize = 256;

/// The values of the `Warning` headers for these texts, in order.
pub(crate) fn values(texts: &[String]) -> Vec<String> {
    let told = texts.iter().map(String::as_str);
    let distinct = distinct(told.filter(|text| !text.is_empty()).collect());
    let sendable = |text: &&str| !text.chars().any(char::is_control);
    let all = || distinct.iter().copied().filter(sendable);
    let total: usize = all().map(|text| text.chars().count()).sum();
    if total <= TOTAL {
        return all().map(quoted).collect();
    }
    cut(&distinct)
        .into_iter()
        .map(|text| quoted(&text))
        .collect()
}

/// What is sent of texts that are too long together. As they come, the one that is too much has all before it cut; from
/// then on each is cut, until what was sent is too much again.
fn cut(texts: &[&str]) -> Vec<String> {
    let sendable = |text: &&&str| !text.chars().any(char::is_control);
    let mut whole = 0;
    let mut written = 0;
    let mut out: Vec<String> = Vec::new();
    let mut cutting = false;
    for (index, text) in texts.iter().enumerate() {
        if cutting {
            if written >= TOTAL {
                break;
            }
        } else {
            let length = text.chars().count();
            if !sendable(&text) || whole + length <= TOTAL {
                whole += if sendable(&text) { length } else { 0 };
                continue;
            }
            // Only now: those before it again, shorter.
            cutting = true;
            for earlier in texts.iter().take(index).filter(sendable) {
                let short: String = earlier.chars().take(ITEM).collect();
                written += short.chars().count();
                out.push(short);
            }
        }
        if sendable(&text) {
            let short: String = text.chars().take(ITEM).collect();
            written += short.chars().count();
            out.push(short);
        }
    }
    out
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 10);
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    format!("299 - \"{quoted}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(texts: &[&str]) -> Vec<String> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        values(&texts)
    }

    #[test]
    fn each_text_is_sent_once_and_what_no_header_can_hold_is_not() {
        assert_eq!(
            sent(&["a \"b\\", "", "a \"b\\", "c\u{1}", "é"]),
            [r#"299 - "a \"b\\""#, "299 - \"é\""]
        );
    }

    #[test]
    fn texts_that_are_too_long_together_are_cut() {
        let (long, short) = ("x".repeat(4000), "y".repeat(97));
        let lengths = |texts: &[&str]| -> Vec<usize> {
            sent(texts).iter().map(|text| text.len() - 8).collect()
        };
        assert_eq!(lengths(&[&long, "yy"]), [4000, 2]);
        assert_eq!(lengths(&[&long, &short]), [256, 97]);
        assert_eq!(lengths(&[&"z".repeat(5000)]), [256]);
        let many: Vec<String> = (10..60)
            .map(|n| format!("{n}{}", "w".repeat(298)))
            .collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        // Sixteen of 256 characters are 4096.
        assert_eq!(lengths(&many), [256; 16]);
    }
}
