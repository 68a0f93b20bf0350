//! Paths and URLs as Go writes them.

/// The shortest name of a path (`path.Clean`): no empty elements, no `.`, no inner `..`.
pub(crate) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&"..") | None => {
                    if !rooted {
                        parts.push("..");
                    }
                }
                Some(_) => {
                    parts.pop();
                }
            },
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// A URL of a host and a cleaned path (`url.URL.String`).
pub(crate) fn url(scheme: &str, host: &str, path: &str) -> String {
    let slash = if path.starts_with('/') { "" } else { "/" };
    format!("{scheme}://{host}{slash}{}", escaped(path))
}

fn escaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'-'
            | b'_'
            | b'.'
            | b'~'
            | b'$'
            | b'&'
            | b'+'
            | b','
            | b'/'
            | b':'
            | b';'
            | b'='
            | b'@' => out.push(char::from(byte)),
            other => {
                out.push('%');
                for half in [other >> 4, other & 0xf] {
                    let digit = char::from_digit(u32::from(half), 16);
                    out.extend(digit.map(|digit| digit.to_ascii_uppercase()));
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_as_go_cleans_them() {
        for (path, cleaned) in [
            ("//-/ready", "/-/ready"),
            ("/prom//-/ready", "/prom/-/ready"),
            ("/a/../b/./c/", "/b/c"),
            ("/../a", "/a"),
            ("../a/../..", "../.."),
            ("", "."),
            ("/", "/"),
            ("prom/-/reload", "prom/-/reload"),
        ] {
            assert_eq!(clean(path), cleaned, "{path}");
        }
    }

    #[test]
    fn urls_escape_what_paths_may_not_hold() {
        assert_eq!(url("http", "h:1", "/a b/é!"), "http://h:1/a%20b/%C3%A9%21");
        assert_eq!(url("https", "h", "a;b"), "https://h/a;b");
    }
}
