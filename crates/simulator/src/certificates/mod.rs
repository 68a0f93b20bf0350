//! Requests for certificates (PKCS #10) and the certificates that are made for them.

pub(crate) mod issue;
pub(crate) mod request;
