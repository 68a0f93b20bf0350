//! A URL of HTTP or HTTPS, taken apart.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;

/// Where a request goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    /// Over TLS.
    pub secure: bool,
    /// Name or address, an IPv6 address without brackets.
    pub host: String,
    /// The port, a default one too.
    pub port: u16,
    /// Path and query.
    pub path: String,
    /// Header `Host`.
    pub(crate) authority: String,
    /// Header `Authorization`, from a user and a password in the URL.
    pub(crate) authorization: Option<String>,
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|error| format!("{error}"))?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err("it must begin with `http://` or `https://`".to_owned()),
        };
        let host = uri.host().unwrap_or_default();
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        if host.is_empty() {
            return Err("no host in it".to_owned());
        }
        let authority = uri.authority().map_or("", http::uri::Authority::as_str);
        let (user, authority) = match authority.rsplit_once('@') {
            Some((user, authority)) => (Some(user), authority),
            None => (None, authority),
        };
        let path = uri
            .path_and_query()
            .map_or("/", http::uri::PathAndQuery::as_str);
        Ok(Self {
            secure,
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            path: path.to_owned(),
            authority: authority.to_owned(),
            authorization: user.map(basic),
        })
    }
}

/// Credentials aren't shown.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `user:password`, each with escapes of URLs.
fn basic(user: &str) -> String {
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    let mut plain = unescape(user);
    plain.push(b':');
    plain.extend(unescape(password));
    format!("Basic {}", STANDARD.encode(plain))
}

fn unescape(text: &str) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let digits = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let (b'%', Some(escaped)) = (byte, escaped) {
            plain.push(escaped);
            rest = after.get(2..).unwrap_or_default();
        } else {
            plain.push(*byte);
            rest = after;
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let url: Url = "https://me:a%3Ab@[::1]:9090/prefix/-/reload?x=1"
            .parse()
            .unwrap();
        assert_eq!(
            (url.secure, url.host.as_str(), url.port),
            (true, "::1", 9090)
        );
        assert_eq!(url.path, "/prefix/-/reload?x=1");
        assert_eq!(url.authority, "[::1]:9090");
        assert_eq!(url.authorization.as_deref(), Some("Basic bWU6YTpi"));
        assert_eq!(url.to_string(), "https://[::1]:9090/prefix/-/reload?x=1");
    }

    #[test]
    fn ports_and_paths_have_defaults() {
        let url: Url = "http://localhost".parse().unwrap();
        assert_eq!((url.port, url.path.as_str()), (80, "/"));
        let url: Url = "https://localhost/-/reload".parse().unwrap();
        assert_eq!(url.port, 443);
    }

    #[test]
    fn what_is_no_url_of_http_is_refused() {
        for text in [
            "",
            "localhost:9090",
            "/-/reload",
            "ftp://localhost",
            "http://",
            "unix:///run/x",
        ] {
            assert!(text.parse::<Url>().is_err(), "{text}");
        }
    }
}
