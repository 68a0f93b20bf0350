//! Certificate files that are renewed while a listener is open.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;

use crate::{Clients, Settings, TlsError};

/// Where certificates are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// Chain of the listener, its own certificate first.
    pub certificate: PathBuf,
    /// Key of that certificate.
    pub key: PathBuf,
    /// Authorities of clients; none need certificates if absent.
    pub client_authorities: Option<PathBuf>,
}

/// Texts of the files.
#[derive(PartialEq, Eq)]
struct Texts {
    certificate: String,
    key: String,
    client_authorities: Option<String>,
}

/// One of them is a key, which no log may tell.
impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Texts").finish_non_exhaustive()
    }
}

impl Files {
    fn read(&self) -> Result<Texts, TlsError> {
        let authorities = self.client_authorities.as_deref();
        Ok(Texts {
            certificate: read(&self.certificate)?,
            key: read(&self.key)?,
            client_authorities: authorities.map(read).transpose()?,
        })
    }
}

fn read(path: &Path) -> Result<String, TlsError> {
    std::fs::read_to_string(path).map_err(|source| TlsError::File {
        path: path.to_owned(),
        source,
    })
}

/// The configuration made of files as they were when last looked at and usable.
#[derive(Debug)]
pub struct Certificates {
    files: Files,
    settings: Settings,
    current: RwLock<(Texts, Arc<ServerConfig>)>,
}

impl Certificates {
    /// Reads the files. What the settings say of clients doesn't count: that follows from the files.
    pub fn load(files: Files, settings: Settings) -> Result<Self, TlsError> {
        let texts = files.read()?;
        let config = configuration(&settings, &texts)?;
        Ok(Self {
            files,
            settings,
            current: RwLock::new((texts, config)),
        })
    }

    /// For the next connection.
    pub fn current(&self) -> Arc<ServerConfig> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current.1)
    }

    /// Reads the files again; whether they have changed. If they can't be used, what was stays in use.
    pub fn renew(&self) -> Result<bool, TlsError> {
        let texts = self.files.read()?;
        let known = |current: &(Texts, Arc<ServerConfig>)| current.0 == texts;
        if known(&self.current.read().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(false);
        }
        let config = configuration(&self.settings, &texts)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = (texts, config);
        Ok(true)
    }
}

fn configuration(settings: &Settings, texts: &Texts) -> Result<Arc<ServerConfig>, TlsError> {
    let clients = match &texts.client_authorities {
        None => Clients::Anonymous,
        Some(authorities) => Clients::Known {
            authorities: authorities.clone(),
            mandatory: true,
        },
    };
    let settings = Settings {
        clients,
        ..settings.clone()
    };
    settings.load(&texts.certificate, &texts.key).map(Arc::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertifiedKey, generate_simple_self_signed};

    fn pair() -> (String, String) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    }

    /// A folder of this process and of this test, gone at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("carrick-serving-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.join(name);
            std::fs::write(&path, text).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn changed_files_are_used_and_broken_ones_are_not() {
        let folder = Folder::new("renewed");
        let (certificate, key) = pair();
        let files = Files {
            certificate: folder.file("crt", &certificate),
            key: folder.file("key", &key),
            client_authorities: None,
        };
        let certificates = Certificates::load(files, Settings::default()).unwrap();
        let first = certificates.current();
        assert!(!certificates.renew().unwrap());
        assert!(!format!("{certificates:?}").contains("PRIVATE KEY"));
        assert!(Arc::ptr_eq(&first, &certificates.current()));

        let (certificate, key) = pair();
        folder.file("crt", &certificate);
        let error = certificates.renew().unwrap_err().to_string();
        assert!(error.contains("key"), "{error}");
        assert!(Arc::ptr_eq(&first, &certificates.current()));

        folder.file("key", &key);
        assert!(certificates.renew().unwrap());
        assert!(!Arc::ptr_eq(&first, &certificates.current()));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let folder = Folder::new("unusable");
        let (certificate, key) = pair();
        let files = Files {
            certificate: folder.file("crt", &certificate),
            key: folder.file("key", &key),
            client_authorities: Some(folder.0.join("gone")),
        };
        let error = |files: &Files, settings: Settings| {
            let loaded = Certificates::load(files.clone(), settings);
            loaded.unwrap_err().to_string()
        };
        let text = error(&files, Settings::default());
        assert!(
            text.ends_with("gone: No such file or directory (os error 2)"),
            "{text}"
        );
        let files = Files {
            client_authorities: None,
            ..files
        };
        for (settings, text) in [
            (
                Settings {
                    curves: vec!["P1".to_owned()],
                    ..Settings::default()
                },
                "unknown curve: P1",
            ),
            (
                Settings {
                    curves: vec!["CurveP521".to_owned()],
                    ..Settings::default()
                },
                "none of the chosen curves is supported",
            ),
            (
                Settings {
                    cipher_suites: vec!["RC4".to_owned()],
                    ..Settings::default()
                },
                "unknown cipher: RC4",
            ),
            (
                Settings {
                    cipher_suites: vec!["TLS_ECDHE_RSA_WITH_AES_128_GCM".to_owned()],
                    ..Settings::default()
                },
                "unknown cipher: TLS_ECDHE_RSA_WITH_AES_128_GCM",
            ),
            (
                Settings {
                    versions: crate::Version::Older..=crate::Version::Older,
                    ..Settings::default()
                },
                "no TLS version that is still safe is among those allowed",
            ),
        ] {
            assert_eq!(error(&files, settings), text);
        }
    }
}
