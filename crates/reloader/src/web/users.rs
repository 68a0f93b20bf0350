//! Users and their passwords, hashed with bcrypt.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD};
use http::HeaderValue;
use sha2::{Digest as _, Sha256};

use super::WebError;

/// bcrypt's own base64.
const BCRYPT: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD);
/// Takes the place of an unknown user's, so that the time of an answer doesn't tell who exists: of a random password.
const NOBODY: &str = "$2b$10$abcdefghijklmnopqrstuuNU/sEkrQdzXZzhadx0opLo6CiPdXXL.";
/// So many outcomes are kept: bcrypt is made to be slow, and a scraper asks again and again.
const KEPT: usize = 100;

/// Lets in those who have a password.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    outcomes: Mutex<BTreeMap<[u8; 32], bool>>,
}

/// A hashed password, such as `$2y$10$` and 53 letters.
struct Hashed {
    cost: u32,
    salt: [u8; 16],
    hash: Vec<u8>,
}

impl Hashed {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('$');
        let (before, version, cost, rest) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if !before.is_empty()
            || parts.next().is_some()
            || !matches!(version, "2" | "2a" | "2b" | "2x" | "2y")
        {
            return None;
        }
        let cost = cost.parse().ok().filter(|cost| (4..=31).contains(cost))?;
        let (salt, hash) = rest.split_at_checked(22)?;
        let hash = BCRYPT.decode(hash).ok().filter(|hash| hash.len() == 23)?;
        Some(Self {
            cost,
            salt: BCRYPT.decode(salt).ok()?.try_into().ok()?,
            hash,
        })
    }

    /// Whether it is of that password. Compares all of it, whatever differs first.
    fn is_of(&self, password: &[u8]) -> bool {
        // It ends in a NUL, and more than this bcrypt never looked at.
        let key = [password, &[0]].concat();
        let key = key.get(..72).unwrap_or(&key);
        let computed = bcrypt::bcrypt(self.cost, self.salt, key);
        let pairs = computed.iter().zip(&self.hash);
        pairs.fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
    }
}

/// Whether all passwords are hashed.
pub(super) fn check(users: Option<&BTreeMap<String, String>>) -> Result<(), WebError> {
    let mut users = users.into_iter().flatten();
    match users.find(|(_, hashed)| Hashed::parse(hashed).is_none()) {
        Some((user, _)) => WebError::invalid(format!(
            "basic_auth_users: the password of {user:?} is no bcrypt hash"
        )),
        None => Ok(()),
    }
}

impl Guard {
    /// Whether one of these users asks, by the header `Authorization`; without users everybody may.
    pub(crate) fn admits(
        &self,
        users: Option<&BTreeMap<String, String>>,
        header: Option<&HeaderValue>,
    ) -> Result<bool, WebError> {
        let Some(users) = users else { return Ok(true) };
        let Some((user, password)) = header.and_then(credentials) else {
            return Ok(false);
        };
        let known = std::str::from_utf8(&user)
            .ok()
            .and_then(|user| users.get(user));
        let hashed = known.map_or(NOBODY, String::as_str);
        let mut key = Sha256::new();
        for part in [user.as_slice(), hashed.as_bytes(), &password] {
            key.update(part.len().to_le_bytes());
            key.update(part);
        }
        let key: [u8; 32] = key.finalize().into();
        let mut outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = outcomes.get(&key) {
            return Ok(*outcome);
        }
        let Some(hashed) = Hashed::parse(hashed) else {
            return WebError::invalid("basic_auth_users: a password is no bcrypt hash");
        };
        let outcome = hashed.is_of(&password) && known.is_some();
        if outcomes.len() >= KEPT {
            outcomes.clear();
        }
        outcomes.insert(key, outcome);
        Ok(outcome)
    }
}

/// User and password of `Basic …`.
fn credentials(header: &HeaderValue) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let plain = STANDARD.decode(encoded).ok()?;
    let colon = plain.iter().position(|byte| *byte == b':')?;
    let (user, password) = plain.split_at(colon);
    Some((user.to_vec(), password.get(1..)?.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `U*U`, from the test vectors that bcrypt's implementations share.
    const UXU: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

    fn basic(user: &str, password: &str) -> HeaderValue {
        HeaderValue::from_str(&format!(
            "Basic {}",
            STANDARD.encode(format!("{user}:{password}"))
        ))
        .unwrap()
    }

    fn admits(header: Option<&HeaderValue>) -> bool {
        let users = [("me".to_owned(), UXU.to_owned())].into();
        let guard = Guard::default();
        let outcome = guard.admits(Some(&users), header).unwrap();
        assert_eq!(
            guard.admits(Some(&users), header).unwrap(),
            outcome,
            "asked again"
        );
        outcome
    }

    #[test]
    fn a_user_needs_the_password() {
        assert!(admits(Some(&basic("me", "U*U"))));
        assert!(!admits(Some(&basic("me", "U*V"))));
        assert!(!admits(Some(&basic("you", "U*U"))));
        assert!(!admits(Some(&HeaderValue::from_static("Bearer abc"))));
        assert!(!admits(None));
    }

    #[test]
    fn passwords_may_be_empty_and_long() {
        let hashed = Hashed::parse(UXU).unwrap();
        for length in [0, 71, 72, 73, 1000] {
            assert!(!hashed.is_of(&vec![b'a'; length]), "{length}");
        }
    }

    #[test]
    fn hashes_are_checked() {
        for text in [UXU, NOBODY] {
            assert!(Hashed::parse(text).is_some(), "{text}");
        }
        for text in [
            "secret",
            "",
            "$2a$05$short",
            &UXU[1..],
            &UXU.replace("$05", "$99"),
            &format!("{UXU}a"),
        ] {
            assert!(Hashed::parse(text).is_none(), "{text}");
        }
        let users = [("me".to_owned(), "secret".to_owned())].into();
        let error = check(Some(&users)).unwrap_err().to_string();
        assert_eq!(
            error,
            "basic_auth_users: the password of \"me\" is no bcrypt hash"
        );
    }
}
